//! What one page is: its size, its kind of pixels, how they are stored.

use super::super::StackError;
use super::MAX_PLANE_BYTES;
use super::fields::{Directory, FieldError, Fields};
use std::path::Path;

/// What a pixel is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::stack) enum Sample {
    U8,
    U16,
    U32,
    I8,
    I16,
    I32,
    F16,
    F32,
    F64,
}

impl Sample {
    pub(in crate::stack) fn bytes(self) -> usize {
        match self {
            Sample::U8 | Sample::I8 => 1,
            Sample::U16 | Sample::I16 | Sample::F16 => 2,
            Sample::U32 | Sample::I32 | Sample::F32 => 4,
            Sample::F64 => 8,
        }
    }

    pub(in crate::stack) fn name(self) -> &'static str {
        match self {
            Sample::U8 => "8 bit",
            Sample::U16 => "16 bit",
            Sample::U32 => "32 bit",
            Sample::I8 => "8 bit with sign",
            Sample::I16 => "16 bit with sign",
            Sample::I32 => "32 bit with sign",
            Sample::F16 => "16 bit floating point",
            Sample::F32 => "32 bit floating point",
            Sample::F64 => "64 bit floating point",
        }
    }

    fn from_tags(bits: u64, format: u64) -> Option<Sample> {
        Some(match (format, bits) {
            // 4 is "undefined", which writers use for unsigned numbers.
            (1 | 4, 8) => Sample::U8,
            (1 | 4, 16) => Sample::U16,
            (1 | 4, 32) => Sample::U32,
            (2, 8) => Sample::I8,
            (2, 16) => Sample::I16,
            (2, 32) => Sample::I32,
            (3, 16) => Sample::F16,
            (3, 32) => Sample::F32,
            (3, 64) => Sample::F64,
            _ => return None,
        })
    }
}

/// What pages have in common; a file has few of these and many pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::stack) struct Shape {
    pub width: u32,
    pub height: u32,
    pub sample: Sample,
    /// Values of each pixel: 1 for grey, 3 for colours.
    pub samples: u16,
    /// Whether the values of a pixel lie in planes of their own.
    pub planar: bool,
    /// By the numbers of the TIFF specification; 1 for none.
    pub compression: u16,
    /// Where the photometric interpretation stands, from the start of the directory, bytes.
    pub photometric: u64,
}

impl Shape {
    /// Bytes of the decoded page.
    pub(in crate::stack) fn page_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.samples) * self.sample.bytes() as u64
    }

    /// For a person, for instance "640 x 480, 16 bit".
    pub(in crate::stack) fn describe(&self) -> String {
        format!("{} x {}, {}", self.width, self.height, self.sample.name())
    }
}

/// One page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) struct Page {
    /// Where its directory is.
    pub directory: u64,
    /// Where its pixels are, if they lie there row by row without compression; 0: they do not.
    pub data: u64,
    /// Index of its shape.
    pub shape: u32,
}

/// A page as the directory describes it.
pub(super) struct Parsed {
    pub shape: Shape,
    pub data: u64,
    /// The end of its pixels, where that is behind the end of the file.
    pub cut_at: Option<u64>,
    /// A smaller copy of another page, or a mask.
    pub reduced: bool,
}

/// Why a directory is no page.
pub(super) enum PageError {
    Field(FieldError),
    Stack(StackError),
}

impl From<FieldError> for PageError {
    fn from(error: FieldError) -> PageError {
        PageError::Field(error)
    }
}

mod tag {
    pub const SUBFILE: u16 = 254;
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const FORMAT: u16 = 339;
}

/// Greatest gain of each compression: a page that claims more pixels than its bytes can hold is refused.
fn greatest_gain(compression: u16) -> Option<u64> {
    Some(match compression {
        1 => 1,
        // A code of 9 bits or more stands for at most 4,096 bytes.
        5 => 4096,
        8 | 32946 => 1032,
        32773 => 64,
        _ => return None,
    })
}

