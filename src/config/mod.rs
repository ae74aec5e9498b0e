//! The one TOML file: read with positions (`raw`), checked into typed sections (`check`).
//!
//! Every other module receives only its own section and never reads TOML.

mod attendance;
mod batch;
mod broker;
mod card;
mod catalogue;
mod check;
mod degradation;
mod diff;
mod edit;
mod experiment;
mod faces;
#[cfg(test)]
mod faces_tests;
mod fault;
mod files;
mod in_force;
mod inspect;
mod intake;
mod jobs;
#[cfg(test)]
mod jobs_tests;
mod launch;
mod limits;
mod log;
mod network;
pub mod output;
#[cfg(test)]
mod output_tests;
mod place;
mod preview;
mod provision;
mod raw;
pub mod recipe;
mod record;
#[cfg(feature = "demo")]
mod scene;
mod secret;
mod sections;
mod segment_model;
pub mod serial;
mod shown;
mod source;
mod supervisor;
mod tcp;
mod template;
#[cfg(test)]
mod tests;
mod track;
pub mod trigger;
#[cfg(test)]
mod trigger_tests;
mod url;
pub mod users;
mod value;
mod web;
mod written;
mod zmq;
#[cfg(test)]
mod zone_tests;

pub use ocellus_engine::{Embedding, ModelCard, RuntimeSettings, Task};
pub use ocellus_text as text;

pub use attendance::{AttendanceConfig, CameraAttendance, CameraRole, Hours};
pub use batch::BatchConfig;
pub use broker::{MqttConfig, MqttProtocol, OutboxConfig, Tls};
pub use card::parse as parse_card;
pub use catalogue::{CatalogueModel, catalogue, catalogue_model};
pub use check::Coming;
pub use degradation::DegradationConfig;
pub use diff::{ChangedNames, ConfigChange};
pub use edit::{ConfigEdit, edited};
pub use experiment::{ChannelFeatures, Experiment, OutputSettings};
pub use faces::{FacesConfig, RecognitionConfig};
pub use fault::{Fault, Faults};
pub use in_force::InForce;
pub use inspect::{EvidenceConfig, Inspect};
pub use intake::{
    ChannelConfig, Feed, FolderFeed, IntakeConfig, IntakeStoreConfig, TopicFeed, TopicPayload, WatchMode,
    ZMQ_TOPICS,
};
pub use jobs::{CredentialsConfig, FleetConfig, GenerateConfig, HttpConfig, JobsConfig};
pub use launch::LaunchLine;
pub use limits::ValueFault;
pub use log::{LogConfig, check_filter};
pub use network::Network;
pub use output::OutputConfig;
pub use preview::{AnnotateConfig, PreviewConfig};
pub use provision::{PROVISION_FILE, ProvisionedBroker, ProvisionedUser, Provisioning, UserSecret};
pub(crate) use raw::nearest;
pub use record::{ClipEncoding, RecordAs, RecordConfig, RecordLayer, RecordOn, RecorderConfig};
pub use secret::{PasswordError, read_password, read_secret};
pub use sections::{CameraConfig, Config, DetectConfig, Device, ModelConfig, Pace, V4l2, Workers};
pub use segment_model::SegmentModel;
pub use source::{Source, SourceError};
pub use supervisor::SupervisorConfig;
pub use tcp::{Framing, TcpConfig};
pub use track::{Anchor, Line, MAX_LINES, TrackConfig, Zone};
pub use trigger::TriggerConfig;
pub use url::{SourceUrl, shown_url};
pub use web::{WebConfig, WebTls};
pub use written::Written;
pub use zmq::ZmqConfig;
