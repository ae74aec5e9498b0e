//! The lines of the audit log, as stored in its files and returned by REST.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One line of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditOut {
    /// Time of the request, RFC 3339, UTC.
    pub time: String,
    /// The interface: `web`, `cli`, `signal`, `mqtt` or `serial`.
    #[serde(default = "web")]
    pub source: String,
    /// Who sent it: a user's name, `local` where no login is required, `uid NUMBER`, an MQTT topic, or the
    /// camera of a serial line.
    pub user: String,
    /// What was requested: the method and the route, or the command and its action.
    pub action: String,
    /// What it applied to: the requested path, or the target of the command; people by number only.
    pub target: String,
    /// `ok`, or why it was refused or failed.
    pub outcome: String,
}

/// The interface of older lines, which were written before the field existed.
fn web() -> String {
    "web".into()
}

/// Refused requests from one address within a minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedOut {
    /// Time of the first refusal, RFC 3339, UTC.
    pub time: String,
    /// Time of the last refusal, RFC 3339, UTC.
    pub last: String,
    /// The interface: `web` or `mqtt`.
    pub source: String,
    /// The address (for IPv6 its /64 network), or the command's topic; `*` collects all sources beyond 256 at
    /// one time.
    pub from: String,
    /// Number of refused requests.
    pub count: u64,
    /// Number of refusals by cause, such as `wrong_login`, or `not_allowed` with the method and the route.
    pub causes: std::collections::BTreeMap<String, u64>,
    /// Up to four of the user names that were tried.
    pub users: Vec<String>,
}
