//! Reads JPEG, PNG and BMP files into upright grey or RGB pixels. All inputs of pictures (folders, golden
//! pictures, samples, enrolment) use this reader, so that the same file gives the same pixels everywhere.
//!
//! - Size and memory are read from the head of the file, and compared with [`Limits`], before anything is decoded.
//! - Orientation (EXIF in JPEG and PNG) is obeyed. Grey stays grey; 16 bits are rounded to 8; CMYK becomes RGB.
//! - Alpha is dropped: the colour that the file holds stands, as with OpenCV and Pillow. [`DecodedPicture::see_through`] says
//!   whether there was any to drop, and [`read_with_alpha`] keeps it beside the colours.
//! - An ICC profile is applied (to sRGB) where it is valid and fits the kind of picture; otherwise the values are not
//!   converted. PNG's `gAMA`, `cHRM` and `cICP` are ignored.
//! - Cut-off and damaged files are errors: nothing is concealed.

mod bmp;
mod error;
mod icc;
mod jpeg;
mod limits;
mod png;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ::image::metadata::Orientation;
use ::image::{DynamicImage, GrayImage, RgbImage};

use super::{Channels, Patch};

pub use error::PictureError;
pub use jpeg::is_whole as jpeg_is_whole;
pub use limits::Limits;

/// The extensions of picture files.
pub const ENDINGS: [&str; 6] = ["jpg", "jpeg", "jpe", "jfif", "png", "bmp"];

/// A picture that was read.
#[derive(Clone, Debug)]
pub struct DecodedPicture {
    /// Upright, grey or RGB.
    pub patch: Patch,
    /// Whether a pixel of the file was less than opaque.
    pub see_through: bool,
    /// One byte a px, 255 opaque: only from [`read_with_alpha`], and only where `see_through` is set.
    pub alpha: Option<Vec<u8>>,
}

/// What becomes of the alpha of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alpha {
    Drop,
    Keep,
}

/// The properties of a picture, as the head of its file gives them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureHead {
    /// Width of the upright picture, px.
    pub width: u32,
    /// Height of the upright picture, px.
    pub height: u32,
    /// The most memory that [`read`] takes for it, bytes, the picture itself included and the file not.
    pub bytes: u64,
    /// Bytes of the picture itself.
    pub picture_bytes: u64,
}

