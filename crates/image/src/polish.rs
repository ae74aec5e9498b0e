//! From the best whole pixel to the best place: a parabola through the scores, then least squares on the
//! template's slopes (S. Baker, I. Matthews, "Lucas-Kanade 20 years on", 2004: the inverse compositional way,
//! with a gain and an offset of light).

use super::correlate::Moments;
use super::rotated::sin_cos;
use super::{Template, TemplateError};

/// Steps of least squares at most; three are the rule.
const STEPS: usize = 8;
/// The search ends at a step of less than this many px.
const STILL_PX: f64 = 0.002;
/// A search that moves farther than this from the parabola's top has failed, px.
const LOST_PX: f64 = 1.5;
/// A refined place may score this much less than the parabola's and still be the better one.
const LOSS: f32 = 0.01;

/// A place of the template: its centre in px of the searched picture, its turn, and how well it fits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spot {
    pub x: f64,
    pub y: f64,
    pub angle_rad: f64,
    pub score: f32,
}

impl Spot {
    /// A place without rotation and without a score.
    pub fn at((x, y): (f64, f64)) -> Spot {
        Spot { x, y, angle_rad: 0.0, score: 0.0 }
    }

    /// A distance on the template, as it lies in the picture.
    pub fn turned(&self, (x, y): (f64, f64)) -> (f64, f64) {
        if self.angle_rad == 0.0 {
            return (x, y);
        }
        let (sin, cos) = sin_cos(self.angle_rad);
        (cos * x - sin * y, sin * x + cos * y)
    }
}

/// The px under the template: their moments, and their products with the template and its slopes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sums {
    pub moments: Moments,
    pub product: i64,
    pub slopes: [i64; 3],
    pub score: f32,
}

/// How far from the middle of 3 × 3 scores their top lies, by a parabola in each direction; at most a px.
pub(super) fn parabola(scores: &[f32; 9]) -> (f64, f64) {
    let top = |before: f32, here: f32, after: f32| {
        let [before, here, after] = [before, here, after].map(f64::from);
        let bend = before - 2.0 * here + after;
        if bend < 0.0 { ((before - after) / (2.0 * bend)).clamp(-1.0, 1.0) } else { 0.0 }
    };
    (top(scores[3], scores[4], scores[5]), top(scores[1], scores[4], scores[7]))
}

/// Moves (and, if `turned`, turns) `start` until the template lies best. `look` gives the sums at a spot; its
/// second argument says that it is the start, whose sums are known.
pub(super) fn polish(
    template: &Template,
    start: Spot,
    turned: bool,
    mut look: impl FnMut(&Spot, bool) -> Result<Sums, TemplateError>,
) -> Result<Spot, TemplateError> {
    let radius = template.levels[0].radius;
    let mut spot = start;
    for step in 0..STEPS {
        let sums = look(&spot, step == 0)?;
        spot.score = sums.score;
        let Some([x, y, turn]) = shift(template, &sums, turned) else { return Ok(start) };
        if x.abs().max(y.abs()).max(turn.abs()) < STILL_PX {
            break;
        }
        // What lies under the template is the template moved by this: the template's place is the other way.
        let (dx, dy) = spot.turned((-x, -y));
        (spot.x, spot.y) = (spot.x + dx, spot.y + dy);
        spot.angle_rad -= turn / radius;
        let wandered = (spot.x - start.x).abs().max((spot.y - start.y).abs());
        let turned_px = (spot.angle_rad - start.angle_rad).abs() * radius;
        if wandered.max(turned_px) > LOST_PX {
            return Ok(start);
        }
    }
    Ok(if spot.score >= start.score - LOSS { spot } else { start })
}

/// The shift (px) and turn (px at the radius) that make the template most like what lies under it.
fn shift(template: &Template, sums: &Sums, turned: bool) -> Option<[f64; 3]> {
    let (part, slopes) = (&template.levels[0], &template.slopes);
    let n = sums.moments.count as f64;
    let about_mean = |product: i64, sum: i64| product as f64 - sum as f64 * sums.moments.sum as f64 / n;
    let gain = about_mean(sums.product, part.weights.sum) / (part.spread as f64 / n);
    if gain <= 0.0 {
        return None;
    }
    let unknowns = if turned { 3 } else { 2 };
    let mut matrix = [[0.0; 4]; 3];
    for (k, row) in matrix.iter_mut().enumerate().take(unknowns) {
        row[..unknowns].copy_from_slice(&slopes.products[k][..unknowns]);
        let here = about_mean(sums.slopes[k], slopes.weights[k].sum);
        // The slopes are doubled: once more on the right side.
        row[3] = 2.0 * (here / gain - slopes.products[k][3]);
    }
    solve(&mut matrix, unknowns)
}

/// Solves the first `unknowns` rows (right side in column 3) by elimination; `None` where they are dependent.
/// The matrix is a Gram matrix: its pivots need no search.
fn solve(matrix: &mut [[f64; 4]; 3], unknowns: usize) -> Option<[f64; 3]> {
    for k in 0..unknowns {
        let pivot = matrix[k];
        if pivot[k] <= 1e-9 {
            return None;
        }
        for i in (0..unknowns).filter(|&i| i != k) {
            let factor = matrix[i][k] / pivot[k];
            for (value, pivot) in matrix[i].iter_mut().zip(pivot) {
                *value -= factor * pivot;
            }
        }
    }
    let mut solution = [0.0; 3];
    for k in 0..unknowns {
        solution[k] = matrix[k][3] / matrix[k][k];
    }
    Some(solution)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_top_of_a_parabola_is_found_exactly() {
        let at = |x: f32, y: f32| 0.9 - 0.1 * (x - 0.3).powi(2) - 0.2 * (y + 0.2).powi(2);
        let scores = std::array::from_fn(|i| at((i % 3) as f32 - 1.0, (i / 3) as f32 - 1.0));
        let (x, y) = parabola(&scores);
        assert!((x - 0.3).abs() < 1e-5 && (y + 0.2).abs() < 1e-5, "{x} {y}");
        assert_eq!(parabola(&[0.5; 9]), (0.0, 0.0));
    }

    #[test]
    fn elimination_solves_and_refuses_dependent_rows() {
        let mut matrix = [[4.0, 1.0, 0.0, 6.0], [1.0, 3.0, 1.0, 10.0], [0.0, 1.0, 2.0, 8.0]];
        let [x, y, z] = solve(&mut matrix, 3).unwrap();
        assert!((x - 1.0).abs() < 1e-9 && (y - 2.0).abs() < 1e-9 && (z - 3.0).abs() < 1e-9, "{x} {y} {z}");
        assert!(solve(&mut [[1.0, 1.0, 0.0, 1.0], [1.0, 1.0, 0.0, 2.0], [0.0; 4]], 2).is_none());
    }
}
