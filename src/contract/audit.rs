//! Lines of the audit log, in its files and in REST.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One line of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct AuditOut {
    /// When, RFC 3339, UTC.
    pub time: String,
    /// The way: `web`, `cli`, `signal`, `mqtt` or `serial`.
    #[serde(default = "web")]
    pub source: String,
    /// Who: a user's name, `local` where nobody has to log in, `uid NUMBER`, a topic of MQTT, or a serial line's camera.
    pub user: String,
    /// What: the method and the route, or the command and its action.
    pub action: String,
    /// On what: the path that was asked for, or what the command names; people by number only.
    pub target: String,
    /// `ok`, or why not.
    pub outcome: String,
}

/// The way of lines that were written before others had one.
fn web() -> String {
    "web".into()
}

/// Requests from one address that were refused within a minute.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedOut {
    /// When the first was refused, RFC 3339, UTC.
    pub time: String,
    /// When the last was.
    pub last: String,
    /// The way: `web` or `mqtt`.
    pub source: String,
    /// The address (of IPv6 the network of 64 bits), or the command's topic; `*`: all those beyond 256 at one time.
    pub from: String,
    /// How many.
    pub count: u64,
    /// How many for each cause, such as `wrong_login`, or `not_allowed` with the method and the route.
    pub causes: std::collections::BTreeMap<String, u64>,
    /// Some of the names that were tried, four at most.
    pub users: Vec<String>,
}
