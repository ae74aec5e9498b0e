//! The newest value of a telemetry channel, as other domains may ask for it.

/// The newest value of a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The value, in the channel's unit; always finite.
    pub value: f64,
    /// Age since the value arrived, by the monotonic clock, ms.
    pub age_ms: u64,
    /// Whether the channel's source has not reported for longer than it may.
    pub stale: bool,
}

/// What answers for the channels of the telemetry intake. An interlock reads it; it never blocks on a disk.
pub trait Readings: Send + Sync {
    /// The newest value of `channel`; `None` where no such channel has reported since the start.
    fn newest(&self, channel: &str) -> Option<Reading>;
}
