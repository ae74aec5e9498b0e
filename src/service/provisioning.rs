//! The outcome of `ocellus provision`, in the state directory: read by the next provisioning, and by the service, which
//! reports a failed one until a later one succeeded.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::health::ComponentState;
use crate::types::Explanation;

/// The name of the file in the state directory.
const NAME: &str = "provision.json";
const FORMAT: u32 = 1;
/// The file names a few faults only.
const MAX_BYTES: u64 = 1 << 20;
/// The component of the health model; its alarm is called `provisioning-failed`.
pub(super) const COMPONENT: &str = "provisioning";

/// How a provisioning ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProvisionOutcome {
    /// All of it is in force.
    Applied,
    /// Nothing of it is in force.
    Failed,
}

/// The last provisioning of this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProvisionRecord {
    format: u32,
    /// How the provisioning ended.
    pub outcome: ProvisionOutcome,
    /// When it ended, RFC 3339 in UTC.
    pub at: String,
    /// The folder that held the provisioning file.
    pub folder: PathBuf,
    /// The name that the device was given, if any.
    #[serde(default)]
    pub device: Option<String>,
    /// Why it failed: each fault in one line, with its place and its remedy.
    #[serde(default)]
    pub faults: Vec<String>,
}

impl ProvisionRecord {
    /// A record of this program's format.
    pub fn new(outcome: ProvisionOutcome, at: String, folder: &Path) -> ProvisionRecord {
        ProvisionRecord {
            format: FORMAT,
            outcome,
            at,
            folder: folder.into(),
            device: None,
            faults: Vec::new(),
        }
    }

    /// Where the record lies in the state directory `dir`.
    pub fn path(dir: &Path) -> PathBuf {
        dir.join(NAME)
    }

    /// The record of the state directory `dir`; `None` where nobody has provisioned this device.
    ///
    /// # Errors
    /// It cannot be read, or is not a record of this format.
    pub fn load(dir: &Path) -> io::Result<Option<ProvisionRecord>> {
        let mut bytes = Vec::new();
        match File::open(ProvisionRecord::path(dir))
            .and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes))
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        let record: ProvisionRecord = serde_json::from_slice(&bytes)?;
        match record.format {
            FORMAT => Ok(Some(record)),
            other => Err(io::Error::other(format!("format {other} is not {FORMAT}"))),
        }
    }

    /// The bytes of the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }
}

/// The state of the component; `None` where nobody has provisioned this device.
pub(super) fn state(dir: &Path) -> Option<ComponentState> {
    let path = ProvisionRecord::path(dir);
    match ProvisionRecord::load(dir) {
        Ok(None) => None,
        Ok(Some(record)) if record.outcome == ProvisionOutcome::Applied => Some(ComponentState::ok()),
        Ok(Some(record)) => Some(ComponentState::faulty(failed(&record))),
        Err(error) => Some(ComponentState::faulty(Explanation::new(
            format!("the outcome of the provisioning cannot be read: {}: {error}", path.display()),
            "run `ocellus provision DIR --again`, or remove the file",
        ))),
    }
}

fn failed(record: &ProvisionRecord) -> Explanation {
    let first = record.faults.first().map_or("no cause was recorded", String::as_str);
    let more = match record.faults.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(" (and {more} more)"),
    };
    Explanation::new(
        format!(
            "provisioning from {} at {} failed, nothing of it is in force: {first}{more}",
            record.folder.display(),
            record.at
        ),
        "correct the file and start the box with it again, or run `ocellus provision DIR`",
    )
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_failed_provisioning_is_a_fault_until_a_later_one_succeeded() {
        let dir = tempfile::tempdir().unwrap();
        assert!(state(dir.path()).is_none());
        let mut record = ProvisionRecord::new(
            ProvisionOutcome::Failed,
            "2026-11-29T00:00:00Z".into(),
            Path::new("/stick"),
        );
        record.faults =
            vec!["provision.toml:3:1: broker.prot: unknown key; did you mean \"port\"?".into(), "x".into()];
        fs::write(ProvisionRecord::path(dir.path()), record.to_bytes()).unwrap();
        let faulty = state(dir.path()).unwrap();
        assert!(
            faulty.is_faulty()
                && faulty.cause.cause.contains("broker.prot")
                && faulty.cause.cause.contains("1 more")
        );
        record.outcome = ProvisionOutcome::Applied;
        fs::write(ProvisionRecord::path(dir.path()), record.to_bytes()).unwrap();
        assert!(!state(dir.path()).unwrap().is_faulty());
        for damaged in ["", "{}", "{\"format\":2,\"outcome\":\"applied\",\"at\":\"\",\"folder\":\"\"}"] {
            fs::write(ProvisionRecord::path(dir.path()), damaged).unwrap();
            assert!(state(dir.path()).unwrap().is_faulty(), "{damaged}");
        }
    }
}
