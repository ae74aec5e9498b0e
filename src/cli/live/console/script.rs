//! Commands from a file or a pipe: one a line, until the first error.

use std::io::BufRead;
use std::time::Duration;

use anyhow::Context;

use super::{Console, Next};
use crate::cli::output;

/// Executes each line of `input`. An error ends the script, unless it is to `keep_going`; the first one is returned.
pub(super) fn run(mut console: Console, input: impl BufRead, keep_going: bool) -> anyhow::Result<()> {
    let mut pause = |time: Duration| {
        std::thread::sleep(time);
        true
    };
    console.presence.look();
    let mut first = None;
    let mut failed = 0;
    for (at, line) in input.lines().enumerate() {
        let line = line.context("the commands cannot be read")?;
        match console.execute(&line, &mut pause) {
            Ok(Next::Line) => {}
            Ok(Next::Quit) => break,
            Err(error) => {
                let error = error.context(format!("line {}, {}", at + 1, line.trim()));
                if !keep_going {
                    return Err(error);
                }
                output::complain(format_args!("ocellus: {}", output::chain(&error)));
                first.get_or_insert(error);
                failed += 1;
            }
        }
    }
    first.map_or(Ok(()), |error: anyhow::Error| {
        Err(error.context(format!("{failed} commands failed; the first of them")))
    })
}
