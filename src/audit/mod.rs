//! The audit log: who changed what (page, command line, MQTT, serial line, a camera's command port), and who was refused.
//!
//! ```text
//!  note ───▶ audit.log            people and the machine's own signals: page, command line, SIGHUP
//!       └──▶ audit-machines.log   MQTT, serial lines, command ports, and rules of the service
//!  refuse ─▶ table of a minute ──▶ refused.log   one line a minute for each address
//! ```
//!
//! There are three files, each bounded by rotation, so that neither strangers' attempts nor frequent changes by
//! machines push out what people changed. People of the gallery appear by number only.

mod counters;
mod file;
mod minute;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::contract::rest::{AuditOut, RefusedOut};
use crate::types::{Clock, rfc3339};
use counters::LiveTotals;
use file::AuditLines;
use minute::Minute;

pub use counters::Totals;

/// The interface through which a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuditSource {
    /// The page or REST.
    Web,
    /// The command line, through the control socket.
    Cli,
    /// A signal to the process: `systemctl reload`.
    Signal,
    /// A command over MQTT.
    Mqtt,
    /// A line of a serial port.
    Serial,
    /// A line of a camera's command port.
    Tcp,
    /// A rule of the service itself, such as a time or an interlock.
    Service,
}

impl AuditSource {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            AuditSource::Web => "web",
            AuditSource::Cli => "cli",
            AuditSource::Signal => "signal",
            AuditSource::Mqtt => "mqtt",
            AuditSource::Serial => "serial",
            AuditSource::Tcp => "tcp",
            AuditSource::Service => "service",
        }
    }
}

/// A change that was made, or that failed.
#[derive(Clone, Copy, Debug)]
pub struct AuditChange<'a> {
    /// The interface that the request came through.
    pub source: AuditSource,
    /// Who: a user, a user id, a topic, a port.
    pub user: &'a str,
    /// The action's name, as the log shows it.
    pub action: &'a str,
    /// The object of the action.
    pub target: &'a str,
    /// `ok`, or the code of the refusal.
    pub outcome: &'a str,
}

/// A request that was refused before it was read: the sender is not logged in, or has no right to it.
#[derive(Clone, Copy, Debug)]
pub struct RefusedRequest<'a> {
    /// The interface that the request came through.
    pub source: AuditSource,
    /// The address, or the topic without the part that the sender chooses.
    pub from: &'a str,
    /// The name that was tried or is logged in; empty where there was none.
    pub user: &'a str,
    /// The code of the refusal; one of a small, fixed set.
    pub cause: &'a str,
}

/// The log in the state directory.
pub struct Audit {
    clock: Arc<dyn Clock>,
    people: AuditLines,
    machines: AuditLines,
    refused: AuditLines,
    minute: Mutex<Minute>,
    totals: LiveTotals,
    /// Whether the last write failed: logged once for each run of failures, counted each time.
    failing: AtomicBool,
}

impl Audit {
    /// The log in `dir`. Each file is created with its first line.
    pub fn new(dir: &Path, clock: Arc<dyn Clock>) -> Audit {
        Audit {
            clock,
            people: AuditLines::new(dir.join("audit.log")),
            machines: AuditLines::new(dir.join("audit-machines.log")),
            refused: AuditLines::new(dir.join("refused.log")),
            minute: Mutex::default(),
            totals: LiveTotals::default(),
            failing: AtomicBool::new(false),
        }
    }

    /// Appends a line for `change` to the log.
    pub fn note(&self, change: &AuditChange<'_>) {
        let AuditChange { source, user, action, target, outcome } = *change;
        let line = AuditOut {
            time: rfc3339(self.clock.now().wall_ns),
            source: source.as_str().into(),
            user: cut(user),
            action: cut(action),
            target: cut(target),
            outcome: cut(outcome),
        };
        let lines = match source {
            AuditSource::Web | AuditSource::Cli | AuditSource::Signal => &self.people,
            AuditSource::Mqtt | AuditSource::Serial | AuditSource::Tcp | AuditSource::Service => {
                &self.machines
            }
        };
        self.write(lines, &line);
    }

