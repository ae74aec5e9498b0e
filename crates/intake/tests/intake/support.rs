//! A folder with a scanner, a clock that the test sets, and a store that keeps points and cursors in one step.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ocellus_intake::follow::{Changes, Notice, ScanSettings, Watch};
use ocellus_intake::point::{BadLine, Channels};
use ocellus_intake::{Batch, Cursor, Format, FormatSettings, Mode, Now, Parsed, Parser, Point, Scanner};

/// 2026-11-29 00:00 UTC in seconds.
pub const DAY_S: i64 = 1_795_910_400;

/// What a whole text yields.
pub fn read(settings: &FormatSettings, text: impl AsRef<[u8]>) -> Parsed {
    settings.check().unwrap();
    let mut out = Parsed::new(Channels::new(settings.max_channels), 1_000);
    let mut parser = Parser::new(settings, 7);
    parser.push(text.as_ref(), &mut out);
    parser.finish(&mut out);
    out
}

/// Points as (channel, time in ns, value).
pub fn plain(points: &[Point]) -> Vec<(&str, i64, f64)> {
    points.iter().map(|point| (point.channel.as_ref(), point.time_ns, point.value)).collect()
}

/// Reasons of bad lines with their line numbers.
pub fn reasons(out: &Parsed) -> Vec<(u64, String)> {
    out.bad.iter().map(|bad| (bad.line, bad.reason.to_string())).collect()
}

/// Settings for csv with the columns `time` and `value` and a header.
pub fn csv() -> FormatSettings {
    FormatSettings::new(Format::Csv)
}

/// A line with a time of the day and a value.
pub fn row(second: i64, value: f64) -> String {
    format!("{},{value}\n", DAY_S + second)
}

/// How changes of the folder are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looks {
    /// Every look is one at the whole folder.
    Polled,
    /// Looks at what the kernel notified; every seventh is one at the whole folder.
    Watched,
}

impl Looks {
    pub const BOTH: [Looks; 2] = [Looks::Polled, Looks::Watched];
}

/// The notifications of a folder.
struct Watching {
    watch: Watch,
    changes: Changes,
    looks: u32,
    /// Looks so far for which one at the whole folder was needed and not allowed yet; the first one is allowed at once.
    deferred: u32,
}

impl Watching {
    fn begin(folder: &std::path::Path) -> Watching {
        Watching {
            watch: Watch::begin(folder).unwrap(),
            changes: Changes::default(),
            looks: 0,
            deferred: u32::MAX,
        }
    }
}

/// A folder, its scanner, and what was stored.
pub struct Lab {
    pub folder: tempfile::TempDir,
    pub settings: ScanSettings,
    pub scanner: Scanner,
    pub now: Now,
    pub points: Vec<Point>,
    pub cursors: BTreeMap<Arc<str>, Vec<u8>>,
    pub notices: Vec<Notice>,
    pub bad: Vec<(Arc<str>, BadLine)>,
    watching: Option<Watching>,
    /// So many looks at what changed come before each look at the whole folder that is needed.
    pub deferrals: u32,
}

impl Lab {
    pub fn new(looks: Looks, mode: Mode, pattern: &str, change: impl FnOnce(&mut ScanSettings)) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = ScanSettings::new(folder.path(), pattern, mode, csv());
        change(&mut settings);
        let scanner = Scanner::new(settings.clone(), Vec::<(Arc<str>, Cursor)>::new()).unwrap();
        let now = Now { monotonic: Duration::from_secs(1), utc_ns: DAY_S * 1_000_000_000 };
        let (points, notices, bad) = (Vec::new(), Vec::new(), Vec::new());
        let watching = (looks == Looks::Watched).then(|| Watching::begin(folder.path()));
        Lab {
            folder,
            settings,
            scanner,
            now,
            points,
            cursors: BTreeMap::new(),
            notices,
            bad,
            watching,
            deferrals: 0,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    pub fn append(&self, name: &str, text: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new().append(true).create(true).open(self.path(name)).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    /// Lets time pass for the scanner.
    pub fn wait_ms(&mut self, ms: u64) {
        self.now.monotonic += Duration::from_millis(ms);
        self.now.utc_ns += i64::try_from(ms).unwrap() * 1_000_000;
    }

    /// One poll that is stored and confirmed.
    pub fn poll(&mut self) {
        self.wait_ms(100);
        let batch = self.look();
        self.store(&batch);
        assert!(self.scanner.confirm(batch));
    }

    /// One look, which is to be stored and confirmed.
    pub fn look(&mut self) -> Batch {
        if let Some(Watching { watch, changes, looks, deferred }) = &mut self.watching {
            watch.take(changes).unwrap();
            *looks += 1;
            if changes.is_incomplete() || looks.is_multiple_of(7) {
                self.scanner.need_whole();
            }
            if !self.scanner.is_listing() {
                self.scanner.look_at(self.now, changes.names());
                // Otherwise they are seen by the look that begins now.
                changes.clear();
                let is_needed = self.scanner.needs_whole();
                *deferred = if is_needed && *deferred < self.deferrals { *deferred + 1 } else { 0 };
                if !is_needed || *deferred > 0 {
                    return self.scanner.poll_waiting(self.now);
                }
            }
        }
        self.scanner.poll(self.now).unwrap()
    }

    pub fn polls(&mut self, count: usize) {
        (0..count).for_each(|_| self.poll());
    }

    /// What a caller's transaction does.
    pub fn store(&mut self, batch: &Batch) {
        self.points.extend(batch.points.iter().cloned());
        self.notices.extend(batch.notices.iter().cloned());
        self.bad.extend(batch.bad.iter().cloned());
        for (name, cursor) in &batch.cursors {
            match cursor {
                Some(cursor) => self.cursors.insert(Arc::clone(name), cursor.encode()),
                None => self.cursors.remove(name),
            };
        }
    }

    /// The process is killed: what was not stored is gone, and a new one begins with the stored cursors.
    pub fn kill(&mut self) {
        let cursors =
            self.cursors.iter().map(|(name, bytes)| (Arc::clone(name), Cursor::decode(bytes).unwrap()));
        self.scanner = Scanner::new(self.settings.clone(), cursors.collect::<Vec<_>>()).unwrap();
        if let Some(watching) = &mut self.watching {
            *watching = Watching::begin(self.folder.path());
        }
    }

    /// Values in the order in which they were stored.
    pub fn values(&self) -> Vec<f64> {
        self.points.iter().map(|point| point.value).collect()
    }

    /// Whether a notice contains `text`.
    pub fn has_notice(&self, text: &str) -> bool {
        self.notices.iter().any(|notice| notice.to_string().contains(text))
    }
}
