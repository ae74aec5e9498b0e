//! The search for a template: every place and turn on the coarsest level of a pyramid, the best few on finer ones,
//! then below a pixel. Instead of the template the frame is turned, so that no corner of it is ever missing.

use super::correlate::{Integral, Moments, pad, score};
use super::polish::{Spot, Sums, parabola, polish};
use super::rotated::sin_cos;
use super::simd::Isa;
use super::template::{PyramidLevel, halve};
use super::{Channels, Cutter, Patch, RotatedRect, Template, TemplateError, TemplateMatch};
use crate::{Planes, Point, Pose, Rect};

/// Farthest search, px to each side.
const MAX_REACH_PX: u32 = 2048;
/// Candidates that are followed from the coarsest level down; on each finer level two fewer, but two.
const CANDIDATES: usize = 8;
/// On finer levels a candidate is searched within this many px of where the coarser level had it.
const NEAR_PX: usize = 2;
/// A candidate whose score is this much below the best is dropped.
const HOPELESS: f32 = 0.3;

/// Searches for templates. Each worker has one, which allocates nothing once it has seen a template and a
/// reach.
#[derive(Clone, Debug)]
pub struct TemplateMatcher {
    isa: Isa,
    cutter: Cutter,
    /// The searched part of the frame, then half its size, and so on.
    pyramid: Vec<Patch>,
    patch: Patch,
    integral: Integral,
    candidates: Vec<Spot>,
    finer: Vec<Spot>,
}

impl Default for TemplateMatcher {
    fn default() -> TemplateMatcher {
        TemplateMatcher::new()
    }
}

/// What is searched: centres at most `reach` from `around` (px of the pyramid's finest level), turns up to `angle`.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    around: (f64, f64),
    reach: f64,
    angle_rad: f64,
}

impl Bounds {
    /// Whether `spot` is within the search on a level whose px are `scale` px wide.
    fn hold(&self, spot: &Spot, scale: f64) -> bool {
        let slack = self.reach + scale;
        (spot.x - self.around.0).abs() <= slack && (spot.y - self.around.1).abs() <= slack
    }
}

impl TemplateMatcher {
    /// A matcher for any template.
    pub fn new() -> TemplateMatcher {
        TemplateMatcher {
            isa: Isa::detect(),
            cutter: Cutter::new(),
            pyramid: Vec::new(),
            patch: Patch::default(),
            integral: Integral::default(),
            candidates: Vec::with_capacity(CANDIDATES + 1),
            finer: Vec::with_capacity(CANDIDATES + 1),
        }
    }

    /// The best place of `template` whose centre lies within `reach_px` of `around` (frame px) in each direction,
    /// turned by up to `max_angle_deg` to either side. There is always one; its score tells how well it fits.
    ///
    /// # Errors
    /// The planes are too short for their rows, or the reach is too large.
    pub fn find(
        &mut self,
        planes: &Planes<'_>,
        template: &Template,
        around: Point,
        reach_px: u32,
        max_angle_deg: f32,
    ) -> Result<TemplateMatch, TemplateError> {
        TemplateMatcher::check_reach(reach_px, max_angle_deg)?;
        let origin = self.take(planes, template, around, reach_px, max_angle_deg > 0.0)?;
        let bounds = Bounds {
            around: (f64::from(around.x) - origin.0, f64::from(around.y) - origin.1),
            reach: f64::from(reach_px),
            angle_rad: f64::from(max_angle_deg).to_radians(),
        };
        let coarsest = template.levels.len() - 1;
        self.search(&template.levels[coarsest], coarsest, &bounds)?;
        for level in (0..coarsest).rev() {
            let followed = (CANDIDATES - 2 * (coarsest - level)).max(2);
            self.refine(&template.levels[level], level, followed, &bounds)?;
        }
        let best = self.candidates.first().copied().unwrap_or(Spot::at(bounds.around));
        let spot = self.below_a_pixel(template, best, max_angle_deg > 0.0)?;
        let centre = Point { x: (spot.x + origin.0) as f32, y: (spot.y + origin.1) as f32 };
        let angle_deg = spot.angle_rad.to_degrees() as f32;
        Ok(TemplateMatch { centre, angle_deg, score: spot.score.clamp(-1.0, 1.0) })
    }

