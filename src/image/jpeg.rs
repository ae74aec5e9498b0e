//! Snapshots: a picture's planes to JPEG (JFIF, baseline), YUV without a way through RGB.

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

use super::colour::{YuvGains, gains, luma_weights};
use super::{ImageError, planes};
use crate::types::{Colour, Matrix, PixelFormat, Planes};

/// Encodes `planes` at `quality` 1 to 100 into `out`, whose memory is used again; its content is replaced.
///
/// YUV keeps its own chroma resolution and is only brought to what JFIF prescribes (BT.601, full range);
/// RGB is subsampled 4:2:0 below quality 90. Chroma siting is not shifted (a quarter of a chroma sample).
///
/// # Errors
/// Sides over 65535 px, a quality outside 1 to 100, planes that do not hold their rows.
pub fn encode(planes: &Planes<'_>, quality: u8, out: &mut Vec<u8>) -> Result<(), ImageError> {
    planes::check(planes)?;
    let Planes { format, width, height, .. } = *planes;
    let (Ok(w), Ok(h), 1..=100) = (u16::try_from(width), u16::try_from(height), quality) else {
        return Err(ImageError::JpegLimits { width, height, quality });
    };
    out.clear();
    let mut encoder = Encoder::new(out, quality);
    match format {
        PixelFormat::Nv12 | PixelFormat::I420 => encoder.set_sampling_factor(SamplingFactor::R_4_2_0),
        PixelFormat::Yuy2 => encoder.set_sampling_factor(SamplingFactor::R_4_2_2),
        _ => {}
    }
    let picture = Picture { planes, w, h, map: ToJfif::new(planes.colour) };
    encoder.encode_image(picture).map_err(|source| ImageError::Jpeg { format, source })
}

/// The encoder's view of the planes: it asks for one row after the other.
struct Picture<'a> {
    planes: &'a Planes<'a>,
    w: u16,
    h: u16,
    map: ToJfif,
}

impl Picture<'_> {
    fn row(&self, plane: usize, y: usize) -> &[u8] {
        let (bytes, _) = self.planes.format.plane_sizes(self.planes.width, self.planes.height)[plane];
        &self.planes.data[plane][y * self.planes.stride[plane]..][..bytes]
    }

    /// Appends a row of YUV: luma by pairs of pixels, each with its chroma sample.
    fn yuv_row<'s>(
        &self,
        luma: impl Iterator<Item = &'s u8>,
        chroma: impl Iterator<Item = (&'s u8, &'s u8)>,
        [y_out, u_out, v_out, _]: &mut [Vec<u8>; 4],
    ) {
        let mut luma = luma.take(self.planes.width);
        for (&u, &v) in chroma {
            let (shift, u, v) = self.map.chroma(u, v);
            for &y in luma.by_ref().take(2) {
                y_out.push(self.map.luma(y, shift));
                u_out.push(u);
                v_out.push(v);
            }
        }
    }

    /// Appends a row of interleaved RGB.
    fn rgb_row(&self, y: usize, bytes: usize, order: [usize; 3], out: &mut [Vec<u8>; 4]) {
        for pixel in self.row(0, y).chunks_exact(bytes) {
            let [r, g, b] = order.map(|at| pixel[at]);
            let (luma, u, v) = jpeg_encoder::rgb_to_ycbcr(r, g, b);
            out[0].push(luma);
            out[1].push(u);
            out[2].push(v);
        }
    }
}

impl ImageBuffer for Picture<'_> {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        match self.planes.format {
            PixelFormat::Gray8 => JpegColorType::Luma,
            _ => JpegColorType::Ycbcr,
        }
    }

    fn width(&self) -> u16 {
        self.w
    }

    fn height(&self) -> u16 {
        self.h
    }

    fn fill_buffers(&self, y: u16, out: &mut [Vec<u8>; 4]) {
        let y = usize::from(y);
        match self.planes.format {
            PixelFormat::Nv12 => {
                let chroma = self.row(1, y / 2).as_chunks::<2>().0.iter().map(|[u, v]| (u, v));
                self.yuv_row(self.row(0, y).iter(), chroma, out);
            }
            PixelFormat::I420 => {
                let chroma = self.row(1, y / 2).iter().zip(self.row(2, y / 2));
                self.yuv_row(self.row(0, y).iter(), chroma, out);
            }
            PixelFormat::Yuy2 => {
                let row = self.row(0, y);
                let chroma = row.as_chunks::<4>().0.iter().map(|[_, u, _, v]| (u, v));
                self.yuv_row(row.iter().step_by(2), chroma, out);
            }
            PixelFormat::Gray8 => out[0].extend_from_slice(self.row(0, y)),
            PixelFormat::Rgb => self.rgb_row(y, 3, [0, 1, 2], out),
            PixelFormat::Bgr => self.rgb_row(y, 3, [2, 1, 0], out),
            PixelFormat::Rgba => self.rgb_row(y, 4, [0, 1, 2], out),
        }
    }
}

/// Y'CbCr of any matrix and range to JFIF's, in Q16. Grey is grey in each of them, so luma never moves chroma;
/// chroma moves luma only where the matrices differ.
struct ToJfif {
    black: i32,
    y: i32,
    y_uv: [i32; 2],
    u_uv: [i32; 2],
    v_uv: [i32; 2],
}

impl ToJfif {
    fn new(colour: Colour) -> ToJfif {
        let YuvGains { black, y, r_v, g_u, g_v, b_u } = gains(colour);
        let (red, blue) = luma_weights(Matrix::Bt601);
        let green = 1.0 - red - blue;
        let q16 = |gain: f64| (gain * 65536.0).round() as i32;
        // What U and V add to red, green and blue, and from there to JFIF's luma.
        let (luma_u, luma_v) = (green * g_u + blue * b_u, red * r_v + green * g_v);
        let (to_u, to_v) = (0.5 / (1.0 - blue), 0.5 / (1.0 - red));
        ToJfif {
            black: black as i32,
            y: q16(y),
            y_uv: [q16(luma_u), q16(luma_v)],
            u_uv: [q16((b_u - luma_u) * to_u), q16(-luma_v * to_u)],
            v_uv: [q16(-luma_u * to_v), q16((r_v - luma_v) * to_v)],
        }
    }

    /// What this chroma adds to luma (Q16), and its own two values.
    fn chroma(&self, u: u8, v: u8) -> (i32, u8, u8) {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        let dot = |gains: [i32; 2]| gains[0] * u + gains[1] * v;
        let byte = |gains| ((dot(gains) + (128 << 16) + (1 << 15)) >> 16).clamp(0, 255) as u8;
        (dot(self.y_uv), byte(self.u_uv), byte(self.v_uv))
    }

    fn luma(&self, y: u8, shift: i32) -> u8 {
        (((i32::from(y) - self.black) * self.y + shift + (1 << 15)) >> 16).clamp(0, 255) as u8
    }
}
