//! The pixels of a page.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use ::tiff::decoder::Decoder;
use half::f16;

use super::super::StackError;
use super::page::{Page, Sample, Shape};
use super::scan::TiffIndex;
use super::view::{Patch, View};
use crate::Plane;

/// Memory that is used from one page to the next.
#[derive(Debug, Default)]
pub(in crate::stack) struct Scratch {
    /// The page as bytes, as decoded.
    page: Vec<u8>,
    /// What was read of the file.
    file: Vec<u8>,
}

/// Reads one value of each pixel of a page into `plane`.
pub(in crate::stack) fn read_page(
    path: &Path,
    file: &File,
    len: u64,
    index: &TiffIndex,
    (number, sample): (usize, usize),
    scratch: &mut Scratch,
    plane: &mut Plane,
) -> Result<(), StackError> {
    let (Some(page), Some(shape)) = (index.pages.get(number), index.shape(number)) else {
        let place = format!("page {}", number + 1);
        return Err(StackError::Damaged {
            path: path.to_owned(),
            place,
            what: "it is not in the file".to_owned(),
        });
    };
    plane.width = shape.width as usize;
    plane.height = shape.height as usize;
    if page.data != 0 && shape.samples == 1 && matches!(shape.sample, Sample::U16) {
        let pixels = plane.u16_mut();
        pixels.resize(shape.width as usize * shape.height as usize, 0);
        let bytes = bytemuck::cast_slice_mut(pixels);
        file.read_exact_at(bytes, page.data).map_err(|source| unreadable(path, source))?;
        if index.big_endian != cfg!(target_endian = "big") {
            pixels.iter_mut().for_each(|value| *value = value.swap_bytes());
        }
        return Ok(());
    }
    let bytes = usize::try_from(shape.page_bytes()).unwrap_or(usize::MAX);
    scratch.page.resize(bytes, 0);
    if page.data != 0 {
        file.read_exact_at(&mut scratch.page, page.data).map_err(|source| unreadable(path, source))?;
        to_native(&mut scratch.page, shape.sample.bytes(), index.big_endian);
    } else {
        decode(file, len, index, page, shape, scratch).map_err(|source| StackError::Decode {
            path: path.to_owned(),
            page: number + 1,
            source,
        })?;
    }
    convert(&scratch.page, shape, sample, plane);
    Ok(())
}

fn unreadable(path: &Path, source: std::io::Error) -> StackError {
    if source.kind() == std::io::ErrorKind::UnexpectedEof {
        return StackError::Changed { path: path.to_owned(), what: "it is shorter than it was".to_owned() };
    }
    StackError::Unreadable { path: path.to_owned(), source }
}

/// Decodes a page into `scratch.page`, in the byte order of this machine.
fn decode(
    file: &File,
    len: u64,
    index: &TiffIndex,
    page: &Page,
    shape: &Shape,
    scratch: &mut Scratch,
) -> ::tiff::TiffResult<()> {
    let patches = [header(index, page.directory), interpretation(index, page, shape)];
    let view = View::new(file, len, &mut scratch.file, patches);
    Decoder::new(view)?.read_image_bytes(&mut scratch.page)
}

/// A header that leads to the directory.
fn header(index: &TiffIndex, directory: u64) -> Patch {
    let mut bytes = [0; 16];
    let mut put = |at: usize, value: u64, length: usize| {
        let all = if index.big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let part = if index.big_endian { &all[8 - length..] } else { &all[..length] };
        bytes[at..at + length].copy_from_slice(part);
    };
    let length = if index.big_tiff {
        put(2, 43, 2);
        put(4, 8, 2);
        put(8, directory, 8);
        16
    } else {
        put(2, 42, 2);
        put(4, directory, 4);
        8
    };
    bytes[..2].copy_from_slice(if index.big_endian { b"MM" } else { b"II" });
    Patch { offset: 0, bytes, length }
}

/// Grey, where black is 0: measured values are neither inverted nor looked up in a palette.
fn interpretation(index: &TiffIndex, page: &Page, shape: &Shape) -> Patch {
    let one = if index.big_endian { 1u16.to_be_bytes() } else { 1u16.to_le_bytes() };
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&one);
    Patch { offset: page.directory + shape.photometric, bytes, length: 2 }
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
    let (first, step) =
        if shape.planar { (sample * pixels * size, size) } else { (sample * size, samples * size) };
    let values = bytes.get(first..).unwrap_or_default().chunks(step).take(pixels);
    macro_rules! fill {
        ($pixels:expr, $kind:ty, $convert:expr) => {{
            let pixels = $pixels;
            pixels.clear();
            pixels.extend(values.map(|value| {
                $convert(
                    value.first_chunk().map_or_else(<$kind>::default, |value| <$kind>::from_ne_bytes(*value)),
                )
            }));
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
