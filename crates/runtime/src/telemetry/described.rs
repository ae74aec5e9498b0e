//! What each figure of `telemetry` is, in words: they become the HELP and TYPE of `/metrics`.

/// Whether a figure may become less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// A number of events since the process began; it only grows.
    Counter,
    /// How things are now.
    Gauge,
}

/// One figure: its key in `telemetry` (`mqtt/events_acked`; `camera/frames` stands for each camera's `NAME/frames`), its
/// kind, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// The key.
    pub key: &'static str,
    /// The kind.
    pub kind: FigureKind,
    /// What it counts; one sentence, which a person reads beside a graph.
    pub help: &'static str,
}

impl Described {
    /// A number of events.
    pub const fn counter(key: &'static str, help: &'static str) -> Described {
        Described { key, kind: FigureKind::Counter, help }
    }

    /// A present value.
    pub const fn gauge(key: &'static str, help: &'static str) -> Described {
        Described { key, kind: FigureKind::Gauge, help }
    }
}
