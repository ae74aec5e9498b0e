//! `ocellus batch run`, `resume`, `status` and `cancel`: of a run in this process, or of the running service.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use parking_lot::Mutex;
use serde_json::json;

use super::{BatchFault, CliOutput, Configured, StackArgs, live};
use crate::commands::batch::BatchCommand;
use crate::config::Experiment;
use crate::microscopy::{
    Outcome, Progress, ProgressSink, Record, Recorded, Run, RunError, RunOptions, RunOrigin, Summary,
    fovs_done, holder, running, shard_folder,
};
use crate::service::Exit;
use crate::supervisor::{Signals, Stop};
use crate::timelapse::stack::is_video;

/// How long `cancel` waits for the end of a run.
const CANCEL_PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(20);

/// Ends with 0 if every field of view is complete, with 6 if one failed (the others are complete), and with 14 if
/// the run was cancelled.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// A recipe (.toml); or files, folders or patterns with * that are one stack, or a video, with all defaults.
    #[arg(required = true, value_name = "EXPERIMENT.toml|STACK")]
    inputs: Vec<PathBuf>,
    /// Folder of the results; overrides that of the recipe.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Fields of view, for instance "0-3, 5"; overrides those of the recipe.
    #[arg(long, value_name = "FOVS")]
    fovs: Option<String>,
    /// Threads that work; overrides the number of the recipe.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// Let the running service do it: the recipe is one of its own, by its name.
    #[arg(long, conflicts_with_all = ["out", "fovs", "workers", "shard", "axes", "pattern", "frame_interval"])]
    service: bool,
    /// Only share I of N, from 1; `ocellus batch merge DIR` joins the shares.
    #[arg(long, value_name = "I/N", value_parser = shard)]
    shard: Option<[usize; 2]>,
    #[command(flatten)]
    stack: StackArgs,
}

