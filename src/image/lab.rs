//! Colour as the eye tells it apart: the mean colour of a patch in CIELAB, and the CIEDE2000 difference.

use super::{ImageError, Mask, Patch};

/// A colour in CIELAB under D65 (2° observer).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lab {
    /// L*, 0 (black) to 100 (white).
    pub l: f32,
    /// a*, green to red.
    pub a: f32,
    /// b*, blue to yellow.
    pub b: f32,
}

impl Lab {
    /// The mean colour of a colour patch where `mask` leaves px in, everywhere if `None`: averaged as light
    /// (linear), as an eye or a meter at a distance would, then turned into CIELAB.
    ///
    /// # Errors
    /// A grey patch, a mask of another size or with nothing inside.
    pub fn mean(_patch: &Patch, _mask: Option<&Mask>) -> Result<Lab, ImageError> {
        unimplemented!("in the making")
    }

    /// From sRGB, 0 to 255 each (IEC 61966-2-1).
    pub fn from_srgb(_rgb: [u8; 3]) -> Lab {
        unimplemented!("in the making")
    }

    /// CIEDE2000 difference, all weights 1.
    /// Source: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula", 2005.
    pub fn delta_e(self, _other: Lab) -> f32 {
        unimplemented!("in the making")
    }
}
