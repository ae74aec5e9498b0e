//! Checks whether the clock is synchronised.

use std::path::Path;

/// File that systemd-timesyncd writes once it has set the clock; our unit may not ask the kernel
/// (`ProtectClock=yes`).
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// Whether a time service has set the clock and reports that it is right.
pub fn synchronised() -> bool {
    Path::new(TIMESYNCD).exists() || kernel_says_so()
}

/// Whether the kernel's flag is set, which every NTP and PTP daemon maintains.
fn kernel_says_so() -> bool {
    // SAFETY: `timex` is plain numbers, for which zeroes are valid; with `modes` 0 the call only fills it in.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex.status)
    };
    (0..libc::TIME_ERROR).contains(&state) && status & libc::STA_UNSYNC == 0
}
