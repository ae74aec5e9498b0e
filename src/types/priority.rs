//! The order in which waiting work is served.

pub use ocellus_runtime::scheduler::Priority;

/// Inspection of a triggered part: a machine waits for the result.
pub const INSPECT: Priority = Priority(40);
/// Recognition of the faces that were detected.
pub const RECOGNISE: Priority = Priority(30);
/// Detection on the frames of a camera.
pub const DETECT: Priority = Priority(20);
/// Pictures for viewers; this work is dropped first under load.
pub const ANNOTATE: Priority = Priority(10);
/// Batch runs and jobs: whatever is live goes first.
pub const BATCH: Priority = Priority(5);
