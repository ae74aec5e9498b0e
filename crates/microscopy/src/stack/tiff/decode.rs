//! The pixels of a page.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ::tiff::decoder::Decoder;
use half::f16;

use super::page::{Page, Place, Sample, Shape};
use super::scan::TiffIndex;
use super::view::{Patch, View};
use crate::Plane;
use crate::stack::StackError;

/// Memory that is used from one page to the next.
#[derive(Debug, Default)]
pub(in crate::stack) struct Scratch {
    /// The page as bytes, as decoded.
    page: Vec<u8>,
    /// One tile, as decoded.
    tile: Vec<u8>,
    /// What was read of the file.
    file: Vec<u8>,
}

/// A file and its pages.
pub(in crate::stack) struct Source<'a> {
    pub path: &'a Path,
    pub file: &'a File,
    pub len: u64,
    pub index: &'a TiffIndex,
}

impl Source<'_> {
    /// Reads one value of each pixel of page `number`, from 0, into `plane`.
    pub(in crate::stack) fn read(
        &self,
        number: usize,
        sample: usize,
        scratch: &mut Scratch,
        plane: &mut Plane,
    ) -> Result<(), StackError> {
        let (Some(page), Some(shape)) = (self.index.pages.get(number), self.index.shape(number)) else {
            let place = format!("page {}", number + 1);
            return Err(StackError::Damaged {
                path: self.path.to_owned(),
                place,
                what: "it is not there".to_owned(),
            });
        };
        plane.width = shape.width as usize;
        plane.height = shape.height as usize;
        if page.data != 0 && shape.samples == 1 {
            match shape.sample {
                Sample::U16 => return self.read_as_it_is(page, shape, plane.u16_mut(), u16::swap_bytes),
                Sample::F32 => {
                    let swap = |value: f32| f32::from_bits(value.to_bits().swap_bytes());
                    return self.read_as_it_is(page, shape, plane.f32_mut(), swap);
                }
                _ => {}
            }
        }
        let bytes = usize::try_from(shape.page_bytes()).unwrap_or(usize::MAX);
        scratch.page.resize(bytes, 0);
        if page.data != 0 {
            self.file
                .read_exact_at(&mut scratch.page, page.data)
                .map_err(|source| self.unreadable(source))?;
            to_native(&mut scratch.page, shape.sample.bytes(), self.index.big_endian);
        } else {
            let decoded = match shape.tile {
                Some(tile) => self.decode_tiles(page, shape, tile, scratch),
                None => self.decode_strips(page, shape, scratch),
            };
            let path = || self.path.to_owned();
            decoded.map_err(|source| StackError::Decode { path: path(), page: number + 1, source })?;
        }
        convert(&scratch.page, shape, sample, plane);
        Ok(())
    }

    /// Reads pixels that lie in the file as planes hold them: from the file into the plane, and no copy.
    fn read_as_it_is<T: bytemuck::Pod>(
        &self,
        page: &Page,
        shape: &Shape,
        pixels: &mut Vec<T>,
        swap: impl Fn(T) -> T,
    ) -> Result<(), StackError> {
        pixels.resize(shape.width as usize * shape.height as usize, T::zeroed());
        let bytes = bytemuck::cast_slice_mut(pixels);
        self.file.read_exact_at(bytes, page.data).map_err(|source| self.unreadable(source))?;
        if self.index.big_endian != cfg!(target_endian = "big") {
            pixels.iter_mut().for_each(|value| *value = swap(*value));
        }
        Ok(())
    }

    fn unreadable(&self, source: std::io::Error) -> StackError {
        if source.kind() == std::io::ErrorKind::UnexpectedEof {
            return StackError::Changed {
                path: self.path.to_owned(),
                what: "it is shorter than it was".to_owned(),
            };
        }
        StackError::Unreadable { path: self.path.to_owned(), source }
    }

    fn decode_strips(&self, page: &Page, shape: &Shape, scratch: &mut Scratch) -> ::tiff::TiffResult<()> {
        let patches = [self.header(page), self.interpretation(page, shape), Patch::NONE, Patch::NONE];
        let view = View::new(self.file, self.len, &mut scratch.file, patches);
        Decoder::new(view)?.read_image_bytes(&mut scratch.page)
    }

    /// Reads tile by tile, each whole with its margin. The decoder would read the tiles of a page row by row, and the
    /// LZW decoder below it (weezl 0.1.12) loses the end of a stream that is read in pieces smaller than one code.
    fn decode_tiles(
        &self,
        page: &Page,
        shape: &Shape,
        (tile_width, tile_height): (u32, u32),
        scratch: &mut Scratch,
    ) -> ::tiff::TiffResult<()> {
        let [across, down] = [shape.width.div_ceil(tile_width), shape.height.div_ceil(tile_height)];
        // With a size of whole tiles no tile has a margin.
        let [x, y] = shape.sides;
        let whole = [self.number(page, x, across * tile_width), self.number(page, y, down * tile_height)];
        let [x, y] = whole;
        let patches = [self.header(page), self.interpretation(page, shape), x, y];
        let view = View::new(self.file, self.len, &mut scratch.file, patches);
        let mut decoder = Decoder::new(view)?;
        let values = if shape.planar { 1 } else { usize::from(shape.samples) };
        let pixel = values * shape.sample.bytes();
        let [tile_row, page_row] = [tile_width, shape.width].map(|pixels| pixels as usize * pixel);
        scratch.tile.resize(tile_row * tile_height as usize, 0);
        let planes = if shape.planar { u32::from(shape.samples) } else { 1 };
        for chunk in 0..across * down * planes {
            decoder.read_chunk_bytes(chunk, &mut scratch.tile)?;
            let (plane, tile) = (chunk / (across * down), chunk % (across * down));
            let (left, top) = ((tile % across) as usize * tile_row, (tile / across * tile_height) as usize);
            let row_bytes = tile_row.min(page_row - left);
            let rows = (tile_height as usize).min(shape.height as usize - top);
            let first = plane as usize * shape.height as usize + top;
            for (row, from) in scratch.tile.chunks_exact(tile_row).take(rows).enumerate() {
                let to = (first + row) * page_row + left;
                scratch.page[to..to + row_bytes].copy_from_slice(&from[..row_bytes]);
            }
        }
        Ok(())
    }

    /// A header that leads to the directory of `page`.
    fn header(&self, page: &Page) -> Patch {
        let mut patch = Patch { offset: 0, bytes: [0; 16], length: 8 };
        patch.bytes[..2].copy_from_slice(if self.index.big_endian { b"MM" } else { b"II" });
        let mut put = |at: usize, value: u64, size: usize| {
            patch.bytes[at..at + size].copy_from_slice(
                &self.bytes(value)[if self.index.big_endian { 8 - size..8 } else { 0..size }],
            );
        };
        if self.index.big_tiff {
            put(2, 43, 2);
            put(4, 8, 2);
            put(8, page.directory, 8);
            patch.length = 16;
        } else {
            put(2, 42, 2);
            put(4, page.directory, 4);
        }
        patch
    }

    fn bytes(&self, value: u64) -> [u8; 8] {
        if self.index.big_endian { value.to_be_bytes() } else { value.to_le_bytes() }
    }

    /// Shows another number in the directory, unless it does not fit there.
    fn number(&self, page: &Page, place: Place, value: u32) -> Patch {
        let size = usize::from(place.size);
        if size == 2 && value > u32::from(u16::MAX) {
            return Patch::NONE;
        }
        let mut bytes = [0; 16];
        bytes[..size].copy_from_slice(
            &self.bytes(u64::from(value))[if self.index.big_endian { 8 - size..8 } else { 0..size }],
        );
        Patch { offset: page.directory + place.offset, bytes, length: size }
    }

    /// Grey, where black is 0: measured values are neither inverted nor looked up in a palette.
    fn interpretation(&self, page: &Page, shape: &Shape) -> Patch {
        shape.photometric.map_or(Patch::NONE, |place| self.number(page, place, 1))
    }
}

