//! The parameters of the kind that makes clips.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of `clip`: a film of pictures that move slowly and fade into one another.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClipIn {
    /// The pictures in their order, below the folder `jobs.pictures`; from the command line also absolute paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pictures: Vec<String>,
    /// In the place of pictures: all that the jobs before this one made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_jobs: bool,
    /// Width in px, even, 16 to 3840; by default in the shape of the first picture, the longer side 1280.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Height in px, even, 16 to 3840; given together with the width.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// Seconds for each picture, 0.1 to 60; 3 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f32>,
    /// Seconds in which a picture fades into the next one, at most half of `seconds`; 0.5 by default, or as much as fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fade_s: Option<f32>,
    /// Frames a second, 1 to 60; 25 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub frames_per_s: Option<u32>,
    /// `auto` (by default): H.264 where GStreamer has an encoder, else motion JPEG; `h264`; or `mjpeg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoding: Option<ClipEncodingIn>,
}

/// How a clip is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClipEncodingIn {
    /// H.264 where GStreamer has an encoder, else motion JPEG.
    Auto,
    /// H.264 in MP4, which browsers play.
    H264,
    /// Motion JPEG in Matroska, which needs no encoder.
    Mjpeg,
}
