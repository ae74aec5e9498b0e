//! How a part of the box is, in the words that every report of it uses.

/// The condition of one component: a camera, a model, the broker, the store, a disk, a trigger, a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Ok,
    /// It is not up yet, which is expected for a short while only.
    Starting,
    /// Its work is done, as a file's that was played to its end: nothing is wrong.
    Ended,
    /// It does not work, or not as the configuration says.
    Faulty,
}

impl Condition {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Ok => "ok",
            Condition::Starting => "starting",
            Condition::Ended => "ended",
            Condition::Faulty => "faulty",
        }
    }
}
