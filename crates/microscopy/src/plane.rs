//! One picture of a stack: a position, a channel, a moment.

/// The pixels of a plane, row by row.
#[derive(Clone, Debug, PartialEq)]
pub enum Pixels {
    /// 8 and 16 bits, as they were measured.
    U16(Vec<u16>),
    /// 32-bit integers and floating point.
    F32(Vec<f32>),
}

impl Pixels {
    /// The number of values.
    pub fn len(&self) -> usize {
        match self {
            Pixels::U16(pixels) => pixels.len(),
            Pixels::F32(pixels) => pixels.len(),
        }
    }

    /// Whether there is no value.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A picture of one channel at one moment. `pixels` has `width * height` values.
#[derive(Clone, Debug, PartialEq)]
pub struct Plane {
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the picture.
    pub height: usize,
    /// The values of the pixels.
    pub pixels: Pixels,
}

impl Plane {
    /// A plane without pixels, to be filled by a reader.
    pub fn empty() -> Plane {
        Plane { width: 0, height: 0, pixels: Pixels::U16(Vec::new()) }
    }

    /// The pixels as 16-bit integers, to be overwritten; memory of that kind is kept.
    pub fn u16_mut(&mut self) -> &mut Vec<u16> {
        if let Pixels::F32(_) = self.pixels {
            self.pixels = Pixels::U16(Vec::new());
        }
        match &mut self.pixels {
            Pixels::U16(pixels) => pixels,
            Pixels::F32(_) => unreachable!("it was made 16 bits just now"),
        }
    }

    /// The pixels as floating point, to be overwritten; memory of that kind is kept.
    pub fn f32_mut(&mut self) -> &mut Vec<f32> {
        if let Pixels::U16(_) = self.pixels {
            self.pixels = Pixels::F32(Vec::new());
        }
        match &mut self.pixels {
            Pixels::F32(pixels) => pixels,
            Pixels::U16(_) => unreachable!("it was made floating point just now"),
        }
    }
}
