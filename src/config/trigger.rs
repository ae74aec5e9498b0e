//! `[[trigger]]`: the source of a camera's trigger signals, and the answers to it.

use std::time::Duration;

pub use super::serial::{Flow, Parity, SerialPort};
pub use super::template::{AnswerTemplate, TemplateField, TemplatePiece};

/// `[[trigger]]`: one source of trigger signals.
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerConfig {
    /// Name of the trigger; unique among triggers.
    pub name: String,
    /// The camera whose frame is inspected.
    pub camera: String,
    /// Where the trigger signals come from.
    pub source: Source,
    /// Signals within this time after the last accepted trigger are counted as debounced and ignored.
    pub debounce: Duration,
    /// Time from the signal to the moment to be inspected: the part's way from the sensor to the camera.
    pub delay: Duration,
}

/// The origin of trigger signals.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A timer inside the service.
    Timer {
        /// Time between two signals.
        every: Duration,
    },
    /// A serial port, such as `/dev/ttyUSB0`.
    Serial(Serial),
}

/// A serial port, its line settings and its protocol.
#[derive(Clone, Debug, PartialEq)]
pub struct Serial {
    /// The port, which may appear later.
    pub port: SerialPort,
    /// What counts as a trigger on the port.
    pub protocol: Protocol,
    /// Answer that is written when a trigger was accepted, if any.
    pub ack: Option<AnswerTemplate>,
    /// Answer that is written when an acquisition has ended, if any.
    pub answer: Option<AnswerTemplate>,
    /// Longest line in bytes, at most [`MAX_LINE_BYTES`]; longer lines count as garbage.
    pub max_line_bytes: usize,
    /// Time without a further byte after which an unfinished line is discarded.
    pub line_timeout: Duration,
    /// First pause before the port is opened again; it doubles up to `reopen_max`.
    pub reopen: Duration,
    /// Longest pause before the port is opened again.
    pub reopen_max: Duration,
}

/// Largest allowed `max_line_bytes`, because lines are read into memory of fixed size.
pub const MAX_LINE_BYTES: usize = 1_024;

/// What counts as a trigger on a serial port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Lines of text, see `docs/serial.md`.
    #[default]
    Line,
    /// A single byte with this value.
    Byte(u8),
    /// A level change on a modem line.
    Edge {
        /// The modem line to watch.
        line: ModemLine,
        /// The direction of the change.
        edge: Edge,
    },
}

/// An input of the port besides its data line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModemLine {
    /// Clear to send, the CTS pin.
    Cts,
    /// Data set ready, the DSR pin.
    Dsr,
    /// Data carrier detect, the DCD pin.
    Dcd,
    /// Ring indicator, the RI pin.
    Ri,
}

/// The direction of a modem line's change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// From inactive to active.
    #[default]
    Rising,
    /// From active to inactive.
    Falling,
}
