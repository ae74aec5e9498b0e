//! The command `snapshot`, its answer, and how it is answered.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::image::jpeg;
use crate::types::{Frame, Refusal, rfc3339};

/// Quality of the JPEG where the request names none.
const DEFAULT_QUALITY: u64 = 85;

/// The command `snapshot`: the newest frame of a camera as JPEG.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotRequest {
    /// Name of the camera; optional where there is only one.
    #[serde(default)]
    pub camera: Option<String>,
    /// Quality of the JPEG, 1 to 100; 85 by default.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub quality: Option<u64>,
    /// Whether to put the picture into the answer instead of on a separate topic.
    #[serde(default)]
    pub inline: Option<bool>,
    /// Whether the broker shall retain the picture.
    #[serde(default)]
    pub retain_picture: Option<bool>,
}

/// A picture of a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SnapshotOut {
    /// Name of the camera.
    pub camera: String,
    /// Number of the frame since the process began.
    pub frame: u64,
    /// When the frame was captured, RFC 3339, UTC.
    pub time: String,
    /// Width of the picture in px.
    pub width: u64,
    /// Height of the picture in px.
    pub height: u64,
    /// Length of the JPEG in bytes.
    pub bytes: u64,
    /// The topic on which the JPEG was published; absent where it is in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The JPEG in base64; absent where it has a topic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jpeg_base64: Option<String>,
}

/// Encodes `frame` of `camera` as JPEG, as `asked`. Returns the description of the picture and its bytes.
///
/// # Errors
/// A refusal: the quality is out of range, or the frame cannot be encoded.
pub fn snapshot(
    camera: &str,
    frame: &Frame,
    asked: &SnapshotRequest,
) -> Result<(SnapshotOut, Vec<u8>), Refusal> {
    let quality = asked.usable_quality()?;
    let mut bytes = Vec::new();
    jpeg::encode(&frame.planes(), quality, &mut bytes).map_err(|error| error.to_string())?;
    let answer = SnapshotOut {
        camera: camera.to_owned(),
        frame: frame.seq,
        time: rfc3339(frame.captured.wall_ns),
        width: frame.width as u64,
        height: frame.height as u64,
        bytes: bytes.len() as u64,
        topic: None,
        jpeg_base64: None,
    };
    Ok((answer, bytes))
}

impl SnapshotRequest {
    /// The quality of the JPEG.
    ///
    /// # Errors
    /// A refusal, where it is out of range.
    pub fn usable_quality(&self) -> Result<u8, Refusal> {
        let quality = self.quality.unwrap_or(DEFAULT_QUALITY);
        match u8::try_from(quality) {
            Ok(quality @ 1..=100) => Ok(quality),
            _ => Err(format!("quality is {quality}; it must be 1 to 100").into()),
        }
    }
}
