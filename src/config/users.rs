//! The users of the web page: a file with one line per user, `NAME:ROLE:HASH`, the hash in PHC form
//! (argon2id).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::text::{self, TextFileError};

/// A password with fewer characters is refused.
pub const MIN_PASSWORD: usize = 10;

/// The rights of a user; each role includes those before it.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May read pictures, results and state.
    Viewer,
    /// May also trigger inspections, enrol people and restart components.
    Operator,
    /// May also erase, export and import, and read the configuration and the audit log.
    Admin,
}

impl Role {
    /// Every role, from least to most rights.
    pub const ALL: [Role; 3] = [Role::Viewer, Role::Operator, Role::Admin];

    /// The word for the role in the file and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Operator => "operator",
            Role::Admin => "admin",
        }
    }

    /// The role that `word` names; `None` where it names none.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }
}

/// One user of the web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Name with which the user logs in.
    pub name: String,
    /// The rights of the user.
    pub role: Role,
    /// The password's hash, `$argon2id$…`.
    pub hash: String,
}

/// Why the file of users cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The file cannot be read, or is not text.
    #[error(transparent)]
    Read(#[from] TextFileError),
    /// A line does not describe a user.
    #[error(
        "{}:{line}: {reason}; a line is NAME:ROLE:HASH, as `ocellus users` writes it", .path.display()
    )]
    Line {
        /// Path of the file of users.
        path: PathBuf,
        /// Number of the line, from 1.
        line: usize,
        /// What is wrong with the line.
        reason: &'static str,
    },
}

/// Reads the users in the file at `path`; none where there is no file.
///
/// # Errors
/// [`UsersError`]: the file cannot be read, or a line does not describe a user.
pub fn read(path: &Path) -> Result<Vec<User>, UsersError> {
    match text::read(path) {
        Ok(text) => parse(path, &text),
        Err(error) if error.is_missing() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn parse(path: &Path, text: &str) -> Result<Vec<User>, UsersError> {
    let mut users: Vec<User> = Vec::new();
    let lines = text.lines().map(text::trimmed).enumerate();
    for (index, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let user = user(line).and_then(|user| match users.iter().any(|known| known.name == user.name) {
            true => Err("this name occurs twice"),
            false => Ok(user),
        });
        let line = index + 1;
        users.push(user.map_err(|reason| UsersError::Line { path: path.to_owned(), line, reason })?);
    }
    Ok(users)
}

fn user(line: &str) -> Result<User, &'static str> {
    let mut parts = line.splitn(3, ':');
    let (name, role, hash) = (parts.next(), parts.next(), parts.next());
    let name = name.filter(|name| is_name(name)).ok_or("the name cannot be one")?;
    let role = role.and_then(Role::from_word).ok_or("the role is not viewer, operator or admin")?;
    let hash =
        hash.filter(|hash| hash.starts_with("$argon2id$")).ok_or("the hash is not an argon2id hash")?;
    Ok(User { name: name.to_owned(), role, hash: hash.to_owned() })
}

/// Whether `name` is a valid name of a user.
pub fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
    !name.is_empty() && name.len() <= 64 && name.chars().all(allowed)
}

/// Whether `text` is the whole argon2id hash of a password in PHC form, with salt and parameters.
pub fn is_hash(text: &str) -> bool {
    let parsed = argon2::PasswordHash::new(text);
    parsed.is_ok_and(|hash| {
        let known = argon2::Algorithm::try_from(hash.algorithm) == Ok(argon2::Algorithm::Argon2id);
        known && hash.salt.is_some() && hash.hash.is_some() && argon2::Params::try_from(&hash).is_ok()
    })
}

/// The text of a file that holds `users`.
pub fn text(users: &[User]) -> String {
    users.iter().fold(String::new(), |mut text, User { name, role, hash }| {
        let _ = writeln!(text, "{name}:{}:{hash}", role.as_str());
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_again_and_a_bad_line_is_named() {
        let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned();
        let users = [("joe", Role::Viewer), ("ann", Role::Admin)].map(|(name, role)| User {
            name: name.into(),
            role,
            hash: hash.clone(),
        });
        assert_eq!(parse(Path::new("users"), &text(&users)).unwrap(), users);
        for (bad, word) in
            [("joe", "role"), ("a b:admin:x", "name"), ("joe:king:x", "role"), ("joe:admin:plain", "hash")]
        {
            let error = parse(Path::new("users"), &format!("\n{bad}\n")).unwrap_err().to_string();
            assert!(error.contains("users:2") && error.contains(word), "{error}");
        }
        let twice = text(&[users[0].clone(), users[0].clone()]);
        assert!(parse(Path::new("users"), &twice).unwrap_err().to_string().contains("twice"));
    }
}
