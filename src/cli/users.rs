//! `ocellus users`: who may log in to the page, and with which role.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::path::PathBuf;

use anyhow::{Context, anyhow, bail};
use clap::{Args, Subcommand, ValueEnum};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use serde_json::json;

use super::{CliOutput, Configured, output};
use crate::config::text;
use crate::config::users::{self, MIN_PASSWORD, Role, User};
use crate::web::{UnknownUser, change_users, hash_password};

/// Longer lines are not passwords that people type.
const MAX_PASSWORD_BYTES: u64 = 4 << 10;

/// The running service uses a change at once. Once there is a user, everybody has to log in, even on this
/// machine.
#[derive(Debug, Args)]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    action: UserAction,
    #[command(flatten)]
    configured: Configured,
    /// The file of the users; web.users_file of the configuration by default, else "users" in the state
    /// directory.
    #[arg(long, value_name = "FILE", global = true)]
    file: Option<PathBuf>,
    /// Print the outcome as JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum UserAction {
    /// Add a user; the password is asked for, or read from standard input.
    Add {
        /// The name: letters, digits, "-", "_", "." and "@".
        name: String,
        /// What the user may do.
        #[arg(long, value_enum)]
        role: RoleWord,
    },
    /// Remove a user; the sessions of the user end.
    Remove {
        /// The user to remove.
        name: String,
    },
    /// List who may log in.
    List,
    /// Set a new password, or (with --role) also another role; the sessions of the user end.
    Password {
        /// The user whose password changes.
        name: String,
        /// What the user may do from now on.
        #[arg(long, value_enum)]
        role: Option<RoleWord>,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum RoleWord {
    /// See the page, pictures and figures.
    Viewer,
    /// Also pull triggers, enrol people, restart units.
    Operator,
    /// Also erase, export and import, and read configuration and audit log.
    Admin,
}

impl From<RoleWord> for Role {
    fn from(word: RoleWord) -> Role {
        match word {
            RoleWord::Viewer => Role::Viewer,
            RoleWord::Operator => Role::Operator,
            RoleWord::Admin => Role::Admin,
        }
    }
}

pub(super) fn run(arguments: &UsersArgs) -> anyhow::Result<()> {
    output::output(arguments.json, outcome(arguments))
}

fn outcome(arguments: &UsersArgs) -> anyhow::Result<CliOutput> {
    let file = arguments.file()?;
    let (users, words) = match &arguments.action {
        UserAction::List => (users::read(&file)?, None),
        UserAction::Add { name, role } => {
            if !users::is_name(name) {
                bail!(
                    "{name:?} cannot be a name; write 1 to 64 letters, digits, \"-\", \"_\", \".\" or \"@\""
                );
            }
            if users::read(&file)?.iter().any(|user| user.name == *name) {
                bail!(
                    "there is already a user {name}; `ocellus users password {name}` gives another password"
                );
            }
            let user = User { name: name.clone(), role: (*role).into(), hash: new_hash(name)? };
            let users = change_users(&file, |users| {
                users.push(user);
                Ok(())
            });
            (users?, Some(format!("{name} may log in")))
        }
        UserAction::Remove { name } => {
            let users = change_users(&file, |users| {
                find(users, name)?;
                users.retain(|user| user.name != *name);
                Ok(())
            });
            (users?, Some(format!("{name} may not log in any more")))
        }
        UserAction::Password { name, role } => {
            find(&mut users::read(&file)?, name)?;
            let hash = new_hash(name)?;
            let users = change_users(&file, |users| {
                let user = find(users, name)?;
                user.hash = hash;
                user.role = role.map_or(user.role, Role::from);
                Ok(())
            });
            (users?, Some(format!("{name} has another password")))
        }
    };
    Ok(output(&file, &users, words))
}

fn output(file: &std::path::Path, users: &[User], words: Option<String>) -> CliOutput {
    let lines: Vec<_> =
        users.iter().map(|user| format!("{:<10} {}", user.role.as_str(), user.name)).collect();
    let listed: Vec<_> =
        users.iter().map(|user| json!({ "name": user.name, "role": user.role.as_str() })).collect();
    let words = match words {
        Some(words) => format!("{words} ({})", file.display()),
        None if users.is_empty() => format!("no one: {} holds no users", file.display()),
        None => lines.join("\n"),
    };
    CliOutput::new(words, json!({ "ok": true, "file": file, "users": listed }))
}

fn find<'u>(users: &'u mut [User], name: &str) -> Result<&'u mut User, UnknownUser> {
    let known = users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(", ");
    let missing = || UnknownUser { name: name.to_owned(), known };
    users.iter_mut().find(|user| user.name == name).ok_or_else(missing)
}

impl UsersArgs {
    fn file(&self) -> anyhow::Result<PathBuf> {
        if let Some(file) = &self.file {
            return Ok(file.clone());
        }
        match self.configured.options().load() {
            Ok(config) => Ok(config.web.users_file(&config.device.state_dir)),
            // The fault may be that no user exists yet.
            Err(faults) => Err(anyhow::Error::from(faults)
                .context("name the file with --file, or correct the configuration")),
        }
    }
}

/// Asks for a password, checks its length, and hashes it.
fn new_hash(name: &str) -> anyhow::Result<String> {
    let input = std::io::stdin();
    let password = if input.is_terminal() { asked(&format!("password for {name}"))? } else { line()? };
    if password.chars().count() < MIN_PASSWORD {
        bail!("the password has fewer than {MIN_PASSWORD} characters; choose a longer one");
    }
    hash_password(&password).context("the password cannot be hashed")
}

/// Asks twice, without showing what is typed.
pub(super) fn asked(what: &str) -> anyhow::Result<String> {
    let silent = Silence::begin()?;
    let once = prompt(&format!("{what}: "))?;
    let twice = prompt("again: ")?;
    drop(silent);
    if once != twice {
        bail!("the two passwords differ; nothing was changed");
    }
    Ok(once)
}

/// Asks once, without showing what is typed.
pub(super) fn asked_once(what: &str) -> anyhow::Result<String> {
    let _silent = Silence::begin()?;
    prompt(&format!("{what}: "))
}

fn prompt(text: &str) -> anyhow::Result<String> {
    let mut out = std::io::stderr();
    write!(out, "{text}")?;
    out.flush()?;
    let line = line()?;
    writeln!(out)?;
    Ok(line)
}

fn line() -> anyhow::Result<String> {
    let mut line = Vec::new();
    let mut input = std::io::stdin().lock().take(MAX_PASSWORD_BYTES);
    input.read_until(b'\n', &mut line).context("the password cannot be read")?;
    if line.len() as u64 == MAX_PASSWORD_BYTES {
        bail!("the password is longer than {MAX_PASSWORD_BYTES} bytes; choose a shorter one");
    }
    // A pipe of Windows puts a byte order mark before the password, which nobody types at the login.
    let text = text::decode(&line).map_err(|fault| anyhow!("the password {fault}; {}", fault.remedy()))?;
    Ok(text::first_line(&text).to_owned())
}

/// Hides what is typed in the terminal until it is dropped.
struct Silence(Termios);

impl Silence {
    fn begin() -> anyhow::Result<Silence> {
        let input = std::io::stdin();
        let before = tcgetattr(&input).context("the terminal's settings cannot be read")?;
        let mut silent = before.clone();
        silent.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&input, OptionalActions::Flush, &silent)
            .context("the terminal's echo cannot be switched off")?;
        Ok(Silence(before))
    }
}

impl Drop for Silence {
    fn drop(&mut self) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.0);
    }
}
