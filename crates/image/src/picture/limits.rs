//! Limits for the size of pictures, checked before anything is decoded.

use super::{PictureError, PictureHead};

/// Limits for one picture. They are compared with the head of the file before memory is allocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest file that is opened, bytes.
    pub max_file: u64,
    /// Longest side that is decoded, px.
    pub max_side: u32,
    /// Most pixels that are decoded.
    pub max_px: u64,
    /// Most memory that decoding may take, bytes: the picture and all other memory of the decoder.
    pub max_bytes: u64,
}

impl Limits {
    /// Limits that fit phones and industrial cameras and the memory of small devices: 32 MP of 8-bit RGB,
    /// rotated.
    pub const USUAL: Limits =
        Limits { max_file: 64 << 20, max_side: 16_384, max_px: 32_000_000, max_bytes: 192 << 20 };

    pub(super) fn allow_file(&self, bytes: u64) -> Result<(), PictureError> {
        match bytes > self.max_file {
            true => Err(PictureError::TooLong { bytes, most: self.max_file }),
            false => Ok(()),
        }
    }

    /// Whether a picture with this head may be decoded.
    pub(super) fn allow(&self, head: &PictureHead) -> Result<(), PictureError> {
        let PictureHead { width, height, bytes, .. } = *head;
        let Limits { max_side, max_px, max_bytes, .. } = *self;
        if width.max(height) > max_side || u64::from(width) * u64::from(height) > max_px {
            return Err(PictureError::TooManyPixels { width, height, max_px, max_side });
        }
        if bytes > max_bytes {
            return Err(PictureError::TooMuchMemory { width, height, need: bytes, most: max_bytes });
        }
        Ok(())
    }
}
