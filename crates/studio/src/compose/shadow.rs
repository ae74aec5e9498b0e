//! The shadow of a foreground: its alpha, small and blurred.

use crate::Picture;

use super::Shadow;

/// Longest side of the map, px: a shadow is soft, so it needs no more.
const SIDE: usize = 512;
/// Three box blurs are nearly a Gaussian.
const PASSES: usize = 3;

/// The share of light that is left on the background, everywhere.
pub(super) struct ShadowMap {
    width: usize,
    height: usize,
    /// Px of the picture in one px of the map.
    step: f32,
    /// Where the shadow lies, px of the map.
    shift: [f32; 2],
    map: Vec<f32>,
}

impl ShadowMap {
    pub fn new(picture: &Picture, shadow: Shadow) -> ShadowMap {
        let (full_w, full_h) = (picture.width(), picture.height());
        let side = full_w.max(full_h);
        let step = side.div_ceil(SIDE).max(1);
        let (width, height) = (full_w.div_ceil(step), full_h.div_ceil(step));
        let mut map = vec![0.0f32; width * height];
        for y in 0..full_h {
            let row = &mut map[y / step * width..][..width];
            for (x, alpha) in picture.alpha_row(y).unwrap_or_default().iter().enumerate() {
                row[x / step] += f32::from(*alpha);
            }
        }
        for (at, value) in map.iter_mut().enumerate() {
            let across = (full_w - at % width * step).min(step);
            let down = (full_h - at / width * step).min(step);
            *value *= shadow.strength / (255 * across * down) as f32;
        }
        let side = side as f32 / step as f32;
        let radius = (shadow.blur * side).round().max(1.0) as usize;
        for _ in 0..PASSES {
            map = turned(&blurred(&map, width, radius), width);
            map = turned(&blurred(&map, height, radius), height);
        }
        map.iter_mut().for_each(|value| *value = 1.0 - *value);
        let shift = [shadow.right * side, shadow.down * side];
        ShadowMap { width, height, step: step as f32, shift, map }
    }

    /// The light that is left in row `y` of the picture.
    pub fn row(&self, y: usize, out: &mut [f32]) {
        let (top, bottom, fy) = between((y as f32 + 0.5) / self.step - 0.5 - self.shift[1], self.height);
        let row = |at: Option<usize>| at.map(|at| &self.map[at * self.width..][..self.width]);
        let (top, bottom) = (row(top), row(bottom));
        let value = |row: Option<&[f32]>, at: Option<usize>| row.zip(at).map_or(1.0, |(row, at)| row[at]);
        for (x, out) in out.iter_mut().enumerate() {
            let (left, right, fx) = between((x as f32 + 0.5) / self.step - 0.5 - self.shift[0], self.width);
            let line = |row| value(row, left) + (value(row, right) - value(row, left)) * fx;
            let (above, below) = (line(top), line(bottom));
            *out = above + (below - above) * fy;
        }
    }
}

/// The samples around a position (`None` beyond the map, where no shadow falls), and how far it is between them.
fn between(at: f32, size: usize) -> (Option<usize>, Option<usize>, f32) {
    let first = at.floor();
    let inside = |at: f32| (at >= 0.0 && at < size as f32).then_some(at as usize);
    (inside(first), inside(first + 1.0), at - first)
}

/// The mean of 2 × `radius` + 1 values of each row, nothing beyond its ends.
fn blurred(map: &[f32], width: usize, radius: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(map.len());
    for row in map.chunks_exact(width) {
        // In f64, where sums and differences of these values are as good as exact.
        let mut sum: f64 = row.iter().take(radius).map(|value| f64::from(*value)).sum();
        for x in 0..width {
            sum += row.get(x + radius).map_or(0.0, |value| f64::from(*value));
            sum -= x.checked_sub(radius + 1).map_or(0.0, |gone| f64::from(row[gone]));
            out.push((sum / (2 * radius + 1) as f64) as f32);
        }
    }
    out
}

/// The map with its columns as rows, so that both ways are blurred by one function.
fn turned(map: &[f32], width: usize) -> Vec<f32> {
    let height = map.len() / width;
    (0..map.len()).map(|at| map[at % height * width + at / height]).collect()
}
