//! Backgrounds that are named by a pattern, such as `shop/*.jpg`: looked for when the job runs.

use std::path::{Path, PathBuf};

use glob::{MatchOptions, Pattern};
use serde::{Deserialize, Serialize};

use super::files;
use crate::jobs::kind::JobFailure;
use crate::types::{Explanation, Origin, Refusal};

/// How a pattern is matched: `*` stays within one folder, and hidden files are left out.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// Pictures that a pattern names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PicturePattern {
    /// The pattern as a path: a file of just this name goes first.
    path: PathBuf,
    /// The same for matching, where the letters of the folder mean themselves.
    pattern: String,
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
        if !name.contains(['*', '?', '[']) {
            return Ok(None);
        }
        let bad = |cause: &str, remedy: &str| Refusal::new("bad_job", format!("{name:?}: {cause}"), remedy);
        if name.contains("**") {
            return Err(bad("a pattern cannot reach through all folders", "name the folder: shop/*.jpg"));
        }
        let path = files::resolve(name, folder, origin)?;
        let pattern = match folder.filter(|_| Path::new(name).is_relative()).and_then(Path::to_str) {
            Some(folder) => format!("{}/{name}", Pattern::escape(folder)),
            None => name.to_owned(),
        };
        Pattern::new(&pattern)
            .map_err(|error| bad(error.msg, "write it as in a shell, such as shop/*.jpg"))?;
        Ok(Some(PicturePattern { path, pattern }))
    }

    /// The files that match, by name.
    ///
    /// # Errors
    /// None does, there are more than `most`, or the folder cannot be read.
    pub(super) fn files(&self, most: usize) -> Result<Vec<PathBuf>, JobFailure> {
        if self.path.is_file() {
            return Ok(vec![self.path.clone()]);
        }
        let failed = |cause: String, remedy: &str| {
            JobFailure::lasting(Explanation::new(
                format!("background {}: {cause}", self.path.display()),
                remedy,
            ))
        };
        let found = glob::glob_with(&self.pattern, OPTIONS);
        let found = found.map_err(|error| failed(error.msg.to_owned(), "correct the pattern"))?;
        let mut files = Vec::new();
        for path in found {
            let path = path.map_err(|error| {
                failed(error.to_string(), "check that the service's user may read the folder")
            })?;
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
        Ok(files)
    }

    /// The pattern in the words of a request.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }
}
