//! Settings of the supervisor: `[supervisor]`.

use crate::supervisor::Settings;

/// `[supervisor]`: restarts of components, and which ones are essential.
#[derive(Clone, Debug, PartialEq)]
pub struct SupervisorConfig {
    /// The restart policy and the deadlines of a drain.
    pub settings: Settings,
    /// Components that the service needs to be healthy (`mqtt`, `web`, `store`, `disk`, `camera/NAME`,
    /// `trigger/NAME`, `model/NAME`): `/healthz` answers 503 while one is faulty, and the final failure of
    /// such a unit ends the process.
    pub essential: Vec<String>,
}
