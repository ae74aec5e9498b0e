//! The prompt on a terminal.

use std::time::{Duration, Instant};

use rustyline::Editor;
use rustyline::config::{CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::history::FileHistory;

use super::complete::ConsoleHelper;
use super::{Console, Next, history};
use crate::cli::output;
use crate::supervisor::Interrupts;

/// Lines that the history keeps.
const KEPT: usize = 1_000;
/// How often a command that runs on looks whether it was interrupted.
const LOOK: Duration = Duration::from_millis(50);

/// Reads and executes commands until `quit` or the end of the input.
pub(super) fn run(mut console: Console) -> anyhow::Result<()> {
    let config = Config::builder()
        .max_history_size(KEPT)?
        .history_ignore_dups(true)?
        .history_ignore_space(true)
        .completion_type(CompletionType::List)
        .build();
    let mut editor: Editor<ConsoleHelper, FileHistory> = Editor::with_config(config)?;
    editor.set_helper(Some(ConsoleHelper::new(console.presence.dir().clone())));
    let file = history::file();
    if let Some(file) = &file {
        // There is none before the first time.
        let _ = editor.load_history(file);
    }
    let interrupts = Interrupts::listen()?;
    output::complain("Tab completes, help lists the commands, quit ends the console.");
    loop {
        let prompt = if console.presence.look() { "ocellus> " } else { "ocellus (no service)> " };
        let line = match editor.readline(prompt) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        if !line.trim().is_empty()
            && editor.add_history_entry(line.as_str())?
            && let Some(file) = &file
        {
            // At once, so that a console that is killed has its history too. A full disk only costs the history.
            let _ = editor.append_history(file);
        }
        interrupts.clear();
        let outcome = console.execute(&line, &mut |time| pause(time, &interrupts));
        interrupts.clear();
        match outcome {
            Ok(Next::Line) => {}
            Ok(Next::Quit) => return Ok(()),
            Err(error) => output::complain(output::chain(&error)),
        }
    }
}

/// Waits for `time`; returns false as soon as Ctrl-C was pressed.
fn pause(time: Duration, interrupts: &Interrupts) -> bool {
    let end = Instant::now() + time;
    loop {
        if interrupts.came() {
            return false;
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(LOOK));
    }
}
