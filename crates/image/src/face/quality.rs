//! Measures how suitable a face is for recognition: its size, how far it is turned, and how sharp it is.
//!
//! The score is the product of three factors of 0 to 1, so that a face that fails in one is not saved by the others.

use super::FACE_SIDE;
use crate::{Patch, Point};

/// The part of the crop that shows a face and no background, px: from and to, across and down.
const FACE: [(usize, usize); 2] = [(28, 84), (32, 96)];

/// Nose tip and mouth in the model of a head, from the middle of the eyes, in distances of the eyes: downwards and
/// towards the viewer. MediaPipe's `canonical_face_model.obj`: the eyes are the means of vertices 33 and 133 (place),
/// 145 and 159 (depth), and their mirror images; nose tip 4; mouth the mean of 13 and 14.
const NOSE: (f32, f32) = (0.490, 0.598);
const LIPS: (f32, f32) = (1.094, 0.237);

/// How a head is turned, estimated from the six key points of BlazeFace under parallel projection. Degrees.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FacePose {
    /// To the right of the picture is positive: how far the nose tip lies off the middle of the eyes, given by how far
    /// it stands out: tan(yaw) = offset / (distance of the eyes × 0.598).
    pub yaw_deg: f32,
    /// Downwards is positive: where between eyes and mouth the nose tip is seen. Of the ratio r of both distances,
    /// tan(pitch) = (r × 1.094 - 0.490) / (0.598 - r × 0.237).
    pub pitch_deg: f32,
    /// Clockwise on the screen is positive: the direction from eye to eye. Undone by alignment, so it costs nothing.
    pub roll_deg: f32,
}

impl FacePose {
    /// From right eye (at the left of the picture), left eye, nose tip, mouth centre and tragions, in frame px.
    pub fn of(points: &[Point; 6]) -> FacePose {
        let [right, left, nose, lips, ..] = *points;
        let (dx, dy) = (left.x - right.x, left.y - right.y);
        let apart = dx.hypot(dy).max(f32::MIN_POSITIVE);
        let (cos, sin) = (dx / apart, dy / apart);
        let middle = Point { x: (left.x + right.x) / 2.0, y: (left.y + right.y) / 2.0 };
        // In the head's own directions, in distances of the eyes.
        let own = |p: Point| {
            let (x, y) = ((p.x - middle.x) / apart, (p.y - middle.y) / apart);
            (cos * x + sin * y, cos * y - sin * x)
        };
        let (nose, lips) = (own(nose), own(lips));
        let ratio = if lips.1.abs() > 1e-3 { (nose.1 / lips.1).clamp(-2.0, 2.0) } else { 2.0 };
        let yaw = (nose.0 / NOSE.1).atan();
        let pitch = (ratio * LIPS.0 - NOSE.0).atan2(NOSE.1 - ratio * LIPS.1);
        FacePose {
            yaw_deg: yaw.to_degrees(),
            pitch_deg: pitch.to_degrees(),
            roll_deg: dy.atan2(dx).to_degrees(),
        }
    }

    /// How far the head is turned away from the camera, up, down or aside.
    pub fn turn_deg(&self) -> f32 {
        self.yaw_deg.abs().max(self.pitch_deg.abs())
    }
}

/// The quality of a face: first estimated from the detector's key points, then completed with its crop.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FaceQuality {
    /// Distance of the eyes in the frame, px.
    pub eye_px: f32,
    /// How the head is turned.
    pub pose: FacePose,
    /// See [`sharpness`]; that of a face in focus while the crop has not been measured.
    pub sharpness: f32,
}

/// The flaw that makes a face unsuitable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FaceFlaw {
    /// The eyes are too near to one another.
    TooSmall,
    /// The head is turned away.
    Turned,
    /// Out of focus, moved, or enlarged from too few px.
    Blurred,
}

impl FaceFlaw {
    /// The word in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            FaceFlaw::TooSmall => "too_small",
            FaceFlaw::Turned => "turned",
            FaceFlaw::Blurred => "blurred",
        }
    }
}

impl FaceQuality {
    /// Distance of the eyes in the model's crop, px: a face whose eyes are so far apart is cut without being enlarged.
    pub const FULL_EYE_PX: f32 = 35.24;
    /// [`sharpness`] from which a face counts as being in full focus: the median of the twelve pictures of people in the
    /// project's shared data, which are frames of good video.
    pub const FULL_SHARPNESS: f32 = 0.06;

