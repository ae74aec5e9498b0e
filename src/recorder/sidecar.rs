//! The JSON file beside a recording. It is written as frames come, so that what a killed process leaves can be completed.
//!
//! ```text
//! {"schema":"ocellus.sidecar/1",…,"frames":[
//! {"frame":17,…},
//! {"frame":18,…}
//! ],"state":"whole","count":2}
//! ```

use serde::{Serialize, de::IgnoredAny};

use crate::contract::Detections;
use crate::store::{RecordingKind, RecordingState};
use crate::types::{Frame, Report, rfc3339};

/// Name and version of the format.
const SCHEMA: &str = "ocellus.sidecar/1";

/// What is known when the recording begins.
#[derive(Serialize)]
pub(super) struct SidecarHead<'a> {
    pub(super) schema: &'static str,
    pub(super) recording: u64,
    pub(super) camera: &'a str,
    pub(super) kind: RecordingKind,
    /// Zone of the times in the file's name; times in here are UTC.
    pub(super) time_zone: &'a str,
    pub(super) experiment: Option<&'a str>,
    /// The events that asked for it; those that came later are in the recording's own entry.
    pub(super) causes: &'a [String],
    /// Time from the first recorded frame to the event, ms; less than asked for where the ring did not reach back further.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pre_roll_ms: Option<u64>,
}

impl<'a> SidecarHead<'a> {
    /// The head of a recording that no event asked for.
    pub(super) fn new(recording: u64, camera: &'a str, kind: RecordingKind, time_zone: &'a str) -> Self {
        SidecarHead {
            schema: SCHEMA,
            recording,
            camera,
            kind,
            time_zone,
            experiment: None,
            causes: &[],
            pre_roll_ms: None,
        }
    }
}

/// One frame of a recording.
#[derive(Serialize)]
struct SidecarFrame<'a> {
    /// The camera's number of the frame.
    frame: u64,
    /// When it reached the service, RFC 3339, UTC.
    captured: String,
    /// The same, nanoseconds since 1970.
    captured_ns: u64,
    /// The source's own time stamp, ns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pts_ns: Option<u64>,
    /// Time in the clip, ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    at_ms: Option<f64>,
    width: usize,
    height: usize,
    /// Name of the picture file where the source is a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    /// What was found; of an earlier frame where detection did not look at this one, as its `frame` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    detections: Option<Detections<'a>>,
}

#[derive(Serialize)]
struct SidecarTail {
    state: RecordingState,
    count: u64,
}

/// Adds the beginning of the file to `out`.
pub(super) fn begin(out: &mut Vec<u8>, head: &SidecarHead<'_>) {
    json(out, head);
    out.pop();
    out.extend_from_slice(b",\"frames\":[");
}

/// Adds one frame; `is_first` where none is there yet. `at_ns` is its time in a clip.
pub(super) fn frame(
    out: &mut Vec<u8>,
    is_first: bool,
    (frame, at_ns): (&Frame, Option<u64>),
    report: Option<&Report>,
) {
    out.extend_from_slice(if is_first { b"\n" } else { b",\n" });
    let line = SidecarFrame {
        frame: frame.seq,
        captured: rfc3339(frame.captured.wall_ns),
        captured_ns: frame.captured.wall_ns,
        pts_ns: frame.pts_ns,
        at_ms: at_ns.map(|ns| ns as f64 / 1e6),
        width: frame.width,
        height: frame.height,
        file: frame.file.as_deref(),
        detections: report.map(Detections::from),
    };
    json(out, &line);
}

/// Adds the end of the file.
pub(super) fn end(out: &mut Vec<u8>, state: RecordingState, count: u64) {
    out.extend_from_slice(b"\n],");
    let from = out.len();
    json(out, &SidecarTail { state, count });
    out.remove(from);
    out.push(b'\n');
}

/// Completes the text of a sidecar that was cut short, or that has half a line; returns how many frames it has. `None`
/// where even its beginning is incomplete.
pub(super) fn complete(text: &mut Vec<u8>) -> Option<u64> {
    let head = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
    if !text[..head].ends_with(b"\"frames\":[") {
        return None;
    }
    if serde_json::from_slice::<IgnoredAny>(text).is_ok() {
        let lines = text.iter().filter(|byte| **byte == b'\n').count() as u64;
        return Some(lines.saturating_sub(2));
    }
    // Whole frames up to the first line that is none.
    let (mut kept, mut count) = (head, 0);
    while let Some(line) = text[kept..].strip_prefix(b"\n".as_slice()).or(text[kept..].strip_prefix(b",\n")) {
        let from = text.len() - line.len();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let line = line.strip_suffix(b",").unwrap_or(line);
        if serde_json::from_slice::<IgnoredAny>(line).is_err() {
            break;
        }
        (kept, count) = (from + line.len(), count + 1);
    }
    text.truncate(kept);
    end(text, RecordingState::Interrupted, count);
    Some(count)
}

fn json(out: &mut Vec<u8>, body: &impl Serialize) {
    // Serialising cannot fail: the types have string keys only, and a Vec accepts every byte.
    let written = serde_json::to_writer(out, body);
    debug_assert!(written.is_ok(), "{written:?}");
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::Value;

    use super::*;
    use crate::types::{PixelFormat, Stamp};

    fn text(frames: u64) -> Vec<u8> {
        let mut out = Vec::new();
        begin(&mut out, &SidecarHead::new(7, "front", RecordingKind::Clip, "UTC"));
        for seq in 0..frames {
            let bytes: Arc<[u8]> = vec![0; 4].into();
            let one = Frame::from_memory(seq, Stamp::default(), (PixelFormat::Gray8, 2, 2), bytes).unwrap();
            frame(&mut out, seq == 0, (&one, Some(seq * 40_000_000)), None);
        }
        out
    }

    #[test]
    fn a_sidecar_that_was_cut_anywhere_becomes_whole_json_with_the_frames_that_are_whole() {
        let whole = text(3);
        let head = whole.iter().position(|byte| *byte == b'\n').unwrap();
        let mut counts = Vec::new();
        for end in head..=whole.len() {
            let mut cut = whole[..end].to_vec();
            let count = complete(&mut cut).unwrap();
            let json: Value = serde_json::from_slice(&cut)
                .unwrap_or_else(|error| panic!("cut at {end}: {error}: {}", String::from_utf8_lossy(&cut)));
            assert_eq!(json["frames"].as_array().unwrap().len() as u64, count);
            assert_eq!((json["count"].as_u64(), json["state"].as_str()), (Some(count), Some("interrupted")));
            counts.push(count);
        }
        assert_eq!((counts.first(), counts.last()), (Some(&0), Some(&3)));
        assert!((0..head).all(|end| complete(&mut whole[..end].to_vec()).is_none()));
    }

    #[test]
    fn frames_before_half_a_line_are_kept_whatever_follows_it() {
        let mut text = text(3);
        let second = text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
        text.drain(second + 12..second + 30);
        end(&mut text, RecordingState::Interrupted, 3);
        assert_eq!(complete(&mut text), Some(1));
        let json: Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(json["frames"].as_array().unwrap().len(), 1, "{json}");
    }

    #[test]
    fn a_complete_sidecar_is_json() {
        let mut out = text(2);
        end(&mut out, RecordingState::Whole, 2);
        assert_eq!(complete(&mut out.clone()), Some(2), "it stays as it is");
        let json: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!((json["frames"][1]["at_ms"].as_f64(), json["count"].as_u64()), (Some(40.0), Some(2)));
    }
}
