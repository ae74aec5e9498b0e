//! Completion: the commands, their options, and the names of units and alarms, which the service is asked for.

use std::path::PathBuf;
use std::time::Duration;

use clap::CommandFactory;
use rustyline::completion::Completer;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::validate::Validator;
use rustyline::{Context, Helper};

use super::line::ConsoleLine;
use crate::commands::Command;
use crate::commands::service::ServiceStatus;
use crate::control::ask_within;

/// Who presses Tab does not wait longer for names.
const QUICK: Duration = Duration::from_secs(1);
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// What rustyline asks while a line is edited.
pub(super) struct ConsoleHelper {
    dir: PathBuf,
}

impl ConsoleHelper {
    pub(super) fn new(dir: PathBuf) -> ConsoleHelper {
        ConsoleHelper { dir }
    }

    fn status(&self) -> Option<ServiceStatus> {
        ask_within(&self.dir, &Command::Status, QUICK).ok()
    }

    fn units(&self) -> Vec<String> {
        let units = self.status().and_then(|status| status.overview).map(|overview| overview.units);
        units.into_iter().flatten().map(|unit| unit.name).collect()
    }

    fn alarms(&self) -> Vec<String> {
        self.status().into_iter().flat_map(|status| status.alarms).map(|alarm| alarm.name).collect()
    }

    /// What may stand at the end of `words`, the words before the one that is being typed.
    fn candidates(&self, words: &[&str], typed: &str) -> Vec<String> {
        if words.is_empty() || words == ["help"] {
            return commands();
        }
        if typed.starts_with('-') {
            return options(words[0]);
        }
        let texts = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        match words {
            ["restart"] => self.units(),
            ["alarm"] => texts(&["list", "acknowledge"]),
            ["alarm", "acknowledge"] => self.alarms(),
            ["log"] | [.., "--level"] => texts(&LEVELS),
            _ => Vec::new(),
        }
    }
}

/// The words of all commands.
fn commands() -> Vec<String> {
    let line = ConsoleLine::command();
    let names = line.get_subcommands().map(|command| command.get_name().to_owned());
    names.chain(["help".to_owned()]).collect()
}

/// The options of a command.
fn options(command: &str) -> Vec<String> {
    let line = ConsoleLine::command();
    let Some(command) = line.find_subcommand(command) else { return Vec::new() };
    // Those that lead to a service are the console's own.
    let named = command.get_arguments().filter_map(|argument| argument.get_long());
    let named = named.filter(|long| !["config", "state-dir"].contains(long));
    named.map(|long| format!("--{long}")).collect()
}

impl Completer for ConsoleHelper {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..at];
        let start = typed.rfind(char::is_whitespace).map_or(0, |space| space + 1);
        let words: Vec<&str> = typed[..start].split_whitespace().collect();
        let typed = &typed[start..];
        let mut found = self.candidates(&words, typed);
        found.retain(|candidate| candidate.starts_with(typed));
        found.sort();
        // The only one is followed by what comes next.
        if let [only] = found.as_mut_slice() {
            only.push(' ');
        }
        Ok((start, found))
    }
}

impl Hinter for ConsoleHelper {
    type Hint = String;
}

impl Highlighter for ConsoleHelper {}
impl Validator for ConsoleHelper {}
impl Helper for ConsoleHelper {}

#[cfg(test)]
mod tests {
    use rustyline::history::DefaultHistory;

    use super::*;

    fn completed(line: &str) -> (usize, Vec<String>) {
        let helper = ConsoleHelper::new("/nowhere".into());
        helper.complete(line, line.len(), &Context::new(&DefaultHistory::new())).unwrap()
    }

    #[test]
    fn commands_options_and_levels_are_completed() {
        assert_eq!(completed("resta"), (0, vec!["restart ".to_owned()]));
        assert_eq!(completed("sto"), (0, vec!["stop ".to_owned()]));
        let (_, all) = completed("");
        for command in ["status", "tail", "alarms", "log", "logs", "top", "help", "quit"] {
            assert!(all.iter().any(|known| known == command), "{command}: {all:?}");
        }
        assert_eq!(completed("help al").1, ["alarm", "alarms"]);
        assert_eq!(completed("log de"), (4, vec!["debug ".to_owned()]));
        assert_eq!(completed("status --w").1, ["--watch "]);
        assert!(!completed("status --").1.contains(&"--config ".to_owned()));
        assert!(completed("restart cam").1.is_empty(), "no service, no names");
    }
}
