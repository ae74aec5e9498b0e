//! The record of connections that were refused: counted all, logged and shown at a bounded rate, so that strangers can fill
//! neither log nor status.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::telemetry::Counter;

/// The first refusal is shown at once, later ones at growing intervals.
const SHOWN_FIRST: Duration = Duration::from_secs(1);
const SHOWN_LAST: Duration = Duration::from_secs(60);
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Refused connections of one port.
pub struct Refusals {
    /// What the refused wanted to be: "the camera", "a commander".
    role: &'static str,
    count: Counter,
    newest: Option<String>,
    shown: Option<(Instant, String)>,
    shown_every: Duration,
    logged: Option<Instant>,
    unlogged: u64,
}

impl Refusals {
    /// No refusal yet; those to come are counted by `count` and logged as refused in the `role`.
    pub fn new(role: &'static str, count: Counter) -> Refusals {
        Refusals {
            role,
            count,
            newest: None,
            shown: None,
            shown_every: SHOWN_FIRST,
            logged: None,
            unlogged: 0,
        }
    }

    /// Notes that the connection of `peer` was refused.
    pub fn note(&mut self, peer: IpAddr, why: &str) {
        self.count.inc();
        self.newest = Some(format!("{peer}: {why}"));
        self.unlogged += 1;
        if self.logged.is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
            tracing::warn!(connections = self.unlogged, "refused as {}: {peer}: {why}", self.role);
            (self.logged, self.unlogged) = (Some(Instant::now()), 0);
        }
    }

    /// Why the last one was refused; updated after 1, 2, 4, … s, up to a minute.
    pub fn last(&mut self) -> Option<&str> {
        let since = self.shown.as_ref().map(|(at, _)| at.elapsed());
        let due = since.is_none_or(|since| since >= self.shown_every);
        if let Some(newest) = self.newest.take_if(|_| due) {
            let goes_on = since.is_some_and(|since| since < 2 * SHOWN_LAST);
            self.shown_every = if goes_on { (self.shown_every * 2).min(SHOWN_LAST) } else { SHOWN_FIRST };
            self.shown = Some((Instant::now(), newest));
        }
        self.shown.as_ref().map(|(_, text)| text.as_str())
    }
}