    /// Refuses a search that is too wide, or not given as a number.
    pub(super) fn check_reach(reach_px: u32, max_angle_deg: f32) -> Result<(), TemplateError> {
        if reach_px > MAX_REACH_PX || !(0.0..=180.0).contains(&max_angle_deg) {
            return Err(TemplateError::Reach { reach_px, max_angle_deg });
        }
        Ok(())
    }

    /// Cuts what can be touched out of the frame, and builds the pyramid; returns its origin in the frame.
    fn take(
        &mut self,
        planes: &Planes<'_>,
        template: &Template,
        around: Point,
        reach_px: u32,
        turned: bool,
    ) -> Result<(f64, f64), TemplateError> {
        let (width, height) = template.size();
        let diagonal = 2.0 * template.levels[0].radius;
        let sides = if turned { (diagonal, diagonal) } else { (width as f64, height as f64) };
        let coarse = (1 << (template.levels.len() - 1)) as f64;
        let half = |side: f64| (side / 2.0 + f64::from(reach_px) + 4.0 * coarse).ceil();
        let (half_x, half_y) = (half(sides.0), half(sides.1));
        let (x, y) = (f64::from(around.x).round() - half_x, f64::from(around.y).round() - half_y);
        let (w, h) = (2.0 * half_x, 2.0 * half_y);
        let rect = Rect { x: x as f32, y: y as f32, w: w as f32, h: h as f32 };
        self.pyramid.resize_with(self.pyramid.len().max(template.levels.len()), Patch::default);
        let region = RotatedRect::upright(rect);
        self.cutter.cut(planes, &region, &Pose::default(), Channels::Gray, &mut self.pyramid[0])?;
        for level in 1..template.levels.len() {
            let (fine, coarse) = self.pyramid.split_at_mut(level);
            halve(&fine[level - 1], &mut coarse[0]);
        }
        Ok((x, y))
    }

    /// Cuts what `level` of the template could cover around `spot`, with `margin` level px to each side, into
    /// `self.patch`, padded.
    fn cut(
        &mut self,
        part: &PyramidLevel,
        level: usize,
        spot: &Spot,
        margin: usize,
    ) -> Result<(), TemplateError> {
        let scale = (1 << level) as f64;
        let (dx, dy) = spot.turned(part.offset);
        let (w, h) = ((part.size.0 + 2 * margin) as f64, (part.size.1 + 2 * margin) as f64);
        let (x, y) = ((spot.x + dx) / scale - w / 2.0, (spot.y + dy) / scale - h / 2.0);
        let rect = Rect { x: x as f32, y: y as f32, w: w as f32, h: h as f32 };
        let region = RotatedRect { rect, angle_deg: spot.angle_rad.to_degrees() as f32 };
        let planes = self.pyramid[level].planes();
        self.cutter.cut(&planes, &region, &Pose::default(), Channels::Gray, &mut self.patch)?;
        pad(&mut self.patch);
        Ok(())
    }

    /// Scores every whole level px within `margin` of `spot`, and offers each to `keep`.
    fn score_around(
        &mut self,
        part: &PyramidLevel,
        level: usize,
        spot: &Spot,
        margin: usize,
        mut keep: impl FnMut(&mut Vec<Spot>, Spot),
    ) -> Result<(), TemplateError> {
        self.cut(part, level, spot, margin)?;
        self.integral.rebuild(&self.patch);
        let scale = (1 << level) as f64;
        for y in 0..=2 * margin {
            for x in 0..=2 * margin {
                let moments = self.integral.moments(x, y, part.size);
                let product = part.weights.times(self.isa, &self.patch, x, y);
                let by = (x as f64 - margin as f64, y as f64 - margin as f64);
                let (dx, dy) = spot.turned((by.0 * scale, by.1 * scale));
                let score = score(&part.weights, part.spread, product, &moments);
                keep(&mut self.finer, Spot { x: spot.x + dx, y: spot.y + dy, score, ..*spot });
            }
        }
        Ok(())
    }

