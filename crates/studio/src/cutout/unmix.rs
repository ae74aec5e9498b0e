//! The rim of a cut-out: how much of a px is foreground, and what colour the foreground has there.
//!
//! A px of the rim is a mixture, in linear light: I = α F + (1 − α) B. F and B are estimated as the means of what is certain
//! nearby; α is where I lies between them (as in Bayesian matting, Chuang et al. 2001, with the prior of the guided
//! filter); then F is solved, drawn to its estimate where α is small and the equation says little.

use std::ops::Range;

use ocellus_image::Patch;

use crate::light::Light;
use crate::{StudioError, Watch};

/// From here on a px is certain: 2 % from either end.
const CERTAIN: u8 = 5;
/// Square of the distance of F and B, linear light, at which the colours are believed as much as the filter.
const DISTINCT: f32 = 0.004;
/// How strongly F is drawn to its estimate.
const RIDGE: f32 = 0.02;
/// The colour of what nobody sees.
const HIDDEN: [u8; 3] = [255; 3];

/// Sums of a window: foreground (RGB, count), background (RGB, count).
type Sums = [u32; 8];

/// Which of the two unknowns of a mixture is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The share of the foreground.
    Alpha,
    /// The colour of the foreground, of a share that is known.
    Colour,
}

impl Unknown {
    /// Bytes of the result for each px.
    fn bytes(self) -> usize {
        match self {
            Unknown::Alpha => 1,
            Unknown::Colour => 3,
        }
    }
}

/// Solves the rim, band by band.
pub(super) struct Unmixer<'a> {
    pub light: &'a Light,
    /// How far F and B are looked for, px.
    pub radius: usize,
    pub unknown: Unknown,
}

impl Unmixer<'_> {
    /// The alpha or the RGB of rows `range`.
    pub fn rows(
        &self,
        colours: &Patch,
        alpha: &[u8],
        range: Range<usize>,
        watch: &Watch<'_>,
    ) -> Result<Vec<u8>, StudioError> {
        let (width, height, r) = (colours.width, colours.height, self.radius);
        let stride = width * self.unknown.bytes();
        let mut out = vec![0; range.len() * stride];
        let mut columns = vec![Sums::default(); width];
        let mut rows = range.start.saturating_sub(r)..range.start.saturating_sub(r);
        for (y, row) in range.zip(out.chunks_exact_mut(stride)) {
            watch.check()?;
            while rows.end <= (y + r).min(height - 1) {
                self.change(&mut columns, colours, alpha, rows.end, u32::wrapping_add);
                rows.end += 1;
            }
            while rows.start + r < y {
                self.change(&mut columns, colours, alpha, rows.start, u32::wrapping_sub);
                rows.start += 1;
            }
            self.row(&columns, colours.row(y), &alpha[y * width..][..width], row);
        }
        Ok(out)
    }

    fn change(
        &self,
        columns: &mut [Sums],
        colours: &Patch,
        alpha: &[u8],
        y: usize,
        by: impl Fn(u32, u32) -> u32 + Copy,
    ) {
        let alpha = &alpha[y * colours.width..];
        for ((column, pixel), alpha) in columns.iter_mut().zip(colours.row(y).chunks_exact(3)).zip(alpha) {
            let at = match *alpha {
                ..=CERTAIN => 4,
                alpha if alpha >= 255 - CERTAIN => 0,
                _ => continue,
            };
            for c in 0..3 {
                column[at + c] = by(column[at + c], self.light.integer(pixel[c]));
            }
            column[at + 3] = by(column[at + 3], 1);
        }
    }

    fn row(&self, columns: &[Sums], colours: &[u8], alpha: &[u8], out: &mut [u8]) {
        let r = self.radius;
        let mut sums = Sums::default();
        columns.iter().take(r).for_each(|column| merge(&mut sums, column, u32::wrapping_add));
        let pixels = colours.chunks_exact(3).zip(out.chunks_exact_mut(self.unknown.bytes()));
        for (x, (pixel, out)) in pixels.enumerate() {
            if let Some(column) = columns.get(x + r) {
                merge(&mut sums, column, u32::wrapping_add);
            }
            if let Some(gone) = x.checked_sub(r + 1) {
                merge(&mut sums, &columns[gone], u32::wrapping_sub);
            }
            let pixel = [pixel[0], pixel[1], pixel[2]];
            match self.unknown {
                Unknown::Alpha => out[0] = self.alpha(pixel, alpha[x], &sums),
                Unknown::Colour => out.copy_from_slice(&self.colour(pixel, alpha[x], &sums)),
            }
        }
    }

    /// The share of foreground in one px: where its colour lies between F and B, as far as that can be believed.
    fn alpha(&self, pixel: [u8; 3], alpha: u8, sums: &Sums) -> u8 {
        if matches!(alpha, 0 | 255) {
            return alpha;
        }
        let (Some(front), Some(back)) = (mean(sums, 0), mean(sums, 4)) else { return alpha };
        let seen = pixel.map(|value| self.light.decode(value));
        let prior = f32::from(alpha) / 255.0;
        let axis = [0, 1, 2].map(|c| front[c] - back[c]);
        let length: f32 = axis.iter().map(|value| value * value).sum();
        let along = if length > 0.0 {
            (0..3).map(|c| (seen[c] - back[c]) * axis[c]).sum::<f32>() / length
        } else {
            prior
        };
        // A colour beside the line from B to F is no mixture of them.
        let beside: f32 = (0..3).map(|c| seen[c] - back[c] - along * axis[c]).map(|d| d * d).sum();
        let belief = length / (length + DISTINCT + 4.0 * beside);
        let alpha = prior + belief * (along.clamp(0.0, 1.0) - prior);
        (alpha * 255.0).round() as u8
    }

    /// The colour of the foreground in one px.
    fn colour(&self, pixel: [u8; 3], alpha: u8, sums: &Sums) -> [u8; 3] {
        if alpha == 255 {
            return pixel;
        }
        let front = mean(sums, 0);
        if alpha == 0 {
            // What is hidden has the colour of what is near, so that no resampling brings the background back.
            return front.map_or(HIDDEN, |front| front.map(|value| self.light.encode(value)));
        }
        let (Some(front), Some(back)) = (front, mean(sums, 4)) else { return pixel };
        let seen = pixel.map(|value| self.light.decode(value));
        let alpha = f32::from(alpha) / 255.0;
        let gain = alpha / (alpha * alpha + RIDGE);
        [0, 1, 2].map(|c| {
            let rest = seen[c] - alpha * front[c] - (1.0 - alpha) * back[c];
            self.light.encode(front[c] + gain * rest)
        })
    }
}

