//! `ocellus batch`: time-lapse microscopy on the command line, a file for each of its subcommands.

mod convert;
mod duration;
mod fault;
mod whole_file;

use std::path::Path;

use clap::{Args, Subcommand};

use super::{CliOutput, output};
use crate::timelapse::stack::{Stack, StackError, StackOptions};
pub(super) use fault::BatchFault;

/// Files are written aside and get their names once they are complete; none is replaced without --force.
#[derive(Debug, Args)]
pub(super) struct BatchArgs {
    #[command(subcommand)]
    action: BatchAction,
    /// Print the outcome as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum BatchAction {
    /// Write image stacks as OME-TIFF, and show what was understood of them.
    Convert(convert::ConvertArgs),
}

/// How the input is to be understood, where its files do not say it.
#[derive(Debug, Args)]
struct StackArgs {
    /// The order of the planes, slowest first, for instance PTCZ or T5C2; overrides what the files say.
    #[arg(long, value_name = "AXES")]
    axes: Option<String>,
    /// The names of a folder's files, for instance "img_t{t}_p{p}_c{c}.tif".
    #[arg(long, value_name = "PATTERN")]
    pattern: Option<String>,
    /// Time between frames, for instance 30min, 5s or 200ms; overrides the time stamps of the files.
    #[arg(long, value_name = "TIME", value_parser = duration::milliseconds)]
    frame_interval: Option<f64>,
}

impl StackArgs {
    fn open(&self, inputs: &[impl AsRef<Path>]) -> Result<Stack, StackError> {
        let inputs: Vec<_> = inputs.iter().map(|input| input.as_ref().to_owned()).collect();
        let options = StackOptions {
            axes: self.axes.clone(),
            pattern: self.pattern.clone(),
            frame_interval_ms: self.frame_interval,
        };
        Stack::open(&inputs, &options)
    }
}

pub(super) fn run(arguments: &BatchArgs) -> anyhow::Result<()> {
    let outcome = match &arguments.action {
        BatchAction::Convert(convert) => convert::outcome(convert),
    };
    output::output(arguments.json, outcome)
}
