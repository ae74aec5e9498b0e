//! One line: its words, and the command that they name. The commands and their options are those of the command line.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Parser, Subcommand};

use super::ConsoleFault;
use crate::cli::live::{
    LiveCommon, alarm, intake, log, logs, product, reload, restart, status, stop, top, trigger,
};
use crate::cli::{command, output};

/// Commands that ask no service, and so take no options that lead to one.
const OWN: [&str; 3] = ["help", "quit", "exit"];
/// Lines that `tail` begins with.
const TAIL: u32 = 10;

#[derive(Debug, Parser)]
#[command(
    name = "console",
    no_binary_name = true,
    disable_help_flag = true,
    override_usage = "COMMAND [OPTIONS]"
)]
pub(super) struct ConsoleLine {
    #[command(subcommand)]
    command: ConsoleCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum ConsoleCommand {
    /// The state of the service, its cameras, queues and disks; --watch shows it as it changes.
    Status(status::StatusArgs),
    /// The alarms that are raised.
    Alarms(CommonArgs),
    /// List the alarms, or acknowledge one.
    Alarm(alarm::AlarmArgs),
    /// Restart one unit, such as camera/front.
    Restart(restart::RestartArgs),
    /// Read the configuration and the recipes again.
    Reload(reload::ReloadArgs),
    /// The newest lines of the log.
    Logs(logs::LogsArgs),
    /// The newest lines of the log, and each that comes, until Ctrl-C.
    Tail(logs::LogsArgs),
    /// Show or change the level of the log: log debug --for 60s.
    Log(log::LogArgs),
    /// What the processor is busy with, until Ctrl-C or --once.
    Top(top::TopArgs),
    /// Inspect the part that a camera sees now.
    Trigger(trigger::TriggerArgs),
    /// Show the product that a camera inspects, or select another.
    Product(product::ProductArgs),
    /// Telemetry: sources, channels, histories, bad lines.
    Intake(intake::IntakeArgs),
    /// Run a command to an instrument, or turn outputs off.
    Command(command::CommandArgs),
    /// Ask the service to finish its work and end.
    Stop(stop::StopArgs),
    /// End the console; the service runs on.
    #[command(alias = "exit")]
    Quit,
}

#[derive(Debug, Args)]
pub(super) struct CommonArgs {
    #[command(flatten)]
    common: LiveCommon,
}

impl ConsoleCommand {
    /// Whether the command changes nothing, so that it may be repeated.
    pub(super) fn only_reads(&self) -> bool {
        matches!(self, ConsoleCommand::Status(_) | ConsoleCommand::Alarms(_) | ConsoleCommand::Top(_))
    }
}

impl ConsoleLine {
    /// The command of a line, with the options `place` that lead to the service. `None` for an empty line, a comment, and
    /// for help, which is printed.
    pub(super) fn read(text: &str, place: &[String]) -> anyhow::Result<Option<ConsoleCommand>> {
        let mut words = words(text).map_err(|fault| ConsoleFault::Usage(fault.to_string()))?;
        let Some(first) = words.first() else { return Ok(None) };
        if !OWN.contains(&first.as_str()) {
            // Before words that are no options.
            words.splice(1..1, place.iter().cloned());
        }
        match ConsoleLine::try_parse_from(words) {
            Ok(line) => Ok(Some(line.command)),
            Err(error) if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) => {
                output::print(error.to_string().trim_end())?;
                Ok(None)
            }
            Err(error) => {
                let text = error.to_string();
                Err(ConsoleFault::Usage(text.trim().trim_start_matches("error: ").to_owned()).into())
            }
        }
    }
}

impl ConsoleCommand {
    pub(super) fn run(&self, pause: &mut dyn FnMut(Duration) -> bool) -> anyhow::Result<()> {
        match self {
            ConsoleCommand::Status(arguments) => status::show(arguments, pause),
            ConsoleCommand::Alarms(arguments) => alarm::list(&arguments.common),
            ConsoleCommand::Alarm(arguments) => alarm::run(arguments),
            ConsoleCommand::Restart(arguments) => restart::run(arguments),
            ConsoleCommand::Reload(arguments) => reload::run(arguments),
            ConsoleCommand::Logs(arguments) => logs::show(arguments, pause),
            ConsoleCommand::Tail(arguments) => logs::show(&arguments.following(TAIL), pause),
            ConsoleCommand::Log(arguments) => log::run(arguments),
            ConsoleCommand::Top(arguments) => top::show(arguments, pause),
            ConsoleCommand::Trigger(arguments) => trigger::run(arguments),
            ConsoleCommand::Product(arguments) => product::run(arguments),
            ConsoleCommand::Intake(arguments) => intake::run(arguments),
            ConsoleCommand::Command(arguments) => command::run(arguments),
            ConsoleCommand::Stop(arguments) => stop::run(arguments),
            ConsoleCommand::Quit => Ok(()),
        }
    }
}

/// Why a line cannot be split into words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the quotation mark {0} has no end")]
pub(super) struct OpenQuote(char);

/// The words of a line, as a shell splits them: quotation marks and backslashes keep spaces, # begins a comment.
pub(super) fn words(text: &str) -> Result<Vec<String>, OpenQuote> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '#' if word.is_none() => break,
            quote @ ('"' | '\'') => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        None => return Err(OpenQuote(quote)),
                        Some(end) if end == quote => break,
                        Some('\\') if quote == '"' => word.extend(letters.next()),
                        Some(letter) => word.push(letter),
                    }
                }
            }
            '\\' => word.get_or_insert_default().extend(letters.next()),
            letter if letter.is_whitespace() => words.extend(word.take()),
            letter => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_a_shell_splits_it() {
        let split = |text: &str| words(text).unwrap();
        assert_eq!(split("  restart   camera/front "), ["restart", "camera/front"]);
        assert_eq!(
            split(r#"trigger --text "SN 1" 'a "b"' c\ d "" e"f"g"#),
            ["trigger", "--text", "SN 1", "a \"b\"", "c d", "", "efg"]
        );
        assert_eq!(split("status # how is it"), ["status"]);
        assert!(split("   # only a comment").is_empty());
        assert_eq!(words("alarm \"x"), Err(OpenQuote('"')));
    }

    #[test]
    fn commands_get_the_place_of_the_service_and_what_is_none_is_named() {
        let place = ["--state-dir".to_owned(), "/var/lib/x y".to_owned()];
        let read = |text: &str| ConsoleLine::read(text, &place);
        assert!(matches!(read("restart camera/front"), Ok(Some(ConsoleCommand::Restart(_)))));
        assert!(matches!(read("quit"), Ok(Some(ConsoleCommand::Quit))));
        assert!(matches!(read("exit"), Ok(Some(ConsoleCommand::Quit))));
        assert!(matches!(read("# nothing"), Ok(None)));
        let fault = read("statsu").unwrap_err().to_string();
        assert!(fault.contains("statsu") && fault.contains("status"), "{fault}");
        assert!(read("restart").unwrap_err().to_string().contains("UNIT"));
    }
}
