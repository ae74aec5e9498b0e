//! A grey template that is searched for in frames, and the result of a search.

use super::correlate::{Moments, Weights};
use super::{Channels, ImageError, Patch};
use crate::Point;

/// Sides of a template, px.
const SIDES: std::ops::RangeInclusive<usize> = 8..=1024;
/// A level of the pyramid is at least so wide and high, px: fewer tell too little.
const LEAST_SIDE: usize = 12;
/// Least standard deviation of a template, grey values; coarser levels must have at least that, too.
const TEXTURE: f64 = 2.0;
/// Most levels of the pyramid: 16 times smaller.
const LEVELS: usize = 5;

/// Why a template could not be made or searched for.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The template is too small to be distinctive, or too large to be searched for.
    #[error("a template of {width}x{height} px cannot be searched for; its sides must be 8 to 1024 px")]
    Size {
        /// Width of the picture, px.
        width: usize,
        /// Height of the picture, px.
        height: usize,
    },
    /// Nothing to recognise it by.
    #[error(
        "the template has no texture (standard deviation {deviation:.1} grey values, {TEXTURE:.1} are needed); \
         choose a place with edges in both directions"
    )]
    Textureless {
        /// Of its grey values.
        deviation: f64,
    },
    /// The search asks for too much, or for no number.
    #[error(
        "a search of {reach_px} px and {max_angle_deg} degrees to either side is not possible; \
         at most 2048 px and 0 to 180 degrees are"
    )]
    Reach {
        /// The distance that was asked for, px.
        reach_px: u32,
        /// The turn that was asked for, degrees.
        max_angle_deg: f32,
    },
    /// The picture could not be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Where a template was found best.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TemplateMatch {
    /// The template's centre, frame px.
    pub centre: Point,
    /// Clockwise turn of what was found against the template, degrees.
    pub angle_deg: f32,
    /// Normalised cross-correlation, -1 to 1; light and contrast do not matter.
    pub score: f32,
}

/// A grey picture that is searched for, with all values that can be computed in advance.
#[derive(Clone, Debug)]
pub struct Template {
    width: usize,
    height: usize,
    /// Finest first, each half the size of the one before it.
    pub(super) levels: Vec<PyramidLevel>,
    pub(super) slopes: Slopes,
}

/// The template at one size.
#[derive(Clone, Debug)]
pub(super) struct PyramidLevel {
    pub size: (usize, usize),
    /// Grey less its mean, rounded.
    pub weights: Weights,
    /// size² × variance of the weights.
    pub spread: i64,
    /// From the whole template's centre to that of the part which this level shows, template px.
    pub offset: (f64, f64),
    /// Half the diagonal, level px.
    pub radius: f64,
}

/// How the template's grey values change when it is moved by a px rightwards, downwards, or turned clockwise
/// about its centre by 1/radius; twice that, so that they are whole numbers.
#[derive(Clone, Debug)]
pub(super) struct Slopes {
    pub weights: [Weights; 3],
    /// Their products with one another and, last, with the template; all about their means.
    pub products: [[f64; 4]; 3],
}

impl Template {
    /// Takes a grey patch of 8 × 8 to 1024 × 1024 px.
    ///
    /// # Errors
    /// A patch that is not grey, too small or too large, or without texture.
    pub fn new(patch: &Patch) -> Result<Template, TemplateError> {
        let Patch { width, height, channels, .. } = *patch;
        if channels != Channels::Gray {
            return Err(ImageError::PatchChannels { need: Channels::Gray, got: channels }.into());
        }
        if !SIDES.contains(&width) || !SIDES.contains(&height) {
            return Err(TemplateError::Size { width, height });
        }
        let deviation = Moments::of(patch).deviation();
        if deviation < TEXTURE {
            return Err(TemplateError::Textureless { deviation });
        }
        let mut levels = vec![PyramidLevel::new(patch, 1, (width, height))];
        let (mut fine, mut coarse) = (patch.clone(), Patch::default());
        while levels.len() < LEVELS {
            halve(&fine, &mut coarse);
            let small = coarse.width.min(coarse.height) < LEAST_SIDE;
            if small || Moments::of(&coarse).deviation() < TEXTURE {
                break;
            }
            levels.push(PyramidLevel::new(&coarse, 1 << levels.len(), (width, height)));
            std::mem::swap(&mut fine, &mut coarse);
        }
        let slopes = Slopes::new(patch, &levels[0]);
        Ok(Template { width, height, levels, slopes })
    }

    /// Width and height, px.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }
}

