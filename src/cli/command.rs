//! `ocellus command`: lists the commands to instruments, runs one, and turns outputs off.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};

use super::live::LiveCommon;
use crate::commands::Command;
use crate::commands::outputs::{
    CommandOut, CommandsOut, OffOut, OffRequest, OutputCommand, ParameterOut, RanOut, RunRequest,
};
use crate::contract::{CommandValue, OutputState};

/// A command is defined by a section `[[command]]` of the configuration: where it goes, its limits, its interlock, and when its
/// output is turned off.
#[derive(Debug, Args)]
pub(super) struct CommandArgs {
    #[command(subcommand)]
    action: CommandAction,
    #[command(flatten)]
    common: LiveCommon,
}

#[derive(Debug, Subcommand)]
enum CommandAction {
    /// List the commands: values and limits, interlock, and what is on.
    List,
    /// Run a command; back when the instrument has confirmed it.
    Run {
        /// The command, as `command list` names it.
        name: String,
        /// A value for each parameter.
        #[arg(value_name = "KEY=VALUE", value_parser = pair)]
        values: Vec<(String, String)>,
        /// The person who asks; the user who is logged in, by default.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
    /// Turn off one output, or all; back when that is confirmed, or when the first attempt failed.
    Off {
        /// The command; without one, all outputs are turned off.
        name: Option<String>,
        /// The person who asks; the user who is logged in, by default.
        #[arg(long, value_name = "NAME")]
        by: Option<String>,
    },
}

/// Why an argument is not a value.
#[derive(Debug, thiserror::Error)]
#[error("write KEY=VALUE, such as volts=3.5")]
struct NotAPair;

fn pair(text: &str) -> Result<(String, String), NotAPair> {
    let (name, value) = text.split_once('=').ok_or(NotAPair)?;
    Ok((name.trim().to_owned(), value.to_owned()))
}

pub(super) fn run(arguments: &CommandArgs) -> anyhow::Result<()> {
    let CommandArgs { action, common } = arguments;
    match action {
        CommandAction::List => {
            common.show(&Command::Output(OutputCommand::List), |CommandsOut { commands }| in_words(commands))
        }
        CommandAction::Run { name, values, by } => {
            let texts = values.iter().map(|(key, text)| (key.clone(), CommandValue::Text(text.clone())));
            let (name, by, values): (_, _, BTreeMap<_, _>) = (name.clone(), person(by), texts.collect());
            let run = RunRequest { name, values, by, role: None };
            common.show(&Command::Output(OutputCommand::Run(run)), ran)
        }
        CommandAction::Off { name, by } => {
            let off = OffRequest { name: name.clone(), by: person(by), role: None };
            common.show(&Command::Output(OutputCommand::Off(off)), |OffOut { off }| match &off[..] {
                [] => "there is nothing that can be turned off".to_owned(),
                names => format!("confirmed to be off: {}", names.join(", ")),
            })
        }
    }
}

fn person(by: &Option<String>) -> Option<String> {
    let variable = |name| std::env::var(name).ok();
    by.clone().or_else(|| variable("SUDO_USER")).or_else(|| variable("USER"))
}

fn ran(answer: &RanOut) -> String {
    let RanOut { name, values, answer, off_in_ms } = answer;
    let values: Vec<String> = values.iter().map(|(key, value)| format!("{key}={}", value.text())).collect();
    let mut words = format!("{name} {}", values.join(" ")).trim_end().to_owned();
    if let Some(answer) = answer {
        words += &format!(": {answer}");
    }
    if let Some(ms) = off_in_ms {
        words += &format!("; it is turned off in {}", seconds(*ms));
    }
    words
}

fn seconds(ms: u64) -> String {
    if ms < 10_000 { format!("{:.1} s", ms as f64 / 1_000.0) } else { format!("{} s", ms / 1_000) }
}

fn in_words(commands: &[CommandOut]) -> String {
    match commands {
        [] => "the configuration has no [[command]]".to_owned(),
        _ => commands.iter().map(lines).collect::<Vec<_>>().join("\n"),
    }
}

fn lines(command: &CommandOut) -> String {
    let status = &command.status;
    let mut words = format!("{}: {}", status.command, state(command));
    for (key, value) in &status.values {
        words += &format!(" {key}={}", value.text());
    }
    if let Some(ms) = command.off_in_ms {
        words += &format!(", off in {}", seconds(ms));
    }
    if !command.description.is_empty() {
        words += &format!("\n  {}", command.description);
    }
    for parameter in &command.parameters {
        words += &format!("\n  {}: {}", parameter.name, allowed(parameter));
    }
    for condition in &command.interlock {
        words += &match &condition.reason {
            Some(reason) => format!("\n  interlock open: {reason}"),
            None => format!("\n  interlock: {} holds", condition.condition),
        };
    }
    if let Some(fault) = &status.fault {
        words += &format!("\n  {fault}");
    }
    words
}

fn state(command: &CommandOut) -> &'static str {
    match command.status.state {
        OutputState::Off if !command.can_be_off => "ready",
        OutputState::Off => "off",
        OutputState::TurningOn => "turning on",
        OutputState::On => "ON",
        OutputState::TurningOff => "TURNING OFF, not confirmed",
    }
}

fn allowed(parameter: &ParameterOut) -> String {
    let unit = if parameter.unit.is_empty() { String::new() } else { format!(" {}", parameter.unit) };
    match (parameter.min, parameter.max, parameter.max_length) {
        (Some(min), Some(max), _) => format!("{min} to {max}{unit}"),
        (_, _, Some(most)) => format!("text of at most {most} characters"),
        _ => parameter.choices.join(", "),
    }
}
