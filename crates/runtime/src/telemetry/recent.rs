//! The newest lines of the log in memory: a bounded ring that the command line reads, and from which the file is
//! written. Logging never waits for a disk or a reader; who comes too late learns how many lines it missed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::fields::Fields;
use crate::clock::{Clock, rfc3339};

/// Memory of all lines together. A quiet service fills it in days, one at `trace` in a second.
const MAX_BYTES: usize = 512 << 10;
/// Longer lines are cut: some fields come from outside.
const MAX_LINE_BYTES: usize = 8 << 10;
/// What a line takes besides its text.
const LINE_OVERHEAD: usize = 128;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Its number in this run of the process, from 1.
    pub seq: u64,
    /// When it was logged, in nanoseconds since 1970.
    pub wall_ns: u64,
    /// Its level, from `ERROR` to `TRACE`.
    pub level: Level,
    /// The module that logged it, such as `ocellus::mqtt::connection`.
    pub target: &'static str,
    /// The thread that logged it, such as `camera/front`; empty if it has no name.
    pub thread: String,
    /// The message and its fields. Control characters other than line ends are escaped.
    pub text: String,
}

impl LogLine {
    /// The line as it is written to a file, with its end. Further lines of its text are indented, so that each
    /// line that begins with a time is a new one.
    pub fn in_file(&self) -> String {
        let LogLine { wall_ns, level, thread, text, .. } = self;
        let thread = if thread.is_empty() { "-" } else { thread };
        format!("{} {level:>5} {thread} {}\n", rfc3339(*wall_ns), text.replace('\n', "\n  "))
    }
}

/// Lines that were asked for.
#[derive(Debug, Default)]
pub struct RecentLines {
    /// The lines, the oldest first.
    pub lines: Vec<Arc<LogLine>>,
    /// Lines before them that are in memory no more.
    pub missed: u64,
    /// The number of the newest line so far.
    pub newest: u64,
}

/// The ring; see the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    inner: Mutex<RecentInner>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct RecentInner {
    lines: VecDeque<Arc<LogLine>>,
    bytes: usize,
    newest: u64,
}

impl Recent {
    /// Appends `line`, with its number and its time: both are given under the lock, so that the order of the lines is
    /// that of their times.
    fn push(&self, line: LogLine, clock: &impl Clock) {
        let mut inner = self.inner.lock();
        inner.newest += 1;
        let line = LogLine { seq: inner.newest, wall_ns: clock.now().wall_ns, ..line };
        inner.bytes += size(&line);
        inner.lines.push_back(Arc::new(line));
        while inner.bytes > MAX_BYTES {
            let Some(oldest) = inner.lines.pop_front() else { break };
            inner.bytes -= size(&oldest);
        }
        drop(inner);
        self.came.notify_all();
    }

    /// The lines after number `after`.
    pub(super) fn after(&self, after: u64) -> RecentLines {
        let inner = self.inner.lock();
        let first = inner.newest + 1 - inner.lines.len() as u64;
        let skip = (after + 1).saturating_sub(first) as usize;
        let lines = inner.lines.iter().skip(skip).cloned().collect();
        RecentLines { lines, missed: first.saturating_sub(after + 1), newest: inner.newest }
    }

    /// Waits until a line after number `after` was logged, for at most `pause`.
    pub(super) fn wait(&self, after: u64, pause: Duration) {
        let mut inner = self.inner.lock();
        self.came.wait_while_for(&mut inner, |inner| inner.newest <= after, pause);
    }
}

fn size(line: &LogLine) -> usize {
    LINE_OVERHEAD + line.thread.len() + line.text.len()
}

/// The layer that puts each event into the ring.
pub(super) struct Remember<C> {
    pub(super) recent: Arc<Recent>,
    pub(super) clock: C,
}

impl<C: Clock + 'static, R: Subscriber> Layer<R> for Remember<C> {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, R>) {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let Fields { mut message, shown, .. } = fields;
        message.push_str(&shown);
        let thread = std::thread::current();
        let line = LogLine {
            seq: 0,
            wall_ns: 0,
            level: *event.metadata().level(),
            target: event.metadata().target(),
            thread: thread.name().unwrap_or_default().to_owned(),
            text: harmless(&message),
        };
        self.recent.push(line, &self.clock);
    }
}

/// The text without control characters, which a terminal would obey, and of bounded length.
fn harmless(text: &str) -> String {
    let mut clean = String::with_capacity(text.len().min(MAX_LINE_BYTES));
    for (at, letter) in text.char_indices() {
        if clean.len() >= MAX_LINE_BYTES {
            clean.push_str(&format!("… ({} bytes more)", text.len() - at));
            break;
        }
        match letter {
            '\n' => clean.push('\n'),
            letter if letter.is_control() => clean.extend(letter.escape_default()),
            letter => clean.push(letter),
        }
    }
    clean
}

#[cfg(test)]
pub(super) mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::clock::ManualClock;

    pub(in crate::telemetry) fn logged(log: impl FnOnce()) -> Arc<Recent> {
        let recent = Arc::new(Recent::default());
        let layer = Remember { recent: recent.clone(), clock: ManualClock::default() };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        recent
    }

    #[test]
    fn a_reader_gets_each_line_once_and_a_late_one_learns_what_it_missed() {
        let long = "x".repeat(4_000);
        let recent = logged(|| (0..200).for_each(|number| tracing::info!(number, "{long}")));
        let all = recent.after(0);
        let numbers: Vec<_> = all.lines.iter().map(|line| line.seq).collect();
        assert_eq!(numbers, (all.missed + 1..=200).collect::<Vec<_>>());
        assert!(all.missed > 50, "512 KiB hold no more than 130 of them: {}", all.missed);
        assert_eq!((recent.after(198).lines.len(), recent.after(198).missed), (2, 0));
        assert!(recent.after(200).lines.is_empty() && recent.after(200).newest == 200);
    }

    #[test]
    fn what_comes_from_outside_cannot_steer_a_terminal_or_fill_the_memory() {
        let recent = logged(|| {
            tracing::warn!(name = "\x1b[2Jgone\r", "two\nlines");
            tracing::warn!("{}", "é".repeat(10_000));
        });
        let lines = recent.after(0).lines;
        assert_eq!(lines[0].text, "two\nlines name=\\u{1b}[2Jgone\\r");
        assert_eq!(lines[0].in_file().lines().count(), 2);
        assert!(lines[0].in_file().contains(" WARN ") && lines[0].in_file().contains("\n  lines name="));
        assert!(lines[1].text.len() < MAX_LINE_BYTES + 64 && lines[1].text.ends_with("bytes more)"));
    }
}
