//! Resolves relative paths of the configuration, and reads what the machine offers (cores, host name).

use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults};
use super::text::{self, TextFault, TextFileError};
use super::value::PlacedValue;

/// Folder in which the package installs its models.
const SHARE: &str = "/usr/share/ocellus";

/// The folders that are searched for relative paths, in order.
pub(crate) struct Files {
    roots: Vec<PathBuf>,
    /// Files that count as existing, because they are written together with the configuration.
    coming: Vec<PathBuf>,
}

impl Files {
    /// Searches beside the configuration (`base`), then in the working directory, then in the package's
    /// folder.
    pub(crate) fn new(base: &Path) -> Files {
        let base = if base.as_os_str().is_empty() { Path::new(".") } else { base };
        Files { roots: vec![base.to_owned(), PathBuf::from("."), PathBuf::from(SHARE)], coming: Vec::new() }
    }

    /// The same, where `coming` will exist once the configuration is in place.
    pub(crate) fn with_coming(self, coming: &[PathBuf]) -> Files {
        Files { coming: coming.to_vec(), ..self }
    }

    /// The existing file that `field` names. Where there is none, notes a fault that lists every path that
    /// was tried.
    pub(crate) fn existing(&self, field: &PlacedValue<'_, '_>) -> Option<PathBuf> {
        self.existing_or(field, |_| "put the file there, or correct the path".into())
    }

    /// The same with another remedy: `remedy` receives the path where the file should be put.
    pub(crate) fn existing_or(
        &self,
        field: &PlacedValue<'_, '_>,
        remedy: impl FnOnce(&Path) -> String,
    ) -> Option<PathBuf> {
        let text = field.text()?;
        let candidates = self.candidates(Path::new(text));
        if let Some(found) = candidates.iter().find(|path| self.coming.contains(path) || path.is_file()) {
            return Some(found.clone());
        }
        let places: Vec<_> = candidates.iter().map(|path| path.display().to_string()).collect();
        let reason = match candidates.iter().find(|path| path.is_dir()) {
            Some(folder) => format!("{} is a folder, not a file", folder.display()),
            None => format!("no such file: looked at {}", places.join(", ")),
        };
        let has_folder = |path: &&PathBuf| path.parent().is_some_and(Path::is_dir);
        let place = candidates.iter().find(has_folder).unwrap_or(&candidates[0]);
        field.fault(reason, remedy(place));
        None
    }

    /// `path` where it exists, otherwise the same path beside the configuration.
    pub(crate) fn resolve(&self, path: &Path) -> PathBuf {
        let mut candidates = self.candidates(path);
        let found = candidates.iter().position(|path| path.exists()).unwrap_or(0);
        candidates.swap_remove(found)
    }

    fn candidates(&self, path: &Path) -> Vec<PathBuf> {
        if path.is_absolute() {
            return vec![path.to_owned()];
        }
        let mut candidates: Vec<PathBuf> = Vec::new();
        for root in &self.roots {
            let candidate = if root == Path::new(".") { path.to_owned() } else { root.join(path) };
            if !candidates.contains(&candidate) {
                candidates.push(candidate);
            }
        }
        candidates
    }
}

/// The text of the file at `path`. Errors: it cannot be opened (with `remedy`), is far too large, or is not
/// UTF-8.
pub(crate) fn read_text(path: &Path, remedy: &str) -> Result<String, Faults> {
    text::read(path).map_err(|error| Faults(vec![text_fault(error, remedy)]))
}

/// The error of a text file as a fault of the configuration; `remedy` applies where it cannot be opened.
pub(crate) fn text_fault(TextFileError { path, fault }: TextFileError, remedy: &str) -> Fault {
    let remedy = match &fault {
        TextFault::Read(error) if error.kind() != std::io::ErrorKind::IsADirectory => remedy,
        other => other.remedy(),
    };
    let (line, column) = fault.place();
    Fault { line, column, ..Fault::whole(&path, fault.to_string(), remedy) }
}

/// The host name as a topic level; characters that MQTT does not allow there become `-`.
pub(crate) fn host_name() -> String {
    let uname = rustix::system::uname();
    let name: String = uname.nodename().to_string_lossy().chars().map(plain).take(64).collect();
    if name.is_empty() { "ocellus".to_owned() } else { name }
}

fn plain(c: char) -> char {
    if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }
}
