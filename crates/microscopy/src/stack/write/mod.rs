//! Writes OME-TIFF, plane by plane: label images, and stacks that are converted.
//!
//! The file is complete once [`StackWriter::finish`] has returned; until then it has pages without an end. Names,
//! syncing and renaming are the caller's: it writes to anything that can seek.

mod error;
mod xml;

use std::io::{Seek, Write};

use tiff::encoder::colortype::{ColorType, Gray8, Gray16, Gray32Float};
use tiff::encoder::{
    Compression, DeflateLevel, Rational, TiffEncoder, TiffKind, TiffKindBig, TiffKindStandard, TiffValue,
};
use tiff::tags::{Predictor, ResolutionUnit, Tag};

use crate::{Pixels, Plane};
pub use error::WriteError;

/// Bytes of pixels above which a file is written as BigTIFF: directories and overhead of compression come on top.
const BIG_BYTES: u64 = 0xF000_0000;

/// What a pixel is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelKind {
    /// 8 bits without sign.
    U8,
    /// 16 bits without sign.
    U16,
    /// Floating point of 32 bits.
    F32,
}

impl PixelKind {
    fn bytes(self) -> u64 {
        match self {
            PixelKind::U8 => 1,
            PixelKind::U16 => 2,
            PixelKind::F32 => 4,
        }
    }

    fn name(self) -> &'static str {
        match self {
            PixelKind::U8 => "8 bit",
            PixelKind::U16 => "16 bit",
            PixelKind::F32 => "32 bit floating point",
        }
    }
}

/// What a file is to hold: one position with all its planes.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteSettings {
    /// The name of the position.
    pub name: String,
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the picture.
    pub height: usize,
    /// Number of moments in time.
    pub frames: usize,
    /// Number of planes in depth.
    pub depth: usize,
    /// The names of the channels.
    pub channels: Vec<String>,
    /// The kind of the pixels.
    pub pixels: PixelKind,
    /// Size of a pixel, micrometres, x and y.
    pub pixel_size_um: Option<[f64; 2]>,
    /// The moment of each frame, milliseconds from the first.
    pub times_ms: Option<Vec<f64>>,
    /// Whether pixels are compressed (deflate).
    pub compress: bool,
}

impl WriteSettings {
    fn plane_count(&self) -> Option<usize> {
        self.frames.checked_mul(self.channels.len())?.checked_mul(self.depth)
    }

    /// Whether the pixels need offsets of 64 bits. By the uncompressed size: how much compression saves is not known
    /// in advance, and every reader of large stacks knows BigTIFF.
    fn is_big(&self) -> bool {
        let plane =
            (self.width as u64).saturating_mul(self.height as u64).saturating_mul(self.pixels.bytes());
        // Directory, strip lists and rounding take less than this for each plane.
        let plane = plane.saturating_add(plane / 256).saturating_add(4096);
        plane.saturating_mul(self.plane_count().unwrap_or(usize::MAX) as u64) > BIG_BYTES
    }

    fn check(&self) -> Result<(), WriteError> {
        let whole = self.plane_count().is_some_and(|planes| planes > 0) && self.width > 0 && self.height > 0;
        let sides = u32::try_from(self.width).is_ok() && u32::try_from(self.height).is_ok();
        if !whole || !sides {
            let (width, height, depth) = (self.width, self.height, self.depth);
            return Err(WriteError::Shape {
                width,
                height,
                frames: self.frames,
                channels: self.channels.len(),
                depth,
            });
        }
        match &self.times_ms {
            Some(times) if times.len() != self.frames => {
                Err(WriteError::Times { times: times.len(), frames: self.frames })
            }
            _ => Ok(()),
        }
    }
}

