//! Words about tensors: element types, how a picture is put in, and the way back to frame px.

use super::{Point, Rect};

/// The element type of a tensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// Unsigned integers of 8 bit.
    U8,
    /// Signed integers of 8 bit.
    I8,
    /// Floating-point numbers of 32 bit (IEEE 754).
    F32,
    /// Signed integers of 32 bit, little-endian.
    I32,
    /// Signed integers of 64 bit, little-endian.
    I64,
}

impl Dtype {
    /// Bytes of one element.
    pub fn bytes(self) -> usize {
        match self {
            Dtype::U8 | Dtype::I8 => 1,
            Dtype::F32 | Dtype::I32 => 4,
            Dtype::I64 => 8,
        }
    }
}

/// How a picture of another shape is put into the tensor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fit {
    /// Width and height scaled each for itself.
    #[default]
    Stretch,
    /// Aspect ratio kept, centred, the rest filled.
    Letterbox,
}

/// How pixels are resampled when shrinking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Resize {
    /// Triangle filter over all source pixels (Pillow's BILINEAR): what training pipelines use.
    #[default]
    Antialias,
    /// Two samples a direction (OpenCV's INTER_LINEAR): cheaper, aliases.
    Bilinear,
}

/// Where a picture lies in a tensor, both in px: frame = (tensor − offset) × scale + origin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// Left and top of the picture inside the tensor, tensor px (the letterbox's bars).
    pub offset: [f32; 2],
    /// Frame px in one tensor px, horizontally and vertically.
    pub scale: [f32; 2],
    /// Left and top of the region inside the frame, frame px.
    pub origin: [f32; 2],
}

impl Placement {
    /// A tensor position in frame px.
    pub fn point(&self, x: f32, y: f32) -> Point {
        Point {
            x: (x - self.offset[0]) * self.scale[0] + self.origin[0],
            y: (y - self.offset[1]) * self.scale[1] + self.origin[1],
        }
    }

    /// A tensor rectangle, by its corners, in frame px.
    pub fn rect(&self, x0: f32, y0: f32, x1: f32, y1: f32) -> Rect {
        let (a, b) = (self.point(x0, y0), self.point(x1, y1));
        Rect::from_corners(a.x, a.y, b.x, b.y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letterboxed_box_comes_back_to_frame_pixels() {
        // 1280×720 into 320×320: scale 4, 70 px bars above and below.
        let at = Placement { offset: [0.0, 70.0], scale: [4.0, 4.0], origin: [0.0, 0.0] };
        assert_eq!(at.rect(0.0, 70.0, 320.0, 250.0), Rect { x: 0.0, y: 0.0, w: 1280.0, h: 720.0 });
    }
}
