//! What REST answers with, beside the payloads of MQTT: the types of `/api/v1/openapi.json`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use super::audit::{AuditOut, RefusedOut};
use super::payload::{Alarm, CameraState, Service};
use crate::types::Bounded;
use crate::types::MAX_PICTURES;

/// An answer that is none.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorOut {
    /// Why.
    pub error: ErrorBody,
}

/// Why a request was not done.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErrorBody {
    /// The word for programs, such as `unknown_camera`.
    pub code: String,
    /// What, where and why.
    pub message: String,
    /// What to do next; empty where the message says it.
    pub remedy: String,
}

/// Who is asking.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SessionOut {
    /// Absent where nobody is logged in.
    pub user: Option<UserOut>,
    /// Whether everything else needs a login.
    pub login_required: bool,
    /// To be sent as `X-CSRF-Token` with every request that changes something; empty before the login.
    pub csrf: String,
}

/// A user.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UserOut {
    /// The name; `local` where nobody has to log in.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
}

/// A login.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginIn {
    /// The user's name.
    pub name: String,
    /// The user's password.
    pub password: String,
}

/// What this box can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Features {
    /// Some camera recognises people.
    pub people: bool,
    /// Some camera inspects.
    pub inspection: bool,
}

/// How the box is: what stands on MQTT's `status`, and more.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StatusOut {
    /// Name and version of this schema.
    pub schema: String,
    /// Counts the changes of the state.
    pub seq: u64,
    /// When the state became so, RFC 3339, UTC.
    pub time: String,
    /// Now.
    pub state: Service,
    /// Why it is not `online`.
    pub reasons: Vec<String>,
    /// Version of the program.
    pub version: String,
    /// SHA-256 of the configuration in force, hexadecimal.
    pub config_hash: String,
    /// Seconds since the service started.
    pub uptime_s: u64,
    /// The box's name.
    pub device: String,
    /// The machine's name.
    pub host: String,
    /// The cameras' names.
    pub cameras: Vec<String>,
    /// What it can do.
    pub features: Features,
    /// Every component and how it is.
    pub components: Vec<ComponentOut>,
}

/// One camera.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CameraOut {
    /// Its name.
    pub name: String,
    /// Where its frames come from: of a URL scheme, host and path, of a launch line its elements.
    pub source: String,
    /// Now.
    pub state: CameraState,
    /// Why it is not `online`.
    pub cause: Option<String>,
    /// Frames a second, lately.
    pub fps: f32,
    /// Frames captured since the process began.
    pub frames: u64,
    /// Frames passed over, whatever the reason.
    pub drops: u64,
    /// Frame width in px; 0 before the first frame.
    pub width: u32,
    /// Frame height in px; 0 before the first frame.
    pub height: u32,
    /// Whether a model looks for things in its frames.
    pub detects: bool,
    /// Whether it recognises people.
    pub recognises: bool,
    /// Whether it inspects parts.
    pub inspects: bool,
}

/// An alarm that is raised.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct AlarmOut {
    /// Its name.
    pub name: String,
    /// What is wrong, where, and what to do.
    pub cause: String,
    /// Since when, RFC 3339, UTC.
    pub since: String,
    /// Who has acknowledged it; absent where nobody has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged_by: Option<String>,
    /// When, RFC 3339, UTC.
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

/// A component of the box and how it is.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct ComponentOut {
    /// What, such as `camera/front`, `model/scene`, `broker`, `store`, `disk/state`, `trigger/plc` or `unit/web`.
    pub component: String,
    /// `ok`, `starting`, `ended` (nothing is wrong) or `faulty`.
    pub state: String,
    /// What is wrong and what to do; absent where nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// Since when it is so, RFC 3339, UTC.
    pub since: String,
    /// Whether `/healthz` answers 503 while it is faulty (`supervisor.essential`).
    pub essential: bool,
}

/// A unit of the service.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct UnitOut {
    /// Its name.
    pub name: String,
    /// `starting`, `running`, `backoff`, `failed` or `ended`.
    pub state: String,
    /// Restarts since it was added.
    pub restarts: u32,
    /// Its last failure.
    pub last_error: Option<String>,
    /// Since when it is in this state, RFC 3339, UTC.
    pub since: String,
}

