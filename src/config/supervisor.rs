//! `[supervisor]`.

use crate::supervisor::Settings;

/// `[supervisor]`
#[derive(Clone, Debug, PartialEq)]
pub struct SupervisorConfig {
    /// The restart policy and the deadlines of a drain.
    pub settings: Settings,
    /// What the box is not healthy without (`mqtt`, `web`, `store`, `disk`, `camera/NAME`, `trigger/NAME`,
    /// `model/NAME`): `/healthz` answers 503 while it is faulty, and the final failure of such a unit ends the process.
    pub essential: Vec<String>,
}
