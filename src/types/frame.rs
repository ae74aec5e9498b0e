//! A frame: pixels that stay where the decoder or the driver wrote them, and what is known about them.

use std::sync::Arc;

use gstreamer_video::VideoFrame;
use gstreamer_video::prelude::*;
use gstreamer_video::video_frame::Readable;

use super::{Label, Stamp};

/// The pixel layouts that the road accepts; all 8 bits a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PixelFormat {
    /// Y plane, then one plane of interleaved U and V at half size in both directions.
    Nv12,
    /// Y, U and V planes; U and V at half size in both directions.
    I420,
    /// One plane: Y0 U Y1 V for two pixels.
    Yuy2,
    /// One plane of luma.
    Gray8,
    /// One plane, three bytes a pixel.
    Rgb,
    /// One plane, three bytes a pixel, blue first.
    Bgr,
    /// One plane, four bytes a pixel; alpha is ignored.
    Rgba,
}

impl PixelFormat {
    /// All of them, in the order in which a source is asked for them: cheapest for the tensor first.
    pub const ALL: [PixelFormat; 7] = [
        PixelFormat::Nv12,
        PixelFormat::I420,
        PixelFormat::Yuy2,
        PixelFormat::Gray8,
        PixelFormat::Rgb,
        PixelFormat::Bgr,
        PixelFormat::Rgba,
    ];

    /// The name that GStreamer caps use.
    pub fn caps_name(self) -> &'static str {
        match self {
            PixelFormat::Nv12 => "NV12",
            PixelFormat::I420 => "I420",
            PixelFormat::Yuy2 => "YUY2",
            PixelFormat::Gray8 => "GRAY8",
            PixelFormat::Rgb => "RGB",
            PixelFormat::Bgr => "BGR",
            PixelFormat::Rgba => "RGBA",
        }
    }

    /// The format that a GStreamer caps name stands for, if the road accepts it.
    pub fn from_caps_name(name: &str) -> Option<PixelFormat> {
        PixelFormat::ALL.into_iter().find(|format| format.caps_name() == name)
    }

    /// Bytes in a row and rows, for each plane of a `width` × `height` picture without padding.
    /// Unused planes are `(0, 0)`. Chroma of odd sizes is rounded up.
    pub fn plane_sizes(self, width: usize, height: usize) -> [(usize, usize); 3] {
        let (half_w, half_h) = (width.div_ceil(2), height.div_ceil(2));
        match self {
            PixelFormat::Nv12 => [(width, height), (half_w * 2, half_h), (0, 0)],
            PixelFormat::I420 => [(width, height), (half_w, half_h), (half_w, half_h)],
            PixelFormat::Yuy2 => [(half_w * 4, height), (0, 0), (0, 0)],
            PixelFormat::Gray8 => [(width, height), (0, 0), (0, 0)],
            PixelFormat::Rgb | PixelFormat::Bgr => [(width * 3, height), (0, 0), (0, 0)],
            PixelFormat::Rgba => [(width * 4, height), (0, 0), (0, 0)],
        }
    }
}

/// The YUV to RGB matrix.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Matrix {
    /// ITU-R BT.601: standard definition, JPEG.
    #[default]
    Bt601,
    /// ITU-R BT.709: high definition.
    Bt709,
}

/// The range of YUV samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Range {
    /// Luma 16 to 235, chroma 16 to 240.
    #[default]
    Limited,
    /// 0 to 255, as in JPEG.
    Full,
}

/// How YUV samples are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Colour {
    /// Which matrix.
    pub matrix: Matrix,
    /// Which range.
    pub range: Range,
}

/// A borrowed view of a picture's planes.
#[derive(Clone, Copy, Debug)]
pub struct Planes<'a> {
    /// Pixel layout.
    pub format: PixelFormat,
    /// Width in px.
    pub width: usize,
    /// Height in px.
    pub height: usize,
    /// Matrix and range of YUV formats; ignored for RGB ones.
    pub colour: Colour,
    /// One slice a plane; unused ones are empty. The last row may be shorter than its stride.
    pub data: [&'a [u8]; 3],
    /// Bytes from one row to the next, for each plane.
    pub stride: [usize; 3],
}

impl<'a> Planes<'a> {
    /// A view of tightly packed planes that follow one another in `bytes`.
    /// Returns `None` when `bytes` is too short.
    pub fn packed(format: PixelFormat, width: usize, height: usize, bytes: &'a [u8]) -> Option<Planes<'a>> {
        let mut data: [&[u8]; 3] = [&[]; 3];
        let mut stride = [0; 3];
        let mut rest = bytes;
        for (plane, (row, rows)) in format.plane_sizes(width, height).into_iter().enumerate() {
            let (head, tail) = rest.split_at_checked(row * rows)?;
            data[plane] = head;
            stride[plane] = row;
            rest = tail;
        }
        Some(Planes { format, width, height, colour: Colour::default(), data, stride })
    }
}

/// Where a frame's bytes live. Neither variant owns a copy.
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for every frame")]
enum Pixels {
    /// A GStreamer buffer, mapped read-only until the frame is dropped.
    Gst(VideoFrame<Readable>),
    /// Bytes of our own (benchmarks that keep decoded frames in memory, and tests).
    Memory { bytes: Arc<[u8]>, offset: [usize; 3], stride: [usize; 3] },
}

/// One picture from one camera. Dropping it gives the buffer back to its pool.
pub struct Frame {
    /// Counts the frames of this camera since the process began, gaps included: 0, 1, 2, …
    pub seq: u64,
    /// When the frame reached the appsink.
    pub captured: Stamp,
    /// The source's own presentation time in nanoseconds, where it has one.
    pub pts_ns: Option<u64>,
    /// Width in px.
    pub width: usize,
    /// Height in px.
    pub height: usize,
    /// Pixel layout.
    pub format: PixelFormat,
    /// Matrix and range of the samples.
    pub colour: Colour,
    /// The name of the file that it comes from, where it is a picture of a folder; at most 255 bytes.
    pub file: Option<Label>,
    pixels: Pixels,
}

impl Frame {
    /// Wraps a mapped GStreamer buffer; `None` where its format is not one of [`PixelFormat`].
    pub fn from_gst(seq: u64, captured: Stamp, video: VideoFrame<Readable>) -> Option<Frame> {
        let format = PixelFormat::from_caps_name(video.format().to_str())?;
        let colour = colour_of(&video.info().colorimetry(), video.height());
        Some(Frame {
            seq,
            captured,
            pts_ns: video.buffer().pts().map(|pts| pts.nseconds()),
            width: video.width() as usize,
            height: video.height() as usize,
            format,
            colour,
            file: None,
            pixels: Pixels::Gst(video),
        })
    }

