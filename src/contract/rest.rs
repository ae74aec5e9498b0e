//! Requests and answers of REST beside the payloads of MQTT: the types of `/api/v1/openapi.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::audit::{AuditOut, RefusedOut};
use super::payload::{Alarm, CameraState, Service};

/// The answer to a request that failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorOut {
    /// Why the request failed.
    pub error: ErrorBody,
}

/// Why a request was refused or failed.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// Error code for programs, such as `unknown_camera`.
    pub code: String,
    /// What failed, where and why.
    pub message: String,
    /// What to do next; empty where the message already contains it.
    pub remedy: String,
}

/// The session of the requester.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SessionOut {
    /// The user who is logged in; `null` where nobody is.
    pub user: Option<UserOut>,
    /// Whether all other requests need a login.
    pub login_required: bool,
    /// Token to send as `X-CSRF-Token` with every request that changes something; empty before the login.
    pub csrf: String,
}

/// A user of the web page.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserOut {
    /// The user's name; `local` where no login is required.
    pub name: String,
    /// The user's role: `viewer`, `operator` or `admin`.
    pub role: String,
}

/// The body of a login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginIn {
    /// Name of the user.
    pub name: String,
    /// Password of the user.
    pub password: String,
}

/// What this box is configured to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Features {
    /// Whether any camera recognises people.
    pub people: bool,
    /// Whether any camera inspects parts.
    pub inspection: bool,
    /// Whether any camera is recorded.
    pub recordings: bool,
    /// Whether it has a folder of microscopy recipes.
    pub batch: bool,
    /// Whether it has a queue of studio jobs.
    pub jobs: bool,
    /// Whether it has commands to instruments.
    pub commands: bool,
    /// Whether it has sources of telemetry.
    pub intake: bool,
}

/// The state of the box: the fields of MQTT's `status`, and more.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusOut {
    /// Name and version of this schema.
    pub schema: String,
    /// Counts the changes of the state.
    pub seq: u64,
    /// When the state last changed, RFC 3339, UTC.
    pub time: String,
    /// Current state of the service.
    pub state: Service,
    /// Why it is not `online`; empty where it is.
    pub reasons: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the configuration in force, hexadecimal.
    pub config_hash: String,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// Name of the box, as configured.
    pub device: String,
    /// Host name of the machine.
    pub host: String,
    /// Names of all cameras.
    pub cameras: Vec<String>,
    /// What the box is configured to do.
    pub features: Features,
    /// Every component with its state.
    pub components: Vec<ComponentOut>,
}

/// One camera with its state.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CameraOut {
    /// Name of the camera, as configured.
    pub name: String,
    /// Source of its frames: scheme, host and path of a URL, the elements of a launch line.
    pub source: String,
    /// Current state of the camera.
    pub state: CameraState,
    /// Why the camera is not `online`; `null` where it is.
    pub cause: Option<String>,
    /// Recent rate in frames per second.
    pub fps: f32,
    /// Frames captured since the process began.
    pub frames: u64,
    /// Frames dropped since the process began, for any reason.
    pub drops: u64,
    /// Frame width in px; 0 before the first frame.
    pub width: u32,
    /// Frame height in px; 0 before the first frame.
    pub height: u32,
    /// Whether a model detects objects in its frames.
    pub detects: bool,
    /// Whether the camera recognises people.
    pub recognises: bool,
    /// Whether the camera inspects parts.
    pub inspects: bool,
}

/// An alarm that is active.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AlarmOut {
    /// Name of the alarm, such as `clock`.
    pub name: String,
    /// What is wrong, where, and what to do.
    pub cause: String,
    /// When the alarm was raised, RFC 3339, UTC.
    pub since: String,
    /// Who has acknowledged it; absent where nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When it was acknowledged, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_at: Option<String>,
}

impl From<Alarm> for AlarmOut {
    fn from(alarm: Alarm) -> AlarmOut {
        let Alarm { name, cause, since, acknowledged_by, acknowledged_at } = alarm;
        AlarmOut { name, cause, since, acknowledged_by, acknowledged_at }
    }
}

impl From<AlarmOut> for Alarm {
    fn from(alarm: AlarmOut) -> Alarm {
        let AlarmOut { name, cause, since, acknowledged_by, acknowledged_at } = alarm;
        Alarm { name, cause, since, acknowledged_by, acknowledged_at }
    }
}

/// A component of the box with its state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComponentOut {
    /// Name of the component, such as `camera/front`, `model/scene`, `broker`, `store`, `disk/state`,
    /// `trigger/plc` or `unit/web`.
    pub component: String,
    /// State of the component: `ok`, `starting`, `ended` (not a fault) or `faulty`.
    pub state: String,
    /// What is wrong and what to do; absent where nothing is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// What is wrong alone; absent where nothing is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// What to do next alone; absent where nothing is to be done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// When it entered this state, RFC 3339, UTC.
    pub since: String,
    /// Whether `/healthz` answers 503 while it is faulty (`supervisor.essential`).
    pub essential: bool,
}

/// A supervised unit of the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnitOut {
    /// Name of the unit, as in `/api/v1/units`.
    pub name: String,
    /// State of the unit: `starting`, `running`, `backoff`, `failed` or `ended`.
    pub state: String,
    /// Number of restarts since it was added.
    pub restarts: u32,
    /// The cause of its last failure; `null` where it never failed.
    pub last_error: Option<String>,
    /// When it entered this state, RFC 3339, UTC.
    pub since: String,
}

/// The configuration in force.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConfigOut {
    /// Text of the file without secrets and comments.
    pub text: String,
    /// SHA-256 of the file, hexadecimal.
    pub hash: String,
    /// Path of the file; `built-in default` where none was named.
    pub path: String,
}

/// The newest telemetry and its recent history.
#[derive(Serialize, JsonSchema)]
pub struct TelemetryOut<T> {
    /// The newest telemetry; `null` before the first.
    pub now: Option<T>,
    /// Telemetry of the last ten minutes, oldest first.
    pub history: Vec<T>,
}

/// The health of the box.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HealthOut {
    /// State of the service: `online`, `degraded`, `starting`, or `standing` where nothing works.
    pub state: String,
    /// Why it is not `online`; empty where it is.
    pub reasons: Vec<String>,
}

/// The body of a trigger over REST.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TriggerIn {
    /// Text that comes with the trigger, such as the part's serial number.
    pub text: Option<String>,
}

/// `POST /api/v1/jobs/pictures`: a picture that was taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct UploadedOut {
    /// The name by which requests for jobs refer to it. It is removed with the last job that uses it, or after an hour without.
    pub picture: String,
}

/// The answer to the deletion of a recording.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct DeletedOut {
    /// Number of the recording that is gone.
    pub deleted: u64,
}

/// What is sent of a recording that is not complete yet.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NotYetOut {
    /// The reason, in the form of a fault.
    pub error: ErrorBody,
}
