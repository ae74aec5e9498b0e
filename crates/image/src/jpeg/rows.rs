//! A JPEG that is written while its rows come: memory for a strip of rows, not for the picture.
//!
//! Each strip is encoded as a picture of its own, and its coded data becomes one restart interval of the whole (T.81,
//! E.1.4): the predictors start at zero in both. The file decodes to the pixels that encoding at once gives.

use std::io::Write;

use super::{Encoder, FINE, ImageError, MAX_SIDE};
use crate::{Channels, PixelFormat, Planes};

/// Rows of a strip: whole blocks at every subsampling, and at most 65535 blocks at the greatest width.
const STRIP: usize = 48;

/// Writes a baseline JPEG of RGB or grey rows into `out`.
pub struct RowEncoder<W> {
    out: W,
    encoder: Encoder,
    channels: Channels,
    quality: u8,
    width: usize,
    height: usize,
    /// The rows of the strip under way.
    strip: Vec<u8>,
    received: usize,
    written: usize,
    /// What stands before the coded data of the first strip, as the encoder wrote it.
    head: Vec<u8>,
}

impl<W: Write> RowEncoder<W> {
    /// An encoder for a picture of this size at `quality` 1 to 100; from 90 on chroma is not subsampled.
    ///
    /// # Errors
    /// Sides of 0 or over 65535 px, a quality outside 1 to 100, no memory for an encoder.
    pub fn new(
        out: W,
        size: [usize; 2],
        channels: Channels,
        quality: u8,
    ) -> Result<RowEncoder<W>, ImageError> {
        let [width, height] = size;
        if width.min(height) == 0 || width.max(height) > MAX_SIDE || !(1..=100).contains(&quality) {
            return Err(ImageError::JpegLimits { width, height, quality });
        }
        let strip = Vec::with_capacity(STRIP * width * channels.count());
        let encoder = Encoder::new()?;
        let (received, written, head) = (0, 0, Vec::new());
        Ok(RowEncoder { out, encoder, channels, quality, width, height, strip, received, written, head })
    }

    /// Takes the next row: width × channels bytes.
    ///
    /// # Errors
    /// A row of another length, one row too many, or what `out` refuses.
    pub fn row(&mut self, row: &[u8]) -> Result<(), ImageError> {
        let need = self.width * self.channels.count();
        if row.len() != need || self.received == self.height {
            return Err(ImageError::OutputSize { need, got: row.len() });
        }
        self.strip.extend_from_slice(row);
        self.received += 1;
        if self.received.is_multiple_of(STRIP) || self.received == self.height {
            self.flush()?;
        }
        Ok(())
    }

    /// Ends the file after its last row, and gives `out` back.
    ///
    /// # Errors
    /// Rows are missing, or what `out` refuses.
    pub fn finish(mut self) -> Result<W, ImageError> {
        if self.received < self.height {
            let row = self.width * self.channels.count();
            return Err(ImageError::OutputSize { need: self.height * row, got: self.received * row });
        }
        self.out.write_all(&[0xFF, 0xD9])?;
        Ok(self.out)
    }

    fn flush(&mut self) -> Result<(), ImageError> {
        let format = if self.channels == Channels::Gray { PixelFormat::Gray8 } else { PixelFormat::Rgb };
        let stride = self.width * self.channels.count();
        let planes = Planes {
            format,
            width: self.width,
            height: self.strip.len() / stride,
            colour: Default::default(),
            data: [&self.strip, &[], &[]],
            stride: [stride, 0, 0],
        };
        let file = match format {
            PixelFormat::Gray8 => self.encoder.encode_grey(&planes, self.quality)?,
            _ => self.encoder.encode_rgb(&planes, self.quality)?,
        };
        let (frame, scan, data) = parts(file).ok_or(ImageError::JpegStrip)?;
        let coded = file.get(data..file.len() - 2).ok_or(ImageError::JpegStrip)?;
        if self.written == 0 {
            self.head = file[..data].to_vec();
            let mut head = file[..scan].to_vec();
            head[frame + 5..frame + 7].copy_from_slice(&(self.height as u16).to_be_bytes());
            let (mcu_w, mcu_h) =
                if format == PixelFormat::Rgb && self.quality < FINE { (16, 16) } else { (8, 8) };
            let interval = (self.width.div_ceil(mcu_w) * (STRIP / mcu_h)) as u16;
            let [high, low] = interval.to_be_bytes();
            // DRI, then the scan's own head.
            head.extend([0xFF, 0xDD, 0, 4, high, low]);
            head.extend(&file[scan..data]);
            self.out.write_all(&head)?;
        } else {
            // The same tables stand for all strips; only the height of the last may differ.
            let same = |at: usize| self.head.get(..at) == file.get(..at);
            if !same(frame + 5) || self.head.get(frame + 7..) != file.get(frame + 7..data) {
                return Err(ImageError::JpegStrip);
            }
            self.out.write_all(&[0xFF, 0xD0 + ((self.written - 1) % 8) as u8])?;
        }
        self.out.write_all(coded)?;
        self.written += 1;
        self.strip.clear();
        Ok(())
    }
}

/// Where the frame's head (SOF0), the scan's head (SOS) and the coded data begin.
fn parts(file: &[u8]) -> Option<(usize, usize, usize)> {
    let (mut at, mut frame) = (2, None);
    loop {
        let [0xFF, marker, high, low] = *file.get(at..)?.first_chunk()? else { return None };
        let end = at + 2 + usize::from(u16::from_be_bytes([high, low]));
        match marker {
            0xC0 => frame = Some(at),
            0xDA => return Some((frame?, at, end)),
            _ => {}
        }
        at = end;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::picture::{self, Limits};

    #[test]
    fn rows_give_the_pixels_that_the_whole_picture_gives() {
        for (width, height) in [(40, 64), (67, 200), (33, 1), (16, 129), (8_200, 70)] {
            for (channels, format) in
                [(Channels::Rgb, PixelFormat::Rgb), (Channels::Gray, PixelFormat::Gray8)]
            {
                let stride = width * channels.count();
                let pixel = |n: usize| ((n * n / 7 + n / stride * 3) % 256) as u8;
                let data: Vec<u8> = (0..stride * height).map(pixel).collect();
                let colour = Default::default();
                let planes =
                    Planes { format, width, height, colour, data: [&data, &[], &[]], stride: [stride, 0, 0] };
                for quality in [75, 95] {
                    let mut rows = RowEncoder::new(Vec::new(), [width, height], channels, quality).unwrap();
                    data.chunks(stride).for_each(|row| rows.row(row).unwrap());
                    let mut whole = Vec::new();
                    super::super::encode(&planes, quality, &mut whole).unwrap();
                    let read = |file: &[u8]| picture::read(file, &Limits::USUAL).unwrap().patch;
                    let file = rows.finish().unwrap();
                    assert!(read(&file) == read(&whole), "{width} x {height}, quality {quality}");
                }
            }
        }
    }

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        assert!(RowEncoder::new(Vec::new(), [0, 5], Channels::Rgb, 90).is_err());
        assert!(RowEncoder::new(Vec::new(), [70_000, 5], Channels::Rgb, 90).is_err());
        let mut rows = RowEncoder::new(Vec::new(), [4, 2], Channels::Gray, 90).unwrap();
        assert!(rows.row(&[0; 3]).is_err());
        rows.row(&[0; 4]).unwrap();
        assert!(RowEncoder::finish(rows).is_err());
    }
}