/// The pixels of one plane, row by row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PlanePixels<'a> {
    /// 8 bits without sign.
    U8(&'a [u8]),
    /// 16 bits without sign, for instance the ids of cells.
    U16(&'a [u16]),
    /// Floating point of 32 bits.
    F32(&'a [f32]),
}

impl PlanePixels<'_> {
    fn len(&self) -> usize {
        match self {
            PlanePixels::U8(pixels) => pixels.len(),
            PlanePixels::U16(pixels) => pixels.len(),
            PlanePixels::F32(pixels) => pixels.len(),
        }
    }

    fn kind(&self) -> PixelKind {
        match self {
            PlanePixels::U8(_) => PixelKind::U8,
            PlanePixels::U16(_) => PixelKind::U16,
            PlanePixels::F32(_) => PixelKind::F32,
        }
    }
}

impl<'a> From<&'a Plane> for PlanePixels<'a> {
    fn from(plane: &'a Plane) -> PlanePixels<'a> {
        match &plane.pixels {
            Pixels::U16(pixels) => PlanePixels::U16(pixels),
            Pixels::F32(pixels) => PlanePixels::F32(pixels),
        }
    }
}

/// Writes the planes of one OME-TIFF.
pub struct StackWriter<W: Write + Seek> {
    settings: WriteSettings,
    encoder: Encoder<W>,
    written: usize,
}

enum Encoder<W: Write + Seek> {
    Small(TiffEncoder<W, TiffKindStandard>),
    Big(TiffEncoder<W, TiffKindBig>),
}

impl<W: Write + Seek> StackWriter<W> {
    /// Begins a file in `out`. Small values are written one by one: give `&mut BufWriter`, and flush it at the end.
    ///
    /// # Errors
    /// The settings hold no plane, or another number of times than frames; `out` cannot be written.
    pub fn new(out: W, settings: WriteSettings) -> Result<StackWriter<W>, WriteError> {
        settings.check()?;
        let method = if settings.compress {
            Compression::Deflate(DeflateLevel::Fast)
        } else {
            Compression::Uncompressed
        };
        // Neighbours are alike in pictures and in labels; floating point has no predictor in the encoder.
        let predicted = settings.compress && settings.pixels != PixelKind::F32;
        let predictor = if predicted { Predictor::Horizontal } else { Predictor::None };
        let encoder = if settings.is_big() {
            Encoder::Big(TiffEncoder::new_big(out)?.with_compression(method).with_predictor(predictor))
        } else {
            Encoder::Small(TiffEncoder::new(out)?.with_compression(method).with_predictor(predictor))
        };
        Ok(StackWriter { settings, encoder, written: 0 })
    }

    /// Writes the next plane. The order is: frames, in a frame channels, in a channel depth.
    ///
    /// # Errors
    /// Another size or kind than in the settings, more planes than they have, or `out` cannot be written. After an
    /// error the file is not usable.
    pub fn write(&mut self, pixels: PlanePixels<'_>) -> Result<(), WriteError> {
        let settings = &self.settings;
        let planes = settings.plane_count().unwrap_or(0);
        if self.written >= planes {
            return Err(WriteError::TooMany { planes });
        }
        if pixels.kind() != settings.pixels {
            return Err(WriteError::Kind {
                plane: self.written,
                this: pixels.kind().name(),
                other: settings.pixels.name(),
            });
        }
        if pixels.len() != settings.width * settings.height {
            let (width, height) = (settings.width, settings.height);
            return Err(WriteError::Size { plane: self.written, pixels: pixels.len(), width, height });
        }
        let description = (self.written == 0).then(|| xml::describe(settings));
        match &mut self.encoder {
            Encoder::Small(encoder) => page_of(encoder, settings, description.as_deref(), pixels),
            Encoder::Big(encoder) => page_of(encoder, settings, description.as_deref(), pixels),
        }?;
        self.written += 1;
        Ok(())
    }

    /// Ends the file, once every plane was written.
    ///
    /// # Errors
    /// Planes are missing.
    pub fn finish(self) -> Result<(), WriteError> {
        let planes = self.settings.plane_count().unwrap_or(0);
        if self.written < planes {
            return Err(WriteError::Missing { written: self.written, planes });
        }
        Ok(())
    }
}

/// Writes one page of any kind of pixels.
fn page_of<W: Write + Seek, K: TiffKind>(
    encoder: &mut TiffEncoder<W, K>,
    settings: &WriteSettings,
    description: Option<&str>,
    pixels: PlanePixels<'_>,
) -> Result<(), WriteError> {
    match pixels {
        PlanePixels::U8(pixels) => page::<W, K, Gray8>(encoder, settings, description, pixels),
        PlanePixels::U16(pixels) => page::<W, K, Gray16>(encoder, settings, description, pixels),
        PlanePixels::F32(pixels) => page::<W, K, Gray32Float>(encoder, settings, description, pixels),
    }
}

fn page<W: Write + Seek, K: TiffKind, C: ColorType>(
    encoder: &mut TiffEncoder<W, K>,
    settings: &WriteSettings,
    description: Option<&str>,
    pixels: &[C::Inner],
) -> Result<(), WriteError>
where
    [C::Inner]: TiffValue,
{
    // Both sides were held against 32 bits when the writer was made.
    let mut image = encoder.new_image::<C>(settings.width as u32, settings.height as u32)?;
    image.rows_per_strip(settings.height as u32)?;
    if let Some(description) = description {
        image.encoder().write_tag(Tag::ImageDescription, description)?;
    }
    if let Some([x, y]) = settings.pixel_size_um {
        // Not by the encoder's own functions for it: they panic where the disk is full.
        let directory = image.encoder();
        directory.write_tag(Tag::ResolutionUnit, ResolutionUnit::Centimeter.to_u16())?;
        directory.write_tag(Tag::XResolution, per_centimetre(x))?;
        directory.write_tag(Tag::YResolution, per_centimetre(y))?;
    }
    image.write_data(pixels)?;
    Ok(())
}

/// Pixels in a centimetre, as the ratio that TIFF holds, to six digits.
fn per_centimetre(micrometres: f64) -> Rational {
    let d = 10_000;
    let n = (1e4 / micrometres * f64::from(d)).round().clamp(1.0, f64::from(u32::MAX)) as u32;
    Rational { n, d }
}
