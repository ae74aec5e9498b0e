//! Reads the log's files back: the form in which `telemetry` writes them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};

use jiff::Timestamp;

use crate::commands::log::{LogLevel, LogLineOut};
use crate::telemetry::LogFileSettings;

/// The lines of all files, the oldest first: since `since_ns`, of `level` or more severe, before the time `before`
/// (RFC 3339), and at most the newest `most` of them.
pub(super) fn file_lines(
    settings: &LogFileSettings,
    since_ns: Option<u64>,
    level: Option<LogLevel>,
    before: Option<&str>,
    most: Option<u32>,
) -> std::io::Result<Vec<LogLineOut>> {
    let mut kept = Kept { lines: VecDeque::new(), most: most.map_or(usize::MAX, |most| most as usize) };
    let wanted = |line: &LogLineOut| {
        level.is_none_or(|level| line.level <= level)
            // All times are written alike, so their order is that of the texts.
            && before.is_none_or(|before| line.time.as_str() < before)
            && since_ns.is_none_or(|since| nanoseconds(&line.time) >= since)
    };
    for path in settings.paths() {
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        let mut open: Option<LogLineOut> = None;
        for line in BufReader::new(file).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            match (line.strip_prefix("  "), parse(&line)) {
                (Some(more), _) => {
                    if let Some(open) = &mut open {
                        open.text.push('\n');
                        open.text.push_str(more);
                    }
                }
                (None, Some(next)) => kept.add(open.replace(next).filter(wanted)),
                // What a power failure cut off.
                (None, None) => {}
            }
        }
        kept.add(open.filter(wanted));
    }
    Ok(kept.lines.into())
}

struct Kept {
    lines: VecDeque<LogLineOut>,
    most: usize,
}

impl Kept {
    fn add(&mut self, line: Option<LogLineOut>) {
        self.lines.extend(line);
        while self.lines.len() > self.most {
            self.lines.pop_front();
        }
    }
}

/// One line: time, level, thread, text.
fn parse(line: &str) -> Option<LogLineOut> {
    let (time, rest) = line.split_once(' ')?;
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let (thread, text) = rest.split_once(' ')?;
    time.parse::<Timestamp>().ok()?;
    Some(LogLineOut {
        seq: 0,
        time: time.to_owned(),
        level: LogLevel::from_word(level)?,
        target: String::new(),
        thread: if thread == "-" { String::new() } else { thread.to_owned() },
        text: text.to_owned(),
    })
}

fn nanoseconds(time: &str) -> u64 {
    let moment = time.parse::<Timestamp>().unwrap_or_default();
    u64::try_from(moment.as_nanosecond()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn lines_of_all_files_are_read_in_order_with_their_continuations_and_filters() {
        let dir = tempfile::tempdir().unwrap();
        let settings = LogFileSettings { path: dir.path().join("o.log"), max_bytes: 1 << 20, files: 3 };
        fs::write(dir.path().join("o.log.1"), "2026-11-29T10:00:00.000001Z  INFO main one\n").unwrap();
        let newest = "2026-11-29T10:00:01.000000Z ERROR camera/a two\n  more\n2026-11-29T10:0\n\
            2026-11-29T10:00:02.000000Z  WARN - three x=1\n";
        fs::write(dir.path().join("o.log"), newest).unwrap();
        let texts = |since, level, before, most| {
            let lines = file_lines(&settings, since, level, before, most).unwrap();
            lines.into_iter().map(|line| line.text).collect::<Vec<_>>()
        };
        assert_eq!(texts(None, None, None, None), ["one", "two\nmore", "three x=1"]);
        assert_eq!(texts(None, Some(LogLevel::Warn), None, None), ["two\nmore", "three x=1"]);
        assert_eq!(texts(None, None, None, Some(1)), ["three x=1"]);
        assert_eq!(texts(None, None, Some("2026-11-29T10:00:01.000000Z"), None), ["one"]);
        let since = nanoseconds("2026-11-29T10:00:02.000000Z");
        assert_eq!(texts(Some(since), None, None, None), ["three x=1"]);
    }
}
