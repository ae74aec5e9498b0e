//! The commands about the log: its lines in memory, and its level for a while.

use std::time::Duration;

use super::Service;
use crate::commands::log::{
    LogLevel, LogLevelOut, LogLevelSource, LogLineOut, LogPlaces, LogRequest, LogsOut, LogsRequest,
};
use crate::config::check_filter;
use crate::telemetry::{Log, LogLine, LogSource};
use crate::types::{Clock, Origin, Refusal, SystemClock, rfc3339};

/// The longest time for which a level may be asked for: a week.
const LONGEST_S: u64 = 7 * 24 * 3_600;

/// `log`: shows the level, or changes it. Only on the machine itself: a fine level slows the service down.
pub(super) fn log_command(
    service: &Service,
    origin: Origin,
    asked: &LogRequest,
) -> Result<LogLevelOut, Refusal> {
    only_here(origin, "the level of the log")?;
    let log = &service.configuration.logging;
    let now = SystemClock.monotonic();
    match (&asked.filter, asked.for_s) {
        (None, Some(_)) => {
            return Err(Refusal::new("bad_request", "there is a time, but no level", "name a level too"));
        }
        (Some(_), _) if asked.reset => {
            return Err(Refusal::new(
                "bad_request",
                "a level and reset exclude one another",
                "give one of them",
            ));
        }
        (Some(filter), time) => {
            check_filter(filter).map_err(|fault| Refusal::new("bad_filter", fault.cause, fault.remedy))?;
            let until = time.map(|seconds| match seconds {
                1..=LONGEST_S => Ok(now + Duration::from_secs(seconds)),
                _ => Err(Refusal::new(
                    "bad_request",
                    format!("{seconds} s is no time for a level"),
                    "1 s to 7 days",
                )),
            });
            log.request(filter, until.transpose()?).map_err(refused)?;
            tracing::info!(filter, seconds = time, "the level of the log was changed on request");
        }
        (None, None) if asked.reset => {
            log.reset().map_err(refused)?;
            tracing::info!(filter = log.level(now).filter, "the usual level of the log is back on request");
        }
        (None, None) => {}
    }
    Ok(level_now(log))
}

/// Brings the usual level back where the time of a requested one is over.
pub(super) fn expire_level(log: &Log) {
    match log.expire(SystemClock.monotonic()) {
        Ok(false) => {}
        Ok(true) => {
            let filter = log.level(SystemClock.monotonic()).filter;
            tracing::info!(filter, "the time of the requested level is over; the usual one is back");
        }
        Err(error) => tracing::error!("{error}"),
    }
}

/// `logs`: the lines in memory. Only on the machine itself, as with the journal.
pub(super) fn logs_command(
    service: &Service,
    origin: Origin,
    asked: &LogsRequest,
) -> Result<LogsOut, Refusal> {
    only_here(origin, "the log")?;
    let log = &service.configuration.logging;
    let run = log.begun().wall_ns;
    let is_same_run = asked.run.is_none_or(|known| known == run);
    let mut recent = log.after(asked.after.filter(|_| is_same_run).unwrap_or(0));
    let wanted = |line: &LogLine| {
        asked.level.is_none_or(|level| level_of(line) <= level)
            && asked.since_ns.is_none_or(|since| line.wall_ns >= since)
    };
    recent.lines.retain(|line| wanted(line));
    let skip = asked.most.map_or(0, |most| recent.lines.len().saturating_sub(most as usize));
    Ok(LogsOut {
        run,
        newest: recent.newest,
        missed: recent.missed,
        places: places(log),
        lines: recent.lines.iter().skip(skip).map(|line| line_out(line)).collect(),
    })
}

fn line_out(line: &LogLine) -> LogLineOut {
    LogLineOut {
        seq: line.seq,
        time: rfc3339(line.wall_ns),
        level: level_of(line),
        target: line.target.to_owned(),
        thread: line.thread.clone(),
        text: line.text.clone(),
    }
}

fn level_of(line: &LogLine) -> LogLevel {
    // Both sets of words are those of `tracing`.
    LogLevel::from_word(line.level.as_str()).unwrap_or(LogLevel::Error)
}

fn level_now(log: &Log) -> LogLevelOut {
    let now = SystemClock.now();
    let level = log.level(Duration::from_nanos(now.mono_ns));
    LogLevelOut {
        filter: level.filter,
        source: match level.source {
            LogSource::Configuration => LogLevelSource::Configuration,
            LogSource::Environment => LogLevelSource::Environment,
            LogSource::Request => LogLevelSource::Request,
        },
        until: level.left.map(|left| rfc3339(now.plus(left).wall_ns)),
        left_s: level.left.map(|left| left.as_secs_f64().ceil() as u64),
        usual: level.usual,
        places: places(log),
    }
}

fn places(log: &Log) -> LogPlaces {
    LogPlaces {
        file: log.file().map(|file| file.path),
        file_lost: log.figures().lost,
        journal: log.is_in_journal(),
    }
}

/// Refuses requests from elsewhere: `what` is shown and changed on the machine itself only.
pub(super) fn only_here(origin: Origin, what: &str) -> Result<(), Refusal> {
    if matches!(origin, Origin::Cli { .. }) {
        return Ok(());
    }
    let message = format!("{what} is a matter of the machine itself");
    Err(Refusal::new("not_here", message, "use the command line on the machine"))
}

fn refused(error: crate::telemetry::LogError) -> Refusal {
    Refusal::new("not_changed", error.to_string(), "")
}
