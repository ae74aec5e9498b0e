//! The options of a run: which configuration, where the state is, and how the process runs.

use std::path::{Path, PathBuf};

use crate::config::{Coming, Config, Faults, LogConfig};
use crate::telemetry::LogFileSettings;

/// The options of a run of the service.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file, read again at each reload; without one the built-in default.
    pub config: Option<PathBuf>,
    /// Replaces `device.state_dir` of the configuration.
    pub state_dir: Option<PathBuf>,
    /// End the service if the configuration cannot be used, instead of starting from the last one that was
    /// applied.
    pub strict: bool,
    /// File for the number of the process; none by default.
    pub pid_file: Option<PathBuf>,
    /// Whether the process has no terminal and no journal, so that its log needs a file.
    pub detached: bool,
}

impl Options {
    /// Reads the configuration that these options name.
    pub fn load(&self) -> Result<Config, Faults> {
        let built_in = Path::new("built-in default");
        match &self.config {
            Some(path) => Config::load_with(path, self.state_dir.as_deref()),
            None => {
                let coming = Coming { state_dir: self.state_dir.clone(), ..Coming::default() };
                Config::parse_with(Config::default_text(), built_in, Path::new("."), &coming)
            }
        }
    }

    /// The file that `config` wants the log in. A process in the background has one in any case.
    pub(super) fn log_file(&self, config: &Config) -> Option<LogFileSettings> {
        let dir = &config.device.state_dir;
        let usual = || self.detached.then(|| dir.join(LogConfig::USUAL_FILE));
        Some(settings(config, config.log.path(dir).or_else(usual)?))
    }

    /// The file in which the log of a service with these options is, as far as another process can know: the one that
    /// `config` names, or that of a service in the background where it is there.
    pub fn log_file_to_read(&self, config: &Config) -> Option<LogFileSettings> {
        let dir = self.state_dir.as_deref().unwrap_or(&config.device.state_dir);
        let usual = dir.join(LogConfig::USUAL_FILE);
        let path = config.log.path(dir).or_else(|| usual.exists().then_some(usual))?;
        Some(settings(config, path))
    }
}

fn settings(config: &Config, path: PathBuf) -> LogFileSettings {
    LogFileSettings { path, max_bytes: config.log.max_bytes, files: config.log.files }
}
