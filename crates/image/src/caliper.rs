//! Edge-to-edge distance along a patch's width: the mean grey of each column, the derivative of a Gaussian, and
//! the place of each edge below a pixel.

use super::{Channels, ImageError, Mask, Patch};

/// exp(-k²/2σ²) for k = 0, 1, …: a Gaussian of σ = 1.5 px. A narrower one sees a px's own shape (a sharp edge is
/// then up to 0.04 px off), a wider one joins edges that are 4 px apart.
const GAUSS: [f64; 7] = [
    1.0,
    0.800_737_402_9,
    0.411_112_290_5,
    0.135_335_283_2,
    0.028_565_500_8,
    0.003_865_920_1,
    0.000_335_462_6,
];
/// The flanks from which an edge's place is computed begin at this share of its steepest slope.
const FLANK: f64 = 0.25;
/// An edge's step is measured over at most this many px to either side.
const STEP_PX: usize = 8;

/// The polarity of an edge, from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EdgePolarity {
    /// From dark to bright.
    Rising,
    /// From bright to dark.
    Falling,
    /// Either polarity; only for requests, never the result of a search.
    Any,
}

/// An edge that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CaliperEdge {
    /// From the patch's left edge, px; between two pixels is a whole number.
    pub at: f32,
    /// `Rising` from dark to bright along the caliper, else `Falling`; never `Any`.
    pub polarity: EdgePolarity,
    /// Height of the step, grey values.
    pub contrast: f32,
}

/// Two edges and the distance between them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// From `from` to `to`, px.
    pub px: f32,
    /// The first edge of its kind.
    pub from: CaliperEdge,
    /// The last edge of its kind.
    pub to: CaliperEdge,
}

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum CaliperError {
    /// The edge that begins the distance is not there.
    #[error(
        "no {kind} edge of {min_contrast} grey values begins the distance; the strongest such step is \
             {strongest:.1}"
    )]
    NoFrom {
        /// `rising`, `falling` or `rising or falling`.
        kind: &'static str,
        /// The least step that was asked for, grey values.
        min_contrast: f32,
        /// Of its kind, grey values; 0 where there is none.
        strongest: f32,
    },
    /// The edge that ends the distance is not there, or not to the right of the one that begins it.
    #[error(
        "no {kind} edge of {min_contrast} grey values ends the distance, to the right of the one at \
             {from_px:.1} px; the strongest such step is {strongest:.1}"
    )]
    NoTo {
        /// `rising`, `falling` or `rising or falling`.
        kind: &'static str,
        /// The least step that was asked for, grey values.
        min_contrast: f32,
        /// Of its kind, grey values; 0 where there is none.
        strongest: f32,
        /// Where the distance begins.
        from_px: f32,
    },
    /// The patch or mask cannot be read.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Measures along the width. Each worker has one; it allocates only for a wider patch than before.
#[derive(Clone, Debug, Default)]
pub struct Caliper {
    /// Mean grey of each column, smoothed, and its slope.
    profile: Vec<f64>,
    smooth: Vec<f64>,
    slope: Vec<f64>,
    peaks: Vec<usize>,
    /// Every edge, however weak; then those that were asked for.
    all: Vec<CaliperEdge>,
    edges: Vec<CaliperEdge>,
}

impl Caliper {
    /// A caliper for patches of any size.
    pub fn new() -> Caliper {
        Caliper::default()
    }

    /// The edges of at least `min_contrast` grey values, left to right, in a grey patch averaged over its height
    /// (where `mask` leaves px in; a column without any is taken to be as the one before it).
    ///
    /// # Errors
    /// A patch that is not grey, a mask of another size or with nothing inside.
    pub fn edges(
        &mut self,
        patch: &Patch,
        mask: Option<&Mask>,
        min_contrast: f32,
    ) -> Result<&[CaliperEdge], ImageError> {
        let left = self.average(patch, mask)?;
        self.derive();
        self.find_peaks();
        self.all.clear();
        for at in 0..self.peaks.len() {
            let mut edge = self.edge(at);
            edge.at += left as f32;
            self.all.push(edge);
        }
        self.edges.clear();
        self.edges.extend(self.all.iter().filter(|edge| edge.contrast >= min_contrast));
        Ok(&self.edges)
    }

