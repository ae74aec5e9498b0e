//! The command line: a file for each subcommand, and the one place where errors become exit codes.

mod bench;
mod check;
mod golden;
mod run;
mod schema;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{AppError, Options};
use crate::store::{GoldenError, StoreError};
use crate::supervisor::{Exit, SupervisorError};

/// The vision service of a camera box.
#[derive(Debug, Parser)]
#[command(name = "ocellus", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service until it is told to stop, or every camera has ended.
    Run(run::Arguments),
    /// Validate a configuration and the models it names: exit code 0, or each fault with its place and remedy.
    Check(check::Arguments),
    /// Teach the pictures of good parts that inspection compares with, and take them back.
    Golden(golden::Arguments),
    /// Measure the road of a frame at full speed on this machine.
    Bench(bench::Arguments),
    /// Print the JSON Schemas of everything that is published.
    Schema(schema::Arguments),
}

/// Which configuration.
#[derive(Debug, Args)]
struct Configured {
    /// The configuration file; without it the built-in default, the demo on the built-in scene.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Keep state here instead of in device.state_dir.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl Configured {
    fn options(&self) -> Options {
        Options { config: self.config.clone(), state_dir: self.state_dir.clone() }
    }
}

/// Parses the arguments, does what they say, and tells how it went.
pub fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Run(arguments) => run::run(&arguments),
        Command::Check(arguments) => check::run(&arguments),
        Command::Golden(arguments) => golden::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Schema(arguments) => schema::run(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::from(Exit::Ok.code() as u8),
        Err(error) => {
            eprintln!("ocellus: {error:#}");
            ExitCode::from(exit_of(&error).code() as u8)
        }
    }
}

/// The exit code for an error; the table is in the README.
fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<crate::config::Faults>() {
        return Exit::Config;
    }
    let golden = error.downcast_ref::<GoldenError>();
    let running = matches!(error.downcast_ref(), Some(golden::GoldenFault::Running { .. }));
    if running || error.is::<StoreError>() || matches!(golden, Some(GoldenError::Store(_))) {
        return Exit::State;
    }
    match error.downcast_ref::<AppError>() {
        Some(AppError::Config(_)) => Exit::Config,
        Some(AppError::Engine(_) | AppError::Station(_)) => Exit::Model,
        Some(AppError::Store(_)) => Exit::State,
        Some(AppError::Supervisor(SupervisorError::Essential { .. } | SupervisorError::Work { .. })) => {
            Exit::Unit
        }
        Some(AppError::Drain(_)) => Exit::Drain,
        _ => Exit::Other,
    }
}
