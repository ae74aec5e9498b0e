//! `provision.toml`: what a new box is given on its first start. Read and checked whole; certificates and
//! passwords lie beside it.

use std::path::{Path, PathBuf};

use super::fault::{Fault, Faults};
use super::raw::{Doc, TomlTable};
use super::users::{self, MIN_PASSWORD, Role};
use super::value::PlacedValue;
use super::{check, files, text};

/// The name of the file in its folder.
pub const PROVISION_FILE: &str = "provision.toml";
/// Certificates of public authorities, used where TLS is wanted and no authority is named.
const PUBLIC_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// The content of a provisioning file. Without `Debug`, because it holds passwords.
pub struct Provisioning {
    /// A whole configuration beside the file, installed in place of the present one.
    pub config: Option<PathBuf>,
    /// `device.name` of the configuration.
    pub device: Option<String>,
    /// The broker, if it is given.
    pub broker: Option<ProvisionedBroker>,
    /// Users who may log in to the page.
    pub users: Vec<ProvisionedUser>,
}

/// `[broker]`: the connection to the broker.
pub struct ProvisionedBroker {
    /// The URL, `mqtt://HOST:PORT` or `mqtts://HOST:PORT`.
    pub url: String,
    /// The name with which the box logs in.
    pub username: Option<String>,
    /// The password for it; never logged.
    pub password: Option<String>,
    /// Authorities of the broker's certificate (PEM); set for `mqtts://` only.
    pub ca_file: Option<PathBuf>,
    /// The box's own certificate (PEM).
    pub cert_file: Option<PathBuf>,
    /// Private key of the box's certificate (PEM).
    pub key_file: Option<PathBuf>,
}

/// `[[user]]`: one who may log in to the page.
pub struct ProvisionedUser {
    /// The name with which the user logs in.
    pub name: String,
    /// The rights of the user.
    pub role: Role,
    /// The password or its hash.
    pub secret: UserSecret,
}

/// What a user logs in with, as the file gives it.
pub enum UserSecret {
    /// The password itself; only its hash is stored.
    Password(String),
    /// An argon2id hash in PHC form.
    Hash(String),
}

impl Provisioning {
    /// Reads `provision.toml` in `folder`, and the files that it names as far as they are text.
    ///
    /// # Errors
    /// Every fault, each with its place and its remedy. None contains a secret.
    pub fn read(folder: &Path) -> Result<Provisioning, Faults> {
        let path = folder.join(PROVISION_FILE);
        let text = files::read_text(&path, "put the file there, or name its folder")?;
        let doc = Doc::read(&path, &text);
        let provisioning = doc.is_sound().then(|| read(&doc, folder));
        match provisioning {
            Some(provisioning) if doc.is_sound() => Ok(provisioning),
            _ => Err(Faults(doc.into_faults())),
        }
    }
}

fn read(doc: &Doc<'_>, folder: &Path) -> Provisioning {
    let root = doc.root();
    let device = root.table("device");
    let provisioning = Provisioning {
        config: root.get("config").and_then(|field| beside(&field, folder)),
        device: device.get("name").and_then(|field| check::topic_level(&field)),
        broker: root.table_if("broker").map(|table| broker(table, folder)),
        users: users_of(&root),
    };
    device.finish();
    let Provisioning { config, device, broker, users } = &provisioning;
    if config.is_none() && device.is_none() && broker.is_none() && users.is_empty() && doc.is_sound() {
        let remedy =
            "add [device], [broker], [[user]] or config = \"FILE\"; docs/provisioning.md has an example";
        root.fault("", "there is nothing in it to provision", remedy);
    }
    root.finish();
    provisioning
}

fn broker(table: TomlTable<'_, '_>, folder: &Path) -> ProvisionedBroker {
    let tls = table.boolean("tls", false);
    let host = table.need("host", "write the broker's name or address, e.g. host = \"10.0.0.5\"");
    let host = host.and_then(|field| host_name(&field)).unwrap_or_default();
    let port: u16 = table.whole("port", if tls { 8883 } else { 1883 }, 1..=u16::MAX);
    let username = table.text("username");
    let password = password(&table, folder);
    if password.is_some() && username.is_none() {
        table.fault("username", "there is a password but no username", "add username = \"…\"");
    }
    let named = ["ca_file", "cert_file", "key_file"].map(|key| table.get(key));
    if !tls {
        for field in named.iter().flatten() {
            field.fault("this belongs to TLS, and tls is not true", "add tls = true, or remove the key");
        }
    }
    let given = named.each_ref().map(Option::is_some);
    let [ca, cert_file, key_file] = named.map(|field| field.and_then(|field| beside(&field, folder)));
    match given {
        [_, true, false] => {
            table.fault("key_file", "cert_file is given without key_file", "name the private key (PEM)")
        }
        [_, false, true] => {
            table.fault("cert_file", "key_file is given without cert_file", "name the certificate (PEM)")
        }
        _ => {}
    }
    let public = || Some(PathBuf::from(PUBLIC_AUTHORITIES)).filter(|_| tls && !given[0]);
    let ca_file = ca.or_else(public);
    if ca_file.as_ref().is_some_and(|file| file == Path::new(PUBLIC_AUTHORITIES) && !file.is_file()) {
        let reason = format!(
            "tls needs the authority of the broker's certificate, and there is no {PUBLIC_AUTHORITIES}"
        );
        table.fault("ca_file", reason, "name a PEM file beside provision.toml");
    }
    table.finish();
    let scheme = if tls { "mqtts" } else { "mqtt" };
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    ProvisionedBroker {
        url: format!("{scheme}://{host}:{port}"),
        username,
        password,
        ca_file,
        cert_file,
        key_file,
    }
}

