//! Conditions of components, shared by every report about them.

/// The condition of one component: a camera, a model, the broker, the store, a disk, a trigger, a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// The component works as configured.
    Ok,
    /// The component is starting, which is expected only for a short time.
    Starting,
    /// The component has finished, such as a file played to its end; this is not a fault.
    Ended,
    /// The component does not work, or not as configured.
    Faulty,
}

impl Condition {
    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Condition::Ok => "ok",
            Condition::Starting => "starting",
            Condition::Ended => "ended",
            Condition::Faulty => "faulty",
        }
    }
}
