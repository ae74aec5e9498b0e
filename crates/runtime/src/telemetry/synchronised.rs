//! Whether somebody has synchronised the clock.

use std::path::Path;

/// What systemd-timesyncd writes once it has set the clock; our unit may not ask the kernel (`ProtectClock=yes`).
const TIMESYNCD: &str = "/run/systemd/timesync/synchronized";

/// Whether a time service has set the clock and says that it is right.
pub fn synchronised() -> bool {
    Path::new(TIMESYNCD).exists() || kernel_says_so()
}

/// The kernel's flag, which every NTP and PTP daemon keeps.
fn kernel_says_so() -> bool {
    // SAFETY: `timex` is plain numbers, for which zeroes are valid; with `modes` 0 the call only fills it in.
    let (state, status) = unsafe {
        let mut timex: libc::timex = std::mem::zeroed();
        (libc::adjtimex(&raw mut timex), timex.status)
    };
    (0..libc::TIME_ERROR).contains(&state) && status & libc::STA_UNSYNC == 0
}
