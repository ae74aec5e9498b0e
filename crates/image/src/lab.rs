//! Colour as the eye distinguishes it: the mean colour of a patch in CIELAB, and the CIEDE2000 difference.

use std::sync::LazyLock;

use super::{Channels, ImageError, Mask, Patch};

/// Linear light of each sRGB value, scaled: fine enough for the darkest step, small enough to sum.
static LINEAR: LazyLock<[u32; 256]> =
    LazyLock::new(|| std::array::from_fn(|value| (linear(value as f64 / 255.0) * LINEAR_ONE).round() as u32));
const LINEAR_ONE: f64 = 1_048_560.0;

/// A colour in CIELAB under D65 (2° observer).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Lab {
    /// L*, 0 (black) to 100 (white).
    pub l: f32,
    /// a*, green to red.
    pub a: f32,
    /// b*, blue to yellow.
    pub b: f32,
}

impl From<[f32; 3]> for Lab {
    fn from([l, a, b]: [f32; 3]) -> Lab {
        Lab { l, a, b }
    }
}

impl Lab {
    /// The mean colour of a colour patch where `mask` leaves px in, everywhere if `None`: averaged as light
    /// (linear), as an eye or a meter at a distance would, then turned into CIELAB.
    ///
    /// # Errors
    /// A grey patch, a mask of another size or with nothing inside.
    pub fn mean(patch: &Patch, mask: Option<&Mask>) -> Result<Lab, ImageError> {
        if patch.channels == Channels::Gray {
            return Err(ImageError::PatchChannels { need: Channels::Rgb, got: patch.channels });
        }
        Mask::check(mask, patch)?;
        let table = &*LINEAR;
        let (mut sums, mut count) = ([0u64; 3], 0u64);
        for (i, pixel) in patch.data.as_chunks::<3>().0.iter().enumerate() {
            if mask.is_none_or(|mask| mask.data[i] != 0) {
                count += 1;
                for (sum, &value) in sums.iter_mut().zip(pixel) {
                    *sum += u64::from(table[usize::from(value)]);
                }
            }
        }
        if count == 0 {
            return Err(ImageError::MaskEmpty);
        }
        if patch.channels == Channels::Bgr {
            sums.reverse();
        }
        Ok(Lab::from_linear(sums.map(|sum| sum as f64 / (count as f64 * LINEAR_ONE))))
    }

    /// From sRGB, 0 to 255 each (IEC 61966-2-1).
    pub fn from_srgb(rgb: [u8; 3]) -> Lab {
        Lab::from_linear(rgb.map(|value| linear(f64::from(value) / 255.0)))
    }

    /// From linear light, 0 to 1 each: XYZ by the primaries and the white of IEC 61966-2-1 (equal values
    /// have no colour), then CIE 15:2004, section 8.2.1.
    fn from_linear([r, g, b]: [f64; 3]) -> Lab {
        let x = (0.412_456_4 * r + 0.357_576_1 * g + 0.180_437_5 * b) / 0.950_470_0;
        let y = 0.212_672_9 * r + 0.715_152_2 * g + 0.072_175_0 * b;
        let z = (0.019_333_9 * r + 0.119_192_0 * g + 0.950_304_1 * b) / 1.088_830_0;
        let f = |t: f64| {
            let delta: f64 = 6.0 / 29.0;
            if t > delta.powi(3) { t.cbrt() } else { t / (3.0 * delta * delta) + 4.0 / 29.0 }
        };
        let (x, y, z) = (f(x), f(y), f(z));
        Lab { l: (116.0 * y - 16.0) as f32, a: (500.0 * (x - y)) as f32, b: (200.0 * (y - z)) as f32 }
    }

    /// CIEDE2000 difference, all weights 1.
    /// Source: G. Sharma, W. Wu, E. N. Dalal, "The CIEDE2000 color-difference formula: implementation notes,
    /// supplementary test data, and mathematical observations", Color Research and Application 30 (2005).
    pub fn delta_e(self, other: Lab) -> f32 {
        let [one, two] = [self, other].map(|lab| [lab.l, lab.a, lab.b].map(f64::from));
        ciede2000(one, two) as f32
    }
}

