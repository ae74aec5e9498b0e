//! The foreground of a picture, cut out with soft edges that keep nothing of the old background.

mod foreground;
mod guided;
mod unmix;

use crate::bands::Bands;
use crate::light::Light;
use crate::{Picture, StudioError, Watch};

pub use foreground::{Foreground, Segmenter, Subject};
use guided::{Guided, MAX_RADIUS};
use unmix::{Unknown, Unmixer};

/// Radius, px, and regulariser of the filter that smooths the solved alpha.
const SMOOTH: usize = 2;
const SMOOTH_EPSILON: f64 = 1e-4;

/// How edges are found and cleaned.
#[derive(Clone, Debug, PartialEq)]
pub struct CutoutOptions {
    /// Radius of the guided filter, px, 1 to 128; `None` follows the picture and the model's resolution.
    pub radius: Option<usize>,
    /// Regulariser of the guided filter: colours (0 to 1) that differ by less than its root are no edge. 1e-6 to 1.
    pub epsilon: f32,
    /// Rounds of the guided filter; each begins with what the last one found, sharpened, and half its radius. 0 to 4; 0
    /// keeps the model's edge.
    pub rounds: usize,
    /// Whether alpha and colours of the rim are solved for the mixture of old background and foreground.
    pub unmix: bool,
    /// The least share of the picture that must be foreground, 0 to 1.
    pub min_share: f32,
    /// Threads that compute, at least 1.
    pub workers: usize,
}

impl Default for CutoutOptions {
    fn default() -> CutoutOptions {
        CutoutOptions { radius: None, epsilon: 1e-4, rounds: 3, unmix: true, min_share: 0.001, workers: 1 }
    }
}

impl CutoutOptions {
    fn check(&self) -> Result<(), StudioError> {
        let wrong = |option, value, allowed| Err(StudioError::Option { option, value, allowed });
        match *self {
            CutoutOptions { radius: Some(radius), .. } if !(1..=MAX_RADIUS).contains(&radius) => {
                wrong("radius", radius as f64, "1 to 128 px")
            }
            CutoutOptions { epsilon, .. } if !(1e-6..=1.0).contains(&epsilon) => {
                wrong("epsilon", f64::from(epsilon), "1e-6 to 1")
            }
            CutoutOptions { rounds: 5.., .. } => wrong("rounds", self.rounds as f64, "0 to 4"),
            CutoutOptions { min_share, .. } if !(0.0..=1.0).contains(&min_share) => {
                wrong("min_share", f64::from(min_share), "0 to 1")
            }
            CutoutOptions { workers: 0, .. } => wrong("workers", 0.0, "at least 1"),
            _ => Ok(()),
        }
    }
}

/// What the bands of a step read: the picture, and alpha as it was before.
struct Work {
    picture: Picture,
    alpha: Vec<u8>,
}

/// The picture with alpha: the model's `foreground`, its edge moved to the picture's own edges by a guided filter
/// (He, Sun and Tang, "Guided Image Filtering", 2013), and the rim's colours without the old background. The picture's
/// own alpha, where it has one, stays as an upper bound. Changes the picture in place; needs 1 byte a px beside it.
///
/// # Errors
/// Options outside their range, nothing in the foreground, cancelled.
pub fn cutout(
    picture: Picture,
    foreground: &Foreground,
    options: &CutoutOptions,
    watch: &Watch<'_>,
) -> Result<Picture, StudioError> {
    options.check()?;
    if foreground.share() < options.min_share {
        return Err(StudioError::NothingFound);
    }
    let (width, height) = (picture.width(), picture.height());
    let radius = options.radius.unwrap_or_else(|| foreground.radius(width, height));
    let mut work = Work { picture, alpha: vec![0; width * height] };
    let steps = (options.rounds + 4) as f32;
    let put = |work: &mut Work, range: std::ops::Range<usize>, bytes: Vec<u8>| {
        work.alpha[range.start * width..range.end * width].copy_from_slice(&bytes);
    };
    // The model's map, as large as the picture.
    let bands = Bands { height, reach: 0, workers: options.workers };
    let enlarge = |_: &Work, range: std::ops::Range<usize>| {
        let mut rows = vec![0; range.len() * width];
        for (y, row) in range.zip(rows.chunks_exact_mut(width)) {
            foreground.row(y, [width, height], row);
        }
        Ok(rows)
    };
    bands.run(&mut work, &watch.part(0.0, 1.0 / steps), enlarge, put)?;
    let part = |step: usize| watch.part(step as f32 / steps, (step + 1) as f32 / steps);
    let filter = |work: &mut Work, guided: Guided, step| {
        let bands = Bands { height, reach: 2 * guided.radius, workers: options.workers };
        let rows = |work: &Work, range| guided.rows(&work.picture.colour, &work.alpha, range, watch);
        bands.run(work, &part(step), rows, put)
    };
    let epsilon = f64::from(options.epsilon);
    for round in 0..options.rounds {
        filter(&mut work, Guided { radius: (radius >> round).max(1), epsilon, sharpen: true }, round + 1)?;
    }
    if options.unmix {
        let light = Light::new();
        let bands = Bands { height, reach: radius, workers: options.workers };
        let solve = |unknown| {
            let unmixer = Unmixer { light: &light, radius, unknown };
            move |work: &Work, range| unmixer.rows(&work.picture.colour, &work.alpha, range, watch)
        };
        let step = options.rounds + 1;
        bands.run(&mut work, &part(step), solve(Unknown::Alpha), put)?;
        // Each px was solved for itself: what is alone among its neighbours is drawn to them.
        filter(&mut work, Guided { radius: SMOOTH, epsilon: SMOOTH_EPSILON, sharpen: false }, step + 1)?;
        bands.run(&mut work, &part(step + 2), solve(Unknown::Colour), |work, range, bytes| {
            work.picture.colour.data[range.start * width * 3..range.end * width * 3].copy_from_slice(&bytes);
        })?;
    }
    let Work { mut picture, mut alpha } = work;
    if let Some(old) = picture.alpha.take() {
        alpha.iter_mut().zip(old).for_each(|(new, old)| *new = (*new).min(old));
    }
    Ok(Picture { alpha: Some(alpha), ..picture })
}