/// The mean light of the foreground (`at` 0) or background (4) in a window; `None` where there is none.
fn mean(sums: &Sums, at: usize) -> Option<[f32; 3]> {
    let count = sums[at + 3];
    (count > 0).then(|| [0, 1, 2].map(|c| Light::mean(sums[at + c], count)))
}

#[inline]
fn merge(sums: &mut Sums, values: &Sums, by: impl Fn(u32, u32) -> u32) {
    sums.iter_mut().zip(values).for_each(|(sum, value)| *sum = by(*sum, *value));
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocellus_image::Channels;

    #[test]
    fn a_mixture_of_two_plain_colours_is_taken_apart() {
        let light = Light::new();
        let (front, back) = ([200u8, 40, 30], [20u8, 160, 90]);
        // Nine columns: background, mixtures, foreground; the filter is wrong by a fifth.
        let truth = [0.0, 0.0, 0.0, 0.25, 0.5, 0.75, 1.0, 1.0, 1.0f32];
        let mixed = |share: f32| {
            [0, 1, 2]
                .map(|c| light.encode(share * light.decode(front[c]) + (1.0 - share) * light.decode(back[c])))
        };
        let data = truth.iter().flat_map(|share| mixed(*share)).collect::<Vec<u8>>().repeat(3);
        let wrong = |share: f32| if share == 0.0 || share == 1.0 { share } else { share - 0.2 };
        let alpha: Vec<u8> =
            truth.iter().map(|share| (wrong(*share) * 255.0) as u8).collect::<Vec<_>>().repeat(3);
        let colours = Patch { width: 9, height: 3, channels: Channels::Rgb, data };
        let solve = |unknown, alpha: &[u8], range| {
            let unmixer = Unmixer { light: &light, radius: 8, unknown };
            unmixer.rows(&colours, alpha, range, &Watch::none()).unwrap()
        };
        let alpha = solve(Unknown::Alpha, &alpha, 0..3);
        let colours = solve(Unknown::Colour, &alpha, 1..2);
        for (x, share) in truth.iter().enumerate() {
            assert!((f32::from(alpha[x]) - share * 255.0).abs() < 4.0, "{x}: {} for {share}", alpha[x]);
            for c in 0..3 {
                assert!(colours[x * 3 + c].abs_diff(front[c]) < 4, "{x}: {:?}", &colours[x * 3..x * 3 + 3]);
            }
        }
    }
}
