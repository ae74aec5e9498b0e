//! `ocellus doctor`: examines the box and names each fault with its cause and remedy.

mod bundle;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;

use super::{CliOutput, Configured, check, output};
use crate::config::{Config, Faults};
use crate::examine::{self, Asked, Check, CheckResult, Machine, Note, Report, Severity};
use crate::types::{Clock, Explanation, SystemClock, rfc3339};

/// All checks end within this time; one that does not is reported as hanging.
const DEADLINE: Duration = Duration::from_secs(27);
/// How long reading the recipes may take.
const RECIPES: Duration = Duration::from_secs(10);

/// Checks that would disturb a running service are left to it: it is asked. All checks together end within 30 s; one that
/// hangs is named. The exit code is 15 if a fault was found.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    configured: Configured,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// Also write an archive for those who help from afar: the report, configuration, status, telemetry of the last hour, log,
    /// versions and sizes, without secrets, pictures or names of people. `-` writes it to standard output in place of the report.
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// The service's log for the archive, where it is neither in the file of the configuration (log.file) nor in the journal.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    log: Option<PathBuf>,
    /// Read the kernel's files (proc, sys, run) below this folder, such as those that another machine sent.
    #[arg(long, value_name = "DIR", hide = true)]
    system_root: Option<PathBuf>,
}

/// The box has at least one fault; all are printed.
#[derive(Debug, thiserror::Error)]
#[error("{faults} found; each is printed with its remedy")]
pub(super) struct DoctorFault {
    faults: String,
}

pub(super) fn run(arguments: &DoctorArgs) -> anyhow::Result<()> {
    // Before anything is examined: a file that cannot be written is known at once.
    let target = arguments.bundle.as_deref().map(bundle::Target::open).transpose()?;
    let (report, config) = examined(arguments);
    let words = in_words(&report);
    let mut output = CliOutput::new(words, serde_json::to_value(&report)?);
    if !report.ok {
        output.fault = Some(DoctorFault { faults: output::count(report.faults, "fault") }.into());
    }
    let Some(target) = target else { return output::output(arguments.json, Ok(output)) };
    let shown = !target.is_stdout();
    let written = target.write(arguments, config, report)?;
    if !shown {
        return output.fault.map_or(Ok(()), Err);
    }
    output.words = format!("{}\n{written}", output.words);
    output::output(arguments.json, Ok(output))
}

/// Runs every check. Returns the report, and the configuration as far as it can be read.
fn examined(arguments: &DoctorArgs) -> (Report, Config) {
    let (begun, time) = (Instant::now(), rfc3339(SystemClock.now().wall_ns));
    let Configured { config, state_dir } = &arguments.configured;
    let (config, faults) = Config::with_faults(config.as_deref(), state_dir.as_deref());
    let asked = examine::ask(&config.device.state_dir);
    let answered = matches!(asked, Asked::Answered { .. });
    let machine = arguments.system_root.as_ref().map_or_else(Machine::default, Machine::at);
    let mut checks = examine::checks(&config, &faults, asked, &machine);
    checks.push(recipes(config.clone()));
    let results = examine::run(checks, begun + DEADLINE);
    (Report::new(time, answered, begun.elapsed().as_millis() as u64, results), config)
}

/// Every recipe of every camera that inspects.
fn recipes(config: Config) -> Check {
    Check::new("recipes", "inspect.recipes", RECIPES, move || match check::check_recipes(&config) {
        Ok(()) => Vec::new(),
        Err(Faults(faults)) => faults
            .into_iter()
            .map(|fault| {
                let place = format!("{}:{}:{}", fault.file, fault.line, fault.column);
                Note::fault(place, Explanation::new(format!("{}: {}", fault.key, fault.reason), fault.remedy))
            })
            .collect(),
    })
}

fn in_words(report: &Report) -> String {
    let mut lines: Vec<String> = report.checks.iter().map(line).collect();
    let ok = report.checks.iter().filter(|check| check.state == Severity::Ok).count();
    lines.push(format!(
        "{}, {}, {ok} ok, in {:.1} s{}",
        output::count(report.faults, "fault"),
        output::count(report.warnings, "warning"),
        report.took_ms as f64 / 1_000.0,
        if report.service { "; the running service was asked" } else { "" }
    ));
    lines.join("\n")
}

fn line(result: &CheckResult) -> String {
    let CheckResult { check, state, place, cause, remedy, .. } = result;
    let at = if place.is_empty() || cause.contains(place.as_str()) {
        String::new()
    } else {
        format!("{}: ", place.trim_end_matches(':'))
    };
    let next = if remedy.is_empty() { String::new() } else { format!("\n    next: {remedy}") };
    format!("{:<8} {check}: {at}{cause}{next}", state.as_str())
}
