//! Serial functions that the serial crate lacks: low latency, and a modem line with the count of its changes.
//!
//! The `ioctl`s are those of the kernel's `tty_ioctl(2)` and `include/uapi/linux/serial.h`.

use std::ffi::{c_char, c_int, c_uchar, c_uint, c_ulong, c_ushort};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::protocol::LineLevel;
use crate::config::trigger::ModemLine;

/// Flag for delivering bytes at once instead of after the driver's latency timer (16 ms in an FTDI adapter).
const ASYNC_LOW_LATENCY: c_int = 1 << 13;

/// The kernel's `struct serial_struct`, field by field.
#[repr(C)]
struct SerialStruct {
    kind: c_int,
    line: c_int,
    port: c_uint,
    irq: c_int,
    flags: c_int,
    xmit_fifo_size: c_int,
    custom_divisor: c_int,
    baud_base: c_int,
    close_delay: c_ushort,
    io_type: c_char,
    reserved_char: [c_char; 1],
    hub6: c_int,
    closing_wait: c_ushort,
    closing_wait2: c_ushort,
    iomem_base: *mut c_uchar,
    iomem_reg_shift: c_ushort,
    port_high: c_uint,
    iomap_base: c_ulong,
}

/// `struct serial_icounter_struct`: changes of each line since the port was made.
#[derive(Default)]
#[repr(C)]
struct LineCounters {
    cts: c_int,
    dsr: c_int,
    rng: c_int,
    dcd: c_int,
    rx: c_int,
    tx: c_int,
    frame: c_int,
    overrun: c_int,
    parity: c_int,
    brk: c_int,
    buf_overrun: c_int,
    reserved: [c_int; 9],
}

/// Requests low latency from the driver; returns false where it has none (pseudo-terminals, CDC ACM).
pub fn low_latency(fd: RawFd) -> bool {
    // SAFETY: `SerialStruct` is plain integers and a pointer; all zeroes are a valid one.
    let mut serial: SerialStruct = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel fills one `serial_struct`, whose layout ours matches; a wrong `fd` only gives an
    // error.
    if unsafe { libc::ioctl(fd, libc::TIOCGSERIAL, &raw mut serial) } != 0 {
        return false;
    }
    serial.flags |= ASYNC_LOW_LATENCY;
    // SAFETY: the kernel only reads the struct, which it filled itself except for the flag.
    unsafe { libc::ioctl(fd, libc::TIOCSSERIAL, &raw const serial) == 0 }
}

/// One modem line of an open port.
#[derive(Debug)]
pub struct Modem {
    fd: OwnedFd,
    line: ModemLine,
}

impl Modem {
    /// Errors: the port has no modem lines (`ENOTTY` or `EINVAL` from a pseudo-terminal).
    pub fn new(port: &impl AsRawFd, line: ModemLine) -> io::Result<Modem> {
        // SAFETY: `port` owns the descriptor and outlives this borrow, which is duplicated at once.
        let fd = unsafe { BorrowedFd::borrow_raw(port.as_raw_fd()) }.try_clone_to_owned()?;
        let modem = Modem { fd, line };
        modem.levels()?;
        Ok(modem)
    }

    /// Samples the line's level and its count of changes.
    pub fn look(&self) -> io::Result<LineLevel> {
        // The count is read first: a change in between shows in the level now, and in the count at the next
        // sample.
        let changes = self.changes();
        let bit = match self.line {
            ModemLine::Cts => libc::TIOCM_CTS,
            ModemLine::Dsr => libc::TIOCM_DSR,
            ModemLine::Dcd => libc::TIOCM_CAR,
            ModemLine::Ri => libc::TIOCM_RNG,
        };
        Ok(LineLevel { high: self.levels()? & bit != 0, changes })
    }

    fn levels(&self) -> io::Result<c_int> {
        let mut levels: c_int = 0;
        // SAFETY: the kernel writes one int.
        match unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::TIOCMGET, &raw mut levels) } {
            0 => Ok(levels),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The count of changes; `None` where the driver does not count, or counts trailing edges only (RI of the
    /// 8250 family).
    fn changes(&self) -> Option<u32> {
        let mut counters = LineCounters::default();
        // SAFETY: the kernel fills one `serial_icounter_struct`, whose layout ours matches.
        if unsafe { libc::ioctl(self.fd.as_raw_fd(), libc::TIOCGICOUNT, &raw mut counters) } != 0 {
            return None;
        }
        match self.line {
            ModemLine::Cts => Some(counters.cts as u32),
            ModemLine::Dsr => Some(counters.dsr as u32),
            ModemLine::Dcd => Some(counters.dcd as u32),
            ModemLine::Ri => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_s_structs_have_their_sizes() {
        assert_eq!(size_of::<LineCounters>(), 80);
        assert_eq!(size_of::<SerialStruct>(), if cfg!(target_pointer_width = "64") { 72 } else { 60 });
    }

    #[test]
    fn what_is_no_serial_port_has_neither_low_latency_nor_modem_lines() {
        let file = tempfile::tempfile().unwrap();
        assert!(!low_latency(file.as_raw_fd()));
        let error = Modem::new(&file, ModemLine::Cts).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(libc::ENOTTY));
    }
}
