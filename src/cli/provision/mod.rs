//! `ocellus provision`: gives a new box its name, broker, certificates and users from a folder, such as that of
//! a USB stick. Everything is checked before anything is written, and applied whole or not at all.

pub(super) mod install;
mod plan;

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{CliOutput, output};
use crate::config::{Config, Faults};
use crate::service::{Options, ProvisionOutcome, ProvisionRecord};
use crate::types::{Clock, SystemClock, rfc3339};
use install::InstallError;
use plan::ProvisionPlan;

/// DIR holds provision.toml and the files that it names. On a device that is provisioned already nothing
/// changes, unless --again is given.
#[derive(Debug, Args)]
pub(super) struct ProvisionArgs {
    /// The folder with provision.toml; without it only a provisioning that was interrupted is finished.
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// The configuration to change; where there is none, the sample is the beginning.
    #[arg(long, value_name = "FILE", default_value = "/etc/ocellus/ocellus.toml")]
    config: PathBuf,
    /// The state directory, instead of device.state_dir of the configuration.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// Provision a device that is provisioned already.
    #[arg(long)]
    again: bool,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
enum ProvisionFault {
    /// The files of the folder, or the configuration that they would make, have faults.
    #[error("nothing of {} was applied:\n{faults}", .folder.display())]
    Faults {
        /// The folder with the provisioning file.
        folder: PathBuf,
        /// Every fault, with its place.
        faults: Faults,
    },
    /// The new files cannot be written.
    #[error(transparent)]
    Install(#[from] InstallError),
}

impl ProvisionFault {
    /// Each fault in one line.
    fn lines(&self) -> Vec<String> {
        match self {
            ProvisionFault::Faults { faults, .. } => {
                faults.0.iter().map(|fault| fault.to_string().replace("\n    next: ", "; ")).collect()
            }
            ProvisionFault::Install(error) => vec![error.to_string()],
        }
    }
}

pub(super) fn run(arguments: &ProvisionArgs) -> anyhow::Result<()> {
    output::output(arguments.json, outcome(arguments))
}

fn outcome(arguments: &ProvisionArgs) -> anyhow::Result<CliOutput> {
    let config_file = std::path::absolute(&arguments.config)?;
    let state_dir = state_dir(arguments, &config_file);
    let finished = install::finish(&config_file, &state_dir).map_err(ProvisionFault::from)?;
    let Some(folder) = &arguments.folder else {
        let words = match finished {
            true => "an interrupted provisioning is finished",
            false => "nothing to do: no provisioning was interrupted",
        };
        return Ok(CliOutput::new(words, json!({ "ok": true, "outcome": "nothing", "finished": finished })));
    };
    // The record is read by others, who have another working directory.
    let folder = &std::path::absolute(folder)?;
    // A record that cannot be read is no reason to leave the device as it is.
    let known = ProvisionRecord::load(&state_dir).ok().flatten();
    if let Some(done) = known.filter(|known| known.outcome == ProvisionOutcome::Applied && !arguments.again) {
        let words = format!(
            "nothing to do: this device was provisioned at {} from {}; --again applies {} all the same",
            done.at,
            done.folder.display(),
            folder.display()
        );
        return Ok(CliOutput::new(words, json!({ "ok": true, "outcome": "nothing", "at": done.at })));
    }
    match apply(arguments, folder, &config_file) {
        Ok(plan) => Ok(applied(folder, &plan)),
        Err(fault) => {
            note_failure(&fault, folder, &state_dir);
            Err(fault.into())
        }
    }
}

/// The state directory that the service uses now.
fn state_dir(arguments: &ProvisionArgs, config_file: &Path) -> PathBuf {
    let config = Some(config_file.to_owned()).filter(|file| file.exists());
    match (&arguments.state_dir, config) {
        (Some(dir), _) => dir.clone(),
        (None, Some(_)) => Options { config: Some(config_file.to_owned()), ..Options::default() }.state_dir(),
        (None, None) => Config::salvage(Config::default_text(), config_file, Path::new("")).device.state_dir,
    }
}

fn apply(
    arguments: &ProvisionArgs,
    folder: &Path,
    config_file: &Path,
) -> Result<ProvisionPlan, ProvisionFault> {
    let plan = ProvisionPlan::make(folder, config_file, arguments.state_dir.as_deref())
        .map_err(|faults| ProvisionFault::Faults { folder: folder.into(), faults })?;
    install::install(config_file, &plan.state_dir, &plan.files)?;
    Ok(plan)
}

fn applied(folder: &Path, plan: &ProvisionPlan) -> CliOutput {
    let written: Vec<_> = plan.files.iter().map(|file| file.to.display().to_string()).collect();
    let words = format!(
        "provisioned from {}: {}\nwritten: {}\nnext: the service uses it from its next start; where it runs already: \
         systemctl restart ocellus",
        folder.display(),
        plan.contents.join(", "),
        written.join(", ")
    );
    let json = json!({ "ok": true, "outcome": "applied", "device": plan.device, "written": written });
    CliOutput::new(words, json)
}

/// Leaves the failure for the service, which raises an alarm. The device starts all the same.
fn note_failure(fault: &ProvisionFault, folder: &Path, state_dir: &Path) {
    let mut record = ProvisionRecord::new(ProvisionOutcome::Failed, now(), folder);
    record.faults = fault.lines();
    if let Err(error) = install::write_record(state_dir, &record) {
        output::complain(format_args!("ocellus: the failure cannot be recorded: {error}"));
    }
}

fn now() -> String {
    rfc3339(SystemClock.now().wall_ns)
}
