//! Jobs that several boxes share.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{JobIn, json_cause};
use crate::types::Refusal;

/// A job that boxes share: `PREFIX/jobs/submit` of a fleet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FleetJobIn {
    /// What its sender calls it: `a-z`, `A-Z`, digits, `-`, `_` and `.`, at most 64. Its end comes on `PREFIX/jobs/ID`.
    pub id: String,
    /// What is to be done.
    #[serde(flatten)]
    pub job: JobIn,
}

impl FleetJobIn {
    /// How the unique keys of such jobs begin.
    const KEY: &'static str = "fleet/";

    /// The job that `bytes` are.
    ///
    /// # Errors
    /// `bad_job`, with the key that is missing or wrong.
    pub fn read(bytes: &[u8]) -> Result<FleetJobIn, Refusal> {
        serde_json::from_slice(bytes).map_err(|error| {
            Refusal::new("bad_job", json_cause(&error), "docs/jobs.md describes the jobs of a fleet")
        })
    }

    /// Whether its id can be a level of a topic, and names no topic of the fleet itself.
    pub fn has_plain_id(&self) -> bool {
        is_plain_id(&self.id)
    }

    /// The job for the queue of this box: one that comes again, because its acknowledgement was lost, is the same job.
    pub fn into_job(self) -> JobIn {
        JobIn { unique_key: Some(format!("{}{}", FleetJobIn::KEY, self.id)), ..self.job }
    }

    /// The id of the job with this unique key; `None` where it did not come from a fleet. Any request may name such a key, so
    /// that what follows the prefix need not be an id.
    pub fn id_of(unique_key: &str) -> Option<&str> {
        unique_key.strip_prefix(FleetJobIn::KEY).filter(|id| is_plain_id(id))
    }
}

/// Whether a job of a fleet may have this id: a level of a topic, other than those that the fleet itself uses.
fn is_plain_id(id: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=64).contains(&id.len()) && id.chars().all(is_plain) && !["submit", "refused"].contains(&id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_id_becomes_a_topic_and_no_fault_repeats_a_url() {
        for id in ["order-17", "a.b_c", &"x".repeat(64)] {
            assert_eq!(FleetJobIn::id_of(&format!("fleet/{id}")), Some(id));
        }
        for id in ["", "#", "+", "a/b", "submit", "refused", "ä", &"x".repeat(65)] {
            assert_eq!(FleetJobIn::id_of(&format!("fleet/{id}")), None, "{id}");
        }
        assert_eq!(FleetJobIn::id_of("order-17"), None);
        let text = br#"{"id": "a", "kind": "upload", "max_attempts": "https://s/x?X-Amz-Signature=SECRET"}"#;
        let refusal = FleetJobIn::read(text).unwrap_err();
        assert!(!refusal.to_string().contains("SECRET"), "{refusal}");
    }
}
