//! JPEG (ITU-T T.81): the head is read here, the pixels by libjpeg-turbo, which gives the same pixels as
//! Pillow, OpenCV and GStreamer.

use ::image::metadata::Orientation;
use turbojpeg::{Decompressor, Image, PixelFormat};

use super::icc::{self, MAX_PROFILE};
use super::{Channels, DecodedPicture, Patch, PictureError, PicturePlan, orientation_of};

/// Most scans of a progressive picture: real ones have about ten, and each costs a pass over all coefficients.
const MAX_SCANS: u32 = 200;
/// An end-of-image marker is searched in this many bytes at the end of a picture of a stream, because cameras add padding.
const TAIL: usize = 4096;

/// A JPEG whose head was read.
pub(super) struct Jpeg<'a> {
    file: &'a [u8],
    width: u32,
    height: u32,
    /// Sampling factors of each component, horizontal and vertical; 1 to 4 components.
    sampling: Vec<(u32, u32)>,
    /// Coefficients of the whole picture are kept until its last scan.
    buffered: bool,
    has_adobe: bool,
    exif: Option<&'a [u8]>,
    icc: Vec<&'a [u8]>,
}

impl<'a> Jpeg<'a> {
    /// Reads the segments up to the first scan, and searches for the end marker.
    pub(super) fn parse(file: &'a [u8]) -> Result<Jpeg<'a>, PictureError> {
        let mut jpeg = Jpeg {
            file,
            width: 0,
            height: 0,
            sampling: Vec::new(),
            buffered: false,
            has_adobe: false,
            exif: None,
            icc: Vec::new(),
        };
        let mut segments = Segments { file, at: 2 };
        loop {
            let (marker, body) = segments.next().ok_or_else(|| cut("its head ends too soon"))?;
            match marker {
                // SOF0 to SOF15, without DHT, JPG and DAC.
                0xC0..=0xCF if !matches!(marker, 0xC4 | 0xC8 | 0xCC) => jpeg.frame(marker, body)?,
                0xDA => {
                    jpeg.buffered |= body.first().is_some_and(|n| usize::from(*n) < jpeg.sampling.len());
                    break;
                }
                0xE1 => jpeg.exif = jpeg.exif.or(body.strip_prefix(b"Exif\0\0")),
                0xE2 => jpeg.icc.extend(body.strip_prefix(b"ICC_PROFILE\0")),
                0xEE => jpeg.has_adobe |= body.starts_with(b"Adobe"),
                _ => {}
            }
        }
        if jpeg.sampling.is_empty() {
            return Err(PictureError::Damaged { what: "a scan comes before the frame's head".into() });
        }
        if !file[segments.at..].windows(2).rev().any(|pair| pair == [0xFF, 0xD9]) {
            return Err(cut("its end-of-image marker is missing"));
        }
        Ok(jpeg)
    }

    /// SOFn: precision, height, width, components with their sampling.
    fn frame(&mut self, marker: u8, body: &[u8]) -> Result<(), PictureError> {
        let [precision, h1, h0, w1, w0, count, components @ ..] = body else {
            return Err(cut("its head ends too soon"));
        };
        let unsupported = |what: String| Err(PictureError::Unsupported { what });
        if !self.sampling.is_empty() {
            return Err(PictureError::Damaged { what: "it has two heads".into() });
        }
        if *precision != 8 {
            return unsupported(format!("a JPEG with {precision} bits a sample"));
        }
        if matches!(marker, 0xC5..=0xC7 | 0xCB | 0xCD..=0xCF) {
            return unsupported("a hierarchical or arithmetic lossless JPEG".into());
        }
        if !matches!(count, 1 | 3 | 4) {
            return unsupported(format!("a JPEG of {count} components"));
        }
        (self.height, self.width) =
            (u32::from(u16::from_be_bytes([*h1, *h0])), u32::from(u16::from_be_bytes([*w1, *w0])));
        let factors = components.chunks_exact(3).map(|c| (u32::from(c[1] >> 4), u32::from(c[1] & 15)));
        self.sampling = factors.take(usize::from(*count)).collect();
        let sound = |side: u32| (1..=4).contains(&side);
        let bad = self.sampling.len() != usize::from(*count)
            || self.sampling.iter().any(|(h, v)| !sound(*h) || !sound(*v));
        if bad || self.width == 0 || self.height == 0 {
            let what = format!("its head says {} x {} px and makes no sense", self.width, self.height);
            return Err(PictureError::Damaged { what });
        }
        self.buffered |= matches!(marker, 0xC2 | 0xCA);
        Ok(())
    }

    /// Bytes of the coefficients of every component, two a sample, in whole blocks.
    fn coefficients(&self) -> u64 {
        let most = |of: fn(&(u32, u32)) -> u32| self.sampling.iter().map(of).max().unwrap_or(1);
        let (h_max, v_max) = (most(|s| s.0), most(|s| s.1));
        let units = |side: u32, most: u32| u64::from(side.div_ceil(8 * most));
        let (across, down) = (units(self.width, h_max), units(self.height, v_max));
        self.sampling.iter().map(|(h, v)| across * u64::from(*h) * down * u64::from(*v) * 128).sum()
    }

    pub(super) fn plan(&self) -> PicturePlan {
        let px = u64::from(self.width) * u64::from(self.height);
        let components = self.sampling.len() as u64;
        let is_cmyk = components == 4;
        let kept = if self.buffered { self.coefficients() } else { 0 };
        let by_profile = if self.icc.is_empty() { 0 } else { icc::MEMORY + if is_cmyk { px * 3 } else { 0 } };
        PicturePlan {
            width: self.width,
            height: self.height,
            channels: components.min(3),
            decoded: px * components,
            // libjpeg-turbo keeps some rows of each component.
            besides: kept + u64::from(self.width) * components * 64 + by_profile,
            alpha: 0,
            orientation: self.exif.map_or(Orientation::NoTransforms, orientation_of),
        }
    }

    pub(super) fn decode(self) -> Result<DecodedPicture, PictureError> {
        let (width, height) = (self.width as usize, self.height as usize);
        let (format, samples) = match self.sampling.len() {
            1 => (PixelFormat::GRAY, 1),
            4 => (PixelFormat::CMYK, 4),
            _ => (PixelFormat::RGB, 3),
        };
        let mut data = vec![0; width * height * samples];
        let mut decompressor = Decompressor::new().map_err(failed)?;
        decompressor.set_scan_limit(MAX_SCANS).map_err(failed)?;
        let image = Image { pixels: &mut data[..], width, pitch: width * samples, height, format };
        decompressor.decompress(self.file, image).or_else(harmless)?;
        let channels = if samples == 1 { Channels::Gray } else { Channels::Rgb };
        let profile = joined(&self.icc);
        let mut patch = Patch { width, height, channels, data };
        match (samples, profile) {
            (4, profile) => self.without_ink(profile, &mut patch),
            (_, Some(profile)) => icc::to_srgb(&profile, &mut patch),
            (_, None) => {}
        }
        Ok(DecodedPicture { patch, see_through: false, alpha: None })
    }

    /// Converts CMYK to RGB. Adobe's programs store inverted values (light instead of ink), and mark this in
    /// the file.
    fn without_ink(&self, profile: Option<Vec<u8>>, patch: &mut Patch) {
        if let Some(profile) = profile {
            if self.has_adobe {
                patch.data.iter_mut().for_each(|value| *value = 255 - *value);
            }
            if let Some(rgb) = icc::cmyk_to_srgb(&profile, &patch.data, patch.width) {
                patch.data = rgb;
                return;
            }
            plain_cmyk(&mut patch.data, false);
        } else {
            plain_cmyk(&mut patch.data, self.has_adobe);
        }
    }
}

/// Ink over ink, in place: R = (255 - C)(255 - K) / 255. `inverted`: the samples are 255 less the ink already.
pub(super) fn plain_cmyk(data: &mut Vec<u8>, inverted: bool) {
    let pixels = data.len() / 4;
    let light = |value: u8| u32::from(if inverted { value } else { 255 - value });
    for px in 0..pixels {
        let key = light(data[4 * px + 3]);
        for channel in 0..3 {
            data[3 * px + channel] = ((light(data[4 * px + channel]) * key + 127) / 255) as u8;
        }
    }
    data.truncate(3 * pixels);
}

/// Warnings of libjpeg-turbo after which it still decodes every pixel exactly.
fn harmless(error: turbojpeg::Error) -> Result<(), PictureError> {
    let text = error.to_string();
    let padding = text.contains("extraneous bytes before marker 0xd9");
    let sloppy = ["Invalid SOS parameters", "Adobe color transform", "JFIF revision"];
    if padding || sloppy.iter().any(|known| text.contains(known)) {
        return Ok(());
    }
    Err(failed(error))
}

fn failed(error: turbojpeg::Error) -> PictureError {
    let text = error.to_string();
    let what = text.trim_start_matches("TurboJPEG error: ").to_owned();
    let is_cut = what.to_ascii_lowercase().contains("premature end");
    if is_cut { PictureError::Truncated { what } } else { PictureError::Damaged { what } }
}

fn cut(what: &str) -> PictureError {
    PictureError::Truncated { what: what.into() }
}

/// An ICC profile from its parts (ICC.1:2022, B.4: number, of how many, data); `None` where one is missing.
fn joined(parts: &[&[u8]]) -> Option<Vec<u8>> {
    let total: usize = parts.iter().map(|part| part.len()).sum();
    let count = usize::from(*parts.first()?.get(1)?);
    if parts.len() != count || total as u64 > MAX_PROFILE {
        return None;
    }
    let mut ordered = parts.to_vec();
    ordered.sort_by_key(|part| part.first().copied());
    let in_turn = ordered.iter().enumerate().all(|(at, part)| part.first() == Some(&(at as u8 + 1)));
    in_turn.then(|| ordered.iter().flat_map(|part| &part[2..]).copied().collect())
}

/// Whether a picture of a stream has its end: an end-of-image marker near the last byte. In coded data 0xFF is never
/// followed by 0xD9, so a picture that was cut off has none.
pub fn is_whole(file: &[u8]) -> bool {
    let tail = &file[file.len().saturating_sub(TAIL)..];
    tail.windows(2).rev().any(|pair| pair == [0xFF, 0xD9])
}

/// Marker segments; `at` is where the next one begins.
struct Segments<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Segments<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // Any number of 0xFF may precede a marker (T.81, B.1.1.2), and decoders skip other bytes before it.
        let marker = loop {
            let skipped = self.file.get(self.at..)?.iter().position(|byte| *byte == 0xFF)?;
            self.at += skipped;
            match *self.file.get(self.at + 1)? {
                0xFF | 0x00 => self.at += 1,
                // TEM and restarts stand alone.
                0x01 | 0xD0..=0xD8 => self.at += 2,
                // The picture ends without a scan.
                0xD9 => return None,
                marker => break marker,
            }
        };
        let length = self.file.get(self.at + 2..self.at + 4)?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        let body = self.file.get(self.at + 4..self.at + 2 + length.max(2))?;
        self.at += 2 + length.max(2);
        Some((marker, body))
    }
}
