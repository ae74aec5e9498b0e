//! As much of a configuration as can be read, with its faults, for an examination of the box: a fault in one section must
//! not hide those of the others.

use std::path::Path;

use super::super::raw::Doc;
use super::{Coming, Config, Faults, files, read};

impl Config {
    /// Reads the file at `path`, or the built-in default, with `state_dir` in the place of `device.state_dir`. Where the
    /// faults name a key, the value of that key is not to be relied on: `camera[0].source`, `model.scene.path`. A file
    /// that is no TOML gives what [`Config::salvage`] recovers.
    pub fn with_faults(path: Option<&Path>, state_dir: Option<&Path>) -> (Config, Faults) {
        let (file, base) = match path {
            Some(path) => (path, path.parent().unwrap_or(Path::new(""))),
            None => (Path::new("built-in default"), Path::new(".")),
        };
        let text = match path {
            Some(path) => files::read_text(
                path,
                "check the path after --config, and run this as root or as the service's user",
            ),
            None => Ok(Config::default_text().to_owned()),
        };
        let coming = Coming { state_dir: state_dir.map(Path::to_owned), ..Coming::default() };
        let (mut config, faults) = match &text {
            Err(faults) => (Config::salvage("", file, base), faults.clone()),
            Ok(text) => {
                let doc = Doc::read(file, text);
                let config = match doc.is_sound() {
                    true => read(&doc, base, text, &coming),
                    false => Config::salvage(text, file, base),
                };
                (config, Faults(doc.into_faults()))
            }
        };
        if let Some(dir) = state_dir {
            config.device.state_dir = dir.to_owned();
        }
        if config.text.is_empty() {
            config.text = super::super::shown::shown_text(&text.unwrap_or_default());
        }
        (config, faults)
    }
}
