//! Where finished rows go, one after the other.

use ocellus_image::{Channels, Patch};

use crate::{Picture, StudioError};

/// Takes the rows of a picture from top to bottom.
pub trait RowSink {
    /// Takes the next row: RGB, or RGBA with straight alpha, 8 bits a sample.
    ///
    /// # Errors
    /// The sink cannot write, or expects another row.
    fn row(&mut self, pixels: &[u8]) -> Result<(), StudioError>;
}

/// A sink that keeps the picture in memory.
#[derive(Debug)]
pub struct Collected {
    width: usize,
    channels: usize,
    data: Vec<u8>,
}

impl Collected {
    /// A sink for rows of `width` px with 3 or 4 `channels`.
    pub fn new(width: usize, channels: usize) -> Collected {
        Collected { width, channels, data: Vec::new() }
    }

    /// The rows so far as a picture.
    ///
    /// # Errors
    /// There were no rows.
    pub fn into_picture(self) -> Result<Picture, StudioError> {
        let Collected { width, channels, mut data } = self;
        let height = data.len() / (width * channels).max(1);
        if height == 0 {
            return Err(StudioError::Rows { fault: "there were no rows".into() });
        }
        let alpha = (channels == 4).then(|| data.iter().skip(3).step_by(4).copied().collect());
        if channels == 4 {
            data = data.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        }
        Ok(Picture { colour: Patch { width, height, channels: Channels::Rgb, data }, alpha })
    }
}

impl RowSink for Collected {
    fn row(&mut self, pixels: &[u8]) -> Result<(), StudioError> {
        let need = self.width * self.channels;
        if pixels.len() != need {
            let fault = format!("a row has {} bytes where {need} are expected", pixels.len());
            return Err(StudioError::Rows { fault });
        }
        self.data.extend_from_slice(pixels);
        Ok(())
    }
}
