//! `ocellus doctor --bundle`: writes the archive into a new file that only its owner can read, or to standard output.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};

use super::DoctorArgs;
use crate::cli::output;
use crate::commands::Command;
use crate::commands::top::HourOut;
use crate::config::Config;
use crate::control::ask_within;
use crate::examine::{self, BundleInput, Report, write_bundle};

/// How long the service may take to give its telemetry.
const PATIENCE: Duration = Duration::from_secs(4);

/// Where the archive goes.
pub(super) enum Target {
    /// Standard output, which is no terminal.
    Stdout,
    /// A new file at this path.
    File(PathBuf, File),
}

impl Target {
    /// Makes the file at `path`, which must not exist yet; `-` is standard output.
    pub(super) fn open(path: &Path) -> anyhow::Result<Target> {
        if path == Path::new("-") {
            if io::stdout().is_terminal() {
                bail!("the archive is not written to a terminal; name a file, or redirect the output");
            }
            return Ok(Target::Stdout);
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        let file = file.with_context(|| match path.exists() {
            true => format!("{} exists already; name another file", path.display()),
            false => {
                format!("{} cannot be written; name a file in a folder that you may write", path.display())
            }
        })?;
        Ok(Target::File(path.to_owned(), file))
    }

    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Target::Stdout)
    }

    /// Writes the archive. Returns what to tell the person.
    pub(super) fn write(
        self,
        arguments: &DoctorArgs,
        config: Config,
        report: Report,
    ) -> anyhow::Result<String> {
        let log = match &arguments.log {
            Some(file) => vec![file.clone()],
            None => {
                let options = arguments.configured.options();
                options.log_file_to_read(&config).map(|file| file.paths().collect()).unwrap_or_default()
            }
        };
        // A service that does not answer has been found by the checks.
        let hour = ask_within::<HourOut>(&config.device.state_dir, &Command::Hour, PATIENCE);
        let input = BundleInput {
            hour: hour.map(|hour| hour.lines).unwrap_or_default(),
            // Asked again, because the first answer is used up, and what it says now is newer.
            asked: examine::ask(&config.device.state_dir),
            config,
            config_file: arguments.configured.config.clone(),
            log,
            report,
        };
        match self {
            Target::Stdout => {
                write_bundle(&input, io::stdout().lock()).context("the archive cannot be written")?;
                Ok(String::new())
            }
            Target::File(path, file) => {
                let mut out = BufWriter::new(file);
                let written = write_bundle(&input, &mut out).and_then(|facts| {
                    out.flush()?;
                    out.get_ref().sync_all()?;
                    Ok(facts)
                });
                let facts = written.inspect_err(|_| drop(fs::remove_file(&path)));
                let facts = facts.with_context(|| format!("{} cannot be written", path.display()))?;
                let parts = output::count(facts.parts, "file");
                Ok(format!(
                    "{}: {parts}, {} KiB of text; secrets were removed, look it through before you send it",
                    path.display(),
                    facts.bytes >> 10
                ))
            }
        }
    }
}
