//! Buffers for frames that are painted or received here: taken from a GStreamer pool, returned by the ring.

use gstreamer as gst;
use gstreamer::glib;
use gstreamer::prelude::*;
use gstreamer_video as video;

use crate::types::PixelFormat;

/// Why there is no pool of buffers for frames of one shape.
#[derive(Debug, thiserror::Error)]
pub enum PoolFault {
    /// No frame of this program has such a size.
    #[error("{width}x{height} px is outside 1x1 to 16384x16384")]
    Size {
        /// Width that was asked for, px.
        width: usize,
        /// Height that was asked for, px.
        height: usize,
    },
    /// GStreamer refuses the shape, or has no memory for it.
    #[error("{0}")]
    Gstreamer(glib::BoolError),
}

/// A pool of buffers for packed frames of one shape.
pub struct FramePool {
    pool: gst::BufferPool,
    packing: Packing,
}

/// How frames of one shape are laid out in our own memory.
pub struct Packing {
    caps: gst::Caps,
    bytes: usize,
    packed: Option<Packed>,
}

/// Plane offsets and strides of a packed frame, where they differ from GStreamer's own (which rounds rows
/// up).
struct Packed {
    info: video::VideoInfo,
    offset: [usize; 3],
    stride: [i32; 3],
    planes: usize,
}

impl FramePool {
    /// Allocates `buffers` buffers now; the pool grows only if more are held at once. Errors: what is wrong
    /// with the shape.
    pub fn new(
        format: PixelFormat,
        width: usize,
        height: usize,
        fps: u32,
        buffers: usize,
    ) -> Result<FramePool, PoolFault> {
        let packing = Packing::new(format, width, height, fps)?;
        let pool = gst::BufferPool::new();
        let mut config = pool.config();
        config.set_params(Some(&packing.caps), packing.bytes as u32, buffers as u32, 0);
        pool.set_config(config).map_err(PoolFault::Gstreamer)?;
        pool.set_active(true).map_err(PoolFault::Gstreamer)?;
        Ok(FramePool { pool, packing })
    }

    /// The caps of the pool's buffers.
    pub fn caps(&self) -> &gst::Caps {
        self.packing.caps()
    }

    /// Takes a buffer and lets `write` fill its packed bytes in place; `None` when memory is exhausted.
    pub fn fill<E>(&self, write: impl FnOnce(&mut [u8]) -> Result<(), E>) -> Result<Option<gst::Buffer>, E> {
        let Ok(mut buffer) = self.pool.acquire_buffer(None) else { return Ok(None) };
        let Some(writable) = buffer.get_mut() else { return Ok(None) };
        {
            let Ok(mut map) = writable.map_writable() else { return Ok(None) };
            write(&mut map)?;
        }
        if self.packing.describe(writable).is_err() {
            return Ok(None);
        }
        Ok(Some(buffer))
    }
}

impl Packing {
    /// Computes the layout of one shape. Errors: what is wrong with the shape.
    pub fn new(format: PixelFormat, width: usize, height: usize, fps: u32) -> Result<Packing, PoolFault> {
        let info = info_of(format, width, height, fps)?;
        let (packed, bytes) = layout(format, width, height, &info);
        let caps = info.to_caps().map_err(PoolFault::Gstreamer)?;
        Ok(Packing { caps, bytes, packed })
    }

    /// The caps of frames with this packing.
    pub fn caps(&self) -> &gst::Caps {
        &self.caps
    }

    /// Wraps packed bytes into a buffer without copying. Errors: too few bytes for a frame.
    pub fn wrap(&self, bytes: Vec<u8>) -> Result<gst::Buffer, &'static str> {
        if bytes.len() < self.bytes {
            return Err("its bytes end too soon");
        }
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        let writable = buffer.get_mut().ok_or("its buffer is shared")?;
        self.describe(writable).map_err(|()| "its planes cannot be described")?;
        Ok(buffer)
    }

    /// Attaches the plane offsets to the buffer where they differ from GStreamer's defaults.
    fn describe(&self, buffer: &mut gst::BufferRef) -> Result<(), ()> {
        let Some(packed) = &self.packed else { return Ok(()) };
        let planes = packed.planes;
        let added = video::VideoMeta::add_full(
            buffer,
            video::VideoFrameFlags::empty(),
            packed.info.format(),
            packed.info.width(),
            packed.info.height(),
            &packed.offset[..planes],
            &packed.stride[..planes],
        );
        added.map(drop).map_err(drop)
    }
}

impl Drop for FramePool {
    fn drop(&mut self) {
        // Buffers that the ring still holds are freed when they are returned.
        let _ = self.pool.set_active(false);
    }
}

/// GStreamer's description of the shape.
fn info_of(
    format: PixelFormat,
    width: usize,
    height: usize,
    fps: u32,
) -> Result<video::VideoInfo, PoolFault> {
    let name = video::VideoFormat::from_string(format.caps_name());
    let side = |px: usize| u32::try_from(px).ok().filter(|px| (1..=16_384).contains(px));
    let (Some(w), Some(h)) = (side(width), side(height)) else {
        return Err(PoolFault::Size { width, height });
    };
    let fps = gst::Fraction::new(i32::try_from(fps).unwrap_or(0), 1);
    video::VideoInfo::builder(name, w, h).fps(fps).build().map_err(PoolFault::Gstreamer)
}

/// How packed planes differ from GStreamer's default, if they do, and the bytes of a frame.
fn layout(
    format: PixelFormat,
    width: usize,
    height: usize,
    info: &video::VideoInfo,
) -> (Option<Packed>, usize) {
    let (mut offset, mut stride, mut planes, mut bytes) = ([0; 3], [0; 3], 0, 0);
    for (row, rows) in format.plane_sizes(width, height).into_iter().filter(|(row, _)| *row > 0) {
        offset[planes] = bytes;
        stride[planes] = row as i32;
        planes += 1;
        bytes += row * rows;
    }
    let same = info.stride() == &stride[..planes] && info.offset() == &offset[..planes];
    ((!same).then(|| Packed { info: info.clone(), offset, stride, planes }), bytes)
}
