//! State changes reported to systemd (`sd_notify`). Without `NOTIFY_SOCKET` the calls do nothing and do not
//! fail.

use systemd::daemon;

/// Started: the first frame has passed. `status` is shown by `systemctl status`.
pub fn ready(status: &str) {
    send(&[(daemon::STATE_READY, "1"), (daemon::STATE_STATUS, status)]);
}

/// A reload begins; [`ready`] ends it.
pub fn reloading() {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let now_us = now.tv_sec as u64 * 1_000_000 + now.tv_nsec as u64 / 1_000;
    send(&[(daemon::STATE_RELOADING, "1"), ("MONOTONIC_USEC", &now_us.to_string())]);
}

/// The service is draining its units; `status` says which phase, for `systemctl status`.
pub fn stopping(status: &str) {
    send(&[(daemon::STATE_STOPPING, "1"), (daemon::STATE_STATUS, status)]);
}

/// Replaces the line that `systemctl status` shows with `status`.
pub fn status(status: &str) {
    send(&[(daemon::STATE_STATUS, status)]);
}

/// Restarts systemd's watchdog timer; to be called only when there was progress.
pub fn watchdog() {
    send(&[(daemon::STATE_WATCHDOG, "1")]);
}

fn send(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::warn!("systemd did not receive {state:?}: {error}; check NotifyAccess in the unit");
    }
}