    /// Every place and turn on the coarsest level.
    fn search(&mut self, part: &PyramidLevel, level: usize, bounds: &Bounds) -> Result<(), TemplateError> {
        let scale = (1 << level) as f64;
        let turns = (bounds.angle_rad * part.radius).ceil() as i32;
        self.finer.clear();
        for turn in -turns..=turns {
            let angle_rad = bounds.angle_rad * f64::from(turn) / f64::from(turns.max(1));
            let (sin, cos) = sin_cos(angle_rad);
            let reach = bounds.reach * (sin.abs() + cos.abs());
            let margin = (reach / scale).ceil() as usize + 1;
            let spot = Spot { angle_rad, ..Spot::at(bounds.around) };
            self.score_around(part, level, &spot, margin, |spots, spot| {
                if bounds.hold(&spot, scale) {
                    offer(spots, spot, 2.0 * scale, CANDIDATES);
                }
            })?;
        }
        self.next_level(CANDIDATES);
        Ok(())
    }

    /// The candidates again on a finer level, a little around where they were.
    fn refine(
        &mut self,
        part: &PyramidLevel,
        level: usize,
        followed: usize,
        bounds: &Bounds,
    ) -> Result<(), TemplateError> {
        let scale = (1 << level) as f64;
        self.finer.clear();
        for at in 0..self.candidates.len() {
            let candidate = self.candidates[at];
            let turns = if bounds.angle_rad > 0.0 { -1..=1 } else { 0..=0 };
            for turn in turns {
                let angle_rad = candidate.angle_rad + f64::from(turn) / part.radius;
                let angle_rad = angle_rad.clamp(-bounds.angle_rad, bounds.angle_rad);
                self.score_around(part, level, &Spot { angle_rad, ..candidate }, NEAR_PX, |spots, spot| {
                    // Where scores vary slowly, every level would otherwise drift a little farther out.
                    if bounds.hold(&spot, scale) {
                        offer(spots, spot, 2.0 * scale, followed);
                    }
                })?;
            }
        }
        self.next_level(followed);
        Ok(())
    }

    /// The spots just found become the candidates, best first.
    fn next_level(&mut self, followed: usize) {
        std::mem::swap(&mut self.candidates, &mut self.finer);
        self.candidates.sort_unstable_by(|a, b| b.score.total_cmp(&a.score));
        self.candidates.truncate(followed);
        if let Some(best) = self.candidates.first().map(|spot| spot.score) {
            self.candidates.retain(|spot| spot.score >= best - HOPELESS);
        }
    }

    /// The top of the parabola through the scores around `best`, then the template's slopes.
    fn below_a_pixel(
        &mut self,
        template: &Template,
        best: Spot,
        turned: bool,
    ) -> Result<Spot, TemplateError> {
        let part = &template.levels[0];
        self.finer.clear();
        self.score_around(part, 0, &best, 1, |spots, spot| spots.push(spot))?;
        let scores: [f32; 9] = std::array::from_fn(|i| self.finer[i].score);
        let (dx, dy) = best.turned(parabola(&scores));
        let mut top = Spot { x: best.x + dx, y: best.y + dy, ..best };
        let mut sums = self.sums(template, &top)?;
        top.score = sums.score;
        polish(template, top, turned, |spot, first| {
            if !first {
                sums = self.sums(template, spot)?;
            }
            Ok(sums)
        })
    }

    /// The sums over the px under the template at `spot` that the refinement needs.
    fn sums(&mut self, template: &Template, spot: &Spot) -> Result<Sums, TemplateError> {
        let part = &template.levels[0];
        self.cut(part, 0, spot, 0)?;
        let moments = Moments::of(&self.patch);
        let product = part.weights.times(self.isa, &self.patch, 0, 0);
        let slopes = template.slopes.weights.each_ref().map(|slope| slope.times(self.isa, &self.patch, 0, 0));
        Ok(Sums { moments, product, slopes, score: score(&part.weights, part.spread, product, &moments) })
    }
}

/// Keeps the best `most` spots, of those within `apart` px of one another the best alone.
fn offer(spots: &mut Vec<Spot>, spot: Spot, apart: f64, most: usize) {
    let least = spots.iter().map(|s| s.score).fold(f32::INFINITY, f32::min);
    if spots.len() == most && spot.score <= least {
        return;
    }
    let near = |s: &Spot| (s.x - spot.x).abs() <= apart && (s.y - spot.y).abs() <= apart;
    if spots.iter().any(|s| near(s) && s.score >= spot.score) {
        return;
    }
    spots.retain(|s| !near(s));
    if spots.len() == most {
        spots.retain(|s| s.score > least);
    }
    spots.push(spot);
}