/// Reads the page that `directory`, at `offset`, describes.
pub(super) fn parse(
    fields: &mut Fields<'_>,
    directory: &Directory,
    offset: u64,
    path: &Path,
    page: usize,
) -> Result<Parsed, PageError> {
    let damaged = |what: &str| {
        PageError::Stack(StackError::Damaged {
            path: path.to_owned(),
            place: format!("page {page}"),
            what: what.to_owned(),
        })
    };
    let unsupported =
        |what: String| PageError::Stack(StackError::UnsupportedPixels { path: path.to_owned(), page, what });
    let first = |fields: &mut Fields<'_>, tag: u16| -> Result<Option<u64>, FieldError> {
        directory.find(tag).map_or(Ok(None), |entry| Ok(fields.numbers(entry)?.first().copied()))
    };
    let reduced = first(fields, tag::SUBFILE)?.unwrap_or(0) & 0b101 != 0;
    let (Some(width), Some(height)) = (first(fields, tag::WIDTH)?, first(fields, tag::HEIGHT)?) else {
        return Err(damaged("it has no width or no height"));
    };
    let samples = first(fields, tag::SAMPLES)?.unwrap_or(1);
    let compression = first(fields, tag::COMPRESSION)?.unwrap_or(1);
    let planar = first(fields, tag::PLANAR)?.unwrap_or(1) == 2;
    let predictor = first(fields, tag::PREDICTOR)?.unwrap_or(1);
    let format = first(fields, tag::FORMAT)?.unwrap_or(1);
    let fill_order = first(fields, tag::FILL_ORDER)?.unwrap_or(1);
    let bits = directory.find(tag::BITS).map_or(Ok(vec![1]), |entry| fields.numbers(entry))?;
    let depth = bits.first().copied().unwrap_or(1);
    if bits.iter().any(|bits| *bits != depth) {
        return Err(unsupported("channels of different depth".to_owned()));
    }
    let sample = Sample::from_tags(depth, format).ok_or_else(|| {
        unsupported(format!(
            "pixels of {depth} bit{}",
            ["", "", " with sign", " floating point"].get(format as usize).unwrap_or(&"")
        ))
    })?;
    if width == 0 || height == 0 || samples == 0 {
        return Err(damaged("it has no pixels"));
    }
    if fill_order != 1 {
        return Err(unsupported("bits in reverse order".to_owned()));
    }
    let samples = u16::try_from(samples).ok().filter(|samples| *samples <= 64);
    let samples = samples.ok_or_else(|| damaged("it has more than 64 values a pixel"))?;
    let plane_bytes = width
        .saturating_mul(height)
        .saturating_mul(u64::from(samples))
        .saturating_mul(sample.bytes().max(2) as u64);
    let (Ok(narrow), Ok(low), true) =
        (u32::try_from(width), u32::try_from(height), plane_bytes <= MAX_PLANE_BYTES)
    else {
        return Err(PageError::Stack(StackError::TooLarge {
            path: path.to_owned(),
            width,
            height,
            bytes: plane_bytes,
            limit: MAX_PLANE_BYTES,
        }));
    };
    let gain = u16::try_from(compression).ok().and_then(greatest_gain);
    let gain = gain.ok_or_else(|| unsupported(format!("compression {}", compression_name(compression))))?;
    let photometric = directory.find(tag::PHOTOMETRIC).map_or(0, |entry| entry.offset.wrapping_sub(offset));
    let shape = Shape {
        width: narrow,
        height: low,
        sample,
        samples,
        planar,
        compression: compression as u16,
        photometric,
    };

    let tiled = directory.find(tag::TILE_OFFSETS).is_some();
    let (offsets, counts) =
        if tiled { (tag::TILE_OFFSETS, tag::TILE_BYTES) } else { (tag::STRIP_OFFSETS, tag::STRIP_BYTES) };
    let Some(entry) = directory.find(offsets) else {
        return Err(damaged("it does not say where its pixels are"));
    };
    let offsets = fields.numbers(entry)?;
    let counts = match directory.find(counts) {
        Some(entry) => fields.numbers(entry)?,
        // Old writers leave the count of the only strip out.
        None if offsets.len() == 1 && compression == 1 => vec![shape.page_bytes()],
        None => return Err(damaged("it does not say how long its pixels are")),
    };
    let (chunk_width, chunk_height) = if tiled {
        (first(fields, tag::TILE_WIDTH)?.unwrap_or(0), first(fields, tag::TILE_HEIGHT)?.unwrap_or(0))
    } else {
        (width, first(fields, tag::ROWS_PER_STRIP)?.unwrap_or(height).min(height))
    };
    if chunk_width == 0 || chunk_height == 0 {
        return Err(damaged("its strips or tiles have no pixels"));
    }
    let sides = (chunk_width, chunk_height);
    let planes = if planar { u64::from(samples) } else { 1 };
    let in_chunk = if planar { 1 } else { u64::from(samples) };
    let chunks = width.div_ceil(sides.0).saturating_mul(height.div_ceil(sides.1)).saturating_mul(planes);
    if offsets.len() as u64 != chunks || counts.len() as u64 != chunks {
        return Err(damaged(&format!(
            "it needs {chunks} strips or tiles and names {} of them with {} lengths",
            offsets.len(),
            counts.len()
        )));
    }
    // The decoder holds both lists, and refuses more than this.
    if chunks > 1 << 17 {
        return Err(unsupported(format!("{chunks} strips or tiles")));
    }
    let chunk_bytes =
        sides.0.saturating_mul(sides.1).saturating_mul(in_chunk).saturating_mul(sample.bytes() as u64);
    if chunk_bytes > MAX_PLANE_BYTES {
        return Err(PageError::Stack(StackError::TooLarge {
            path: path.to_owned(),
            width: sides.0,
            height: sides.1,
            bytes: chunk_bytes,
            limit: MAX_PLANE_BYTES,
        }));
    }
    let end =
        offsets.iter().zip(&counts).map(|(offset, count)| offset.saturating_add(*count)).max().unwrap_or(0);
    let cut_at = (end > fields.len).then_some(end);
    let held = counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
    let claimed = shape.page_bytes();
    if cut_at.is_none() && claimed > held.saturating_mul(gain) {
        return Err(PageError::Stack(StackError::FalseSize { path: path.to_owned(), page, claimed, held }));
    }
    let plain = compression == 1 && predictor <= 1 && !tiled && (!planar || samples == 1);
    let joined = offsets
        .iter()
        .zip(&counts)
        .zip(offsets.iter().skip(1))
        .all(|((offset, count), next)| offset.checked_add(*count) == Some(*next));
    let data = if plain && joined { offsets.first().copied().unwrap_or(0) } else { 0 };
    if data == 0 && directory.find(tag::PHOTOMETRIC).is_none() {
        return Err(damaged("it does not say what its pixels mean (photometric interpretation)"));
    }
    Ok(Parsed { shape, data, cut_at, reduced })
}

fn compression_name(compression: u64) -> String {
    match compression {
        2..=4 => "of fax pages".to_owned(),
        6 | 7 | 33007 => "JPEG".to_owned(),
        33003 | 33004 | 33005 | 34712 => "JPEG 2000".to_owned(),
        34925 => "LZMA".to_owned(),
        50000 | 34926 => "Zstandard".to_owned(),
        50001 | 34927 => "WebP".to_owned(),
        22610 | 34934 => "JPEG XR".to_owned(),
        other => format!("number {other}"),
    }
}
