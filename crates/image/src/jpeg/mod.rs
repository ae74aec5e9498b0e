//! Pictures to JPEG (JFIF, baseline) with libjpeg-turbo, YUV without a way through RGB.

mod pool;
mod rows;

use turbojpeg::{Compressor, Image, OutputBuf, Subsamp, YuvPlanesImage};

use super::{Canvas, Copier, ImageError, Sampling, planes};
use crate::{PixelFormat, Planes};

pub use pool::JpegPool;
pub use rows::RowEncoder;

/// The longest side that a JPEG can have, px.
const MAX_SIDE: usize = 65_535;
/// From this quality on, the chroma of RGB is not subsampled.
const FINE: u8 = 90;

/// Encodes pictures into memory that is used again. libjpeg-turbo allocates its own work memory from the C heap for each call.
pub struct Encoder {
    compressor: Compressor,
    /// Room for the largest file that a picture may become. Its pages are touched only as far as a file reaches.
    buffer: Vec<u8>,
}

impl Encoder {
    /// An encoder.
    ///
    /// # Errors
    /// libjpeg-turbo could not allocate an encoder.
    pub fn new() -> Result<Encoder, ImageError> {
        Ok(Encoder { compressor: Compressor::new()?, buffer: Vec::new() })
    }

    /// Encodes `canvas` at `quality` 1 to 100. The file is the encoder's until its next picture.
    ///
    /// # Errors
    /// Sides over 65535 px, a quality outside 1 to 100.
    pub fn encode(&mut self, canvas: &Canvas, quality: u8) -> Result<&[u8], ImageError> {
        let (width, height) = (canvas.width(), canvas.height());
        let subsamp = match canvas.sampling() {
            Sampling::Two => Subsamp::Sub2x2,
            Sampling::One => Subsamp::Sub2x1,
        };
        self.prepare(width, height, quality, subsamp)?;
        let picture = YuvPlanesImage {
            y_plane: canvas.plane(0),
            u_plane: canvas.plane(1),
            v_plane: canvas.plane(2),
            width,
            height,
            y_stride: canvas.stride(0),
            u_stride: canvas.stride(1),
            v_stride: canvas.stride(2),
            subsamp,
        };
        let mut out = OutputBuf::borrowed(&mut self.buffer);
        self.compressor.compress_yuv_planes(&picture, &mut out)?;
        let bytes = out.len();
        drop(out);
        Ok(&self.buffer[..bytes])
    }

    fn encode_rgb(&mut self, planes: &Planes<'_>, quality: u8) -> Result<&[u8], ImageError> {
        let subsamp = if quality < FINE { Subsamp::Sub2x2 } else { Subsamp::None };
        self.encode_plane(planes, turbojpeg::PixelFormat::RGB, subsamp, quality)
    }

    fn encode_grey(&mut self, planes: &Planes<'_>, quality: u8) -> Result<&[u8], ImageError> {
        self.encode_plane(planes, turbojpeg::PixelFormat::GRAY, Subsamp::Gray, quality)
    }

    /// Encodes one plane of RGB or grey where it is.
    fn encode_plane(
        &mut self,
        planes: &Planes<'_>,
        format: turbojpeg::PixelFormat,
        subsamp: Subsamp,
        quality: u8,
    ) -> Result<&[u8], ImageError> {
        let Planes { width, height, .. } = *planes;
        self.prepare(width, height, quality, subsamp)?;
        let picture = Image { pixels: planes.data[0], width, pitch: planes.stride[0], height, format };
        let mut out = OutputBuf::borrowed(&mut self.buffer);
        self.compressor.compress(picture, &mut out)?;
        let bytes = out.len();
        drop(out);
        Ok(&self.buffer[..bytes])
    }

    fn prepare(
        &mut self,
        width: usize,
        height: usize,
        quality: u8,
        subsamp: Subsamp,
    ) -> Result<(), ImageError> {
        if width.max(height) > MAX_SIDE || !(1..=100).contains(&quality) {
            return Err(ImageError::JpegLimits { width, height, quality });
        }
        self.compressor.set_quality(i32::from(quality))?;
        self.compressor.set_subsamp(subsamp)?;
        let needed = self.compressor.buf_len(width, height)?;
        if self.buffer.len() < needed {
            // A new allocation and not a longer one: fresh zeroed pages cost nothing until they are used.
            self.buffer = vec![0; needed];
        }
        Ok(())
    }
}

/// Encodes `planes` at `quality` 1 to 100 into `out`, whose memory is used again; its content is replaced.
///
/// YUV keeps its own chroma resolution and is only brought to what JFIF prescribes (BT.601, full range);
/// RGB is subsampled 4:2:0 below quality 90. Chroma siting is not shifted (a quarter of a chroma sample).
///
/// # Errors
/// Sides over 65535 px, a quality outside 1 to 100, planes that do not hold their rows.
pub fn encode(planes: &Planes<'_>, quality: u8, out: &mut Vec<u8>) -> Result<(), ImageError> {
    use turbojpeg::PixelFormat as Turbo;
    planes::check(planes)?;
    let (mut encoder, mut copier, mut canvas) = (Encoder::new()?, Copier::default(), Canvas::default());
    let fine = if quality < FINE { Subsamp::Sub2x2 } else { Subsamp::None };
    let file = match planes.format {
        PixelFormat::Rgb => encoder.encode_rgb(planes, quality)?,
        PixelFormat::Bgr => encoder.encode_plane(planes, Turbo::BGR, fine, quality)?,
        PixelFormat::Rgba => encoder.encode_plane(planes, Turbo::RGBX, fine, quality)?,
        PixelFormat::Gray8 => encoder.encode_grey(planes, quality)?,
        PixelFormat::Yuy2 => {
            copier.copy_packed(planes, &mut canvas)?;
            encoder.encode(&canvas, quality)?
        }
        PixelFormat::I420 | PixelFormat::Nv12 => {
            copier.copy(planes, planes.width, &mut canvas)?;
            encoder.encode(&canvas, quality)?
        }
    };
    out.clear();
    out.extend_from_slice(file);
    Ok(())
}
