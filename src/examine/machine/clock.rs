//! The clock: whether it can be right.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Machine;
use crate::examine::Note;
use crate::telemetry::synchronised;
use crate::types::{Explanation, rfc3339};

/// The clock of the board, seconds since 1970.
const BOARD: &str = "sys/class/rtc/rtc0/since_epoch";
/// What systemd-timesyncd writes once it has set the clock.
const TIMESYNCD: &str = "run/systemd/timesync/synchronized";
/// A larger difference is none of drift or rounding.
const MOST_OFF_S: i64 = 60;
/// A board's clock in local time differs by a multiple of this, and by less than a day.
const ZONE_STEP_S: i64 = 900;
const ZONE_MOST_S: i64 = 14 * 3_600;

const SET: &str = "set it: `timedatectl set-ntp true`, or `timedatectl set-time 'YYYY-MM-DD HH:MM:SS'`; name a time server that the box \
                   can reach in /etc/systemd/timesyncd.conf; a board without a battery forgets the time";

/// Compares the time with the board's clock and with the files of the state directory, which cannot be of the future.
pub(in crate::examine) fn clock(machine: &Machine, state_dir: &Path) -> Vec<Note> {
    let now = SystemTime::now();
    let seconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() as i64;
    let shown = shown(now);
    let board = machine.number(BOARD).filter(|board| *board > 0);
    if let Some(board) = board.filter(|board| is_off(*board - seconds)) {
        let by = (board - seconds).unsigned_abs();
        let cause =
            format!("the clock is off: it shows {shown}, and the clock of the board differs by {by} s");
        return vec![Note::fault(format!("/{BOARD}"), Explanation::new(cause, SET))];
    }
    if let Some((file, written)) = newest(state_dir).filter(|(_, written)| is_later(*written, now)) {
        let cause = format!(
            "the clock is off: it shows {shown}, and {file} was written later, at {}",
            self::shown(written)
        );
        return vec![Note::fault(state_dir.display().to_string(), Explanation::new(cause, SET))];
    }
    let synchronised = machine.path(TIMESYNCD).exists() || (machine.is_this() && synchronised());
    if synchronised {
        return vec![Note::ok("", format!("synchronised, {shown}"))];
    }
    let cause = format!("the clock is not synchronised; it shows {shown}");
    vec![Note::warning("", Explanation::new(cause, SET))]
}

fn is_off(by_s: i64) -> bool {
    let by = by_s.abs();
    let zone = by <= ZONE_MOST_S && {
        let rest = by % ZONE_STEP_S;
        rest.min(ZONE_STEP_S - rest) <= 5 && by >= ZONE_STEP_S - 5
    };
    by > MOST_OFF_S && !zone
}

fn is_later(written: SystemTime, now: SystemTime) -> bool {
    written.duration_since(now).is_ok_and(|ahead| ahead > Duration::from_secs(MOST_OFF_S as u64))
}

/// The file in `dir` that was written last, and when.
fn newest(dir: &Path) -> Option<(String, SystemTime)> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    let written = |entry: std::fs::DirEntry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        Some((name, entry.metadata().ok()?.modified().ok()?))
    };
    entries.filter_map(written).max_by_key(|(_, written)| *written)
}

fn shown(time: SystemTime) -> String {
    let text = rfc3339(time.duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64);
    text.split_once('.').map_or_else(|| text.clone(), |(whole, _)| format!("{whole}Z"))
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::examine::Severity;

    #[test]
    fn a_clock_that_differs_from_the_board_or_from_its_own_files_is_off() {
        let state = |by: i64, ahead: Option<u64>| {
            let now = SystemTime::now();
            let board = now.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64 + by;
            let (dir, machine) =
                fixture(&[(BOARD, &format!("{board}\n")), (TIMESYNCD, ""), ("state/numbers", "")]);
            if let Some(ahead) = ahead {
                let file =
                    std::fs::File::options().write(true).open(dir.path().join("state/numbers")).unwrap();
                file.set_modified(now + Duration::from_secs(ahead)).unwrap();
            }
            clock(&machine, &dir.path().join("state"))[0].state
        };
        assert_eq!(state(0, None), Severity::Ok);
        assert_eq!(state(7_777, None), Severity::Fault);
        assert_eq!(state(-400 * 86_400, None), Severity::Fault);
        assert_eq!(state(0, Some(3_000)), Severity::Fault);
        // Local time on the board is a choice, and no fault.
        assert_eq!(state(7_200, None), Severity::Ok);
        let (dir, machine) = fixture(&[]);
        assert_eq!(clock(&machine, dir.path())[0].state, Severity::Warning);
    }
}
