//! BMP: decoded by the `image` crate, after the head was checked here.

use std::io::Cursor;

use ::image::codecs::bmp::BmpDecoder;
use ::image::metadata::Orientation;
use ::image::{DynamicImage, ImageDecoder, ImageError};

use super::{Alpha, Channels, DecodedPicture, Patch, PictureError, PicturePlan, alpha_of, drop_alpha};

/// A BMP whose head was read.
pub(super) struct Bmp<'a> {
    decoder: BmpDecoder<Cursor<&'a [u8]>>,
}

impl<'a> Bmp<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Result<Bmp<'a>, PictureError> {
        let decoder = BmpDecoder::new(Cursor::new(file)).map_err(translate)?;
        Ok(Bmp { decoder })
    }

    pub(super) fn plan(&self, alpha: Alpha) -> PicturePlan {
        let (width, height) = self.decoder.dimensions();
        let with_alpha = alpha == Alpha::Keep && self.decoder.color_type().has_alpha();
        let plane = if with_alpha { u64::from(width) * u64::from(height) } else { 0 };
        PicturePlan {
            width,
            height,
            channels: u64::from(self.decoder.color_type().channel_count()).min(3),
            decoded: self.decoder.total_bytes(),
            // The plane of alpha is taken out while the decoded pixels are still whole.
            besides: plane,
            alpha: 0,
            orientation: Orientation::NoTransforms,
        }
    }

    pub(super) fn decode(self, keep: Alpha) -> Result<DecodedPicture, PictureError> {
        let picture = DynamicImage::from_decoder(self.decoder).map_err(translate)?;
        let (width, height) = (picture.width() as usize, picture.height() as usize);
        let mut alpha = None;
        let (channels, data, see_through) = match picture {
            DynamicImage::ImageLuma8(grey) => (Channels::Gray, grey.into_raw(), false),
            DynamicImage::ImageRgba8(rgba) => {
                let mut data = rgba.into_raw();
                if keep == Alpha::Keep {
                    alpha = alpha_of(&data, 4);
                }
                let see_through = drop_alpha(&mut data, 4);
                (Channels::Rgb, data, see_through)
            }
            other => (Channels::Rgb, other.into_rgb8().into_raw(), false),
        };
        Ok(DecodedPicture { patch: Patch { width, height, channels, data }, see_through, alpha })
    }
}

fn translate(error: ImageError) -> PictureError {
    match error {
        ImageError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureError::Truncated { what: "its pixels end too soon".into() }
        }
        ImageError::Unsupported(error) => PictureError::Unsupported { what: format!("a BMP with {error}") },
        other => PictureError::Damaged { what: other.to_string() },
    }
}
