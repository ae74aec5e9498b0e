//! What several tests share: a real broker, a subscriber that forgets nothing, certificates, a box, a port.
#![allow(dead_code, reason = "each test binary uses its own part of this")]

pub mod broker;
pub mod cells;
pub mod certs;
pub mod data;
pub mod disk;
pub mod engine;
pub mod fixture;
pub mod flavours;
pub mod kills;
pub mod messages;
pub mod picture;
pub mod pty;
pub mod random;
pub mod shipped;
pub mod studio;
pub mod subscriber;
pub mod tiny_model;
pub mod unit;

use std::process::Output;
use std::time::{Duration, Instant};

/// Long enough for a busy machine; only a failing test waits so long.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// No test waits longer than this for what a port says.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Waits until `holds`, looking often; panics with `what` after [`PATIENCE`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Everything that a program has printed: its standard output, then its standard error.
pub fn said(output: &Output) -> String {
    [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat()
}

/// What a program has printed to its standard error.
pub fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