impl PyramidLevel {
    /// `patch` is the template at 1/`scale`; `whole` the template's size.
    fn new(patch: &Patch, scale: usize, whole: (usize, usize)) -> PyramidLevel {
        let size = (patch.width, patch.height);
        let moments = Moments::of(patch);
        let mean = ((moments.sum + moments.count / 2) / moments.count) as i16;
        let weights = Weights::new(size, |x, y| i16::from(patch.row(y)[x]) - mean);
        let offset = |part: usize, whole: usize| ((part * scale) as f64 - whole as f64) / 2.0;
        PyramidLevel {
            size,
            spread: moments.spread(),
            weights,
            offset: (offset(size.0, whole.0), offset(size.1, whole.1)),
            radius: ((size.0 * size.0 + size.1 * size.1) as f64).sqrt() / 2.0,
        }
    }
}

impl Slopes {
    fn new(patch: &Patch, level: &PyramidLevel) -> Slopes {
        let (width, height) = level.size;
        let inner = |x, y| x > 0 && y > 0 && x + 1 < width && y + 1 < height;
        let grey = |x: usize, y: usize| i16::from(patch.row(y)[x]);
        let across = |x: usize, y: usize| if inner(x, y) { grey(x + 1, y) - grey(x - 1, y) } else { 0 };
        let down = |x: usize, y: usize| if inner(x, y) { grey(x, y + 1) - grey(x, y - 1) } else { 0 };
        let turn = |x: usize, y: usize| {
            let (u, v) = (x as f64 + 0.5 - width as f64 / 2.0, y as f64 + 0.5 - height as f64 / 2.0);
            ((f64::from(down(x, y)) * u - f64::from(across(x, y)) * v) / level.radius).round() as i16
        };
        let weights = [
            Weights::new(level.size, across),
            Weights::new(level.size, down),
            Weights::new(level.size, turn),
        ];
        let n = (width * height) as f64;
        let product = |a: &Weights, b: &Weights| a.dot(b) as f64 - a.sum as f64 * b.sum as f64 / n;
        let products = [0, 1, 2].map(|row| {
            let [x, y, t] = [0, 1, 2].map(|column| product(&weights[row], &weights[column]));
            [x, y, t, product(&weights[row], &level.weights)]
        });
        Slopes { weights, products }
    }
}

/// Half the size: means of 2 × 2 px, an odd row or column left out.
pub(super) fn halve(fine: &Patch, coarse: &mut Patch) {
    coarse.reshape(fine.width / 2, fine.height / 2, Channels::Gray);
    let width = coarse.width.max(1);
    for (y, out) in coarse.data.chunks_exact_mut(width).enumerate() {
        let (top, bottom) = (fine.row(2 * y).as_chunks::<2>().0, fine.row(2 * y + 1).as_chunks::<2>().0);
        for ((out, top), bottom) in out.iter_mut().zip(top).zip(bottom) {
            let sum: u16 = top.iter().chain(bottom).map(|&v| u16::from(v)).sum();
            *out = ((sum + 2) / 4) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_recognised_is_refused_with_its_reason() {
        let flat = Template::new(&Patch::new(32, 32, Channels::Gray)).unwrap_err();
        assert!(flat.to_string().contains("no texture (standard deviation 0.0"), "{flat}");
        let small = Template::new(&Patch::new(7, 32, Channels::Gray)).unwrap_err();
        assert!(small.to_string().contains("7x32 px"), "{small}");
        let colour = Template::new(&Patch::new(32, 32, Channels::Rgb));
        assert!(matches!(colour, Err(TemplateError::Image(ImageError::PatchChannels { .. }))));
    }

    #[test]
    fn levels_stop_where_they_grow_too_small_or_lose_their_texture() {
        let mut patch = Patch::new(64, 50, Channels::Gray);
        for (i, px) in patch.data.iter_mut().enumerate() {
            *px = if (i % 64 < 30) ^ (i / 64 < 20) { 200 } else { 40 };
        }
        let template = Template::new(&patch).unwrap();
        assert_eq!(
            template.levels.iter().map(|l| l.size).collect::<Vec<_>>(),
            [(64, 50), (32, 25), (16, 12)]
        );
        assert_eq!(template.levels[2].offset, (0.0, -1.0));
        for (i, px) in patch.data.iter_mut().enumerate() {
            *px = if (i % 64 + i / 64) % 2 == 0 { 200 } else { 40 };
        }
        assert_eq!(Template::new(&patch).unwrap().levels.len(), 1);
    }
}