/// The parameters are those of the run; the recipe must still say the same.
#[derive(Debug, Args)]
pub(super) struct ResumeArgs {
    /// Folder of the results; or a recipe or a run of the running service, by its name.
    #[arg(value_name = "DIR|NAME")]
    out: PathBuf,
    /// Number of threads that work.
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// Of a folder, or of the running service.
#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    /// Folder of the results; the running service by default.
    #[arg(value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Of a folder, or of the running service.
#[derive(Debug, Args)]
pub(super) struct CancelArgs {
    /// Folder of the results; or a recipe or a run of the running service, by its name.
    #[arg(value_name = "DIR|NAME")]
    run: Option<PathBuf>,
}

/// Why a text is not a share.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not a share; write its number and how many there are, for instance 2/8")]
struct NotAShare(String);

fn shard(text: &str) -> Result<[usize; 2], NotAShare> {
    let parts = text.split_once('/').and_then(|(number, of)| Some([number.parse().ok()?, of.parse().ok()?]));
    let parts = parts.filter(|[number, of]: &[usize; 2]| (1..=*of).contains(number));
    parts.ok_or_else(|| NotAShare(text.to_owned()))
}

pub(super) fn run(arguments: &RunArgs, configured: &Configured, as_json: bool) -> anyhow::Result<CliOutput> {
    if arguments.service {
        let [recipe] = arguments.inputs.as_slice() else { return Err(BatchFault::OneRecipe.into()) };
        return live::change(configured, BatchCommand::Run { recipe: recipe_name(recipe) });
    }
    let absolute = |path: &PathBuf| std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let is_recipe = |path: &Path| path.extension().is_some_and(|ending| ending == "toml");
    let (mut experiment, origin) = match arguments.inputs.as_slice() {
        [recipe] if is_recipe(recipe) => (Experiment::load(recipe)?, RunOrigin::Recipe(absolute(recipe))),
        stacks => {
            let out = arguments.out.clone().ok_or(BatchFault::NoOut)?;
            let stacks: Vec<PathBuf> = stacks.iter().map(absolute).collect();
            (Experiment::of_stack(stacks.clone(), out), RunOrigin::Stack(stacks))
        }
    };
    if let Some(out) = &arguments.out {
        experiment.out.clone_from(out);
    }
    arguments.stack.apply(&mut experiment.stack);
    if let Some(fovs) = &arguments.fovs {
        experiment.fovs = Some(crate::timelapse::tables::parse_fovs(fovs).map_err(BatchFault::Fovs)?);
    }
    experiment.workers = arguments.workers.or(experiment.workers);
    if let Some(shard) = arguments.shard {
        experiment.out = shard_folder(&experiment.out, shard);
    }
    let options = alone(origin, arguments.shard, false);
    carry_out(experiment, options, as_json)
}

pub(super) fn resume(
    arguments: &ResumeArgs,
    configured: &Configured,
    as_json: bool,
) -> anyhow::Result<CliOutput> {
    if is_name(&arguments.out) {
        return live::change(configured, BatchCommand::Resume { run: recipe_name(&arguments.out) });
    }
    let header = recorded(&arguments.out)?.header;
    let mut experiment = match &header.origin {
        RunOrigin::Recipe(recipe) => Experiment::load(recipe)?,
        RunOrigin::Stack(stacks) => Experiment::of_stack(stacks.clone(), arguments.out.clone()),
    };
    experiment.out.clone_from(&arguments.out);
    // What the command line said when the run began is not in the recipe.
    let given = |name: &str| header.parameters.get(name).cloned().unwrap_or_default();
    experiment.stack.axes = serde_json::from_value(given("experiment.axes"))?;
    experiment.stack.pattern = serde_json::from_value(given("experiment.pattern"))?;
    experiment.stack.frame_interval_ms = serde_json::from_value(given("experiment.frame_interval_ms"))?;
    experiment.fovs = serde_json::from_value(given("experiment.fovs"))?;
    experiment.workers = arguments.workers.or(experiment.workers);
    carry_out(experiment, alone(header.origin, header.shard, true), as_json)
}

/// How this process begins a run, without a service.
fn alone(origin: RunOrigin, shard: Option<[usize; 2]>, resume: bool) -> RunOptions {
    RunOptions { origin, shard, resume, id: None, in_service: false }
}

fn recorded(out: &Path) -> Result<Recorded, BatchFault> {
    Recorded::read(out)?.ok_or_else(|| RunError::NoRun { out: out.to_owned() }.into())
}

fn carry_out(experiment: Experiment, options: RunOptions, as_json: bool) -> anyhow::Result<CliOutput> {
    let stop = Stop::new();
    let _signals = Signals::listen(stop.clone(), Exit::Forced as i32, || {})?;
    let terminal = Terminal::new(as_json);
    if let ([video], false) = (experiment.input.as_slice(), as_json)
        && is_video(video)
    {
        terminal.line(&format!("{}: every frame is decoded once to count them", video.display()));
    }
    let run = Run::prepare(experiment, options, Box::new(terminal.clone())).map_err(BatchFault::Run)?;
    if !as_json {
        let (fovs, complete) = run.fovs();
        let earlier = if complete > 0 { format!(", {complete} complete already") } else { String::new() };
        terminal.line(&format!(
            "{}\nrun {}: {fovs} fields of view{earlier}, into {}",
            run.description().trim_end(),
            run.id(),
            run.out().display()
        ));
    }
    let outcome = run.execute(&stop).map_err(BatchFault::Run)?;
    terminal.finish();
    Ok(ended(&run, &outcome))
}

/// What became of the run, in words and as an object.
fn ended(run: &Run, outcome: &Outcome) -> CliOutput {
    let Outcome { summary, cancelled } = outcome;
    let [complete, failed, open] = summary.counts();
    let mut words = vec![format!("{complete} of {} fields of view complete", summary.fovs.len())];
    words.extend(summary.fovs.iter().filter(|fov| fov.state != "not_done").map(|fov| match &fov.cause {
        Some(cause) => format!("  fov {}: failed: {cause}", fov.fov),
        None => format!("  fov {}: {} cells, {} dropped", fov.fov, fov.cells, fov.dropped.len()),
    }));
    let out = run.out().display();
    let fault = match (cancelled, failed) {
        (true, _) => Some(BatchFault::Cancelled { out: run.out().to_owned(), open }.into()),
        (false, 0) => {
            words.push(format!("tables and summary: {out}"));
            None
        }
        (false, failed) => Some(BatchFault::FovsFailed { out: run.out().to_owned(), failed }.into()),
    };
    let object = json!({
        "ok": fault.is_none(), "id": run.id(), "out": run.out(), "cancelled": cancelled, "fovs": summary.fovs,
    });
    CliOutput { words: words.join("\n"), json: object, fault }
}

/// Whether this names a recipe or a run of the service, and no folder here.
fn is_name(path: &Path) -> bool {
    !path.exists() && path.components().count() == 1
}

/// The name of a recipe, which may be written with its ending.
fn recipe_name(path: &Path) -> String {
    let name = path.to_string_lossy();
    name.strip_suffix(".toml").unwrap_or(&name).to_owned()
}

pub(super) fn status(arguments: &StatusArgs, configured: &Configured) -> anyhow::Result<CliOutput> {
    let Some(out) = &arguments.out else { return live::status(configured) };
    let known = recorded(out)?;
    let (pid, fovs) = (running(out), known.fovs());
    let Recorded { header, records } = known;
    let summary = Summary::read(out).ok();
    // A share has fewer fields of view than the experiment; its summary knows which.
    let fovs = summary.as_ref().map_or(fovs, |summary| summary.fovs.len());
    let (complete, _) = fovs_done(&records);
    let failed: Vec<_> = records
        .iter()
        .filter_map(|record| match record {
            Record::Failed { fov, cause } => Some(format!("  fov {fov}: failed: {cause}")),
            _ => None,
        })
        .collect();
    let state = match (pid, complete == fovs) {
        (Some(pid), _) => format!("running in process {pid}"),
        (None, true) => "complete".into(),
        (None, false) => {
            format!("not complete; go on with `ocellus batch resume {}`", out.display())
        }
    };
    let mut words = vec![format!("run {}: {state}, {complete} of {fovs} fields of view complete", header.id)];
    words.extend(failed);
    let object = json!({
        "ok": true, "id": header.id, "pid": pid, "fovs": fovs, "complete": complete,
        "shard": header.shard, "parameters": header.parameters,
    });
    Ok(CliOutput::new(words.join("\n"), object))
}

pub(super) fn cancel(arguments: &CancelArgs, configured: &Configured) -> anyhow::Result<CliOutput> {
    let Some(out) = arguments.run.as_ref().filter(|run| !is_name(run)) else {
        let run = arguments.run.as_deref().map(recipe_name);
        return live::change(configured, BatchCommand::Cancel { run });
    };
    let id = recorded(out)?.header.id;
    let Some(pid) = running(out) else {
        return Ok(CliOutput::new(
            format!("run {id} is not running"),
            json!({ "ok": true, "id": id, "pid": null }),
        ));
    };
    // The service does other work too: it is asked, not ended.
    if holder(out).is_some_and(|holder| holder.is_service) {
        return live::change(configured, BatchCommand::Cancel { run: Some(id) });
    }
    let process = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    let process = process.ok_or(BatchFault::StillRunning { pid })?;
    rustix::process::kill_process(process, rustix::process::Signal::TERM)
        .map_err(|source| BatchFault::Signal { pid, source: source.into() })?;
    let deadline = Instant::now() + CANCEL_PATIENCE;
    while running(out).is_some() {
        if Instant::now() > deadline {
            return Err(BatchFault::StillRunning { pid }.into());
        }
        std::thread::sleep(LOOK);
    }
    let words = format!("run {id} is cancelled; go on with `ocellus batch resume {}`", out.display());
    Ok(CliOutput::new(words, json!({ "ok": true, "id": id, "pid": pid })))
}

/// Progress on a terminal as a bar, elsewhere as lines, or as JSON lines.
#[derive(Clone)]
struct Terminal {
    bar: ProgressBar,
    as_json: bool,
    /// The tenth of the run that was reported last, where there is no bar.
    tenth: std::sync::Arc<Mutex<usize>>,
}

impl Terminal {
    fn new(as_json: bool) -> Terminal {
        let shown = !as_json && std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(1000), target);
        // The template is ours: if a version of the library refuses it, its own bar is shown.
        if let Ok(style) = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta} left  {msg}") {
            bar.set_style(style);
        }
        Terminal { bar, as_json, tenth: Default::default() }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| eprintln!("{text}"));
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl ProgressSink for Terminal {
    fn progress(&self, progress: &Progress) {
        if self.as_json {
            // Progress goes beside the outcome, which is one object on standard output.
            if let Ok(line) = serde_json::to_string(progress) {
                eprintln!("{line}");
            }
            return;
        }
        self.bar.set_position(progress.permille as u64);
        self.bar.set_message(progress.message.clone());
        let tenth = progress.permille / 100;
        let mut last = self.tenth.lock();
        if self.bar.is_hidden() && tenth > *last {
            *last = tenth;
            eprintln!("{:>3} %  {}", tenth * 10, progress.message);
        }
    }
}
