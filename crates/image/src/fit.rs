//! Computes the picture's place in the tensor: stretched over all of it, or letterboxed.

use super::Target;
use crate::{Fit, Placement, Rect};

/// The picture's place in the tensor, in whole tensor px.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub left: usize,
    pub top: usize,
    pub width: usize,
    pub height: usize,
}

/// Fits `region` (frame px, not empty) into the target. The letterboxed picture is rounded to whole px and
/// centred, the odd pixel of a bar going right or down; the placement carries the rounded scale, so it is exact.
pub(super) fn place(target: &Target, region: Rect) -> (Window, Placement) {
    let (w, h) = (f64::from(region.w), f64::from(region.h));
    let (width, height) = match target.fit {
        Fit::Stretch => (target.width, target.height),
        Fit::Letterbox => {
            let scale = (target.width as f64 / w).min(target.height as f64 / h);
            let side = |px: f64, limit: usize| ((px * scale).round() as usize).clamp(1, limit);
            (side(w, target.width), side(h, target.height))
        }
    };
    let (left, top) = ((target.width - width) / 2, (target.height - height) / 2);
    let placement = Placement {
        offset: [left as f32, top as f32],
        scale: [(w / width as f64) as f32, (h / height as f64) as f32],
        origin: [region.x, region.y],
    };
    (Window { left, top, width, height }, placement)
}