/// The transfer function of sRGB, 0 to 1.
fn linear(value: f64) -> f64 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// Chroma and hue (degrees, 0 to 360; 0 where there is no chroma) after the a* axis is stretched by `g`.
fn polar(a: f64, b: f64, g: f64) -> (f64, f64) {
    let a = a * (1.0 + g);
    let hue = b.atan2(a).to_degrees();
    (a.hypot(b), if hue < 0.0 { hue + 360.0 } else { hue })
}

/// √(c⁷ / (c⁷ + 25⁷)): near 1 for strong colours, 0 for greys.
fn chroma_ratio(chroma: f64) -> f64 {
    let seventh = chroma.powi(7);
    (seventh / (seventh + 25f64.powi(7))).sqrt()
}

/// Equations (2) to (22) of the paper.
fn ciede2000([l1, a1, b1]: [f64; 3], [l2, a2, b2]: [f64; 3]) -> f64 {
    let g = 0.5 * (1.0 - chroma_ratio((a1.hypot(b1) + a2.hypot(b2)) / 2.0));
    let ((c1, h1), (c2, h2)) = (polar(a1, b1, g), polar(a2, b2, g));
    let coloured = c1 * c2 != 0.0;
    let turn = h2 - h1;
    let delta_hue = match () {
        _ if !coloured => 0.0,
        _ if turn > 180.0 => turn - 360.0,
        _ if turn < -180.0 => turn + 360.0,
        _ => turn,
    };
    let sum = h1 + h2;
    let hue = match () {
        _ if !coloured => sum,
        _ if turn.abs() <= 180.0 => sum / 2.0,
        _ if sum < 360.0 => (sum + 360.0) / 2.0,
        _ => (sum - 360.0) / 2.0,
    };
    let (lightness, chroma) = ((l1 + l2) / 2.0, (c1 + c2) / 2.0);
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(hue - 30.0) + 0.24 * cos(2.0 * hue) + 0.32 * cos(3.0 * hue + 6.0)
        - 0.20 * cos(4.0 * hue - 63.0);
    let off = (lightness - 50.0).powi(2);
    let s_l = 1.0 + 0.015 * off / (20.0 + off).sqrt();
    let (s_c, s_h) = (1.0 + 0.045 * chroma, 1.0 + 0.015 * chroma * t);
    let turned = 30.0 * (-((hue - 275.0) / 25.0).powi(2)).exp();
    let r_t = -(2.0 * turned).to_radians().sin() * 2.0 * chroma_ratio(chroma);
    let dl = (l2 - l1) / s_l;
    let dc = (c2 - c1) / s_c;
    let dh = 2.0 * (c1 * c2).sqrt() * (delta_hue / 2.0).to_radians().sin() / s_h;
    (dl * dl + dc * dc + dh * dh + r_t * dc * dh).max(0.0).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 1 of the paper: both colours, and their difference to 4 places.
    const PAIRS: [([f64; 3], [f64; 3], f64); 34] = [
        ([50.0, 2.6772, -79.7751], [50.0, 0.0, -82.7485], 2.0425),
        ([50.0, 3.1571, -77.2803], [50.0, 0.0, -82.7485], 2.8615),
        ([50.0, 2.8361, -74.0200], [50.0, 0.0, -82.7485], 3.4412),
        ([50.0, -1.3802, -84.2814], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -1.1848, -84.8006], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, -0.9009, -85.5211], [50.0, 0.0, -82.7485], 1.0000),
        ([50.0, 0.0, 0.0], [50.0, -1.0, 2.0], 2.3669),
        ([50.0, -1.0, 2.0], [50.0, 0.0, 0.0], 2.3669),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0009], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0010], 7.1792),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0011], 7.2195),
        ([50.0, 2.4900, -0.0010], [50.0, -2.4900, 0.0012], 7.2195),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0009, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0010, -2.4900], 4.8045),
        ([50.0, -0.0010, 2.4900], [50.0, 0.0011, -2.4900], 4.7461),
        ([50.0, 2.5, 0.0], [50.0, 0.0, -2.5], 4.3065),
        ([50.0, 2.5, 0.0], [73.0, 25.0, -18.0], 27.1492),
        ([50.0, 2.5, 0.0], [61.0, -5.0, 29.0], 22.8977),
        ([50.0, 2.5, 0.0], [56.0, -27.0, -3.0], 31.9030),
        ([50.0, 2.5, 0.0], [58.0, 24.0, 15.0], 19.4535),
        ([50.0, 2.5, 0.0], [50.0, 3.1736, 0.5854], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 3.2972, 0.0], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 1.8634, 0.5757], 1.0000),
        ([50.0, 2.5, 0.0], [50.0, 3.2592, 0.3350], 1.0000),
        ([60.2574, -34.0099, 36.2677], [60.4626, -34.1751, 39.4387], 1.2644),
        ([63.0109, -31.0961, -5.8663], [62.8187, -29.7946, -4.0864], 1.2630),
        ([61.2901, 3.7196, -5.3901], [61.4292, 2.2480, -4.9620], 1.8731),
        ([35.0831, -44.1164, 3.7933], [35.0232, -40.0716, 1.5901], 1.8645),
        ([22.7233, 20.0904, -46.6940], [23.0331, 14.9730, -42.5619], 2.0373),
        ([36.4612, 47.8580, 18.3852], [36.2715, 50.5065, 21.2231], 1.4146),
        ([90.8027, -2.0831, 1.4410], [91.1528, -1.6435, 0.0447], 1.4441),
        ([90.9257, -0.5406, -0.9208], [88.6381, -0.8985, -0.7239], 1.5381),
        ([6.7747, -0.2908, -2.4247], [5.8714, -0.0985, -2.2286], 0.6377),
        ([2.0776, 0.0795, -1.1350], [0.9033, -0.0636, -0.5514], 0.9082),
    ];

    #[test]
    fn the_34_published_pairs_differ_by_what_is_published() {
        for (i, (one, two, expected)) in PAIRS.into_iter().enumerate() {
            for got in [ciede2000(one, two), ciede2000(two, one)] {
                assert!((got - expected).abs() < 5.1e-5, "pair {}: {got:.5}, published {expected}", i + 1);
            }
        }
    }

    #[test]
    fn primaries_white_and_grey_are_where_srgb_has_them() {
        // As commonly tabulated (Lindbloom; 53.24 80.09 67.20 for red), to their two places.
        let known = [
            ([255, 255, 255], [100.0, 0.0, 0.0]),
            ([0, 0, 0], [0.0, 0.0, 0.0]),
            ([128, 128, 128], [53.585, 0.0, 0.0]),
            ([255, 0, 0], [53.24, 80.09, 67.20]),
            ([0, 255, 0], [87.73, -86.18, 83.18]),
            ([0, 0, 255], [32.30, 79.19, -107.86]),
        ];
        for (rgb, expected) in known {
            let lab = Lab::from_srgb(rgb);
            for (got, want) in [lab.l, lab.a, lab.b].into_iter().zip(expected) {
                assert!((got - want).abs() < 0.02, "{rgb:?}: {lab:?}");
            }
        }
    }

    #[test]
    fn the_mean_is_that_of_light_and_only_where_the_mask_is() {
        let mut patch = Patch::new(4, 1, Channels::Rgb);
        patch.data.copy_from_slice(&[255, 0, 0, 255, 255, 255, 0, 0, 0, 9, 9, 9]);
        let mask = |data: [u8; 4]| Mask { width: 4, height: 1, data: data.to_vec() };
        let red = Lab::mean(&patch, Some(&mask([255, 0, 0, 0]))).unwrap();
        assert!(red.delta_e(Lab::from_srgb([255, 0, 0])) < 1e-3, "{red:?}");
        // Half of the light of white is sRGB 188 (187.5).
        let half = Lab::mean(&patch, Some(&mask([0, 255, 255, 0]))).unwrap();
        assert!((half.l - 76.07).abs() < 0.01 && half.a.abs() < 1e-3, "{half:?}");
        patch.channels = Channels::Bgr;
        let blue = Lab::mean(&patch, Some(&mask([255, 0, 0, 0]))).unwrap();
        assert!(blue.delta_e(Lab::from_srgb([0, 0, 255])) < 1e-3, "{blue:?}");
        assert!(matches!(Lab::mean(&patch, Some(&mask([0; 4]))), Err(ImageError::MaskEmpty)));
        let grey = Patch::new(1, 1, Channels::Gray);
        assert!(matches!(Lab::mean(&grey, None), Err(ImageError::PatchChannels { .. })));
    }
}
