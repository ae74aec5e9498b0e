//! A small picture in its own memory: a region of interest in the part's coordinates, or a golden picture.

use super::{Colour, PixelFormat, Planes};

/// The channels of a picture or a tensor, innermost dimension (NHWC).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Channels {
    /// Three channels: red, green, blue.
    #[default]
    Rgb,
    /// Three channels: blue, green, red.
    Bgr,
    /// One channel: luma. YUV formats give theirs (range expanded, chroma is not read at all);
    /// RGB ones are weighed by ITU-R BT.601 (0.299, 0.587, 0.114), as Pillow's mode `L`.
    Gray,
}

impl Channels {
    /// How many values a pixel has.
    pub fn count(self) -> usize {
        match self {
            Channels::Rgb | Channels::Bgr => 3,
            Channels::Gray => 1,
        }
    }
}

/// A packed picture, 8 bits a sample: grey (1 byte a px) or colour (3). Its memory is used again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Patch {
    /// Width of the patch, px.
    pub width: usize,
    /// Height of the patch, px.
    pub height: usize,
    /// `Gray`, `Rgb` or `Bgr`.
    pub channels: Channels,
    /// Row by row, `width` × `height` × channels bytes.
    pub data: Vec<u8>,
}

impl Patch {
    /// A patch of this shape, all black.
    pub fn new(width: usize, height: usize, channels: Channels) -> Patch {
        Patch { width, height, channels, data: vec![0; width * height * channels.count()] }
    }

    /// Changes the shape, keeping the memory; the content is undefined until written.
    pub fn reshape(&mut self, width: usize, height: usize, channels: Channels) {
        (self.width, self.height, self.channels) = (width, height, channels);
        self.data.resize(width * height * channels.count(), 0);
    }

    /// Bytes from one row to the next.
    pub fn stride(&self) -> usize {
        self.width * self.channels.count()
    }

    /// The patch as a picture, so that code that reads planes can read it without a copy.
    pub fn planes(&self) -> Planes<'_> {
        let format = match self.channels {
            Channels::Gray => PixelFormat::Gray8,
            Channels::Rgb => PixelFormat::Rgb,
            Channels::Bgr => PixelFormat::Bgr,
        };
        Planes {
            format,
            width: self.width,
            height: self.height,
            colour: Colour::default(),
            data: [&self.data, &[], &[]],
            stride: [self.stride(), 0, 0],
        }
    }

    /// Row `y`.
    ///
    /// # Panics
    /// When `y` is not below the height.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.stride()..][..self.stride()]
    }
}
