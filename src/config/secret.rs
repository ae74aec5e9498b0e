//! Reads passwords from separate files and systemd credentials.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::text::{self, TextFileError};
use crate::types::Explanation;

/// A password that could not be read, with a remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.explanation())]
pub struct PasswordError {
    /// What went wrong, with the file's path.
    pub what: String,
    /// What to do next.
    pub next: &'static str,
}

impl PasswordError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        Explanation::new(self.what.as_str(), self.next)
    }
}

/// Reads the first line of `file`; `credential:NAME` means systemd's `$CREDENTIALS_DIRECTORY/NAME`. It is
/// read for each connection, so that a new password needs no restart. Errors: the file is missing or
/// unreadable.
pub fn read_password(file: &Path) -> Result<String, PasswordError> {
    read_secret(file, "password file").map(|text| text::first_line(&text).to_owned())
}

/// Reads the text of `file`, which messages call `what`; `credential:NAME` as in [`read_password`]. Errors: the file is
/// missing or unreadable.
pub fn read_secret(file: &Path, what: &str) -> Result<String, PasswordError> {
    let path = match file.to_str().and_then(|text| text.strip_prefix("credential:")) {
        None => file.to_path_buf(),
        Some(name) => {
            let directory = std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| PasswordError {
                what: format!("the credential {name} is missing: CREDENTIALS_DIRECTORY is not set"),
                next: "add LoadCredential= to the systemd unit, or name a file in its place",
            })?;
            PathBuf::from(directory).join(name)
        }
    };
    let unread = |error: io::Error| PasswordError {
        what: format!("the {what} {} cannot be read ({error})", path.display()),
        next: "create it, readable for the service's user only",
    };
    let mode = std::fs::metadata(&path).map_err(unread)?.permissions().mode();
    if mode & 0o004 != 0 {
        let file = path.display();
        tracing::warn!("the {what} {file} is readable for everyone; run chmod 600 on it");
    }
    text::read(&path).map_err(|TextFileError { path, fault }| PasswordError {
        what: format!("the {what} {} {fault}", path.display()),
        next: fault.remedy(),
    })
}
