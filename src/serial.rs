//! Opens serial ports, for every domain that has one.

use std::io;
use std::path::Path;

use tokio_serial::SerialStream;

use crate::config::trigger::{Flow, Parity, SerialPort};
use crate::types::Explanation;

/// Opens the port raw and exclusively, without discarding bytes that have come already. It registers with the
/// event queue, so it must be called in the context of a tokio runtime.
///
/// # Errors
/// The device is absent, busy, not permitted, or does not know the settings.
pub fn open(port: &SerialPort) -> tokio_serial::Result<SerialStream> {
    let parity = match port.parity {
        Parity::None => tokio_serial::Parity::None,
        Parity::Even => tokio_serial::Parity::Even,
        Parity::Odd => tokio_serial::Parity::Odd,
    };
    let flow = match port.flow {
        Flow::None => tokio_serial::FlowControl::None,
        Flow::Hardware => tokio_serial::FlowControl::Hardware,
        Flow::Software => tokio_serial::FlowControl::Software,
    };
    let data_bits = match port.data_bits {
        5 => tokio_serial::DataBits::Five,
        6 => tokio_serial::DataBits::Six,
        7 => tokio_serial::DataBits::Seven,
        _ => tokio_serial::DataBits::Eight,
    };
    let stop_bits = match port.stop_bits {
        2 => tokio_serial::StopBits::Two,
        _ => tokio_serial::StopBits::One,
    };
    let builder = tokio_serial::new(port.path.to_string_lossy(), port.baud)
        .parity(parity)
        .flow_control(flow)
        .data_bits(data_bits)
        .stop_bits(stop_bits);
    SerialStream::open(&builder)
}

/// Explains why the port at `path` cannot be opened, with the next step.
pub fn why_not(path: &Path, error: &tokio_serial::Error) -> Explanation {
    use io::ErrorKind as Io;
    use tokio_serial::ErrorKind as Kind;
    let next = match error.kind() {
        Kind::Io(Io::NotFound) => "plug it in, or correct its name",
        Kind::Io(Io::PermissionDenied) => "add the service's user to the group that owns it (dialout)",
        Kind::NoDevice => "end the other program that has it",
        Kind::InvalidInput => "correct `baud` and the other keys of the port",
        _ => "check that it is a serial port that knows this baud rate and these bits",
    };
    Explanation::new(format!("{} cannot be opened: {error}", path.display()), next)
}
