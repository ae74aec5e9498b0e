//! What a provisioning would write, checked as a whole: the configuration by the rules of `ocellus check`, the
//! certificates by those of the connection.

use std::fs;
use std::path::{Path, PathBuf};

use super::install::NewFile;
use super::now;
use crate::cli::check::check_contents;
use crate::config::users::{self, User};
use crate::config::{
    Coming, Config, ConfigEdit, Faults, PROVISION_FILE, ProvisionedBroker, Provisioning, UserSecret, edited,
    text,
};
use crate::mqtt::check_tls_files;
use crate::service::{ProvisionOutcome, ProvisionRecord};
use crate::web::hash_password;

/// The files that lie beside the configuration afterwards.
const PASSWORD: &str = "mqtt.password";
const AUTHORITIES: &str = "mqtt-ca.pem";
const CERTIFICATE: &str = "mqtt-client.pem";
const KEY: &str = "mqtt-client.key";

/// All files of a provisioning, in the order in which they become valid.
pub(super) struct ProvisionPlan {
    pub(super) files: Vec<NewFile>,
    /// What it consists of, for people; no secrets.
    pub(super) contents: Vec<String>,
    pub(super) state_dir: PathBuf,
    /// The name that the device is given, if any.
    pub(super) device: Option<String>,
}

/// The broker's files: where they come from, and where they will lie.
struct BrokerFiles {
    copies: Vec<(PathBuf, PathBuf)>,
    edits: Vec<ConfigEdit>,
    password: Option<NewFile>,
}

impl ProvisionPlan {
    /// Reads and checks everything; writes nothing.
    ///
    /// # Errors
    /// Every fault that was found, with its place and its remedy.
    pub(super) fn make(
        folder: &Path,
        config_file: &Path,
        state_dir: Option<&Path>,
    ) -> Result<ProvisionPlan, Faults> {
        let provisioning = Provisioning::read(folder)?;
        let home = config_file.parent().unwrap_or(Path::new("/"));
        let broker = provisioning.broker.as_ref().map(|broker| BrokerFiles::of(broker, folder, home));
        let (before, named) = base_text(&provisioning, config_file)?;

        let mut edits = Vec::new();
        if let Some(name) = &provisioning.device {
            edits.push(ConfigEdit { section: "device", key: "name", value: Some(name.clone()) });
        }
        edits.extend(broker.iter().flat_map(|broker| broker.edits.iter().cloned()));
        let new_paths = broker.iter().flat_map(|broker| {
            let copies = broker.copies.iter().map(|(_, to)| to.clone());
            copies.chain(broker.password.iter().map(|file| file.to.clone()))
        });
        let coming =
            Coming { files: new_paths.collect(), users: !provisioning.users.is_empty(), state_dir: None };
        if provisioning.config.is_some() {
            // First as its author wrote it, so that the lines of its faults are right.
            Config::parse_with(&before, &named, home, &coming)?;
        }
        let after = match edited(&before, &edits) {
            Ok(after) => after,
            Err(error) => {
                Config::parse_with(&before, &named, home, &coming)?;
                return Err(Faults::of_file(&named, error.message(), "correct this file first"));
            }
        };
        let mut config = Config::parse_with(&after, &named, home, &coming)?;
        check_contents(&config, &named.display().to_string())?;
        check_certificates(&config, broker.as_ref(), folder)?;

        if let Some(dir) = state_dir {
            config.device.state_dir = dir.to_owned();
        }
        let state_dir = config.device.state_dir.clone();
        let mut files = Vec::new();
        for (from, to) in broker.iter().flat_map(|broker| &broker.copies) {
            let bytes = text::read_pem(from)
                .map_err(|error| Faults::of_file(from, error.fault.to_string(), error.fault.remedy()))?;
            files.push(NewFile { to: to.clone(), bytes });
        }
        files.extend(broker.iter().filter_map(|broker| broker.password.clone()));
        if !provisioning.users.is_empty() {
            let to = config.web.users_file(&state_dir);
            let bytes = users_text(&provisioning, &to)?.into_bytes();
            files.push(NewFile { to, bytes });
        }
        let old = fs::read(config_file).unwrap_or_default();
        if old != after.as_bytes() {
            if provisioning.config.is_some() && !old.is_empty() {
                files
                    .push(NewFile { to: config_file.with_extension("toml.before-provisioning"), bytes: old });
            }
            files.push(NewFile { to: config_file.to_owned(), bytes: after.into_bytes() });
        }
        let mut record = ProvisionRecord::new(ProvisionOutcome::Applied, now(), folder);
        record.device = provisioning.device.clone();
        files.push(NewFile { to: ProvisionRecord::path(&state_dir), bytes: record.to_bytes() });
        Ok(ProvisionPlan { files, contents: contents(&provisioning), state_dir, device: provisioning.device })
    }
}

