//! `ocellus console`: a prompt to the running service, with history and completion; or a script from standard input.
//!
//! Each command is a request of its own, so the console outlives the service: it says when the service goes away or was
//! restarted, waits for it a while, and goes on.

mod complete;
mod history;
mod line;
mod presence;
mod prompt;
mod script;

use std::io::IsTerminal;
use std::time::Duration;

use clap::Args;

use crate::cli::Configured;
use line::{ConsoleCommand, ConsoleLine};
use presence::Presence;

/// On a terminal: commands with completion (Tab), history (arrow keys, Ctrl-R) and help. Ctrl-C ends a command that
/// runs on, such as tail; Ctrl-D or quit ends the console. Otherwise the commands are read from standard
/// input, one a line; # begins a comment. A script ends at its first error, with that command's exit code.
#[derive(Debug, Args)]
pub(in crate::cli) struct ConsoleArgs {
    #[command(flatten)]
    configured: Configured,
    /// Of a script: go on after an error. The exit code is that of the first.
    #[arg(long)]
    keep_going: bool,
}

/// A line that is no command.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ConsoleFault {
    /// The words are not those of a command.
    #[error("{0}")]
    Usage(String),
}

pub(in crate::cli) fn run(arguments: &ConsoleArgs) -> anyhow::Result<()> {
    let console = Console::new(&arguments.configured);
    if std::io::stdin().is_terminal() && std::io::stdout().is_terminal() {
        prompt::run(console)
    } else {
        script::run(console, std::io::stdin().lock(), arguments.keep_going)
    }
}

/// What comes after a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// The console reads its next command.
    Line,
    /// The end of the console.
    Quit,
}

/// The console without its input.
struct Console {
    /// The options that lead each command to the service.
    place: Vec<String>,
    presence: Presence,
}

impl Console {
    fn new(configured: &Configured) -> Console {
        let named = [("--config", &configured.config), ("--state-dir", &configured.state_dir)];
        let place = named.into_iter().filter_map(|(option, value)| Some((option, value.as_ref()?)));
        let place = place.flat_map(|(option, path)| [option.to_owned(), path.display().to_string()]);
        Console { place: place.collect(), presence: Presence::new(configured.dir()) }
    }

    /// Executes one line. `pause` waits, and answers with false when the command is to end.
    fn execute(&mut self, text: &str, pause: &mut dyn FnMut(Duration) -> bool) -> anyhow::Result<Next> {
        let Some(command) = ConsoleLine::read(text, &self.place)? else { return Ok(Next::Line) };
        if matches!(command, ConsoleCommand::Quit) {
            return Ok(Next::Quit);
        }
        let is_stop = matches!(command, ConsoleCommand::Stop(_));
        let outcome = match command.run(pause) {
            // A request that was not delivered can be made again, and one that only reads also where its answer was lost.
            Err(error)
                if (presence::is_away(&error) || command.only_reads() && presence::is_lost(&error))
                    && self.presence.await_return(pause) =>
            {
                command.run(pause)
            }
            outcome => outcome,
        };
        if is_stop && outcome.is_ok() {
            self.presence.ended();
        }
        outcome.map(|()| Next::Line)
    }
}
