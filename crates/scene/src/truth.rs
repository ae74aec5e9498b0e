//! The true contents of a frame, exact to the px.

use crate::Shape;
use crate::part::PartDefect;
use crate::sprite::SpriteBounds;
use ocellus_image::Rect;

/// Most parts in a frame's list of [`Truth`]; frames of the widest permitted shape hold fewer.
pub const MAX_PARTS: usize = 64;

/// One part that is visible in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Truth {
    /// The part's number: the same in every frame of its passage, and never used again.
    pub part_id: u64,
    /// The shape of the part.
    pub shape: Shape,
    /// The material's bounds in frame px, clipped to the frame.
    pub rect: Rect,
    /// The fraction of its bounds that is inside the frame, above 0 to 1.
    pub visible: f32,
    /// The part's defect, where it is inside the frame.
    pub defect: Option<DefectTruth>,
}

/// One defect that is visible in a frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DefectTruth {
    /// Which kind of defect it is.
    pub kind: PartDefect,
    /// The bounds of the px that differ from a sound part's, no side below 20 px of 480 lines, clipped to the
    /// frame.
    pub rect: Rect,
    /// The fraction of these bounds that is inside the frame, above 0 to 1.
    pub visible: f32,
}

/// A part of a line in the one frame in which its middle is nearest to the light barrier at the frame's
/// centre column.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Passage {
    /// The part's number, as in [`Truth`].
    pub part_id: u64,
    /// What is wrong with the part.
    pub defect: Option<PartDefect>,
    /// The material's bounds in frame px, clipped to the frame.
    pub rect: Rect,
}

/// A sprite's bounds in frame px, clipped, and the fraction that remains; `None` where nothing does.
pub(crate) fn in_frame(bounds: SpriteBounds, left: i64, top: i64, frame: [f32; 2]) -> Option<(Rect, f32)> {
    let [x0, y0, x1, y1] = bounds;
    let [left, top] = [left as f32, top as f32];
    let whole = Rect::from_corners(left + x0 as f32, top + y0 as f32, left + x1 as f32, top + y1 as f32);
    let rect = whole.clipped(frame[0], frame[1]);
    (rect.area() > 0.0).then(|| (rect, rect.area() / whole.area()))
}
