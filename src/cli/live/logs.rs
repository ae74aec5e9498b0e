//! `ocellus logs`: the newest lines of the service's log, from its memory; older ones from its file.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use super::log_file::file_lines;
use super::moment::moment;
use crate::cli::{Configured, output};
use crate::commands::Command;
use crate::commands::log::{LogLevel, LogLineOut, LogPlaces, LogsOut, LogsRequest};
use crate::control::{AskError, ask_for};
use crate::telemetry::LogFileSettings;

/// Lines that are shown where nothing else is asked for.
const USUAL: u32 = 200;
/// How often a follower asks for new lines.
const EVERY: Duration = Duration::from_millis(200);

/// The service keeps its newest lines in memory (512 KiB), whether they go to the journal, to a file or to standard
/// error. Lines from before its start are in the file (log.file) or in the journal. Where no service runs, the
/// file is read.
#[derive(Clone, Debug, Args)]
pub(in crate::cli) struct LogsArgs {
    /// Go on with each new line, also over a restart of the service.
    #[arg(long, short)]
    follow: bool,
    /// Only lines since then: so long ago (10m, 2h), or a time (23:00, 2026-11-29T23:00:00Z).
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<u64>,
    /// Only lines of this level or a more severe one: error, warn, info, debug or trace.
    #[arg(long, value_parser = level)]
    level: Option<LogLevel>,
    /// At most so many lines, the newest; 200 by default, all of them with --since.
    #[arg(long, short = 'n', value_name = "COUNT")]
    lines: Option<u32>,
    #[command(flatten)]
    configured: Configured,
    /// Print each line as a JSON object.
    #[arg(long)]
    json: bool,
}

impl LogsArgs {
    /// The same, going on with each new line after the newest `lines`.
    pub(super) fn following(&self, lines: u32) -> LogsArgs {
        LogsArgs { follow: true, lines: self.lines.or(Some(lines)), ..self.clone() }
    }
}

fn level(word: &str) -> anyhow::Result<LogLevel> {
    LogLevel::from_word(word).ok_or_else(|| anyhow::anyhow!("write error, warn, info, debug or trace"))
}

pub(in crate::cli) fn run(arguments: &LogsArgs) -> anyhow::Result<()> {
    show(arguments, &mut |pause| {
        std::thread::sleep(pause);
        true
    })
}

/// Shows the lines, and with `follow` those that come, for as long as `pause` answers with true.
pub(super) fn show(arguments: &LogsArgs, pause: &mut dyn FnMut(Duration) -> bool) -> anyhow::Result<()> {
    let dir = arguments.configured.dir();
    let mut out = LinesOut::new(arguments.json);
    let most = arguments.lines.or((arguments.since.is_none()).then_some(USUAL));
    let first =
        LogsRequest { level: arguments.level, since_ns: arguments.since, most, ..LogsRequest::default() };
    let mut last = match ask_for::<LogsOut>(&dir, &Command::Logs(first.clone())) {
        Ok(answer) => {
            let earlier = earlier_lines(arguments, &answer, most);
            out.print(&earlier)?;
            out.print(&answer.lines)?;
            if earlier.is_empty() && answer.missed > 0 && most.is_none() {
                output::complain(older(&answer.places));
            }
            Some(answer)
        }
        Err(away @ AskError::NotRunning { .. }) => {
            let Some(file) = configured_file(&arguments.configured) else { return Err(away.into()) };
            output::complain(format_args!("no service runs; the lines are from {}", file.path.display()));
            out.print(&file_lines(&file, arguments.since, arguments.level, None, most)?)?;
            None
        }
        Err(error) => return Err(error.into()),
    };
    if !arguments.follow {
        return Ok(());
    }
    let mut is_away = last.is_none();
    while !out.is_closed && pause(EVERY) {
        let (after, run) = last.as_ref().map(|last| (last.newest, last.run)).unzip();
        let next = LogsRequest { after, run, level: arguments.level, ..LogsRequest::default() };
        match ask_for::<LogsOut>(&dir, &Command::Logs(next)) {
            Ok(answer) => {
                announce(&last, &answer, std::mem::take(&mut is_away));
                out.print(&answer.lines)?;
                last = Some(answer);
            }
            Err(AskError::NotRunning { .. } | AskError::Broken { .. }) => {
                if !std::mem::replace(&mut is_away, true) {
                    output::complain("-- the service is away; waiting for it --");
                }
            }
            // A service that stops refuses requests; its successor does not.
            Err(AskError::Refused(_)) => {}
        }
    }
    Ok(())
}

/// Says what happened between two answers: a restart, or lines that were missed.
fn announce(last: &Option<LogsOut>, answer: &LogsOut, was_away: bool) {
    let is_another = last.as_ref().is_some_and(|last| last.run != answer.run);
    if is_another {
        output::complain("-- the service was restarted --");
    } else if was_away {
        output::complain("-- the service is back --");
    }
    if !is_another && last.is_some() && answer.missed > 0 {
        output::complain(format_args!("-- {} lines came too fast and are not shown --", answer.missed));
    }
}

/// Lines of the file from before those in memory, where those do not reach back far enough.
fn earlier_lines(arguments: &LogsArgs, answer: &LogsOut, most: Option<u32>) -> Vec<LogLineOut> {
    let wanted = most.map(|most| most.saturating_sub(answer.lines.len() as u32));
    let file =
        configured_file(&arguments.configured).filter(|file| answer.places.file.as_ref() == Some(&file.path));
    let Some(file) = file.filter(|_| wanted != Some(0)) else { return Vec::new() };
    let run = answer.lines.first().map(|line| line.time.clone());
    file_lines(&file, arguments.since, arguments.level, run.as_deref(), wanted).unwrap_or_default()
}

/// The file that the configuration names, as the service computes its path.
fn configured_file(configured: &Configured) -> Option<LogFileSettings> {
    let options = configured.options();
    options.log_file_to_read(&options.load().ok()?)
}

fn older(places: &LogPlaces) -> String {
    let place = match (places.journal, &places.file) {
        (true, _) => "`journalctl -u ocellus` has them".to_owned(),
        (false, Some(file)) => format!("{} may have them", file.display()),
        (false, None) => "set log.file in the configuration to keep them".to_owned(),
    };
    format!("older lines are no more in memory; {place}")
}

/// Where the lines are printed, until the reader needs no more.
struct LinesOut {
    json: bool,
    colours: bool,
    is_closed: bool,
}

impl LinesOut {
    fn new(json: bool) -> LinesOut {
        let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        LinesOut { json, colours, is_closed: false }
    }

    fn print(&mut self, lines: &[LogLineOut]) -> anyhow::Result<()> {
        let mut text = String::new();
        for line in lines {
            let line = if self.json { serde_json::to_string(line)? } else { in_words(line, self.colours) };
            text.push_str(&line);
            text.push('\n');
        }
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            outcome => outcome?,
        }
        Ok(())
    }
}

fn in_words(line: &LogLineOut, colours: bool) -> String {
    let LogLineOut { time, level, thread, text, .. } = line;
    let word = level.as_str().to_ascii_uppercase();
    let colour = match level {
        LogLevel::Error => "31",
        LogLevel::Warn => "33",
        LogLevel::Info => "32",
        LogLevel::Debug | LogLevel::Trace => "2",
    };
    let word = if colours { format!("\x1b[{colour}m{word:>5}\x1b[0m") } else { format!("{word:>5}") };
    let thread = if thread.is_empty() { "-" } else { thread };
    format!("{time} {word} {thread} {}", text.replace('\n', "\n  "))
}
