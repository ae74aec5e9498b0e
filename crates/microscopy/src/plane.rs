//! One picture of a stack: a position, a channel, a moment.

/// The pixels of a plane, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// 8 and 16 bits, as they were measured.
    U16(Vec<u16>),
    /// 32-bit integers and floating point.
    F32(Vec<f32>),
}

/// A picture of one channel at one moment. `pixels` has `width * height` values.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The values.
    pub pixels: Pixels,
}

impl Plane {
    /// A plane without pixels, to be filled by a reader.
    pub fn empty() -> Plane {
        Plane { width: 0, height: 0, pixels: Pixels::U16(Vec::new()) }
    }
}
