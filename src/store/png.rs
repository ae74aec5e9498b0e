//! Pictures as lossless files: 8-bit grey or RGB PNG.

use std::io::Cursor;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder};

use crate::types::{Channels, Patch};

/// Why a picture cannot become a file of the store, or a file is not such a picture.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The picture's channels are in an order that files do not have.
    #[error("its channels are BGR; give it as RGB or grey")]
    Bgr,
    /// The picture has no pixels, or more than a file can have.
    #[error("{width} x {height} px hold nothing")]
    Empty {
        /// Width of the picture, px.
        width: usize,
        /// Height of the picture, px.
        height: usize,
    },
    /// The picture has fewer or more bytes than its size needs.
    #[error("{bytes} bytes are not the {needed} of {width} x {height} px")]
    Length {
        /// Bytes that the picture has.
        bytes: usize,
        /// Bytes that its size needs.
        needed: usize,
        /// Width of the picture, px.
        width: u32,
        /// Height of the picture, px.
        height: u32,
    },
    /// The file is a PNG of a kind that this program does not write.
    #[error("a PNG of {colour:?}, {depth:?} bits, not of 8-bit grey or RGB")]
    Kind {
        /// The kind of its pixels.
        colour: ColorType,
        /// Bits of each channel.
        depth: BitDepth,
    },
    /// The picture needs more memory than can be addressed.
    #[error("its size is beyond this machine")]
    TooLarge,
    /// The encoder refused the picture.
    #[error("{0}")]
    Encode(#[from] png::EncodingError),
    /// The file is not a PNG, or is damaged.
    #[error("{0}")]
    Decode(#[from] png::DecodingError),
}

/// The file of a picture. Errors: why the picture cannot be encoded.
pub(super) fn encode(picture: &Patch) -> Result<Vec<u8>, PngError> {
    let Patch { width, height, channels, data } = picture;
    let colour = match channels {
        Channels::Gray => ColorType::Grayscale,
        Channels::Rgb => ColorType::Rgb,
        Channels::Bgr => return Err(PngError::Bgr),
    };
    let side = |side: &usize| u32::try_from(*side).ok().filter(|side| *side > 0);
    let (Some(w), Some(h)) = (side(width), side(height)) else {
        return Err(PngError::Empty { width: *width, height: *height });
    };
    let needed = width * height * channels.count();
    if data.len() != needed {
        return Err(PngError::Length { bytes: data.len(), needed, width: w, height: h });
    }
    let mut file = Vec::with_capacity(needed / 2);
    let mut encoder = Encoder::new(&mut file, w, h);
    encoder.set_color(colour);
    encoder.set_depth(BitDepth::Eight);
    // A person waits for it: a camera's picture of 15 MB takes a tenth of a second instead of one.
    encoder.set_compression(Compression::Fast);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data).and_then(|()| writer.finish())?;
    Ok(file)
}

/// Width and height (px) of the picture in a file. Errors: why the file is not a picture.
pub(super) fn size(file: &[u8]) -> Result<(u32, u32), PngError> {
    let reader = Decoder::new(Cursor::new(file)).read_info()?;
    Ok((reader.info().width, reader.info().height))
}

/// The picture in a file. Errors: why the file is not a picture.
pub(super) fn decode(file: &[u8]) -> Result<Patch, PngError> {
    let mut reader = Decoder::new(Cursor::new(file)).read_info()?;
    let channels = match reader.output_color_type() {
        (ColorType::Grayscale, BitDepth::Eight) => Channels::Gray,
        (ColorType::Rgb, BitDepth::Eight) => Channels::Rgb,
        (colour, depth) => {
            return Err(PngError::Kind { colour, depth });
        }
    };
    let size = reader.output_buffer_size().ok_or(PngError::TooLarge)?;
    let mut data = vec![0; size];
    let frame = reader.next_frame(&mut data)?;
    data.truncate(frame.buffer_size());
    Ok(Patch { width: frame.width as usize, height: frame.height as usize, channels, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_picture_comes_back_byte_for_byte(w in 1usize..40, h in 1usize..40, grey: bool, seed: u64) {
            let channels = if grey { Channels::Gray } else { Channels::Rgb };
            let mut patch = Patch::new(w, h, channels);
            let mut state = seed | 1;
            for byte in &mut patch.data {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                *byte = (state >> 56) as u8;
            }
            prop_assert_eq!(decode(&encode(&patch).unwrap()).unwrap(), patch);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let said = |patch: Patch| encode(&patch).unwrap_err().to_string();
        assert!(said(Patch::new(0, 5, Channels::Gray)).contains("hold nothing"));
        assert!(said(Patch::new(2, 5, Channels::Bgr)).contains("BGR"));
        let short = Patch { data: vec![0; 3], ..Patch::new(2, 2, Channels::Gray) };
        assert!(said(short).contains("3 bytes are not the 4"));
    }
}
