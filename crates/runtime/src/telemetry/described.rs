//! Descriptions of the figures in `telemetry`: they become the HELP and TYPE of `/metrics`.

/// Whether a figure may decrease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// A number of events since the process began; it only grows.
    Counter,
    /// A present value, which may rise and fall.
    Gauge,
}

/// One figure: its key in `telemetry` (`mqtt/events_acked`; `camera/frames` stands for each camera's
/// `NAME/frames`), its kind, and what it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Described {
    /// The key in `telemetry`, as in `mqtt/events_acked`.
    pub key: &'static str,
    /// Whether it is a counter or a gauge.
    pub kind: FigureKind,
    /// What it counts, in one sentence that a person reads beside a graph.
    pub help: &'static str,
}

impl Described {
    /// Describes a counter: a number of events that only grows.
    pub const fn counter(key: &'static str, help: &'static str) -> Described {
        Described { key, kind: FigureKind::Counter, help }
    }

    /// Describes a gauge: a value that may fall again.
    pub const fn gauge(key: &'static str, help: &'static str) -> Described {
        Described { key, kind: FigureKind::Gauge, help }
    }
}
