//! A directory, read as a page: every number is held against the file's length and the limits.

use std::path::Path;

use super::MAX_PLANE_BYTES;
use super::fields::{Directory, Entry, FieldError, Fields};
use super::page::{Place, Sample, Shape};
use crate::stack::StackError;

/// Strips or tiles of a page at most: the decoder holds two lists of them and refuses longer ones.
const MAX_CHUNKS: u64 = 1 << 17;
/// Values of a pixel at most.
const MAX_SAMPLES: u64 = 64;

/// A page as the directory describes it.
pub(super) struct Parsed {
    pub shape: Shape,
    /// Where the pixels are, if they lie there row by row without compression; else 0.
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
    const EXTRA_SAMPLES: u16 = 338;
    pub const FORMAT: u16 = 339;
    const SUBSAMPLING: u16 = 530;

    /// Tags with one value, or one for each value of a pixel.
    pub const SHORT_LISTS: [u16; 16] = [
        SUBFILE,
        WIDTH,
        HEIGHT,
        BITS,
        COMPRESSION,
        PHOTOMETRIC,
        FILL_ORDER,
        SAMPLES,
        ROWS_PER_STRIP,
        PLANAR,
        PREDICTOR,
        TILE_WIDTH,
        TILE_HEIGHT,
        EXTRA_SAMPLES,
        FORMAT,
        SUBSAMPLING,
    ];
}

/// Reads the page that `directory`, at `offset`, describes. `page` is its number, from 1.
pub(super) fn parse(
    fields: &mut Fields<'_>,
    directory: &Directory,
    offset: u64,
    path: &Path,
    page: usize,
) -> Result<Parsed, PageError> {
    let mut reader = PageReader { fields, directory, offset, path, page };
    reader.counts()?;
    let reduced = reader.number(tag::SUBFILE, 0)? & 0b101 != 0;
    let mut shape = reader.shape()?;
    let compression = reader.number(tag::COMPRESSION, 1)?;
    let gain = greatest_gain(compression);
    let gain =
        gain.ok_or_else(|| reader.unsupported(format!("compression {}", compression_name(compression))))?;
    let chunks = reader.chunks(&shape, compression)?;
    shape.tile = chunks.tile;
    let cut_at = (chunks.end() > reader.fields.len).then_some(chunks.end());
    // Tiles are decoded with their margins. Strips that share their bytes do not hold more than the file has.
    let (claimed, held) = (shape.page_bytes().max(chunks.decoded), chunks.held().min(reader.fields.len));
    if cut_at.is_none() && claimed > held.saturating_mul(gain) {
        let path = path.to_owned();
        return Err(PageError::Stack(StackError::FalseSize { path, page, claimed, held }));
    }
    let plain = compression == 1 && reader.number(tag::PREDICTOR, 1)? <= 1 && shape.tile.is_none();
    // A page of several planes is not read as one piece: nothing gains by it.
    let data = if plain && (!shape.planar || shape.samples == 1) { chunks.joined() } else { 0 };
    if data == 0 && shape.photometric.is_none() {
        return Err(
            reader.damaged("it does not say what its pixels mean (photometric interpretation)".to_owned())
        );
    }
    Ok(Parsed { shape, data, cut_at, reduced })
}

/// One directory that is being read.
struct PageReader<'a, 'file> {
    fields: &'a mut Fields<'file>,
    directory: &'a Directory,
    offset: u64,
    path: &'a Path,
    page: usize,
}

impl PageReader<'_, '_> {
    fn damaged(&self, what: String) -> PageError {
        let place = format!("page {}", self.page);
        PageError::Stack(StackError::Damaged { path: self.path.to_owned(), place, what })
    }

    fn unsupported(&self, what: String) -> PageError {
        PageError::Stack(StackError::UnsupportedPixels { path: self.path.to_owned(), page: self.page, what })
    }

    fn too_large(&self, width: u64, height: u64, bytes: u64) -> PageError {
        let limit = MAX_PLANE_BYTES;
        PageError::Stack(StackError::TooLarge { path: self.path.to_owned(), width, height, bytes, limit })
    }

    fn numbers(&mut self, tag: u16) -> Result<Option<Vec<u64>>, FieldError> {
        self.directory.find(tag).map(|entry| self.fields.numbers(entry)).transpose()
    }

    fn number(&mut self, tag: u16, default: u64) -> Result<u64, FieldError> {
        Ok(self.numbers(tag)?.and_then(|numbers| numbers.first().copied()).unwrap_or(default))
    }

    /// Where the only value of a tag stands.
    fn place(&self, tag: u16) -> Option<Place> {
        let entry = self.directory.find(tag)?;
        let offset = entry.offset.checked_sub(self.offset)?;
        Some(Place { offset, size: entry.number_bytes()? })
    }

    /// The decoder makes lists of all values of these tags before it looks at one.
    fn counts(&self) -> Result<(), PageError> {
        let long = |entry: &&Entry| tag::SHORT_LISTS.contains(&entry.tag) && entry.count > MAX_SAMPLES;
        match self.directory.entries.iter().find(long) {
            Some(entry) => Err(self.damaged(format!("tag {} has {} values", entry.tag, entry.count))),
            None => Ok(()),
        }
    }