/// The host as it stands in a URL. The message does not repeat it, because it may hold a password.
fn host_name(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:%".contains(c);
    let bare = text.strip_prefix('[').and_then(|v6| v6.strip_suffix(']')).unwrap_or(text);
    // One colon is a port, several are an address of IPv6.
    if bare.is_empty() || !bare.chars().all(plain) || bare.matches(':').count() == 1 {
        field.fault(
            "this is neither a name nor an address",
            "write the host alone; the keys port, tls and username stand beside it",
        );
        return None;
    }
    Some(bare.to_owned())
}

/// The password of `password` or of the first line of `password_file`.
fn password(table: &TomlTable<'_, '_>, folder: &Path) -> Option<String> {
    let (inline, file) = (table.get("password"), table.get("password_file"));
    if let (Some(_), Some(file)) = (&inline, &file) {
        file.fault("there is a password as well", "keep one of password and password_file");
    }
    let field = inline.as_ref().or(file.as_ref())?;
    let password = match &inline {
        Some(field) => field.text()?.to_owned(),
        None => {
            let path = beside(field, folder)?;
            match text::read(&path) {
                Ok(text) => text::first_line(&text).to_owned(),
                Err(error) => {
                    field.fault(format!("{} {}", path.display(), error.fault), error.fault.remedy());
                    return None;
                }
            }
        }
    };
    if password.is_empty() || password.contains(char::is_control) {
        field.fault("the password is empty, or is not one line of text", "write it in one line");
        return None;
    }
    Some(password)
}

fn users_of(root: &TomlTable<'_, '_>) -> Vec<ProvisionedUser> {
    let mut known: Vec<ProvisionedUser> = Vec::new();
    for table in root.tables("user") {
        let user = user(&table);
        table.finish();
        let Some(user) = user else { continue };
        if known.iter().any(|other| other.name == user.name) {
            root.fault("user", format!("\"{}\" occurs twice", user.name), "give each user a name of its own");
        }
        known.push(user);
    }
    known
}

fn user(table: &TomlTable<'_, '_>) -> Option<ProvisionedUser> {
    let name = table.need("name", "add name = \"…\", with which the user logs in");
    let name = name.and_then(|field| {
        let name = field.text()?;
        if !users::is_name(name) {
            let remedy = "write 1 to 64 letters, digits, \"-\", \"_\", \".\" or \"@\"";
            field.fault(format!("{name:?} cannot be a name"), remedy);
            return None;
        }
        Some(name.to_owned())
    });
    let roles = Role::ALL.map(|role| (role.as_str(), role));
    let role = table.need("role", "add role = \"viewer\", \"operator\" or \"admin\"");
    let role = role.and_then(|field| field.word(&roles));
    let secret = user_secret(table);
    Some(ProvisionedUser { name: name?, role: role?, secret: secret? })
}

fn user_secret(table: &TomlTable<'_, '_>) -> Option<UserSecret> {
    match (table.get("password"), table.get("hash")) {
        (None, None) => {
            let remedy = "add password = \"…\", or hash = \"$argon2id$…\"";
            table.fault("password", "the user has neither password nor hash", remedy);
            None
        }
        (Some(_), Some(hash)) => {
            hash.fault("there is a password as well", "keep one of password and hash");
            None
        }
        (Some(field), None) => {
            let password = field.text()?;
            if password.chars().count() < MIN_PASSWORD {
                let reason = format!("the password has fewer than {MIN_PASSWORD} characters");
                field.fault(reason, "choose a longer one");
                return None;
            }
            if password.contains(char::is_control) {
                field.fault("the password is not one line of text", "write it in one line");
                return None;
            }
            Some(UserSecret::Password(password.to_owned()))
        }
        (None, Some(field)) => {
            let hash = field.text()?;
            if !users::is_hash(hash) {
                let remedy =
                    "copy the third field of a line that `ocellus users add` wrote, from $argon2id$ on";
                field.fault("this is not an argon2id hash", remedy);
                return None;
            }
            Some(UserSecret::Hash(hash.to_owned()))
        }
    }
}

/// The plain file beside provision.toml that `field` names. A link could lead to a secret of the box itself,
/// which this program may read and the stick's owner may not.
fn beside(field: &PlacedValue<'_, '_>, folder: &Path) -> Option<PathBuf> {
    let name = field.text()?;
    if name.is_empty() || name.contains('/') || name == ".." {
        field.fault(
            "this is not the name of a file",
            "put the file beside provision.toml, and name it without a folder",
        );
        return None;
    }
    let path = folder.join(name);
    match std::fs::symlink_metadata(&path) {
        Ok(found) if found.is_file() => Some(path),
        Ok(_) => {
            field.fault(format!("{} is not a plain file", path.display()), "put the file itself there");
            None
        }
        Err(error) => {
            let reason = format!("{} cannot be read ({error})", path.display());
            field.fault(reason, "put the file beside provision.toml, or correct the name");
            None
        }
    }
}

impl Faults {
    /// One fault of a file as a whole.
    pub fn of_file(file: &Path, reason: impl Into<String>, remedy: impl Into<String>) -> Faults {
        Faults(vec![Fault::whole(file, reason, remedy)])
    }
}
