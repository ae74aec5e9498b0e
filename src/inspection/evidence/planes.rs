//! Copies a frame's bytes, keeps them as one grey PNG, and restores the frame from it.
//!
//! The planes are packed without padding, one after the other, and cut into rows as long as a row of the
//! first plane; zeros fill the last row. Nothing is converted, so every format is restored bit for bit.

use std::io::Cursor;
use std::sync::Arc;

use png::{BitDepth, ColorType, Compression, Decoder, Encoder, Filter, Limits, Transformations};

use crate::image::{ImageError, jpeg};
use crate::types::{Colour, Frame, PixelFormat, Planes, Stamp};

/// Limit for the bytes of a frame; larger sizes are refused before memory is allocated.
const MAX_BYTES: usize = 1 << 30;
/// Quality of the picture for people.
const JPEG_QUALITY: u8 = 85;

/// Why a frame cannot be kept as a picture, or cannot be restored from one.
#[derive(Debug, thiserror::Error)]
pub(super) enum PlanesFault {
    /// No picture can hold the planes.
    #[error("it is too large, or empty")]
    Size,
    /// The frame's memory ends before its last row.
    #[error("its planes are cut short")]
    Short,
    /// The recorded size is impossible.
    #[error("no frame has {width}×{height} px")]
    NoFrame { width: usize, height: usize },
    /// The picture is not the one that holds such a frame.
    #[error(
        "a {}×{} frame in {} is kept as {}×{} grey px, this is {}×{} px {:?}",
        .frame.0, .frame.1, .format.caps_name(), .needed.0, .needed.1, .found.0, .found.1, .found.2
    )]
    Shape {
        /// Width and height of the frame, px.
        frame: (usize, usize),
        format: PixelFormat,
        /// Width and height of its picture, px.
        needed: (usize, usize),
        /// Width, height and colour of the picture that is there.
        found: (usize, usize, ColorType),
    },
    /// The recorded pixel layout is unknown.
    #[error("no pixel layout is called \"{0}\"")]
    Layout(String),
    /// The recorded colours are unknown.
    #[error("\"{matrix}\" or \"{range}\" is not known")]
    Colour { matrix: String, range: String },
    /// The encoder refused the planes.
    #[error("{0}")]
    Encode(#[from] png::EncodingError),
    /// The file is not a PNG, or is damaged.
    #[error("{0}")]
    Decode(#[from] png::DecodingError),
    /// The encoder of the picture for people refused the frame.
    #[error("{0}")]
    Jpeg(#[from] ImageError),
}

/// A frame copied into memory that the ring does not own.
pub(super) struct Shot {
    pub(super) seq: u64,
    pub(super) captured: Stamp,
    pub(super) pts_ns: Option<u64>,
    pub(super) format: PixelFormat,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) colour: Colour,
    /// The planes one after another, without padding between rows.
    pub(super) bytes: Vec<u8>,
}

impl Shot {
    /// Copies the planes of `frame` into `bytes`, whose memory is reused; `None` where the frame's memory is
    /// shorter than its rows.
    pub(super) fn copy(frame: &Frame, mut bytes: Vec<u8>) -> Option<Shot> {
        let planes = frame.planes();
        let sizes = frame.format.plane_sizes(frame.width, frame.height);
        bytes.clear();
        // One row more leaves room for the zeros that fill the last row of the picture.
        bytes.reserve(sizes.iter().map(|(row, rows)| row * rows).sum::<usize>() + sizes[0].0);
        for (plane, (row, rows)) in sizes.into_iter().enumerate() {
            let (data, stride) = (planes.data[plane], planes.stride[plane]);
            if stride == row {
                bytes.extend_from_slice(data.get(..row * rows)?);
                continue;
            }
            for y in 0..rows {
                bytes.extend_from_slice(data.get(y * stride..)?.get(..row)?);
            }
        }
        let Frame { seq, captured, pts_ns, width, height, format, colour, .. } = *frame;
        Some(Shot { seq, captured, pts_ns, format, width, height, colour, bytes })
    }

    /// Encodes the planes as one lossless picture. Errors: the message of the encoder.
    pub(super) fn encode_png(&mut self) -> Result<Vec<u8>, PlanesFault> {
        let (row, rows) = grid(self.format, self.width, self.height).ok_or(PlanesFault::Size)?;
        let mut out = Vec::with_capacity(self.bytes.len());
        let mut encoder = Encoder::new(&mut out, row as u32, rows as u32);
        encoder.set_color(ColorType::Grayscale);
        encoder.set_depth(BitDepth::Eight);
        // Fast compression, because nothing waits for the file but encoding takes time from the cores that
        // inspect.
        encoder.set_compression(Compression::Fast);
        // Chroma and interleaved colours are similar from row to row, not from byte to byte.
        encoder.set_filter(Filter::Up);
        let mut writer = encoder.write_header()?;
        let packed = self.bytes.len();
        self.bytes.resize(row * rows, 0);
        // Written all at once, so that noise, which does not compress, does not become larger either.
        let written = writer.write_image_data(&self.bytes).and_then(|()| writer.finish());
        self.bytes.truncate(packed);
        written?;
        Ok(out)
    }

    /// Encodes a JPEG for people. Errors: the message of the encoder.
    pub(super) fn encode_jpeg(&self) -> Result<Vec<u8>, PlanesFault> {
        let planes = Planes::packed(self.format, self.width, self.height, &self.bytes);
        let planes = Planes { colour: self.colour, ..planes.ok_or(PlanesFault::Short)? };
        let mut out = Vec::new();
        jpeg::encode(&planes, JPEG_QUALITY, &mut out)?;
        Ok(out)
    }
}

/// Bytes in a row and number of rows of the picture that holds the planes; `None` where the frame is empty or
/// too large.
fn grid(format: PixelFormat, width: usize, height: usize) -> Option<(usize, usize)> {
    if width > 1 << 16 || height > 1 << 16 {
        return None;
    }
    let sizes = format.plane_sizes(width, height);
    let total: usize = sizes.iter().map(|(row, rows)| row * rows).sum();
    (total > 0 && total <= MAX_BYTES).then(|| (sizes[0].0, total.div_ceil(sizes[0].0)))
}

/// Decodes the packed planes from `png`. Errors: what is wrong with the picture.
pub(super) fn from_png(
    (format, width, height): (PixelFormat, usize, usize),
    png: &[u8],
) -> Result<Arc<[u8]>, PlanesFault> {
    let (row, rows) = grid(format, width, height).ok_or(PlanesFault::NoFrame { width, height })?;
    let mut decoder = Decoder::new_with_limits(Cursor::new(png), Limits { bytes: MAX_BYTES });
    decoder.set_transformations(Transformations::IDENTITY);
    let mut reader = decoder.read_info()?;
    let info = reader.info();
    let shape = (info.width as usize, info.height as usize, info.color_type, info.bit_depth);
    if shape != (row, rows, ColorType::Grayscale, BitDepth::Eight) {
        let found = (shape.0, shape.1, shape.2);
        return Err(PlanesFault::Shape { frame: (width, height), format, needed: (row, rows), found });
    }
    let mut bytes = vec![0; row * rows];
    reader.next_frame(&mut bytes)?;
    let sizes = format.plane_sizes(width, height);
    bytes.truncate(sizes.iter().map(|(row, rows)| row * rows).sum());
    Ok(bytes.into())
}