    /// From the first edge of kind `from` to the last edge of kind `to`.
    ///
    /// # Errors
    /// As [`Caliper::edges`]; an edge that is missing, by its name.
    pub fn distance(
        &mut self,
        patch: &Patch,
        mask: Option<&Mask>,
        (from, to): (EdgePolarity, EdgePolarity),
        min_contrast: f32,
    ) -> Result<Distance, CaliperError> {
        self.edges(patch, mask, min_contrast)?;
        let strongest = |kind: EdgePolarity, after: f32| {
            let of_kind = self.all.iter().filter(|edge| kind.takes(edge) && edge.at > after);
            of_kind.map(|edge| edge.contrast).fold(0.0, f32::max)
        };
        let begin = self.edges.iter().find(|edge| from.takes(edge));
        let Some(&begin) = begin else {
            let strongest = strongest(from, f32::NEG_INFINITY);
            return Err(CaliperError::NoFrom { kind: from.as_str(), min_contrast, strongest });
        };
        let end = self.edges.iter().rfind(|edge| to.takes(edge) && edge.at > begin.at);
        let Some(&end) = end else {
            let strongest = strongest(to, begin.at);
            return Err(CaliperError::NoTo { kind: to.as_str(), min_contrast, strongest, from_px: begin.at });
        };
        Ok(Distance { px: end.at - begin.at, from: begin, to: end })
    }

    /// Fills `profile` with the columns' means, from the first column with px in to the last; returns the first.
    fn average(&mut self, patch: &Patch, mask: Option<&Mask>) -> Result<usize, ImageError> {
        if patch.channels != Channels::Gray {
            return Err(ImageError::PatchChannels { need: Channels::Gray, got: patch.channels });
        }
        Mask::check(mask, patch)?;
        let inside = |x: usize, y: usize| mask.is_none_or(|mask| mask.row(y)[x] != 0);
        self.profile.clear();
        let (mut left, mut filled) = (None, 0);
        for x in 0..patch.width {
            let (mut sum, mut count) = (0u64, 0u64);
            for y in (0..patch.height).filter(|&y| inside(x, y)) {
                sum += u64::from(patch.row(y)[x]);
                count += 1;
            }
            let before = self.profile.last().copied();
            match (count, before) {
                (0, None) => {}
                (0, Some(before)) => self.profile.push(before),
                _ => {
                    left.get_or_insert(x);
                    self.profile.push(sum as f64 / count as f64);
                    filled = self.profile.len();
                }
            }
        }
        self.profile.truncate(filled);
        left.ok_or(ImageError::MaskEmpty)
    }

    /// The profile under a Gaussian and under its derivative (a ramp of 1 a px has slope 1); beyond the
    /// ends the end values go on.
    fn derive(&mut self) {
        let last = self.profile.len() - 1;
        let (mass, moment) = GAUSS.iter().enumerate().fold((GAUSS[0], 0.0), |(mass, moment), (k, &g)| {
            let k = k as f64;
            if k == 0.0 { (mass, moment) } else { (mass + 2.0 * g, moment + 2.0 * k * k * g) }
        });
        self.smooth.clear();
        self.slope.clear();
        for x in 0..=last {
            let (mut smooth, mut slope) = (GAUSS[0] * self.profile[x], 0.0);
            for (k, g) in GAUSS.iter().enumerate().skip(1) {
                let (before, after) = (self.profile[x.saturating_sub(k)], self.profile[(x + k).min(last)]);
                smooth += g * (before + after);
                slope += g * k as f64 * (after - before);
            }
            self.smooth.push(smooth / mass);
            self.slope.push(slope / moment);
        }
    }

