//! PNG (W3C, third edition): 1 to 16 bits, palette, grey, alpha, `tRNS`, interlaced; `eXIf` and `iCCP`.

use std::io::{Cursor, Read};

use ::image::metadata::Orientation;
use ::png::{BitDepth, ColorType, Decoder, DecodingError, Limits, Reader, Transformations};
use flate2::read::ZlibDecoder;

use super::icc::{self, MAX_PROFILE};
use super::{Alpha, Channels, DecodedPicture, Patch, PictureError, PicturePlan};
use super::{alpha_of, drop_alpha, keep_first, orientation_of};

/// Memory that the `png` crate may take beside the picture: two rows, and the chunks that it keeps.
const BESIDES: usize = 8 << 20;

/// A PNG whose chunks were read, but not its pixels.
pub(super) struct Png<'a> {
    file: &'a [u8],
    width: u32,
    height: u32,
    depth: u8,
    /// 0 grey, 2 RGB, 3 palette, 4 grey and alpha, 6 RGBA.
    colour: u8,
    has_trns: bool,
    interlaced: bool,
    exif: Option<&'a [u8]>,
    iccp: Option<&'a [u8]>,
}

impl<'a> Png<'a> {
    pub(super) fn parse(file: &'a [u8]) -> Result<Png<'a>, PictureError> {
        let cut = |what: &str| PictureError::Truncated { what: what.into() };
        let mut chunks = Chunks { rest: file.get(8..).unwrap_or_default() };
        let (kind, ihdr) = chunks.next().ok_or_else(|| cut("its head is missing"))?;
        let (b"IHDR", Some((size, [depth, colour, more @ ..]))) = (kind, ihdr.split_first_chunk::<8>())
        else {
            return Err(PictureError::Damaged { what: "it does not begin with IHDR".into() });
        };
        let side = |at: usize| u32::from_be_bytes([size[at], size[at + 1], size[at + 2], size[at + 3]]);
        let (width, height) = (side(0), side(4));
        let (depth, colour) = (*depth, *colour);
        // Behind compression and filter, which have one value each.
        let interlaced = more.get(2).is_some_and(|method| *method != 0);
        if width == 0 || height == 0 {
            return Err(PictureError::Damaged { what: format!("it says that it has {width} x {height} px") });
        }
        let mut png =
            Png { file, width, height, depth, colour, has_trns: false, interlaced, exif: None, iccp: None };
        for (kind, data) in chunks {
            match kind {
                b"tRNS" => png.has_trns = true,
                b"eXIf" => png.exif = png.exif.or(Some(data)),
                b"iCCP" => png.iccp = png.iccp.or(Some(data)),
                _ => {}
            }
        }
        Ok(png)
    }

    fn has_alpha(&self) -> bool {
        self.has_trns || matches!(self.colour, 4 | 6)
    }

    /// Samples a pixel as the decoder writes them: palettes as colours, `tRNS` as alpha.
    fn samples(&self) -> u64 {
        let (samples, alpha) = match self.colour {
            0 => (1, self.has_trns),
            4 => (1, true),
            6 => (3, true),
            _ => (3, self.has_trns),
        };
        samples + u64::from(alpha)
    }

    pub(super) fn plan(&self, alpha: Alpha) -> PicturePlan {
        let px = u64::from(self.width) * u64::from(self.height);
        let keeps = alpha == Alpha::Keep && self.has_alpha();
        if keeps && !self.interlaced {
            // Row by row into the two planes: what is decoded is never there as a whole.
            let picture = PicturePlan { alpha: px, decoded: 0, ..self.plan(Alpha::Drop) };
            let row = u64::from(self.width) * 8;
            return PicturePlan { besides: picture.besides + row, ..picture };
        }
        let sample = if self.depth == 16 { 2 } else { 1 };
        PicturePlan {
            width: self.width,
            height: self.height,
            channels: if matches!(self.colour, 0 | 4) { 1 } else { 3 },
            decoded: px * self.samples() * sample,
            besides: BESIDES as u64 + self.iccp.map_or(0, |_| icc::MEMORY) + if keeps { px } else { 0 },
            alpha: 0,
            orientation: self.exif.map_or(Orientation::NoTransforms, orientation_of),
        }
    }

    pub(super) fn decode(self, keep: Alpha) -> Result<DecodedPicture, PictureError> {
        let mut decoder = Decoder::new_with_limits(Cursor::new(self.file), Limits { bytes: BESIDES });
        decoder.set_transformations(Transformations::EXPAND);
        // `profile` reads it with a separate limit; texts do not change pixels.
        decoder.set_ignore_iccp_chunk(true);
        decoder.set_ignore_text_chunk(true);
        let mut reader = decoder.read_info().map_err(translate)?;
        let size = reader.output_buffer_size().ok_or_else(|| translate(DecodingError::LimitsExceeded))?;
        if size as u64 > self.plan(Alpha::Drop).decoded {
            return Err(PictureError::Damaged { what: "its chunks contradict its head".into() });
        }
        if keep == Alpha::Keep && self.has_alpha() && !self.interlaced {
            let mut picture = planes(&mut reader)?;
            reader.finish().map_err(translate)?;
            if let Some(profile) = self.iccp.and_then(profile) {
                icc::to_srgb(&profile, &mut picture.patch);
            }
            return Ok(picture);
        }
        let mut data = vec![0; size];
        let info = reader.next_frame(&mut data).map_err(translate)?;
        data.truncate(info.buffer_size());
        // A file without IEND was cut off, even where all pixels are there.
        reader.finish().map_err(translate)?;
        if info.bit_depth == BitDepth::Sixteen {
            to_eight_bits(&mut data);
        }
        let alpha = match (keep, info.color_type) {
            (Alpha::Keep, ColorType::GrayscaleAlpha) => alpha_of(&data, 2),
            (Alpha::Keep, ColorType::Rgba) => alpha_of(&data, 4),
            _ => None,
        };
        let (channels, see_through) = match info.color_type {
            ColorType::Grayscale => (Channels::Gray, false),
            ColorType::GrayscaleAlpha => (Channels::Gray, drop_alpha(&mut data, 2)),
            ColorType::Rgba => (Channels::Rgb, drop_alpha(&mut data, 4)),
            ColorType::Rgb | ColorType::Indexed => (Channels::Rgb, false),
        };
        let (width, height) = (info.width as usize, info.height as usize);
        let mut patch = Patch { width, height, channels, data };
        if let Some(profile) = self.iccp.and_then(profile) {
            icc::to_srgb(&profile, &mut patch);
        }
        Ok(DecodedPicture { patch, see_through, alpha })
    }
}

/// Reads the rows of a picture with alpha into a plane of colours and one of alpha, 8 bits a sample.
fn planes(reader: &mut Reader<Cursor<&[u8]>>) -> Result<DecodedPicture, PictureError> {
    let (kind, depth) = reader.output_color_type();
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let (channels, colours) = match kind {
        ColorType::Grayscale | ColorType::GrayscaleAlpha => (Channels::Gray, 1),
        _ => (Channels::Rgb, 3),
    };
    let with_alpha = matches!(kind, ColorType::GrayscaleAlpha | ColorType::Rgba);
    let mut patch = Patch { width, height, channels, data: Vec::with_capacity(width * height * colours) };
    let mut alpha = Vec::with_capacity(if with_alpha { width * height } else { 0 });
    let mut samples = Vec::new();
    while let Some(row) = reader.next_row().map_err(translate)? {
        samples.clear();
        samples.extend_from_slice(row.data());
        if depth == BitDepth::Sixteen {
            to_eight_bits(&mut samples);
        }
        if with_alpha {
            alpha.extend(samples.iter().skip(colours).step_by(colours + 1));
            keep_first(&mut samples, colours, colours + 1);
        }
        patch.data.extend_from_slice(&samples);
    }
    if patch.data.len() != width * height * colours {
        return Err(PictureError::Truncated { what: "rows are missing".into() });
    }
    let see_through = alpha.iter().any(|value| *value != u8::MAX);
    Ok(DecodedPicture { patch, see_through, alpha: see_through.then_some(alpha) })
}

/// Rounds big-endian samples of 16 bits to 8, in place: `v / 257`.
fn to_eight_bits(data: &mut Vec<u8>) {
    let samples = data.len() / 2;
    for at in 0..samples {
        let value = u32::from(u16::from_be_bytes([data[2 * at], data[2 * at + 1]]));
        data[at] = ((value + 128) / 257) as u8;
    }
    data.truncate(samples);
}

/// The profile in an `iCCP` chunk: a name, a zero, a zero for zlib, the compressed profile. `None` where it is unsound
/// or too long; no more than [`MAX_PROFILE`] bytes are inflated.
fn profile(chunk: &[u8]) -> Option<Vec<u8>> {
    let name = chunk.iter().take(80).position(|byte| *byte == 0)?;
    let compressed = chunk.get(name + 2..)?;
    let mut profile = Vec::new();
    ZlibDecoder::new(compressed).take(MAX_PROFILE + 1).read_to_end(&mut profile).ok()?;
    (profile.len() as u64 <= MAX_PROFILE).then_some(profile)
}

fn translate(error: DecodingError) -> PictureError {
    match error {
        DecodingError::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            PictureError::Truncated { what: "its data ends too soon".into() }
        }
        other => PictureError::Damaged { what: other.to_string() },
    }
}

/// The chunks of a PNG: type and data. Ends at the first that is not there as a whole, or at IEND.
struct Chunks<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.rest.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let length = u32::from_be_bytes(*length) as usize;
        let (data, rest) = rest.split_at_checked(length)?;
        // The decoder checks the checksum.
        self.rest = rest.get(4..).unwrap_or_default();
        Some((kind, data))
    }
}
