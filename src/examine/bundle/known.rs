//! The secrets and the names that this box is known to have: in its configuration, in the files that it names, in the
//! environment, among its users and people.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use super::redact::Redactor;
use super::{BundleInput, pattern};
use crate::commands::Command;
use crate::commands::faces::{GalleryCommand, PeopleOut};
use crate::config::{Config, SourceUrl, read_password, users};
use crate::control::ask_within;
use crate::examine::Asked;

/// More of a file that holds a secret is not read.
const MOST_BYTES: u64 = 1 << 20;
/// How long the service may take to list its people.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(4);
/// Parts of the names of variables whose values are secrets.
const VARIABLES: [&str; 7] = ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "AUTH", "LOGIN"];
/// Names that say nothing of anybody, and words that the texts need.
const GENERAL: [&str; 9] =
    ["root", "admin", "user", "ocellus", "localhost", "camera", "mqtt", "operator", "viewer"];
/// Words that are values of no secret, even behind a key that sounds like one.
const COMMON: [&str; 6] = ["true", "false", "none", "null", "auto", "file"];

pub(super) fn redactor(input: &BundleInput) -> Redactor {
    let config = &input.config;
    let mut secrets = of_text(&written(input));
    secrets.extend(of_files(config));
    secrets.extend(of_environment());
    let mut names = Vec::new();
    let users_file = config.web.users_file(&config.device.state_dir);
    for user in users::read(&users_file).unwrap_or_default() {
        secrets.extend(user.hash.split('$').filter(|part| part.len() > 12).map(str::to_owned));
        secrets.push(user.hash);
        names.push(user.name);
    }
    names.extend(people(input));
    names.extend(of_machine(config));
    Redactor::new(secrets, names)
}

/// The original text of the configuration, also of one that cannot be read as such.
fn written(input: &BundleInput) -> String {
    input
        .config_file
        .as_deref()
        .map(|file| String::from_utf8_lossy(&start_of(file)).into_owned())
        .unwrap_or_default()
}

/// What looks like a secret in the original text of the configuration, comments and broken lines too.
fn of_text(text: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    for range in pattern::secrets(text) {
        let found = &text[range];
        // A login: its password, as it is written and as it is meant.
        if let Some((_, password)) = found.split_once(':') {
            secrets.push(password.to_owned());
        }
        if let Ok(url) = format!("rtsp://{found}@host/").parse::<SourceUrl>() {
            secrets.extend(url.password().map(str::to_owned));
        }
        // A query: each value.
        secrets.extend(found.split('&').filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
        secrets.push(found.to_owned());
    }
    secrets.retain(|secret| !COMMON.contains(&&**secret) && !secret.starts_with('/'));
    secrets
}

/// Secrets in files that the configuration names, and credentials of systemd.
fn of_files(config: &Config) -> Vec<String> {
    let mut passwords: Vec<&Path> = config.mqtt.password_file.as_deref().into_iter().collect();
    for camera in &config.cameras {
        passwords.extend(
            [&camera.password_file, &camera.tcp.secret_file].into_iter().flatten().map(PathBuf::as_path),
        );
    }
    let mut secrets: Vec<String> = passwords
        .into_iter()
        .filter_map(|file| read_password(file).ok())
        .map(|text| text.trim().to_owned())
        .collect();
    let keys = [
        config.mqtt.tls.as_ref().and_then(|tls| tls.key_file.as_deref()),
        config.web.tls.as_ref().map(|tls| tls.key_file.as_path()),
    ];
    secrets.extend(keys.into_iter().flatten().flat_map(lines_of));
    let http = config.jobs.http.credentials.iter().map(|one| one.headers_file.as_path());
    let generate = config.jobs.generate.iter().filter_map(|service| service.headers_file.as_deref());
    // A file in the folder of systemd's credentials is read below.
    for line in http.chain(generate).flat_map(lines_of) {
        secrets.extend(header_values(&line));
        secrets.push(line);
    }
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credentials =
        credentials.and_then(|folder| fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    for line in credentials.flat_map(|entry| lines_of(&entry.path())) {
        secrets.extend(header_values(&line));
        secrets.push(line);
    }
    secrets
}

/// The value of a header, and what follows its scheme, as in `Authorization: Bearer TOKEN`.
fn header_values(line: &str) -> Vec<String> {
    let Some((_, value)) = line.split_once(':') else { return Vec::new() };
    let value = value.trim();
    let token = value.split_once(' ').map(|(_, token)| token.trim());
    [Some(value), token].into_iter().flatten().map(str::to_owned).collect()
}

/// Every line of a file but the marks around a key.
fn lines_of(file: &Path) -> Vec<String> {
    let text = String::from_utf8_lossy(&start_of(file)).into_owned();
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with("-----"));
    lines.map(str::to_owned).collect()
}

fn start_of(file: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What cannot be read cannot be in the bundle either.
    if let Ok(file) = File::open(file) {
        let _ = file.take(MOST_BYTES).read_to_end(&mut bytes);
    }
    bytes
}

fn of_environment() -> Vec<String> {
    let is_secret = |name: &str| {
        let name = name.to_uppercase();
        VARIABLES.iter().any(|word| name.contains(word))
            && !name.ends_with("_FILE")
            && !name.ends_with("_DIRECTORY")
    };
    let values = std::env::vars_os()
        .filter_map(|(name, value)| is_secret(name.to_str()?).then(|| value.to_string_lossy().into_owned()));
    values.filter(|value| !value.starts_with('/')).collect()
}

/// Names of this machine and of those who use it or log in somewhere, unless they are words of the product.
fn of_machine(config: &Config) -> Vec<String> {
    let mut names = vec![rustix::system::uname().nodename().to_string_lossy().into_owned()];
    names.extend(["USER", "LOGNAME", "SUDO_USER"].into_iter().filter_map(|name| std::env::var(name).ok()));
    // The folder of a person's files bears the name of the person.
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let of_person = home
        .filter(|home| home.starts_with("/home"))
        .and_then(|home| Some(home.file_name()?.to_string_lossy().into_owned()));
    names.extend(of_person);
    names.extend(config.mqtt.username.clone());
    names.extend(config.cameras.iter().filter_map(|camera| camera.username.clone()));
    let is_own = |name: &String| GENERAL.contains(&&**name) || *name == config.device.name;
    names.retain(|name| !is_own(name));
    names
}

/// Names of the people whose faces are known, if the service tells them.
fn people(input: &BundleInput) -> Vec<String> {
    if !matches!(input.asked, Asked::Answered { .. }) {
        return Vec::new();
    }
    let list = Command::Faces(GalleryCommand::List);
    let answer = ask_within::<PeopleOut>(&input.config.device.state_dir, &list, PATIENCE);
    answer.map_or_else(|_| Vec::new(), |answer| answer.people.into_iter().map(|person| person.name).collect())
}
