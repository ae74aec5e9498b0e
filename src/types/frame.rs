//! A frame: pixels that stay where the decoder or the driver wrote them, with their format and time.

use std::sync::Arc;

use bytes::Bytes;
use gstreamer_video::VideoFrame;
use gstreamer_video::prelude::*;
use gstreamer_video::video_frame::Readable;

use super::{Colour, Label, Matrix, PixelFormat, Planes, Range, Stamp};

/// Memory that holds a frame's bytes. Neither variant copies them.
#[allow(clippy::large_enum_variant, reason = "a box would be an allocation for every frame")]
enum Pixels {
    /// A GStreamer buffer, mapped read-only until the frame is dropped.
    Gst(VideoFrame<Readable>),
    /// Bytes in process memory, for tests and for benchmarks that keep decoded frames.
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
    /// Width of the frame in px.
    pub width: usize,
    /// Height of the frame in px.
    pub height: usize,
    /// Layout of the pixels in planes.
    pub format: PixelFormat,
    /// Matrix and range of the samples.
    pub colour: Colour,
    /// Name of the picture file where the source is a folder; at most 255 bytes.
    pub file: Option<Label>,
    /// The experiment that the frame belongs to, where one was set when it was captured.
    pub experiment: Option<Label>,
    pixels: Pixels,
    /// The JPEG that the frame was decoded from, where it is kept.
    jpeg: Option<gstreamer::Buffer>,
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
            experiment: None,
            pixels: Pixels::Gst(video),
            jpeg: None,
        })
    }

    /// Wraps packed planes in process memory; `None` when `bytes` is too short.
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
        Some(Frame {
            seq,
            captured,
            pts_ns: None,
            width,
            height,
            format,
            colour,
            file: None,
            experiment: None,
            pixels,
            jpeg: None,
        })
    }

    /// A packed copy in process memory, for benchmarks and tests only: the pipeline never copies a frame.
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
        let (file, experiment) = (self.file.clone(), self.experiment.clone());
        Some(Frame { colour: self.colour, pts_ns: self.pts_ns, file, experiment, ..frame })
    }

    /// Another frame over the same bytes; `None` unless the bytes are in process memory.
    pub fn share(&self) -> Option<Frame> {
        let Pixels::Memory { bytes, offset, stride } = &self.pixels else { return None };
        let pixels = Pixels::Memory { bytes: bytes.clone(), offset: *offset, stride: *stride };
        let (file, experiment) = (self.file.clone(), self.experiment.clone());
        Some(Frame { pixels, file, experiment, jpeg: self.jpeg.clone(), ..*self })
    }

    /// Keeps the JPEG that the frame was decoded from.
    pub fn keep_jpeg(&mut self, jpeg: Option<gstreamer::Buffer>) {
        self.jpeg = jpeg;
    }

    /// The JPEG that the frame was decoded from, as the camera sent it; `None` where it is not kept. It is shared, not
    /// copied, and may outlive the frame.
    pub fn jpeg(&self) -> Option<Bytes> {
        let mapped = self.jpeg.clone()?.into_mapped_buffer_readable().ok()?;
        Some(Bytes::from_owner(mapped))
    }

    /// The planes in place; no bytes are copied.
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

/// Colour of the caps; where they do not state it, the usual default: BT.709 from 720 lines up, BT.601 below.
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
    fn a_frame_in_memory_shows_its_planes_without_moving_them() {
        let bytes: Arc<[u8]> = (0..24u8).collect::<Vec<_>>().into();
        let at = bytes.as_ptr();
        let frame = Frame::from_memory(0, Stamp::default(), (PixelFormat::I420, 4, 4), bytes).unwrap();
        let planes = frame.planes();
        assert_eq!(planes.data[0].as_ptr(), at);
        assert_eq!(planes.data[1], &[16, 17, 18, 19]);
        assert_eq!(planes.stride, [4, 2, 2]);
    }
}
