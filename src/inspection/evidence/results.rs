//! Results as they are kept: every number in decimal, with the bits that a replay must reproduce.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::{Defect, Pose, Rect, RoiResult};

/// A number with its exact bits: `{ "value": 0.93, "bits": "3f6e147b" }`. `bits` is the IEEE 754 single as
/// eight hexadecimal digits, and only it is read back; `value` is for people, and `null` for NaN and
/// infinities.
#[derive(Clone, Copy)]
pub struct Exact(pub f32);

impl PartialEq for Exact {
    /// Compares bits: NaN equals itself, 0 does not equal -0.
    fn eq(&self, other: &Exact) -> bool {
        self.0.to_bits() == other.0.to_bits()
    }
}

impl std::fmt::Debug for Exact {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, out)
    }
}

impl std::fmt::Display for Exact {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} ({:08x})", self.0, self.0.to_bits())
    }
}

#[derive(Serialize, Deserialize)]
struct Both {
    value: Option<f32>,
    bits: String,
}

impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let value = Some(self.0).filter(|value| value.is_finite());
        Both { value, bits: format!("{:08x}", self.0.to_bits()) }.serialize(out)
    }
}

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Exact, D::Error> {
        let bits = Both::deserialize(from)?.bits;
        let bits = Some(bits).filter(|bits| bits.len() == 8 && bits.bytes().all(|b| b.is_ascii_hexdigit()));
        let bits = bits.and_then(|bits| u32::from_str_radix(&bits, 16).ok());
        let wrong = || serde::de::Error::custom("the bits of a number are eight hexadecimal digits");
        bits.map(|bits| Exact(f32::from_bits(bits))).ok_or_else(wrong)
    }
}

/// Where the part lay; see [`Pose`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptPose {
    /// Shift to the right, px.
    pub dx: Exact,
    /// Shift down the frame, px.
    pub dy: Exact,
    /// Rotation in radians, clockwise positive.
    pub angle_rad: Exact,
}

/// One region of interest; see [`RoiResult`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptRoi {
    /// Its name in the recipe.
    pub name: String,
    /// The kind of check, as the recipe names it.
    pub kind: String,
    /// `ok`, `ng` or `error`.
    pub verdict: String,
    /// The measured value, in `unit`.
    pub score: Exact,
    /// The threshold that the score was compared with.
    pub threshold: Exact,
    /// The unit of both.
    pub unit: String,
    /// What was read or recognised.
    pub text: Option<String>,
    /// Where the region has defects.
    pub boxes: Vec<KeptDefect>,
    /// Why it could not be judged.
    pub error: Option<String>,
    /// Time on a worker, microseconds.
    pub duration_us: u32,
}

/// One defect of a region; see [`Defect`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptDefect {
    /// The kind of defect, or the class of the object.
    pub label: String,
    /// Its bounds, recipe px.
    #[serde(rename = "box")]
    pub rect: KeptBox,
    /// Number of defective pixels; 0 for a detected object.
    pub area_px: u32,
    /// The confidence of a detection, or the peak difference of a defect.
    pub score: Exact,
}

/// A rectangle in recipe px, parallel to the axes.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct KeptBox {
    /// Left edge, recipe px.
    pub x: Exact,
    /// Top edge, recipe px.
    pub y: Exact,
    /// Width in recipe px.
    pub w: Exact,
    /// Height in recipe px.
    pub h: Exact,
}

impl std::fmt::Debug for KeptBox {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let KeptBox { x, y, w, h } = self;
        write!(out, "[{x}, {y}, {w}, {h}]")
    }
}

impl From<Pose> for KeptPose {
    fn from(pose: Pose) -> KeptPose {
        KeptPose { dx: Exact(pose.dx), dy: Exact(pose.dy), angle_rad: Exact(pose.angle_rad) }
    }
}

impl From<&RoiResult> for KeptRoi {
    fn from(from: &RoiResult) -> KeptRoi {
        KeptRoi {
            name: from.name.to_string(),
            kind: from.kind.to_owned(),
            verdict: from.verdict.as_str().to_owned(),
            score: Exact(from.score),
            threshold: Exact(from.threshold),
            unit: from.unit.to_owned(),
            text: from.text.as_deref().map(str::to_owned),
            boxes: from.defects.iter().map(KeptDefect::from).collect(),
            error: from.error.as_deref().map(str::to_owned),
            duration_us: from.duration_us,
        }
    }
}

impl From<&Defect> for KeptDefect {
    fn from(from: &Defect) -> KeptDefect {
        let label = from.label.to_string();
        KeptDefect { label, rect: from.rect.into(), area_px: from.area_px, score: Exact(from.score) }
    }
}

impl From<Rect> for KeptBox {
    fn from(rect: Rect) -> KeptBox {
        KeptBox { x: Exact(rect.x), y: Exact(rect.y), w: Exact(rect.w), h: Exact(rect.h) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_single_comes_back_with_its_bits() {
        let hard =
            [0.0, -0.0, 0.1, 1.0 / 3.0, f32::MIN_POSITIVE, 1e-45, f32::MAX, f32::NAN, f32::NEG_INFINITY];
        for number in hard.into_iter().chain([f32::from_bits(0x7fc0_1234)]) {
            let text = serde_json::to_string(&Exact(number)).unwrap();
            let read: Exact = serde_json::from_str(&text).unwrap();
            assert_eq!(read, Exact(number), "{text}");
        }
    }

    #[test]
    fn a_number_is_written_for_people_too() {
        let text = serde_json::to_string(&Exact(0.93)).unwrap();
        assert_eq!(text, r#"{"value":0.93,"bits":"3f6e147b"}"#);
        assert_eq!(serde_json::to_string(&Exact(f32::NAN)).unwrap(), r#"{"value":null,"bits":"7fc00000"}"#);
    }

    #[test]
    fn bits_that_are_none_are_refused() {
        for bits in ["", "3f6e147", "+f6e147b", "3f6e147bb", "3f6e147g"] {
            let text = format!(r#"{{"value":0.93,"bits":"{bits}"}}"#);
            assert!(serde_json::from_str::<Exact>(&text).is_err(), "{bits}");
        }
    }
}
