//! A serial port and its line settings, wherever one is configured.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A serial port, such as `/dev/ttyUSB0`, and how its characters are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SerialPort {
    /// Path of the device, which may appear later.
    pub path: PathBuf,
    /// Baud rate, bits per second.
    pub baud: u32,
    /// Data bits of a character, 5 to 8.
    pub data_bits: u8,
    /// Parity bit of each character.
    pub parity: Parity,
    /// Stop bits of a character, 1 or 2.
    pub stop_bits: u8,
    /// Flow control between the two sides.
    pub flow: Flow,
}

/// The parity bit of a serial character.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parity {
    /// No parity bit is sent.
    #[default]
    None,
    /// An even number of ones.
    Even,
    /// An odd number of ones.
    Odd,
}

/// Flow control of a serial port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flow {
    /// Neither side can stop the other.
    #[default]
    None,
    /// Hardware lines: RTS and CTS.
    Hardware,
    /// Software characters: XON and XOFF.
    Software,
}
