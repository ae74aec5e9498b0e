//! YUV to RGB: the coefficients of ITU-R BT.601 and BT.709, limited and full range.

use super::simd::{SAMPLE_BITS, ToJfif, YuvCoefficients};
use crate::{Colour, Matrix, Range};

/// R'G'B' (0..=255) from Y'CbCr as floats: y gain, then what V adds to red, U and V to green, U to blue.
#[derive(Clone, Copy, Debug)]
pub(super) struct YuvGains {
    pub black: f64,
    pub y: f64,
    pub r_v: f64,
    pub g_u: f64,
    pub g_v: f64,
    pub b_u: f64,
}

/// Luma weights of red and blue: BT.601-7 section 2.5.1, BT.709-6 section 3.2.
pub(super) fn luma_weights(matrix: Matrix) -> (f64, f64) {
    match matrix {
        Matrix::Bt601 => (0.299, 0.114),
        Matrix::Bt709 => (0.2126, 0.0722),
    }
}

/// The gains that `colour` asks for.
pub(super) fn gains(colour: Colour) -> YuvGains {
    let (red, blue) = luma_weights(colour.matrix);
    let green = 1.0 - red - blue;
    let (black, y, chroma) = match colour.range {
        Range::Limited => (16.0, 255.0 / 219.0, 255.0 / 224.0),
        Range::Full => (0.0, 1.0, 1.0),
    };
    let (r_v, b_u) = (2.0 * (1.0 - red) * chroma, 2.0 * (1.0 - blue) * chroma);
    YuvGains { black, y, r_v, g_u: -b_u * blue / green, g_v: -r_v * red / green, b_u }
}

/// The coefficients in the fixed point of the kernels.
pub(super) fn coefficients(colour: Colour) -> YuvCoefficients {
    let gains = gains(colour);
    let q13 = |gain: f64| (gain * 8192.0).round() as i16;
    YuvCoefficients {
        black: (gains.black as i16) << SAMPLE_BITS,
        y: q13(gains.y),
        r_v: q13(gains.r_v),
        g_u: q13(gains.g_u),
        g_v: q13(gains.g_v),
        b_u: q13(gains.b_u),
    }
}

impl ToJfif {
    /// The coefficients for samples of this matrix and range.
    pub(super) fn new(colour: Colour) -> ToJfif {
        let YuvGains { black, y, r_v, g_u, g_v, b_u } = gains(colour);
        let (red, blue) = luma_weights(Matrix::Bt601);
        let green = 1.0 - red - blue;
        let q13 = |gain: f64| (gain * 8192.0).round() as i16;
        // What U and V add to red, green and blue, and from there to JFIF's luma.
        let (luma_u, luma_v) = (green * g_u + blue * b_u, red * r_v + green * g_v);
        let (to_u, to_v) = (0.5 / (1.0 - blue), 0.5 / (1.0 - red));
        ToJfif {
            black: (black as i16) << SAMPLE_BITS,
            y: q13(y),
            y_uv: [q13(luma_u), q13(luma_v)],
            u_uv: [q13((b_u - luma_u) * to_u), q13(-luma_v * to_u)],
            v_uv: [q13(-luma_u * to_v), q13((r_v - luma_v) * to_v)],
        }
    }

    /// Whether the conversion changes nothing.
    pub(super) fn is_identity(&self) -> bool {
        let one = 8192;
        (self.black, self.y) == (0, one)
            && !self.moves_luma()
            && [self.u_uv, self.v_uv] == [[one, 0], [0, one]]
    }

    /// Whether chroma moves luma.
    pub(super) fn moves_luma(&self) -> bool {
        self.y_uv != [0, 0]
    }
}

/// Where chroma samples sit between luma samples, horizontally, in chroma samples from the centred position.
///
/// The caps' chroma site does not travel with [`Planes`](crate::Planes), so what the field does is assumed:
/// limited range is video (MPEG-2, H.264: co-sited with the left luma sample), full range is JPEG (centred).
/// Vertically both are centred.
pub(super) fn chroma_site(range: Range) -> f64 {
    match range {
        Range::Limited => 0.25,
        Range::Full => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gains_are_those_of_the_standards() {
        let video = gains(Colour { matrix: Matrix::Bt601, range: Range::Limited });
        let rounded = [video.y, video.r_v, video.g_u, video.g_v, video.b_u].map(|g| (g * 1000.0).round());
        assert_eq!(rounded, [1164.0, 1596.0, -392.0, -813.0, 2017.0]);
        let hd = gains(Colour { matrix: Matrix::Bt709, range: Range::Full });
        let rounded = [hd.y, hd.r_v, hd.g_u, hd.g_v, hd.b_u].map(|g| (g * 10000.0).round());
        assert_eq!(rounded, [10000.0, 15748.0, -1873.0, -4681.0, 18556.0]);
    }
}