    /// From the six key points alone (frame px): as if the face were in focus.
    pub fn of(points: &[Point; 6]) -> FaceQuality {
        let [right, left, ..] = *points;
        let eye_px = (left.x - right.x).hypot(left.y - right.y);
        FaceQuality { eye_px, pose: FacePose::of(points), sharpness: FaceQuality::FULL_SHARPNESS }
    }

    /// With the sharpness of its crop ([`FACE_SIDE`] px, RGB).
    pub fn with_crop(self, crop: &Patch) -> FaceQuality {
        FaceQuality { sharpness: sharpness(crop), ..self }
    }

    /// Size: distance of the eyes, up to what the crop shows. Pose: cos yaw × cos pitch, the share of the face's area
    /// that is turned to the camera (Lambert). Sharpness: up to that of a face in focus. Each 0 to 1.
    pub fn factors(&self) -> [(FaceFlaw, f32); 3] {
        let facing = |deg: f32| deg.to_radians().cos().max(0.0);
        [
            (FaceFlaw::TooSmall, (self.eye_px / FaceQuality::FULL_EYE_PX).clamp(0.0, 1.0)),
            (FaceFlaw::Turned, facing(self.pose.yaw_deg) * facing(self.pose.pitch_deg)),
            (FaceFlaw::Blurred, (self.sharpness / FaceQuality::FULL_SHARPNESS).clamp(0.0, 1.0)),
        ]
    }

    /// The product of the three factors, 0 to 1; 0 also where a key point is NaN.
    pub fn score(&self) -> f32 {
        let score: f32 = self.factors().iter().map(|(_, factor)| factor).product();
        if score.is_finite() { score } else { 0.0 }
    }
}

/// The least quality of a face that is recognised.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceGate {
    /// Least distance of the eyes, px.
    pub min_eye_px: f32,
    /// Most degrees that the head may be turned up, down or aside.
    pub max_turn_deg: f32,
    /// Least [`sharpness`] of the aligned crop.
    pub min_sharpness: f32,
    /// Least score of the face as a whole, 0 to 1.
    pub min_score: f32,
}

impl FaceGate {
    /// What is wrong with the face, if anything: the first bound that it misses, or, where only the score is too low,
    /// its weakest factor.
    pub fn flaw(&self, face: &FaceQuality) -> Option<FaceFlaw> {
        // Written so that NaN is refused.
        let bounds = [
            (FaceFlaw::TooSmall, face.eye_px >= self.min_eye_px),
            (FaceFlaw::Turned, face.pose.turn_deg() <= self.max_turn_deg),
            (FaceFlaw::Blurred, face.sharpness >= self.min_sharpness),
        ];
        let missed = bounds.into_iter().find(|(_, holds)| !holds).map(|(flaw, _)| flaw);
        missed.or_else(|| {
            let weakest = face.factors().into_iter().min_by(|a, b| a.1.total_cmp(&b.1));
            if face.score() >= self.min_score { None } else { weakest.map(|(flaw, _)| flaw) }
        })
    }
}

/// How sharp a crop of [`FACE_SIDE`] px is: the variance of its Laplacian (Pech-Pacheco et al., ICPR 2000; four
/// neighbours) on BT.601 luma, over the variance of the luma itself, so that neither light nor contrast counts. Only
/// the middle of the crop is looked at, where no background is. 0 for a crop of another size or without contrast.
pub fn sharpness(crop: &Patch) -> f32 {
    if (crop.width, crop.height) != (FACE_SIDE, FACE_SIDE) || crop.channels.count() != 3 {
        return 0.0;
    }
    let luma = |x: usize, y: usize| {
        let at = y * crop.stride() + 3 * x;
        let px = &crop.data[at..at + 3];
        (77 * i32::from(px[0]) + 150 * i32::from(px[1]) + 29 * i32::from(px[2])) >> 8
    };
    let [across, down] = FACE;
    let (mut value, mut edge) = (VarianceSums::default(), VarianceSums::default());
    for y in down.0..down.1 {
        for x in across.0..across.1 {
            let here = luma(x, y);
            value.add(here);
            edge.add(luma(x - 1, y) + luma(x + 1, y) + luma(x, y - 1) + luma(x, y + 1) - 4 * here);
        }
    }
    let contrast = value.variance();
    // Below one grey value there is nothing but noise.
    if contrast < 1.0 { 0.0 } else { (edge.variance() / contrast) as f32 }
}

