//! `ocellus batch`: time-lapse microscopy on the command line, a file for each of its subcommands.

mod convert;
mod duration;
mod fault;
mod fit;
mod join;
mod live;
mod run;
mod show;
mod whole_file;

use std::path::Path;

use clap::{Args, Subcommand};

use super::{CliOutput, Configured, output};
use crate::microscopy::open_stack;
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
    #[command(flatten)]
    configured: Configured,
}

#[derive(Debug, Subcommand)]
enum BatchAction {
    /// Write image stacks as OME-TIFF, and show what was understood of them.
    Convert(convert::ConvertArgs),
    /// Segment, track and measure the cells of a stack: tables and label images come out.
    Run(run::RunArgs),
    /// Go on with a run that was cancelled, failed or was killed.
    Resume(run::ResumeArgs),
    /// Show how far a run is; without RESULTS the recipes and the run of the running service.
    Status(run::StatusArgs),
    /// End a run within a second; what is complete is kept. Without a name, that of the running service.
    Cancel(run::CancelArgs),
    /// Join the shares of several machines; with --samples, merge the traces of each sample.
    Merge(join::MergeArgs),
    /// Fit the traces of a table with a model of expression.
    Fit(fit::FitArgs),
    /// Show what a run has made: fields of view, traces, fits; with --html, as a report of one file.
    Show(show::ShowArgs),
}

/// How the input is to be understood, where its files do not say it.
#[derive(Debug, Args)]
struct StackArgs {
    /// The order of the planes, slowest first, for instance PTCZ or T5C2; overrides what the files say. Of a video: T or
    /// TC (its colours).
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
    /// Overrides what `options` say.
    fn apply(&self, options: &mut StackOptions) {
        let over = |given: &Option<String>, known: &mut Option<String>| {
            if given.is_some() {
                known.clone_from(given);
            }
        };
        over(&self.axes, &mut options.axes);
        over(&self.pattern, &mut options.pattern);
        options.frame_interval_ms = self.frame_interval.or(options.frame_interval_ms);
    }

    fn open(&self, inputs: &[impl AsRef<Path>]) -> Result<Stack, StackError> {
        let inputs: Vec<_> = inputs.iter().map(|input| input.as_ref().to_owned()).collect();
        let options = StackOptions {
            axes: self.axes.clone(),
            pattern: self.pattern.clone(),
            frame_interval_ms: self.frame_interval,
        };
        open_stack(&inputs, &options)
    }
}

pub(super) fn run(arguments: &BatchArgs) -> anyhow::Result<()> {
    let outcome = match &arguments.action {
        BatchAction::Convert(convert) => convert::outcome(convert),
        BatchAction::Run(arguments_of_run) => {
            run::run(arguments_of_run, &arguments.configured, arguments.json)
        }
        BatchAction::Resume(resume) => run::resume(resume, &arguments.configured, arguments.json),
        BatchAction::Status(results) => run::status(results, &arguments.configured),
        BatchAction::Cancel(results) => run::cancel(results, &arguments.configured),
        BatchAction::Merge(merge) => join::merge(merge),
        BatchAction::Fit(fit) => fit::outcome(fit),
        BatchAction::Show(show) => show::show(show),
    };
    output::output(arguments.json, outcome)
}
