//! `[[trigger]]`: what pulls the trigger of a camera, and what is written back.

use std::path::PathBuf;
use std::time::Duration;

pub use super::template::{AnswerTemplate, TemplateField, TemplatePiece};

/// `[[trigger]]`
#[derive(Clone, Debug, PartialEq)]
pub struct TriggerConfig {
    /// Its name; unique.
    pub name: String,
    /// The camera whose frame is inspected.
    pub camera: String,
    /// What pulls it.
    pub source: Source,
    /// What comes within this time of the last trigger that was taken has bounced: counted, and no trigger.
    pub debounce: Duration,
    /// From the edge to the moment that is inspected: the part's way from the sensor to the camera.
    pub delay: Duration,
}

/// What pulls a trigger.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// A timer of our own.
    Timer {
        /// The period.
        every: Duration,
    },
    /// A serial port.
    Serial(Serial),
}

/// A serial port and what is spoken on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Serial {
    /// The device; it may be absent and come later.
    pub path: PathBuf,
    /// Bits a second.
    pub baud: u32,
    /// 5 to 8.
    pub data_bits: u8,
    /// The parity bit.
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
    /// Who may hold whom back.
    pub flow: Flow,
    /// What is a trigger.
    pub protocol: Protocol,
    /// Written when a trigger was taken.
    pub ack: Option<AnswerTemplate>,
    /// Written when an acquisition has ended.
    pub answer: Option<AnswerTemplate>,
    /// Longer lines are garbage; at most [`MAX_LINE_BYTES`].
    pub max_line_bytes: usize,
    /// A line that is not continued for so long is given up.
    pub line_timeout: Duration,
    /// First pause before the port is opened again; doubles up to `reopen_max`.
    pub reopen: Duration,
    /// Longest pause.
    pub reopen_max: Duration,
}

/// The most that `max_line_bytes` may be: lines are kept in memory of a fixed size.
pub const MAX_LINE_BYTES: usize = 1_024;

/// A parity bit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Parity {
    /// There is none.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// Flow control.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// None.
    #[default]
    None,
    /// RTS and CTS.
    Hardware,
    /// XON and XOFF.
    Software,
}

/// What is a trigger on a serial port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// Lines of text, see `docs/serial.md`.
    #[default]
    Line,
    /// This byte.
    Byte(u8),
    /// A modem line that changes.
    Edge {
        /// Which line.
        line: ModemLine,
        /// Which change.
        edge: Edge,
    },
}

/// A line into the port besides its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModemLine {
    /// Clear to send.
    Cts,
    /// Data set ready.
    Dsr,
    /// Data carrier detect.
    Dcd,
    /// Ring indicator.
    Ri,
}

/// A change of a modem line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edge {
    /// From inactive to active.
    #[default]
    Rising,
    /// From active to inactive.
    Falling,
}
