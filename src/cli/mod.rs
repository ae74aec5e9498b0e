//! The command line: a file for each subcommand, and the one place where errors become exit codes.

mod attendance;
mod backup;
mod batch;
mod bench;
mod check;
mod command;
mod doctor;
mod faces;
mod golden;
mod jobs;
mod live;
mod manual;
mod models;
mod output;
mod provision;
mod recipe_loader;
mod replay;
mod run;
#[cfg(feature = "demo")]
mod scene;
mod schema;
#[cfg(feature = "demo")]
mod simulate;
mod store_owner;
mod suggest;
mod users;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Faults;
use crate::control::AskError;
use crate::engine::EngineError;
use crate::inspection::ProgramError;
use crate::inspection::evidence::EvidenceError;
use crate::service::{Exit, Options, ServiceError};
use crate::store::{GoldenError, StoreError};
use crate::supervisor::SupervisorError;
use batch::BatchFault;
use doctor::DoctorFault;
use faces::FacesFault;
use golden::GoldenFault;
use jobs::UnhealthyQueue;
use models::ModelFault;
use output::CliOutput;
use replay::ReplayFault;

/// Turns a small Linux computer with cameras into a vision sensor that reports over MQTT.
#[derive(Debug, Parser)]
#[command(name = "ocellus", version, about, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: CliCommand,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Run the service until it is stopped, or every camera has ended.
    Run(run::RunArgs),
    /// Validate a configuration and its models: exit code 0, or each fault with its place and remedy.
    Check(check::CheckArgs),
    /// Examine this box and name every fault with its cause and remedy, with or without a running service.
    Doctor(doctor::DoctorArgs),
    /// Show the state of the running service, its cameras, queues, disks and alarms; also as it changes.
    Status(live::status::StatusArgs),
    /// List the alarms of the running service, or acknowledge one.
    Alarm(live::alarm::AlarmArgs),
    /// List sources and channels of telemetry, a channel's history, and what could not be read.
    Intake(live::intake::IntakeArgs),
    /// Show the product that a camera inspects, or select another without a restart.
    Product(live::product::ProductArgs),
    /// Run commands to instruments, list them with their limits and interlocks, and turn their outputs off.
    Command(command::CommandArgs),
    /// Inspect the part that a camera sees now.
    Trigger(live::trigger::TriggerArgs),
    /// Make the running service read its configuration and recipes again.
    Reload(live::reload::ReloadArgs),
    /// Restart one unit of the running service.
    Restart(live::restart::RestartArgs),
    /// Show the newest lines of the service's log, and follow it.
    Logs(live::logs::LogsArgs),
    /// Show or change the level of the running service's log, also for a while.
    Log(live::log::LogArgs),
    /// Show what the processor is busy with: by camera, stage and thread.
    Top(live::top::TopArgs),
    /// Ask the running service to finish its work and end, and wait until it is gone.
    Stop(live::stop::StopArgs),
    /// Type commands to the running service, with completion and history; or run a script of them.
    Console(live::console::ConsoleArgs),
    /// Teach the pictures of good parts that inspection compares with, test changes, and undo them.
    Golden(golden::GoldenArgs),
    /// Enrol, list, rename, merge and erase the people whose faces are recognised.
    Faces(faces::FacesArgs),
    /// List the public models that profiles use, and install one after verifying it.
    Models(models::ModelsArgs),
    /// Show who was present on a day, or write the table as CSV or XLSX.
    Attendance(attendance::AttendanceArgs),
    /// Judge recorded evidence again, and compare the verdict with the recorded one bit for bit.
    Replay(replay::ReplayArgs),
    /// Compute time-lapse microscopy: convert image stacks, join results, fit traces with models.
    Batch(batch::BatchArgs),
    /// Queue studio jobs: enlarge pictures and run microscopy recipes, watch, cancel and retry them.
    Jobs(jobs::JobsArgs),
    /// Measure pipeline speed on this machine, compared with inference alone.
    Bench(bench::BenchArgs),
    /// Manage who may log in to the page: needed before other machines can reach it.
    Users(users::UsersArgs),
    /// Give a new device its name, broker, certificates and users from a folder, such as that of a USB stick.
    Provision(provision::ProvisionArgs),
    /// Save configuration, people, golden pictures, attendance and users in one encrypted file, also while the
    /// service runs.
    Backup(backup::BackupArgs),
    /// Put what `ocellus backup` saved in the place of what is there; all of it is checked first.
    Restore(backup::RestoreArgs),
    /// Print the JSON Schemas of everything that is published.
    Schema(schema::SchemaArgs),
    /// Print the completions of a shell: bash, zsh, fish, elvish or powershell.
    Completions(manual::CompletionArguments),
    /// Play the instruments of a laboratory, to try a configuration without hardware.
    #[cfg(feature = "demo")]
    Simulate(simulate::SimulateArgs),
    /// Write frames of the built-in scene and their ground truth, for teaching and training.
    #[cfg(feature = "demo")]
    #[command(hide = true)]
    Scene(scene::SceneArgs),
    /// Write the manual pages; packages install them.
    #[command(hide = true)]
    Manual(manual::ManualArguments),
}