    /// Size and kind of the pixels.
    fn shape(&mut self) -> Result<Shape, PageError> {
        let (width, height) = (self.number(tag::WIDTH, 0)?, self.number(tag::HEIGHT, 0)?);
        let samples = self.number(tag::SAMPLES, 1)?;
        if width == 0 || height == 0 || samples == 0 || samples > MAX_SAMPLES {
            return Err(self.damaged(format!("it has {width} x {height} pixels with {samples} values each")));
        }
        let sample = self.sample()?;
        let values = width.saturating_mul(height).saturating_mul(samples);
        let bytes = values.saturating_mul(sample.bytes().max(2) as u64);
        let (Ok(narrow), Ok(low), true) =
            (u32::try_from(width), u32::try_from(height), bytes <= MAX_PLANE_BYTES)
        else {
            return Err(self.too_large(width, height, bytes));
        };
        let sides = self.place(tag::WIDTH).zip(self.place(tag::HEIGHT));
        let (x, y) = sides.ok_or_else(|| self.damaged("its width or height is no number".to_owned()))?;
        Ok(Shape {
            width: narrow,
            height: low,
            sample,
            samples: samples as u16,
            planar: self.number(tag::PLANAR, 1)? == 2,
            tile: None,
            photometric: self.place(tag::PHOTOMETRIC),
            sides: [x, y],
        })
    }

    fn sample(&mut self) -> Result<Sample, PageError> {
        let bits = self.numbers(tag::BITS)?.unwrap_or_else(|| vec![1]);
        let depth = bits.first().copied().unwrap_or(1);
        if bits.iter().any(|bits| *bits != depth) {
            return Err(self.unsupported("channels of different depth".to_owned()));
        }
        if self.number(tag::FILL_ORDER, 1)? != 1 {
            return Err(self.unsupported("bits in reverse order".to_owned()));
        }
        let format = self.number(tag::FORMAT, 1)?;
        let kind = match format {
            2 => " with sign",
            3 => " floating point",
            5 | 6 => " complex numbers",
            _ => "",
        };
        let sample = Sample::from_tags(depth, format);
        sample.ok_or_else(|| self.unsupported(format!("pixels of {depth} bit{kind}")))
    }

    /// Strips or tiles: as many as the size needs, none larger than is allowed.
    fn chunks(&mut self, shape: &Shape, compression: u64) -> Result<Chunks, PageError> {
        let tiled = self.directory.find(tag::TILE_OFFSETS).is_some();
        let (offsets, counts) =
            if tiled { (tag::TILE_OFFSETS, tag::TILE_BYTES) } else { (tag::STRIP_OFFSETS, tag::STRIP_BYTES) };
        let Some(offsets) = self.numbers(offsets)? else {
            return Err(self.damaged("it does not say where its pixels are".to_owned()));
        };
        let counts = match self.numbers(counts)? {
            Some(counts) => counts,
            // Old writers leave the length of an only strip out.
            None if offsets.len() == 1 && compression == 1 => vec![shape.page_bytes()],
            None => return Err(self.damaged("it does not say how long its pixels are".to_owned())),
        };
        let (width, height) = (u64::from(shape.width), u64::from(shape.height));
        let (chunk_width, chunk_height) = if tiled {
            (self.number(tag::TILE_WIDTH, 0)?, self.number(tag::TILE_HEIGHT, 0)?)
        } else {
            (width, self.number(tag::ROWS_PER_STRIP, height)?.min(height))
        };
        if chunk_width == 0 || chunk_height == 0 {
            return Err(self.damaged("its strips or tiles have no pixels".to_owned()));
        }
        let planes = if shape.planar { u64::from(shape.samples) } else { 1 };
        let values = if shape.planar { 1 } else { u64::from(shape.samples) };
        let value_bytes = values * shape.sample.bytes() as u64;
        let chunk_bytes = chunk_width.saturating_mul(chunk_height).saturating_mul(value_bytes);
        if chunk_bytes > MAX_PLANE_BYTES {
            return Err(self.too_large(chunk_width, chunk_height, chunk_bytes));
        }
        let chunks = width.div_ceil(chunk_width) * height.div_ceil(chunk_height) * planes;
        if offsets.len() as u64 != chunks || counts.len() as u64 != chunks {
            let (there, lengths) = (offsets.len(), counts.len());
            return Err(self.damaged(format!(
                "it needs {chunks} strips or tiles, and has {there} with {lengths} lengths"
            )));
        }
        if chunks > MAX_CHUNKS {
            return Err(self.unsupported(format!("{chunks} strips or tiles")));
        }
        // Their product is bounded, so that each fits.
        let tile = tiled.then_some((chunk_width as u32, chunk_height as u32));
        let decoded = if tiled { chunks.saturating_mul(chunk_bytes) } else { 0 };
        Ok(Chunks { offsets, counts, tile, decoded })
    }
}

/// Where the strips or tiles of a page are.
struct Chunks {
    offsets: Vec<u64>,
    counts: Vec<u64>,
    tile: Option<(u32, u32)>,
    /// Bytes of all tiles, decoded; 0 for strips.
    decoded: u64,
}

impl Chunks {
    fn end(&self) -> u64 {
        let ends = self.offsets.iter().zip(&self.counts).map(|(offset, count)| offset.saturating_add(*count));
        ends.max().unwrap_or(0)
    }

    fn held(&self) -> u64 {
        self.counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count))
    }

    /// Where they begin, if each follows the one before it; else 0.
    fn joined(&self) -> u64 {
        let mut ends =
            self.offsets.iter().zip(&self.counts).map(|(offset, count)| offset.checked_add(*count));
        let joined = self.offsets.iter().skip(1).all(|next| ends.next().flatten() == Some(*next));
        if joined { self.offsets.first().copied().unwrap_or(0) } else { 0 }
    }
}

/// Greatest gain of a compression: a page that claims more pixels than its bytes can hold is refused.
fn greatest_gain(compression: u64) -> Option<u64> {
    Some(match compression {
        1 => 1,
        // A code of 9 bits or more stands for at most 4,096 bytes.
        5 => 4096,
        8 | 32946 => 1032,
        32773 => 64,
        _ => return None,
    })
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