/// Sums for a variance.
#[derive(Default)]
struct VarianceSums {
    count: i64,
    sum: i64,
    squares: i64,
}

impl VarianceSums {
    fn add(&mut self, value: i32) {
        self.count += 1;
        self.sum += i64::from(value);
        self.squares += i64::from(value) * i64::from(value);
    }

    fn variance(&self) -> f64 {
        let mean = self.sum as f64 / self.count as f64;
        self.squares as f64 / self.count as f64 - mean * mean
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model's head, turned and projected.
    fn head(yaw_deg: f32, pitch_deg: f32, roll_deg: f32) -> [Point; 6] {
        let tragions = [(-1.14, 0.1, -0.9), (1.14, 0.1, -0.9)];
        let front = [(-0.5, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, NOSE.0, NOSE.1), (0.0, LIPS.0, LIPS.1)];
        let all: Vec<(f32, f32, f32)> = front.into_iter().chain(tragions).collect();
        let [yaw, pitch, roll] = [yaw_deg, pitch_deg, roll_deg].map(f32::to_radians);
        std::array::from_fn(|i| {
            let (x, y, z) = all[i];
            let (y, z) = (y * pitch.cos() + z * pitch.sin(), z * pitch.cos() - y * pitch.sin());
            let x = x * yaw.cos() + z * yaw.sin();
            let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
            Point { x: 300.0 + 40.0 * x, y: 200.0 + 40.0 * y }
        })
    }

    #[test]
    fn a_turned_head_is_seen_as_turned_by_so_much() {
        for deg in [-40.0, -15.0, 0.0, 20.0, 45.0] {
            let yaw = FacePose::of(&head(deg, 0.0, 0.0));
            assert!((yaw.yaw_deg - deg).abs() < 1.0 && yaw.pitch_deg.abs() < 1.0, "{yaw:?}");
            let pitch = FacePose::of(&head(0.0, deg, 0.0));
            assert!((pitch.pitch_deg - deg).abs() < 1.0 && pitch.yaw_deg.abs() < 1.0, "{pitch:?}");
            let roll = FacePose::of(&head(10.0, 5.0, deg));
            assert!((roll.roll_deg - deg).abs() < 1.0 && (roll.yaw_deg - 10.0).abs() < 1.0, "{roll:?}");
        }
    }

    fn gate() -> FaceGate {
        FaceGate { min_eye_px: 20.0, max_turn_deg: 35.0, min_sharpness: 0.02, min_score: 0.25 }
    }

    #[test]
    fn each_flaw_is_named_and_a_good_face_has_none() {
        let good = FaceQuality::of(&head(0.0, 0.0, 10.0));
        assert_eq!((gate().flaw(&good), good.score()), (None, 1.0));
        assert_eq!(gate().flaw(&FaceQuality { eye_px: 12.0, ..good }), Some(FaceFlaw::TooSmall));
        assert_eq!(gate().flaw(&FaceQuality::of(&head(50.0, 0.0, 0.0))), Some(FaceFlaw::Turned));
        assert_eq!(gate().flaw(&FaceQuality { sharpness: 0.001, ..good }), Some(FaceFlaw::Blurred));
        let middling = FaceQuality { eye_px: 21.0, sharpness: 0.022, ..good };
        assert_eq!(gate().flaw(&middling), Some(FaceFlaw::Blurred), "each bound holds, but not the score");
    }

    #[test]
    fn points_that_are_no_numbers_are_no_face() {
        let nowhere = FaceQuality::of(&[Point { x: f32::NAN, y: 0.0 }; 6]);
        assert!(gate().flaw(&nowhere).is_some() && nowhere.score() == 0.0);
        assert!(gate().flaw(&FaceQuality::of(&[Point::default(); 6])).is_some());
    }

    #[test]
    fn a_picture_without_contrast_is_not_sharp() {
        assert_eq!(sharpness(&Patch::new(FACE_SIDE, FACE_SIDE, crate::Channels::Rgb)), 0.0);
        assert_eq!(sharpness(&Patch::default()), 0.0);
    }
}
