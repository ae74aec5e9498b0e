//! Checks the line settings of a serial port: the same keys wherever one is configured.

use crate::config::raw::TomlTable;
use crate::config::serial::{Flow, Parity, SerialPort};

const PARITIES: [(&str, Parity); 3] = [("none", Parity::None), ("even", Parity::Even), ("odd", Parity::Odd)];
const FLOWS: [(&str, Flow); 3] =
    [("none", Flow::None), ("hardware", Flow::Hardware), ("software", Flow::Software)];

/// The keys beside the path of a port.
pub(super) const KEYS: [&str; 5] = ["baud", "data_bits", "parity", "stop_bits", "flow"];

/// Reads the port whose path is at `key`; the path is empty where the key is absent.
pub(super) fn port(table: &TomlTable<'_, '_>, key: &'static str) -> SerialPort {
    let path = table.get(key).and_then(|field| {
        let path = field.text()?;
        if path.is_empty() {
            field.fault("this is not a device", format!("write {key} = \"/dev/ttyUSB0\""));
        }
        Some(path.into())
    });
    SerialPort {
        path: path.unwrap_or_default(),
        baud: table.whole("baud", 115_200, 50..=12_000_000),
        data_bits: table.whole("data_bits", 8, 5..=8),
        parity: table.word("parity", &PARITIES).unwrap_or_default(),
        stop_bits: table.whole("stop_bits", 1, 1..=2),
        flow: table.word("flow", &FLOWS).unwrap_or_default(),
    }
}