    /// Wraps packed planes in memory of our own; `None` when `bytes` is too short.
    pub fn from_memory(
        seq: u64,
        captured: Stamp,
        (format, width, height): (PixelFormat, usize, usize),
        bytes: Arc<[u8]>,
    ) -> Option<Frame> {
        let planes = Planes::packed(format, width, height, &bytes)?;
        let base = bytes.as_ptr() as usize;
        let offset =
            planes.data.map(|plane| if plane.is_empty() { 0 } else { plane.as_ptr() as usize - base });
        let (stride, colour) = (planes.stride, planes.colour);
        let pixels = Pixels::Memory { bytes, offset, stride };
        Some(Frame { seq, captured, pts_ns: None, width, height, format, colour, file: None, pixels })
    }

    /// A copy in memory of our own, packed. For benchmarks and tests: the road never copies a frame.
    pub fn to_memory(&self) -> Option<Frame> {
        let planes = self.planes();
        let mut bytes = Vec::new();
        for (plane, (row, rows)) in self.format.plane_sizes(self.width, self.height).into_iter().enumerate() {
            for y in 0..rows {
                let at = y * planes.stride[plane];
                bytes.extend_from_slice(planes.data[plane].get(at..at + row)?);
            }
        }
        let shape = (self.format, self.width, self.height);
        let frame = Frame::from_memory(self.seq, self.captured, shape, bytes.into())?;
        Some(Frame { colour: self.colour, pts_ns: self.pts_ns, file: self.file.clone(), ..frame })
    }

    /// The same bytes again as another frame; only for frames in memory of our own.
    pub fn share(&self) -> Option<Frame> {
        let Pixels::Memory { bytes, offset, stride } = &self.pixels else { return None };
        let pixels = Pixels::Memory { bytes: bytes.clone(), offset: *offset, stride: *stride };
        Some(Frame { pixels, file: self.file.clone(), ..*self })
    }

    /// The planes, where they are. No byte moves.
    pub fn planes(&self) -> Planes<'_> {
        let mut data: [&[u8]; 3] = [&[]; 3];
        let mut strides = [0; 3];
        let sizes = self.format.plane_sizes(self.width, self.height);
        for (plane, (_, rows)) in sizes.into_iter().enumerate().filter(|(_, (row, _))| *row > 0) {
            match &self.pixels {
                Pixels::Gst(video) => {
                    data[plane] = video.plane_data(plane as u32).unwrap_or(&[]);
                    strides[plane] = video.plane_stride()[plane] as usize;
                }
                Pixels::Memory { bytes, offset, stride } => {
                    let end = offset[plane] + stride[plane] * rows;
                    data[plane] = &bytes[offset[plane]..end];
                    strides[plane] = stride[plane];
                }
            }
        }
        Planes {
            format: self.format,
            width: self.width,
            height: self.height,
            colour: self.colour,
            data,
            stride: strides,
        }
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Frame { seq, width, height, format, .. } = self;
        write!(f, "Frame(#{seq} {width}x{height} {format:?})")
    }
}

/// What the caps say, and where they are silent what the field assumes: BT.709 from 720 lines up.
fn colour_of(caps: &gstreamer_video::VideoColorimetry, height: u32) -> Colour {
    use gstreamer_video::{VideoColorMatrix, VideoColorRange};
    let matrix = match caps.matrix() {
        VideoColorMatrix::Bt709 => Matrix::Bt709,
        VideoColorMatrix::Bt601 => Matrix::Bt601,
        _ if height >= 720 => Matrix::Bt709,
        _ => Matrix::Bt601,
    };
    let range = match caps.range() {
        VideoColorRange::Range0_255 => Range::Full,
        _ => Range::Limited,
    };
    Colour { matrix, range }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_sizes_round_their_chroma_up() {
        assert_eq!(PixelFormat::I420.plane_sizes(5, 3), [(5, 3), (3, 2), (3, 2)]);
        assert_eq!(PixelFormat::Nv12.plane_sizes(5, 3), [(5, 3), (6, 2), (0, 0)]);
    }

    #[test]
    fn a_frame_in_memory_shows_its_planes_without_moving_them() {
        let bytes: Arc<[u8]> = (0..24u8).collect::<Vec<_>>().into();
        let at = bytes.as_ptr();
        let frame = Frame::from_memory(0, Stamp::default(), (PixelFormat::I420, 4, 4), bytes).unwrap();
        let planes = frame.planes();
        assert_eq!(planes.data[0].as_ptr(), at);
        assert_eq!(planes.data[1], &[16, 17, 18, 19]);
        assert_eq!(planes.stride, [4, 2, 2]);
    }

    #[test]
    fn too_few_bytes_are_refused() {
        assert!(Planes::packed(PixelFormat::Rgb, 4, 4, &[0; 47]).is_none());
    }
}
