//! `ocellus completions` and `ocellus manual`: shell completions and manual pages, from the definitions
//! behind `--help`.

use std::io::Write;
use std::path::PathBuf;

use anyhow::Context;
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub(super) struct CompletionArguments {
    /// The shell, such as bash.
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct ManualArguments {
    /// Write a page for the program and one for each subcommand into this folder.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

/// Prints the completions of one shell.
pub(super) fn completions(arguments: &CompletionArguments) -> anyhow::Result<()> {
    // Written to memory first, because clap_complete panics if a pipe is closed.
    let mut text = Vec::new();
    clap_complete::generate(arguments.shell, &mut super::Arguments::command(), "ocellus", &mut text);
    std::io::stdout().write_all(&text)?;
    Ok(())
}

/// Writes `ocellus.1` and a page `ocellus-SUBCOMMAND.1` for each subcommand, nested ones too.
pub(super) fn manual(arguments: &ManualArguments) -> anyhow::Result<()> {
    let out = &arguments.out;
    std::fs::create_dir_all(out).with_context(|| format!("{} cannot be made", out.display()))?;
    clap_mangen::generate_to(super::Arguments::command(), out)
        .with_context(|| format!("the manual pages cannot be written to {}", out.display()))
}