fn to_native(bytes: &mut [u8], size: usize, big_endian: bool) {
    if size > 1 && big_endian != cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
}

/// Makes pixels of the bytes of a page: one value of each pixel.
fn convert(bytes: &[u8], shape: &Shape, sample: usize, plane: &mut Plane) {
    let pixels = shape.width as usize * shape.height as usize;
    let size = shape.sample.bytes();
    let samples = usize::from(shape.samples);
    // Planes lie one after the other, or the values of a pixel side by side.
    let (first, step) = if shape.planar { (sample * pixels * size, 1) } else { (sample * size, samples) };
    let bytes = bytes.get(first..).unwrap_or_default();
    macro_rules! fill {
        ($pixels:expr, $kind:ty, $convert:expr) => {{
            let values = bytes.as_chunks::<{ size_of::<$kind>() }>().0.iter();
            let number = |value: &[u8; size_of::<$kind>()]| $convert(<$kind>::from_ne_bytes(*value));
            let filled = $pixels;
            filled.clear();
            // Two loops, because the compiler makes vector instructions of the one without steps.
            if step == 1 {
                filled.extend(values.take(pixels).map(number));
            } else {
                filled.extend(values.step_by(step).take(pixels).map(number));
            }
        }};
    }
    match shape.sample {
        Sample::U8 => fill!(plane.u16_mut(), u8, u16::from),
        Sample::U16 => fill!(plane.u16_mut(), u16, |value| value),
        Sample::U32 => fill!(plane.f32_mut(), u32, |value| value as f32),
        Sample::I8 => fill!(plane.f32_mut(), i8, f32::from),
        Sample::I16 => fill!(plane.f32_mut(), i16, f32::from),
        Sample::I32 => fill!(plane.f32_mut(), i32, |value| value as f32),
        Sample::F16 => fill!(plane.f32_mut(), f16, f16::to_f32),
        Sample::F32 => fill!(plane.f32_mut(), f32, |value| value),
        Sample::F64 => fill!(plane.f32_mut(), f64, |value| value as f32),
    }
}