/// Arguments that choose the configuration and the state directory.
#[derive(Clone, Debug, Args)]
struct Configured {
    /// The configuration file; without it the built-in default, the demo with the built-in scene.
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Store state here instead of in device.state_dir.
    #[arg(long, value_name = "DIR", global = true)]
    state_dir: Option<PathBuf>,
}

impl Configured {
    fn options(&self) -> Options {
        Options { config: self.config.clone(), state_dir: self.state_dir.clone(), ..Options::default() }
    }

    /// The state directory with the service's socket. A faulty configuration is accepted, because asking
    /// needs no more.
    fn dir(&self) -> PathBuf {
        self.options().state_dir()
    }

    /// The state directory for opening the store: a configuration with faults is refused.
    fn sound_dir(&self) -> Result<PathBuf, Faults> {
        match &self.state_dir {
            Some(dir) => Ok(dir.clone()),
            None => Ok(self.options().load()?.device.state_dir),
        }
    }
}

/// Parses the arguments, runs the subcommand, and returns its exit code.
pub fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().skip(1).collect();
    let parsed = Arguments::try_parse()
        .unwrap_or_else(|error| suggest::completed(error, &Arguments::command(), &typed).exit());
    let outcome = match parsed.command {
        CliCommand::Run(arguments) => run::run(&arguments),
        CliCommand::Check(arguments) => check::run(&arguments),
        CliCommand::Doctor(arguments) => doctor::run(&arguments),
        CliCommand::Status(arguments) => live::status::run(&arguments),
        CliCommand::Alarm(arguments) => live::alarm::run(&arguments),
        CliCommand::Intake(arguments) => live::intake::run(&arguments),
        CliCommand::Product(arguments) => live::product::run(&arguments),
        CliCommand::Command(arguments) => command::run(&arguments),
        CliCommand::Trigger(arguments) => live::trigger::run(&arguments),
        CliCommand::Reload(arguments) => live::reload::run(&arguments),
        CliCommand::Restart(arguments) => live::restart::run(&arguments),
        CliCommand::Logs(arguments) => live::logs::run(&arguments),
        CliCommand::Log(arguments) => live::log::run(&arguments),
        CliCommand::Top(arguments) => live::top::run(&arguments),
        CliCommand::Stop(arguments) => live::stop::run(&arguments),
        CliCommand::Console(arguments) => live::console::run(&arguments),
        CliCommand::Golden(arguments) => golden::run(&arguments),
        CliCommand::Faces(arguments) => faces::run(&arguments),
        CliCommand::Models(arguments) => models::run(&arguments),
        CliCommand::Attendance(arguments) => attendance::run(&arguments),
        CliCommand::Replay(arguments) => replay::run(&arguments),
        CliCommand::Batch(arguments) => batch::run(&arguments),
        CliCommand::Jobs(arguments) => jobs::run(&arguments),
        CliCommand::Bench(arguments) => bench::run(&arguments),
        CliCommand::Users(arguments) => users::run(&arguments),
        CliCommand::Backup(arguments) => backup::run(&arguments),
        CliCommand::Restore(arguments) => backup::run_restore(&arguments),
        CliCommand::Provision(arguments) => provision::run(&arguments),
        #[cfg(feature = "demo")]
        CliCommand::Scene(arguments) => scene::run(&arguments),
        #[cfg(feature = "demo")]
        CliCommand::Simulate(arguments) => simulate::run(&arguments),
        CliCommand::Schema(arguments) => schema::run(&arguments),
        CliCommand::Completions(arguments) => manual::completions(&arguments),
        CliCommand::Manual(arguments) => manual::manual(&arguments),
    };
    match outcome {
        Ok(()) => ExitCode::from(Exit::Ok.code() as u8),
        Err(error) => {
            output::complain(format_args!("ocellus: {}", output::chain(&error)));
            ExitCode::from(exit_of(&error).code() as u8)
        }
    }
}

