//! Backgrounds that are named by a pattern, such as `shop/*.jpg`: looked for when the job runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use serde::{Deserialize, Serialize};

use super::files;
use crate::jobs::kind::JobFailure;
use crate::types::{Explanation, Origin, Refusal};

/// How a name is matched: hidden files are left out.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
/// The characters that make a name a pattern.
const WILDCARDS: [char; 3] = ['*', '?', '['];
/// The most entries of a folder that are looked at.
const MOST_SEEN: usize = 100_000;

/// Pictures of one folder that a pattern names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PicturePattern {
    /// The pattern as a path: only its last part has wildcards. A file of just this name goes first.
    path: PathBuf,
}

impl PicturePattern {
    /// The pattern that `name` is; `None` where it is a plain name.
    ///
    /// # Errors
    /// The pattern reaches outside of `folder`, or is none.
    pub(super) fn read(
        name: &str,
        folder: Option<&Path>,
        origin: Origin,
    ) -> Result<Option<PicturePattern>, Refusal> {
        if !name.contains(WILDCARDS) {
            return Ok(None);
        }
        let bad = |cause: &str, remedy: &str| Refusal::new("bad_job", format!("{name:?}: {cause}"), remedy);
        let path = files::resolve(name, folder, origin)?;
        // To a pattern, `.?` and `.*` also mean the folder above.
        if Path::new(name).is_relative() && name.split('/').any(|part| part.starts_with('.')) {
            return Err(bad("a part begins with a dot", "name folders and files that are not hidden"));
        }
        let (parent, last) = name.rsplit_once('/').unwrap_or(("", name));
        if parent.contains(['*', '?']) {
            return Err(bad("a pattern stays within one folder", "name the folder: shop/*.jpg"));
        }
        if !last.contains(WILDCARDS) {
            return Ok(None);
        }
        Pattern::new(last).map_err(|error| bad(error.msg, "write it as in a shell, such as shop/*.jpg"))?;
        Ok(Some(PicturePattern { path }))
    }

    /// The files that match, by name.
    ///
    /// # Errors
    /// None does, there are more than `most`, the folder cannot be read, or `is_stopped` says so.
    pub(super) fn files(
        &self,
        most: usize,
        is_stopped: impl Fn() -> bool,
    ) -> Result<Vec<PathBuf>, JobFailure> {
        if self.path.is_file() {
            return Ok(vec![self.path.clone()]);
        }
        let failed = |cause: String, remedy: &str| {
            JobFailure::lasting(Explanation::new(
                format!("background {}: {cause}", self.path.display()),
                remedy,
            ))
        };
        let unread = |error: io::Error| {
            failed(
                format!("the folder cannot be read ({error})"),
                "check that it is there and that the service's user may read it",
            )
        };
        let last = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let pattern =
            Pattern::new(last).map_err(|error| failed(error.msg.to_owned(), "correct the pattern"))?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut files = Vec::new();
        for (seen, entry) in fs::read_dir(folder).map_err(unread)?.enumerate() {
            if is_stopped() {
                return Err(JobFailure::Stopped);
            } else if seen == MOST_SEEN {
                let cause = format!("the folder has more than {MOST_SEEN} entries");
                return Err(failed(cause, "keep the backgrounds in a folder of their own"));
            }
            let name = entry.map_err(unread)?.file_name();
            if !name.to_str().is_some_and(|name| pattern.matches_with(name, OPTIONS)) {
                continue;
            }
            let path = folder.join(name);
            if !path.is_file() {
                continue;
            }
            if files.len() == most {
                let cause = format!("it matches more files than the {most} that may be left");
                return Err(failed(cause, "name fewer pictures, or split the job"));
            }
            files.push(path);
        }
        if files.is_empty() {
            return Err(failed("no file matches".to_owned(), "check the pattern and the folder"));
        }
        files.sort_unstable();
        Ok(files)
    }

    /// The pattern in the words of a request.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }
}