impl BrokerFiles {
    fn of(broker: &ProvisionedBroker, folder: &Path, home: &Path) -> BrokerFiles {
        let mut copies = Vec::new();
        // Public authorities are used where they are.
        let mut placed = |from: &Option<PathBuf>, name: &str| {
            let from = from.as_ref()?;
            if !from.starts_with(folder) {
                return Some(from.display().to_string());
            }
            let to = home.join(name);
            copies.push((from.clone(), to.clone()));
            Some(to.display().to_string())
        };
        let ca = placed(&broker.ca_file, AUTHORITIES);
        let cert = placed(&broker.cert_file, CERTIFICATE);
        let key = placed(&broker.key_file, KEY);
        let password = broker
            .password
            .as_ref()
            .map(|password| NewFile { to: home.join(PASSWORD), bytes: format!("{password}\n").into_bytes() });
        let password_file = password.as_ref().map(|file| file.to.display().to_string());
        let edit = |key: &'static str, value: Option<String>| ConfigEdit { section: "mqtt", key, value };
        let edits = vec![
            edit("key_file", key),
            edit("cert_file", cert),
            edit("ca_file", ca),
            edit("password_file", password_file),
            edit("username", broker.username.clone()),
            edit("url", Some(broker.url.clone())),
        ];
        BrokerFiles { copies, edits, password }
    }

    /// Where the file that will lie at `to` is now.
    fn source_of(&self, to: &Path) -> Option<PathBuf> {
        self.copies.iter().find(|(_, known)| known == to).map(|(from, _)| from.clone())
    }
}

/// The text that is changed, and the name of its file: the stick's configuration, the box's, or the sample.
fn base_text(provisioning: &Provisioning, config_file: &Path) -> Result<(String, PathBuf), Faults> {
    let file = provisioning.config.as_deref().unwrap_or(config_file);
    match text::read(file) {
        Ok(text) => Ok((text, file.to_owned())),
        Err(error) if error.is_missing() => Ok((Config::default_text().to_owned(), file.to_owned())),
        Err(error) => Err(Faults::of_file(file, error.fault.to_string(), error.fault.remedy())),
    }
}

/// Whether the certificates can be read and the key belongs to its certificate, with the files where they are
/// now.
fn check_certificates(config: &Config, broker: Option<&BrokerFiles>, folder: &Path) -> Result<(), Faults> {
    let mut mqtt = config.mqtt.clone();
    if let (Some(tls), Some(broker)) = (&mut mqtt.tls, broker) {
        for file in
            [Some(&mut tls.ca_file), tls.cert_file.as_mut(), tls.key_file.as_mut()].into_iter().flatten()
        {
            *file = broker.source_of(file).unwrap_or_else(|| file.clone());
        }
    }
    check_tls_files(&mqtt).map_err(|cause| {
        let remedy = "put the right PEM files beside it; certificate and key must have been made together";
        Faults::of_file(&folder.join(PROVISION_FILE), cause.what, remedy)
    })
}

/// The users' file with the new users; others keep their lines, and those of the same name are replaced.
fn users_text(provisioning: &Provisioning, file: &Path) -> Result<String, Faults> {
    let remedy = "correct the file, or remove it if none of its users is needed";
    let mut known = users::read(file).map_err(|error| Faults::of_file(file, error.to_string(), remedy))?;
    for user in &provisioning.users {
        let hash = match &user.secret {
            UserSecret::Hash(hash) => hash.clone(),
            UserSecret::Password(password) => hash_password(password).map_err(|error| {
                Faults::of_file(file, format!("a password cannot be hashed: {error}"), "try again")
            })?,
        };
        known.retain(|other| other.name != user.name);
        known.push(User { name: user.name.clone(), role: user.role, hash });
    }
    Ok(users::text(&known))
}

fn contents(provisioning: &Provisioning) -> Vec<String> {
    let mut contents = Vec::new();
    contents.extend(provisioning.config.as_ref().map(|file| format!("configuration {}", file.display())));
    contents.extend(provisioning.device.as_ref().map(|name| format!("device {name}")));
    contents.extend(provisioning.broker.as_ref().map(|broker| format!("broker {}", broker.url)));
    let users = provisioning.users.iter().map(|user| format!("user {} ({})", user.name, user.role.as_str()));
    contents.extend(users);
    contents
}