/// The exit code for an error; docs/command-line.md has the table.
fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<Faults>() || error.is::<run::LevelFault>() {
        return Exit::Config;
    }
    if error.is::<StoreError>() || matches!(error.downcast_ref(), Some(GoldenError::Store(_))) {
        return Exit::State;
    }
    if error.is::<EngineError>() || matches!(error.downcast_ref(), Some(ProgramError::Engine(_))) {
        return Exit::Model;
    }
    if error.is::<DoctorFault>() || error.is::<UnhealthyQueue>() {
        return Exit::Unsound;
    }
    if error.is::<ModelFault>() {
        return Exit::Model;
    }
    match error.downcast_ref::<FacesFault>() {
        Some(FacesFault::Held { .. }) => return Exit::State,
        Some(FacesFault::Refused(refusal)) => return faces::exit_of(refusal.code),
        _ => {}
    }
    if error.is::<EvidenceError>() {
        return Exit::Evidence;
    }
    match error.downcast_ref::<GoldenFault>() {
        Some(GoldenFault::Held { .. }) => return Exit::State,
        Some(GoldenFault::Worse { .. }) => return Exit::Worse,
        _ => {}
    }
    if let Some(fault) = error.downcast_ref::<BatchFault>() {
        return fault.exit();
    }
    match error.downcast_ref::<ReplayFault>() {
        Some(ReplayFault::Differs { .. }) => return Exit::Differs,
        Some(ReplayFault::Model { .. }) => return Exit::Model,
        Some(ReplayFault::NoRecipe { .. }) => return Exit::Evidence,
        None => {}
    }
    if let Some(fault) = error.downcast_ref::<run::daemon::DaemonFault>() {
        return fault.exit();
    }
    if error.is::<live::console::ConsoleFault>() {
        return Exit::Usage;
    }
    if error.is::<live::stop::StillRunning>() {
        return Exit::Drain;
    }
    match error.downcast_ref::<AskError>() {
        Some(AskError::NotRunning { .. } | AskError::Broken { .. }) => return Exit::Away,
        Some(AskError::Refused(failure)) if failure.code == "queue_full" => return Exit::Full,
        Some(AskError::Refused(failure)) => return faces::exit_of(&failure.code),
        None => {}
    }
    match error.downcast_ref::<ServiceError>() {
        Some(ServiceError::Config(_)) => Exit::Config,
        Some(ServiceError::Engine(_) | ServiceError::Executor(_)) => Exit::Model,
        Some(ServiceError::Store(_)) => Exit::State,
        Some(ServiceError::Supervisor(SupervisorError::Essential { .. } | SupervisorError::Work { .. })) => {
            Exit::Unit
        }
        Some(ServiceError::Drain(_)) => Exit::Drain,
        _ => Exit::Other,
    }
}
