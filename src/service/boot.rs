//! What the service starts from: the configured file; if that cannot be used, the last configuration that was
//! applied; if there is none, as much of the file as lets the service report what is wrong.
//!
//! ```text
//! file ──faults──▶ last applied ──none, or faults──▶ bare: page, MQTT and commands, no camera
//!   └─a model cannot be used─▶ last applied, where it is another ─▶ partly: without that model's cameras
//! ```

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Options;
use super::last_applied::{self, LastApplied};
use crate::config::{Config, Faults};

/// Faults that a message names; `ocellus check` lists all of them.
const NAMED: usize = 8;

/// What a start rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Basis {
    /// The configuration file, with all its cameras.
    File,
    /// The last configuration that was applied, whole.
    LastApplied,
    /// One of the two above, without the cameras whose models cannot be used.
    Partly,
    /// No camera, because no configuration can be used.
    Bare,
}

/// A configuration to start from, and, if it is not the file's, the reason.
pub struct Boot {
    pub(super) config: Config,
    pub(super) basis: Basis,
    pub(super) fault: Option<String>,
    /// The file's configuration, if it could be read, while another one is in use.
    file: Option<Config>,
}

impl Boot {
    /// Chooses the configuration that `options` name, or its replacement. The faults go to standard error for
    /// a person who started the service by hand; the log and an alarm repeat them.
    ///
    /// # Errors
    /// The faults, if `options` are strict.
    pub fn choose(options: &Options) -> Result<Boot, Faults> {
        match options.load() {
            Ok(config) => Ok(Boot { config, basis: Basis::File, fault: None, file: None }),
            Err(faults) if options.strict => Err(faults),
            Err(faults) => {
                // The reader may be gone: `run --daemon` leaves once the service is ready.
                let _ = writeln!(std::io::stderr(), "ocellus: {faults}");
                Ok(Boot::fallback(options, &brief(&faults)))
            }
        }
    }

    /// The log level of this configuration.
    pub fn log_level(&self) -> &str {
        &self.config.log.level
    }

    /// What to start from after the engine refused a model because of `cause`; `None` to give up.
    pub(super) fn after(self, options: &Options, cause: &str) -> Option<Boot> {
        let said = |what: &str| format!("{what} cannot be used: {cause}");
        match self.basis {
            _ if options.strict => None,
            Basis::Partly | Basis::Bare => None,
            Basis::LastApplied => {
                let last = said("the configuration that was applied last");
                let fault = self.fault.map_or(last.clone(), |fault| format!("{fault}\n{last}"));
                let config = self.file.unwrap_or(self.config);
                Some(Boot { config, basis: Basis::Partly, fault: Some(fault), file: None })
            }
            Basis::File => {
                let fault = said(&options.file_name());
                match last_applied::load(&self.config.device.state_dir) {
                    Ok(Some(last)) if last.config.hash != self.config.hash => {
                        Some(Boot { file: Some(self.config), ..Boot::of_last(last, &fault) })
                    }
                    _ => Some(Boot {
                        config: self.config,
                        basis: Basis::Partly,
                        fault: Some(fault),
                        file: None,
                    }),
                }
            }
        }
    }

    fn fallback(options: &Options, fault: &str) -> Boot {
        let bare = options.salvage();
        let why = match last_applied::load(&bare.device.state_dir) {
            Ok(Some(last)) => return Boot::of_last(last, fault),
            Ok(None) => "no configuration was applied on this device before".to_owned(),
            Err(error) => format!("the configuration that was applied last cannot be used either: {error}"),
        };
        let fault = format!("{fault}\n{why}: no camera runs until {}", options.next_step());
        Boot { config: bare, basis: Basis::Bare, fault: Some(fault), file: None }
    }

    fn of_last(last: LastApplied, fault: &str) -> Boot {
        let LastApplied { config, applied_at } = last;
        let fault =
            format!("{fault}\nthe configuration that was applied at {applied_at} is in force instead");
        Boot { config, basis: Basis::LastApplied, fault: Some(fault), file: None }
    }
}

impl Options {
    /// The state directory, which is known even if the configuration has faults.
    pub fn state_dir(&self) -> PathBuf {
        match (&self.state_dir, self.load()) {
            (Some(dir), _) => dir.clone(),
            (None, Ok(config)) => config.device.state_dir,
            (None, Err(_)) => self.salvage().device.state_dir,
        }
    }

    /// The file's name for messages.
    pub(super) fn file_name(&self) -> String {
        self.config.as_ref().map_or("the built-in default".into(), |path| path.display().to_string())
    }

    fn next_step(&self) -> String {
        format!(
            "{} is mended and read again: `ocellus reload`, systemctl reload ocellus or SIGHUP",
            self.file_name()
        )
    }

    /// The parts of the file that can be used.
    fn salvage(&self) -> Config {
        let mut config = match &self.config {
            Some(path) => Config::salvage_file(path),
            None => Config::salvage(Config::default_text(), Path::new("built-in default"), Path::new("")),
        };
        if let Some(dir) = &self.state_dir {
            config.device.state_dir.clone_from(dir);
        }
        config
    }
}

/// The first faults, and the number of the others.
pub(super) fn brief(faults: &Faults) -> String {
    let named = faults.0.iter().take(NAMED).map(ToString::to_string).collect::<Vec<_>>().join("\n");
    match faults.0.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}\nand {more} more; `ocellus check` lists them all"),
    }
}
