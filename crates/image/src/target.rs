//! The form of the input tensor: size, channels, element type, normalisation.

use super::ImageError;
use crate::{Channels, Dtype, Fit, Resize};

/// The input tensor of a model, and how a picture becomes it: NHWC, batch 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Width of the tensor, px.
    pub width: usize,
    /// Height of the tensor, px.
    pub height: usize,
    /// Which channels, in which order.
    pub channels: Channels,
    /// Element type: `U8`, `I8` or `F32`.
    pub dtype: Dtype,
    /// stored = mul\[c\] × v + add\[c\] for a channel's v in 0..=255; integers are rounded half away
    /// from zero and saturated, floats are not rounded. c counts in tensor order; `Gray` uses 0.
    pub mul: [f32; 3],
    /// Summand of each channel, in the tensor's own units; see `mul`.
    pub add: [f32; 3],
    /// How a picture of another shape is put in.
    pub fit: Fit,
    /// The pixel value of letterbox bars, 0..=255; it is normalised as every pixel is.
    pub pad: u8,
    /// How pixels are resampled.
    pub resize: Resize,
}

impl Target {
    /// A picture of 8-bit RGB as it is: stretched to the size, every px under a new one averaged.
    pub fn rgb(width: usize, height: usize) -> Target {
        Target {
            width,
            height,
            channels: Channels::Rgb,
            dtype: Dtype::U8,
            mul: [1.0; 3],
            add: [0.0; 3],
            fit: Fit::Stretch,
            pad: 0,
            resize: Resize::Antialias,
        }
    }

    /// Bytes of one tensor row.
    pub(super) fn row_bytes(&self) -> usize {
        self.width * self.pixel_bytes()
    }

    /// Bytes of one pixel in the tensor.
    pub(super) fn pixel_bytes(&self) -> usize {
        self.channels.count() * self.dtype.bytes()
    }

    /// Refuses a target that no picture fits, and an output slice of another size.
    pub(super) fn check(&self, out_bytes: usize) -> Result<(), ImageError> {
        if !matches!(self.dtype, Dtype::U8 | Dtype::I8 | Dtype::F32) {
            return Err(ImageError::Dtype(self.dtype));
        }
        if self.width == 0 || self.height == 0 {
            return Err(ImageError::TargetEmpty { width: self.width, height: self.height });
        }
        let need = self.height * self.row_bytes();
        if out_bytes != need {
            return Err(ImageError::OutputSize { need, got: out_bytes });
        }
        Ok(())
    }
}
