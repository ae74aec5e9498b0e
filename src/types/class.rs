//! The order in which waiting work is served.

/// The class of a stage's work; a free worker takes the highest class that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Inspection of a triggered part: the plant waits for it.
    Inspect,
    /// Recognition of what was detected.
    Recognise,
    /// Detection on every frame.
    Detect,
    /// Pictures for people; the first thing that is given up.
    Annotate,
}