    /// Counts a refusal; it is written with the others of its minute and address.
    pub fn refuse(&self, refused: &RefusedRequest<'_>) {
        self.totals.refused.inc();
        self.minute().add(refused, self.clock.now());
    }

    /// Writes the refusals of minutes that are over. Call it about once a second.
    pub fn tidy(&self) {
        let over = self.minute().over(self.clock.now().mono_ns);
        over.iter().for_each(|line| self.write(&self.refused, line));
    }

    /// Writes the refusals of the current minute, because the service ends.
    pub fn close(&self) {
        let all = self.minute().all();
        all.iter().for_each(|line| self.write(&self.refused, line));
    }

    /// The last changes, newest first.
    pub fn last(&self, limit: usize) -> Vec<AuditOut> {
        let mut lines: Vec<AuditOut> = self.people.last(limit);
        lines.extend(self.machines.last(limit));
        // The sort is stable, so lines with equal times keep their order in the file.
        lines.sort_by(|a, b| b.time.cmp(&a.time));
        lines.truncate(limit);
        lines
    }

    /// The last refusals, newest first, including those of the current minute.
    pub fn last_refused(&self, limit: usize) -> Vec<RefusedOut> {
        let mut lines = self.minute().so_far();
        lines.extend(self.refused.last(limit));
        lines.truncate(limit);
        lines
    }

    /// Counts of lines and refusals.
    pub fn counters(&self) -> Totals {
        self.totals.read()
    }

    fn write(&self, lines: &AuditLines, line: &impl Serialize) {
        match lines.write(line) {
            Ok(()) => {
                self.totals.lines.inc();
                self.failing.store(false, Ordering::Relaxed);
            }
            Err(error) => {
                self.totals.lines_failed.inc();
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "the audit log cannot be written: {error}; its lines are lost, and counted"
                    );
                }
            }
        }
    }

    fn minute(&self) -> MutexGuard<'_, Minute> {
        self.minute.lock()
    }
}

/// Longer words are cut, so that strangers cannot fill the log.
const MAX_WORD: usize = 200;

fn cut(word: &str) -> String {
    if word.len() <= MAX_WORD {
        return word.to_owned();
    }
    let end = (0..=MAX_WORD).rev().find(|at| word.is_char_boundary(*at)).unwrap_or(0);
    format!("{}…", &word[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::SystemClock;

    fn audit(dir: &Path) -> Audit {
        Audit::new(dir, Arc::new(SystemClock))
    }

    fn change<'a>(source: AuditSource, target: &'a str) -> AuditChange<'a> {
        AuditChange { source, user: "ann", action: "restart", target, outcome: "ok" }
    }

    #[test]
    fn neither_strangers_nor_machines_push_out_what_people_changed() {
        let dir = tempfile::tempdir().unwrap();
        let audit = audit(dir.path());
        audit.note(&change(AuditSource::Web, "camera/front"));
        for n in 0..20_000 {
            let from = format!("10.0.{}.{}", n / 250, n % 250);
            let refused =
                RefusedRequest { source: AuditSource::Web, from: &from, user: "root", cause: "wrong_login" };
            audit.refuse(&refused);
            audit.note(&change(AuditSource::Mqtt, &"x".repeat(300)));
        }
        audit.close();
        let changes = audit.last(50_000);
        let kept = changes.iter().find(|line| line.source == "web").expect("what Ann changed");
        assert_eq!((kept.user.as_str(), kept.target.as_str()), ("ann", "camera/front"));
        let refused: u64 = audit.last_refused(10_000).iter().map(|line| line.count).sum();
        assert_eq!(refused, 20_000, "every refusal is counted");
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let (name, size) = entry.map(|e| (e.file_name(), e.metadata().unwrap().len())).unwrap();
            assert!(size < (1 << 20) + 1_000, "{name:?} has {size} bytes");
        }
    }

    #[test]
    fn a_line_that_an_earlier_version_wrote_is_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let old = r#"{"time":"2026-11-21T00:00:00.000000Z","user":"ann","action":"login","target":"","outcome":"ok"}"#;
        std::fs::write(dir.path().join("audit.log"), format!("{old}\nhalf a li")).unwrap();
        let lines = audit(dir.path()).last(9);
        assert_eq!((lines.len(), lines[0].source.as_str()), (1, "web"));
    }
}
