//! The rows of a background.

use crate::resample::Resampler;

use super::Background;
use super::pattern::Pattern;

/// Gives the rows of a background in the size of the foreground, from top to bottom.
pub(super) enum BackgroundRows<'a> {
    Plain([u8; 3]),
    Picture(Box<Resampler<'a>>),
    Pattern(Pattern),
}

impl<'a> BackgroundRows<'a> {
    pub fn new(background: &Background<'a>, width: usize, height: usize) -> BackgroundRows<'a> {
        match *background {
            Background::White => BackgroundRows::Plain([255; 3]),
            Background::Plain(colour) => BackgroundRows::Plain(colour.0),
            Background::Picture(picture) => {
                let colour = &picture.colour;
                let size = [colour.width, colour.height];
                let resampler = Resampler::cover(&colour.data, size, 3, [width, height]);
                BackgroundRows::Picture(Box::new(resampler))
            }
            Background::Random { seed } => BackgroundRows::Pattern(Pattern::new(seed, width, height)),
        }
    }

    /// Row `y` as RGB.
    pub fn row(&mut self, y: usize, out: &mut [u8]) {
        match self {
            BackgroundRows::Plain(colour) => {
                out.chunks_exact_mut(3).for_each(|pixel| pixel.copy_from_slice(colour));
            }
            BackgroundRows::Picture(resampler) => resampler.row(y, out),
            BackgroundRows::Pattern(pattern) => pattern.row(y, out),
        }
    }
}
