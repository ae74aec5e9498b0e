//! A picture in memory, and how it is read from a file.

use std::path::Path;

use ocellus_image::picture::{self, Limits};
use ocellus_image::{Channels, Patch};

use crate::StudioError;

/// Limits for the pictures of jobs: 8000 × 8000 px with alpha, within 300 MiB together with what a step needs.
pub const LIMITS: Limits =
    Limits { max_file: 256 << 20, max_side: 16_384, max_px: 64_000_000, max_bytes: 288 << 20 };

/// An upright picture in sRGB, 8 bits a sample. Colours are straight: not multiplied by alpha.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Packed RGB, never grey or BGR.
    pub colour: Patch,
    /// One byte a px, 255 opaque; `None` where every px is opaque.
    pub alpha: Option<Vec<u8>>,
}

impl Picture {
    /// An opaque picture of `width` × `height` px with these RGB bytes; `None` where their number is another.
    pub fn opaque(width: usize, height: usize, data: Vec<u8>) -> Option<Picture> {
        let fits = width > 0 && height > 0 && data.len() == width * height * 3;
        fits.then_some(Picture {
            colour: Patch { width, height, channels: Channels::Rgb, data },
            alpha: None,
        })
    }

    /// Reads a JPEG, PNG or BMP: upright by its EXIF orientation, converted to sRGB by its ICC profile, from CMYK and
    /// from 16 bits, with alpha. Its head is compared with `limits` before anything is decoded.
    ///
    /// # Errors
    /// No picture, a damaged one, or one beyond the limits.
    pub fn read(file: &[u8], limits: &Limits) -> Result<Picture, StudioError> {
        let read = picture::read_with_alpha(file, limits)?;
        let mut colour = read.patch;
        if colour.channels == Channels::Gray {
            colour.data = colour.data.iter().flat_map(|value| [*value; 3]).collect();
            colour.channels = Channels::Rgb;
        }
        Ok(Picture { colour, alpha: read.alpha })
    }

    /// Reads the file at `path`; see [`Picture::read`].
    ///
    /// # Errors
    /// As [`Picture::read`], and where the file cannot be read.
    pub fn load(path: &Path, limits: &Limits) -> Result<Picture, StudioError> {
        Picture::read(&picture::load(path, limits)?, limits)
    }

    /// Width of the picture, px.
    pub fn width(&self) -> usize {
        self.colour.width
    }

    /// Height of the picture, px.
    pub fn height(&self) -> usize {
        self.colour.height
    }

    /// 4 with alpha, else 3.
    pub fn channels(&self) -> usize {
        if self.alpha.is_some() { 4 } else { 3 }
    }

    /// Row `y` as RGB.
    pub(crate) fn row(&self, y: usize) -> &[u8] {
        self.colour.row(y)
    }

    /// Row `y` of alpha, where there is one.
    pub(crate) fn alpha_row(&self, y: usize) -> Option<&[u8]> {
        self.alpha.as_ref().map(|alpha| &alpha[y * self.width()..][..self.width()])
    }
}