    /// Where the slope is steepest. Of two peaks of one direction with no valley of half the lower one between
    /// them, the higher stays: they are one edge with noise on it.
    fn find_peaks(&mut self) {
        self.peaks.clear();
        let slope = &self.slope;
        let steepness = |x: usize| slope.get(x).map_or(0.0, |slope| slope.abs());
        for x in 0..slope.len() {
            let before = if x == 0 { 0.0 } else { steepness(x - 1) };
            if steepness(x) <= before || steepness(x) < steepness(x + 1) {
                continue;
            }
            match self.peaks.last() {
                Some(&peak) if slope[peak] * slope[x] > 0.0 && !apart(&slope[peak..=x]) => {
                    if steepness(x) > steepness(peak) {
                        self.peaks.pop();
                        self.peaks.push(x);
                    }
                }
                _ => self.peaks.push(x),
            }
        }
    }

    /// The edge at a peak: its place below a px, and its step.
    fn edge(&self, at: usize) -> CaliperEdge {
        let (slope, peak) = (&self.slope, self.peaks[at]);
        let rising = slope[peak] > 0.0;
        let same = |x: usize| (slope[x] > 0.0) == rising && slope[x] != 0.0;
        let bound = |other: Option<&usize>, none: usize| {
            other.map_or(none, |&other| lowest(slope, peak.min(other)..=peak.max(other)))
        };
        let least = bound(at.checked_sub(1).map(|at| &self.peaks[at]), 0).max(peak.saturating_sub(STEP_PX));
        let most = bound(self.peaks.get(at + 1), slope.len() - 1).min(peak + STEP_PX);
        let (mut from, mut to) = (peak, peak);
        while from > least && same(from - 1) {
            from -= 1;
        }
        while to < most && same(to + 1) {
            to += 1;
        }
        let step = self.smooth[(to + 1).min(slope.len() - 1)] - self.smooth[from.saturating_sub(1)];
        CaliperEdge {
            at: (peak as f64 + 0.5 + top(slope, peak)) as f32,
            polarity: if rising { EdgePolarity::Rising } else { EdgePolarity::Falling },
            contrast: step.abs() as f32,
        }
    }
}

impl EdgePolarity {
    fn takes(self, edge: &CaliperEdge) -> bool {
        self == EdgePolarity::Any || self == edge.polarity
    }

    fn as_str(self) -> &'static str {
        match self {
            EdgePolarity::Rising => "rising",
            EdgePolarity::Falling => "falling",
            EdgePolarity::Any => "rising or falling",
        }
    }
}

/// Whether the slope falls to half of the lower end somewhere between both ends.
fn apart(slope: &[f64]) -> bool {
    let lower = slope[0].abs().min(slope[slope.len() - 1].abs());
    let direction = slope[0];
    slope.iter().any(|&s| s * direction <= 0.0 || s.abs() < lower / 2.0)
}

/// The place where the slope is least steep.
fn lowest(slope: &[f64], mut range: std::ops::RangeInclusive<usize>) -> usize {
    let first = *range.start();
    range
        .try_fold(first, |best, x| Some(if slope[x].abs() < slope[best].abs() { x } else { best }))
        .unwrap_or(first)
}

/// How far from `peak` the slope is steepest: the top of the Gaussian through three samples as far apart as the
/// edge is wide. A step seen by a camera and smoothed is nearly one, so the place is right where a parabola
/// would be up to 0.05 px off.
fn top(slope: &[f64], peak: usize) -> f64 {
    let height = slope[peak].abs();
    let share =
        |x: Option<usize>| x.and_then(|x| slope.get(x)).map_or(0.0, |s| s * slope[peak].signum() / height);
    let sides = |h: usize| (share(peak.checked_sub(h)), share(peak.checked_add(h)));
    let wide = (1..=STEP_PX).take_while(|&h| sides(h).0.min(sides(h).1) > FLANK).last().unwrap_or(1);
    let (before, after) = sides(wide);
    if before.min(after) > 0.01 {
        let bend = before.ln() + after.ln();
        // Equal to within rounding on all three: the top is flat.
        if bend > -1e-9 { 0.0 } else { wide as f64 * 0.5 * (before.ln() - after.ln()) / bend }
    } else {
        0.5 * (before - after) / (before - 2.0 + after)
    }
}

#[cfg(test)]
mod tests;
