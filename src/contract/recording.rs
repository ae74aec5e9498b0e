//! The payload of announcements about recordings, and the addresses of recordings.

use schemars::JsonSchema;
use serde::Serialize;

use super::payload::Payload;
use crate::types::{RecordedClip, RecordingGap, RecordingId, RecordingNews, RecordingNotice, rfc3339};

/// The path of a recording on the box's web server. It is known before the recording is complete; until then the server
/// answers 202 with `Retry-After`.
pub fn recording_path(id: RecordingId) -> String {
    format!("/api/v1/recordings/{id}")
}

/// `camera/NAME/recording`: what happened to the recording of a camera.
#[derive(Serialize, JsonSchema)]
pub struct RecordingOut<'a> {
    /// Name of the camera.
    pub camera: &'a str,
    /// `stopped`: recording has stopped by itself; `gap`: frames are missing; `clip`: a clip is complete.
    pub event: &'static str,
    /// First frame: that is not recorded (`stopped`, `gap`), or of the clip.
    pub first_frame: u64,
    /// Last frame: that is not recorded (`gap`), or of the clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_frame: Option<u64>,
    /// Number of frames: that should have been recorded and are missing (`gap`), or in the clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frames: Option<u64>,
    /// Time of the first of these frames, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Time of the last of these frames, RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// Missing frames by cause: `slow`, `starved`, `full`, `disk`, `encoder`, `degraded`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missed: Vec<MissedOut>,
    /// Why recording has stopped, and what to do (`stopped`); the events that asked for the clip.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<&'a str>,
    /// Number of the clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording: Option<u64>,
    /// Path of the clip on the box's web server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Media type of the clip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<&'static str>,
    /// Bytes of the clip and its sidecar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
}

/// Frames that are missing for one cause.
#[derive(Serialize, JsonSchema)]
pub struct MissedOut {
    /// The word for the cause.
    pub cause: &'static str,
    /// Number of frames for it.
    pub frames: u64,
}

impl<'a> From<&'a RecordingNotice> for RecordingOut<'a> {
    fn from(notice: &'a RecordingNotice) -> RecordingOut<'a> {
        let camera = &*notice.camera;
        match &notice.news {
            RecordingNews::Stopped { frame, cause, why } => RecordingOut {
                missed: vec![MissedOut { cause, frames: 1 }],
                causes: vec![why],
                ..RecordingOut::new(camera, "stopped", *frame)
            },
            RecordingNews::Gap(gap) => RecordingOut::of_gap(camera, gap),
            RecordingNews::Clip(clip) => RecordingOut::of_clip(camera, clip),
        }
    }
}

impl<'a> RecordingOut<'a> {
    fn new(camera: &'a str, event: &'static str, first_frame: u64) -> RecordingOut<'a> {
        RecordingOut {
            camera,
            event,
            first_frame,
            last_frame: None,
            frames: None,
            from: None,
            to: None,
            missed: Vec::new(),
            causes: Vec::new(),
            recording: None,
            path: None,
            content_type: None,
            bytes: None,
        }
    }

    fn of_gap(camera: &'a str, gap: &RecordingGap) -> RecordingOut<'a> {
        let missed = gap.causes.iter().map(|(cause, frames)| MissedOut { cause, frames: *frames });
        RecordingOut {
            last_frame: Some(gap.to),
            frames: Some(gap.frames),
            from: Some(rfc3339(gap.from_ns)),
            to: Some(rfc3339(gap.to_ns)),
            missed: missed.collect(),
            ..RecordingOut::new(camera, "gap", gap.from)
        }
    }

    fn of_clip(camera: &'a str, clip: &'a RecordedClip) -> RecordingOut<'a> {
        RecordingOut {
            last_frame: Some(clip.last_frame),
            frames: Some(clip.frames),
            from: Some(rfc3339(clip.started_ns)),
            to: Some(rfc3339(clip.ended_ns)),
            causes: clip.causes.iter().map(String::as_str).collect(),
            recording: Some(clip.id),
            path: Some(recording_path(clip.id)),
            content_type: Some(clip.content_type),
            bytes: Some(clip.bytes),
            ..RecordingOut::new(camera, "clip", clip.first_frame)
        }
    }
}

impl Payload for RecordingOut<'_> {
    const SCHEMA: &'static str = "ocellus.recording/1";
}