/// One of the kinds of files, with its head understood.
enum PictureFile<'a> {
    Jpeg(jpeg::Jpeg<'a>),
    Png(png::Png<'a>),
    Bmp(bmp::Bmp<'a>),
}

/// Width, height, samples a pixel of the finished picture, and what decoding takes on the way there.
struct PicturePlan {
    width: u32,
    height: u32,
    channels: u64,
    /// Bytes that the decoder writes its pixels into, before they become 8-bit grey or RGB in the same place.
    decoded: u64,
    /// Bytes of the decoder's other memory.
    besides: u64,
    /// Bytes of a plane of alpha, where one is kept; it is taken out of what was decoded.
    alpha: u64,
    orientation: Orientation,
}

impl PicturePlan {
    fn head(&self) -> PictureHead {
        let turned = swaps_sides(self.orientation);
        let (width, height) = if turned { (self.height, self.width) } else { (self.width, self.height) };
        let picture_bytes = u64::from(width) * u64::from(height) * self.channels;
        // Rotation by 90 degrees needs memory for a second picture.
        let second = if turned { picture_bytes } else { 0 };
        PictureHead {
            width,
            height,
            bytes: self.decoded.max(picture_bytes + self.alpha) + self.besides + second,
            picture_bytes,
        }
    }
}

impl<'a> PictureFile<'a> {
    /// By the first bytes, not by the name: pictures are often named wrongly.
    fn of(file: &'a [u8]) -> Result<PictureFile<'a>, PictureError> {
        match file {
            [] => Err(PictureError::Empty),
            [0xFF, 0xD8, 0xFF, ..] => jpeg::Jpeg::parse(file).map(PictureFile::Jpeg),
            [0x89, b'P', b'N', b'G', ..] => png::Png::parse(file).map(PictureFile::Png),
            [b'B', b'M', ..] => bmp::Bmp::parse(file).map(PictureFile::Bmp),
            _ => Err(PictureError::Unknown { looks_like: looks_like(file) }),
        }
    }

    fn plan(&self, alpha: Alpha) -> PicturePlan {
        match self {
            PictureFile::Jpeg(jpeg) => jpeg.plan(),
            PictureFile::Png(png) => png.plan(alpha),
            PictureFile::Bmp(bmp) => bmp.plan(alpha),
        }
    }
}

/// The usual extension of a file that begins with these four bytes or more; `None` where [`read`] takes no such file.
pub fn extension(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [0xFF, 0xD8, 0xFF, _, ..] => Some("jpg"),
        [0x89, b'P', b'N', b'G', ..] => Some("png"),
        [b'B', b'M', _, _, ..] => Some("bmp"),
        _ => None,
    }
}

/// Reads the head of `file`. Decodes nothing, and allocates nothing whose size the file controls.
///
/// # Errors
/// The file is of none of the three kinds, or its head is cut off or contradicts itself.
pub fn head(file: &[u8]) -> Result<PictureHead, PictureError> {
    Ok(PictureFile::of(file)?.plan(Alpha::Drop).head())
}

/// The picture in `file`, upright. Sizes are compared with `limits` before anything is decoded.
///
/// # Errors
/// No picture of the three kinds; beyond the limits; cut off or damaged.
pub fn read(file: &[u8], limits: &Limits) -> Result<DecodedPicture, PictureError> {
    read_as(file, limits, Alpha::Drop)
}

/// The same as [`read`], with the alpha of PNG and BMP in a plane of its own.
///
/// # Errors
/// As [`read`].
pub fn read_with_alpha(file: &[u8], limits: &Limits) -> Result<DecodedPicture, PictureError> {
    read_as(file, limits, Alpha::Keep)
}

fn read_as(file: &[u8], limits: &Limits, alpha: Alpha) -> Result<DecodedPicture, PictureError> {
    limits.allow_file(file.len() as u64)?;
    let kind = PictureFile::of(file)?;
    let plan = kind.plan(alpha);
    limits.allow(&plan.head())?;
    let DecodedPicture { patch, see_through, alpha } = match kind {
        PictureFile::Jpeg(jpeg) => jpeg.decode(),
        PictureFile::Png(png) => png.decode(alpha),
        PictureFile::Bmp(bmp) => bmp.decode(alpha),
    }?;
    let (width, height) = (patch.width, patch.height);
    let plane =
        |data| upright(Patch { width, height, channels: Channels::Gray, data }, plan.orientation).data;
    let alpha = alpha.map(plane);
    Ok(DecodedPicture { patch: upright(patch, plan.orientation), see_through, alpha })
}

/// Reads the bytes of the file at `path`, at most as many as `limits` allow.
///
/// # Errors
/// It cannot be read, or is too long.
pub fn load(path: &Path, limits: &Limits) -> Result<Vec<u8>, PictureError> {
    let file = open(path, limits)?;
    let mut bytes = Vec::with_capacity(file.metadata()?.len() as usize);
    // Bounded again here, because the file may grow while it is read, and a pipe has no length.
    file.take(limits.max_file + 1).read_to_end(&mut bytes)?;
    limits.allow_file(bytes.len() as u64)?;
    Ok(bytes)
}

/// The SHA-256 of the file at `path`, read piece by piece within `limits`.
///
/// # Errors
/// The file cannot be read, or is too large.
pub fn digest(path: &Path, limits: &Limits) -> Result<String, PictureError> {
    let file = open(path, limits)?;
    let mut file = file.take(limits.max_file + 1);
    let digest = ocellus_text::sha256_of(&mut file)?;
    limits.allow_file(limits.max_file + 1 - file.limit())?;
    Ok(digest)
}

/// Opens a file that is no folder and within `limits`.
fn open(path: &Path, limits: &Limits) -> Result<File, PictureError> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if meta.is_dir() {
        return Err(std::io::Error::from(std::io::ErrorKind::IsADirectory).into());
    }
    limits.allow_file(meta.len())?;
    Ok(file)
}

fn swaps_sides(orientation: Orientation) -> bool {
    matches!(
        orientation,
        Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH
    )
}

/// Rotates and mirrors the picture according to `orientation`.
fn upright(patch: Patch, orientation: Orientation) -> Patch {
    if orientation == Orientation::NoTransforms {
        return patch;
    }
    let Patch { width, height, channels, data } = patch;
    let (w, h) = (width as u32, height as u32);
    let picture = match channels {
        Channels::Gray => GrayImage::from_raw(w, h, data).map(DynamicImage::from),
        Channels::Rgb | Channels::Bgr => RgbImage::from_raw(w, h, data).map(DynamicImage::from),
    };
    // A patch always holds its pixels; none would leave an empty one.
    let Some(mut picture) = picture else { return Patch::default() };
    picture.apply_orientation(orientation);
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Patch { width, height, channels, data: picture.into_bytes() }
}

/// The orientation in an EXIF block (TIFF header first); upright where it gives none.
fn orientation_of(exif: &[u8]) -> Orientation {
    Orientation::from_exif_chunk(exif).unwrap_or(Orientation::NoTransforms)
}

/// Names other kinds of files that are sent as pictures by mistake, so that the error tells what was sent.
fn looks_like(file: &[u8]) -> &'static str {
    match file {
        [b'G', b'I', b'F', b'8', ..] => "a GIF",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "a WebP",
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => "a TIFF or a raw camera picture",
        [_, _, _, _, b'f', b't', b'y', b'p', b'h', b'e' | b'm', ..] => "a HEIF",
        [_, _, _, _, b'f', b't', b'y', b'p', b'a', b'v', b'i', ..] => "an AVIF",
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => "a video",
        [b'%', b'P', b'D', b'F', ..] => "a PDF",
        [b'<', ..] => "a page of text",
        _ => "neither JPEG, PNG nor BMP",
    }
}

/// Keeps `keep` of every `of` bytes, in place; the vector becomes shorter.
fn keep_first(data: &mut Vec<u8>, keep: usize, of: usize) {
    let pixels = data.len() / of;
    for px in 0..pixels {
        data.copy_within(px * of..px * of + keep, px * keep);
    }
    data.truncate(pixels * keep);
}

/// The last of every `of` bytes; `None` where all of them are opaque.
fn alpha_of(data: &[u8], of: usize) -> Option<Vec<u8>> {
    let alpha = || data.iter().skip(of - 1).step_by(of).copied();
    alpha().any(|value| value != u8::MAX).then(|| alpha().collect())
}

/// Drops the last of every `of` bytes, the alpha, in place; whether one of them was less than opaque.
fn drop_alpha(data: &mut Vec<u8>, of: usize) -> bool {
    let see_through = data.chunks_exact(of).any(|pixel| pixel[of - 1] != u8::MAX);
    keep_first(data, of - 1, of);
    see_through
}

#[cfg(test)]
#[path = "../../../../tests/support/flavours.rs"]
mod flavours;
#[cfg(test)]
mod tests;
