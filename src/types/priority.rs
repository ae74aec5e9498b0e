//! The order in which waiting work is served.

pub use ocellus_runtime::scheduler::Priority;

/// Inspection of a triggered part: the plant waits for it.
pub const INSPECT: Priority = Priority(40);
/// Recognition of what was detected.
pub const RECOGNISE: Priority = Priority(30);
/// Detection on every frame.
pub const DETECT: Priority = Priority(20);
/// Pictures for people; the first thing that is given up.
pub const ANNOTATE: Priority = Priority(10);