/// The configuration in force.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct ConfigOut {
    /// The file's text without secrets and comments.
    pub text: String,
    /// SHA-256 of the file, hexadecimal.
    pub hash: String,
    /// Where it is; `built-in default` where none was named.
    pub path: String,
}

/// Telemetry, now and lately.
#[derive(Serialize, JsonSchema)]
pub struct TelemetryOut<T> {
    /// The newest; absent before the first.
    pub now: Option<T>,
    /// The last ten minutes, oldest first.
    pub history: Vec<T>,
}

/// Whether the box works.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HealthOut {
    /// `online`, `degraded`, `starting` or `standing`: nothing works.
    pub state: String,
    /// Why it is not `online`.
    pub reasons: Vec<String>,
}

/// A trigger over REST.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TriggerIn {
    /// What comes with it, such as the part's serial number.
    pub text: Option<String>,
}

/// The gallery.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PeopleOut {
    /// The model that embeds faces; absent where there is none.
    pub model: Option<GalleryModel>,
    /// Everybody.
    pub people: Vec<PersonOut>,
    /// Samples of another model, to be enrolled again.
    pub stale: u64,
}

/// A model that embeds faces.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct GalleryModel {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of its file, hexadecimal.
    pub sha256: String,
}

/// A person of the gallery.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PersonOut {
    /// Unique on this box, never given twice.
    pub id: u64,
    /// The name.
    pub name: String,
    /// When the person was enrolled, RFC 3339, UTC.
    pub created: String,
    /// The pictures.
    pub samples: Vec<SampleOut>,
}

/// One picture of a person.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SampleOut {
    /// Its number.
    pub id: u64,
    /// When it was added, RFC 3339, UTC.
    pub added: String,
    /// Where it came from.
    pub source: String,
    /// How good it is, 0 to 1.
    pub quality: f32,
    /// Whether another model embedded it.
    pub stale: bool,
}

/// One of the two, and not `null`, as the service wants it.
fn pictures_or_camera(schema: &mut schemars::Schema) {
    let one = |key: &str, kind: &str, other: &str| {
        serde_json::json!({
            "required": [key], "properties": { key: { "type": kind }, other: { "type": "null" } },
        })
    };
    let either = [one("pictures", "array", "camera"), one("camera", "string", "pictures")];
    schema.insert("oneOf".into(), serde_json::json!(either));
}

/// What an enrolment is made from: pictures, or what a camera sees now.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct EnrolIn {
    /// The person's name.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// A camera's name.
    pub camera: Option<String>,
    /// Enrol also somebody who looks like a known person.
    #[serde(default)]
    pub as_new: bool,
}

/// More pictures of a person.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = pictures_or_camera)]
pub struct PicturesIn {
    /// JPEG or PNG, each in base64.
    #[schemars(length(min = 1, max = 32))]
    pub pictures: Option<Bounded<String, MAX_PICTURES>>,
    /// A camera's name.
    pub camera: Option<String>,
    /// Take them also where they look like somebody else.
    #[serde(default)]
    pub as_new: bool,
}

/// What was enrolled.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EnrolledOut {
    /// The person.
    pub person: u64,
    /// The name.
    pub name: String,
    /// The samples that were taken.
    pub samples: Vec<u64>,
    /// The pictures that were not.
    pub rejected: Vec<RejectedOut>,
}

/// A picture that cannot be used.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RejectedOut {
    /// Its place in the request, from 0.
    pub index: u64,
    /// The word for programs, such as `no_face`.
    pub code: String,
    /// Why.
    pub reason: String,
    /// What to do next.
    pub remedy: String,
}

/// Another name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenameIn {
    /// The name from now on.
    #[schemars(length(min = 1, max = 64))]
    pub name: String,
}

/// Two that are one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MergeIn {
    /// The person who stays.
    pub into: u64,
}

/// What was erased.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ErasedOut {
    /// How much of each kind.
    pub erased: std::collections::BTreeMap<String, u64>,
}

/// What became of an enrolment with another model.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ReenrolledOut {
    /// Samples that were embedded again.
    pub done: u64,
    /// Samples that could not be.
    pub failed: u64,
}
