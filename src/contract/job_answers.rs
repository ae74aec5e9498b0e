//! The answers of the jobs that make clips and reach other servers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::jobs::JobFileOut;

/// A film of pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ClipOut {
    /// The file that was written: MP4 with H.264, or Matroska with motion JPEG.
    pub clip: JobFileOut,
    /// What encoded it: the name of GStreamer's element, or `mjpeg`.
    pub encoder: String,
    /// Pictures that it shows.
    pub pictures: u64,
    /// Frames that it has.
    pub frames: u64,
    /// Frames that it shows in a second.
    pub frames_per_s: u32,
    /// Its length in seconds.
    pub seconds: f64,
}

/// A picture that was fetched from a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FetchedOut {
    /// The file that was written.
    pub fetched: JobFileOut,
    /// Where it came from, after redirects; without the query, which may hold a secret.
    pub from: String,
    /// Redirects that were followed.
    pub redirects: u32,
}

/// Pictures that a remote service made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratedOut {
    /// The files that were written, in the order of the service's answer.
    pub generated: Vec<JobFileOut>,
    /// Host and port of the service.
    pub service: String,
}

/// The files that were put on servers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UploadedOut {
    /// One for each file, in the order of the request.
    pub uploaded: Vec<UploadedFileOut>,
}

/// A file that was put on a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UploadedFileOut {
    /// Path of the file on the box.
    pub path: String,
    /// Where it is now; without the query, which may hold a signature.
    pub to: String,
    /// SHA-256 of what was sent.
    pub sha256: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// The status that the server answered with, 200 to 299.
    pub status: u16,
}
