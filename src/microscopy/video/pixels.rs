//! From a decoded frame to a plane: the numbers as they are stored, without a conversion where that is possible.

use bytemuck::cast_slice;
use flate2::Crc;
use gstreamer as gst;
use gstreamer_video as video;
use gstreamer_video::prelude::*;

use super::decoder::DecodedFrame;
use crate::timelapse::Plane;

/// Weights of red, green and blue in the brightness of a pixel (ITU-R BT.601), in 256ths.
const LUMA: [u32; 3] = [77, 150, 29];

/// What each plane of a video holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// One: the brightness of a pixel.
    Luma,
    /// Three: red, green and blue.
    Colours,
}

impl Channels {
    /// How many planes a frame has.
    pub fn count(self) -> usize {
        match self {
            Channels::Luma => 1,
            Channels::Colours => 3,
        }
    }
}

/// Formats whose brightness is read where the decoder wrote it. Every other format is converted to the nearest.
pub const LUMA_FORMATS: &[video::VideoFormat] = &[
    video::VideoFormat::Gray8,
    video::VideoFormat::Gray16Le,
    video::VideoFormat::Gray16Be,
    video::VideoFormat::I420,
    video::VideoFormat::Yv12,
    video::VideoFormat::Nv12,
    video::VideoFormat::Nv21,
    video::VideoFormat::Nv16,
    video::VideoFormat::Nv24,
    video::VideoFormat::Yuy2,
    video::VideoFormat::Uyvy,
    video::VideoFormat::Y41b,
    video::VideoFormat::Y42b,
    video::VideoFormat::Y444,
    video::VideoFormat::I42010le,
    video::VideoFormat::I42210le,
    video::VideoFormat::Y44410le,
    video::VideoFormat::I42012le,
    video::VideoFormat::I42212le,
    video::VideoFormat::Y44412le,
    video::VideoFormat::P01010le,
    video::VideoFormat::Rgb,
    video::VideoFormat::Bgr,
    video::VideoFormat::Rgba,
    video::VideoFormat::Bgra,
    video::VideoFormat::Rgbx,
    video::VideoFormat::Bgrx,
    video::VideoFormat::Gbr,
];

/// Formats whose colours are read where the decoder wrote them.
pub const COLOUR_FORMATS: &[video::VideoFormat] = &[
    video::VideoFormat::Rgb,
    video::VideoFormat::Bgr,
    video::VideoFormat::Rgba,
    video::VideoFormat::Bgra,
    video::VideoFormat::Rgbx,
    video::VideoFormat::Bgrx,
    video::VideoFormat::Gbr,
];

/// Reads channel `channel` of a frame into `plane`. `None`: its memory cannot be read.
pub fn extract(decoded: &DecodedFrame, channels: Channels, channel: usize, plane: &mut Plane) -> Option<()> {
    let info = &decoded.info;
    let frame = video::VideoFrameRef::from_buffer_ref_readable(&decoded.buffer, info).ok()?;
    let (width, height) = (info.width() as usize, info.height() as usize);
    plane.width = width;
    plane.height = height;
    let pixels = plane.u16_mut();
    pixels.clear();
    pixels.reserve(width * height);
    let format = info.format_info();
    for y in 0..height {
        if channels == Channels::Luma && format.is_rgb() {
            let colours = [row(&frame, 0, y)?, row(&frame, 1, y)?, row(&frame, 2, y)?];
            pixels.extend((0..width).map(|x| {
                let sum: u32 =
                    colours.iter().zip(LUMA).map(|(row, weight)| u32::from(row.byte(x)) * weight).sum();
                // At most 255 * 256 + 128, shifted by 8 bits: a byte.
                ((sum + 128) >> 8) as u16
            }));
            continue;
        }
        let row = row(&frame, channel, y)?;
        match (row.depth, row.step) {
            (..=8, 1) => pixels.extend(row.bytes.get(..width)?.iter().map(|byte| u16::from(*byte))),
            (..=8, _) => pixels.extend((0..width).map(|x| u16::from(row.byte(x)))),
            _ => pixels.extend((0..width).map(|x| row.word(x))),
        }
    }
    Some(())
}

/// A sum of the pixels, by which a frame that is decoded again is held against the first time.
pub fn checksum(plane: &Plane) -> u32 {
    let mut crc = Crc::new();
    if let crate::timelapse::Pixels::U16(pixels) = &plane.pixels {
        crc.update(cast_slice(pixels));
    }
    crc.sum()
}

/// One component of a row.
struct Row<'a> {
    /// From the first value of the component on.
    bytes: &'a [u8],
    /// Bytes from one value to the next.
    step: usize,
    /// Bits of a value, and how far they lie above the lowest bit.
    depth: u32,
    shift: u32,
    little_endian: bool,
}

impl Row<'_> {
    fn byte(&self, x: usize) -> u8 {
        self.bytes.get(x * self.step).copied().unwrap_or(0)
    }

    fn word(&self, x: usize) -> u16 {
        let bytes = self.bytes.get(x * self.step..).and_then(|bytes| bytes.first_chunk()).copied();
        let bytes = bytes.unwrap_or([0; 2]);
        let word = if self.little_endian { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) };
        (word >> self.shift) & (u16::MAX >> (16 - self.depth.min(16)))
    }
}

/// Component `component` of row `y`; only components of full size are asked for.
fn row<'a>(frame: &'a video::VideoFrameRef<&gst::BufferRef>, component: usize, y: usize) -> Option<Row<'a>> {
    let format = frame.info().format_info();
    let plane = *format.plane().get(component)?;
    let stride = usize::try_from(*frame.plane_stride().get(plane as usize)?).ok()?;
    let start = y * stride + *format.poffset().get(component)? as usize;
    Some(Row {
        bytes: frame.plane_data(plane).ok()?.get(start..)?,
        step: usize::try_from(*format.pixel_stride().get(component)?).ok()?,
        depth: *format.depth().get(component)?,
        shift: *format.shift().get(component)?,
        little_endian: format.is_le(),
    })
}
