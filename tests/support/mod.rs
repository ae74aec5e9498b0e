//! What several tests share: a real broker, a subscriber that forgets nothing, certificates.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod broker;
pub mod certs;
pub mod disk;
pub mod subscriber;
pub mod unit;

use std::time::{Duration, Instant};

/// Long enough for a busy machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `holds`, looking often; panics with `what` after [`PATIENCE`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
