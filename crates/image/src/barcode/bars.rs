//! Measures how far a row of bars reaches to both sides of the line on which it was read. This separates a
//! code from bars that only look like one, and gives the code's corners.

use super::picture::CodePicture;
use crate::Point;

/// The bars around the line on which they were read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bars {
    ends: [Point; 2],
    /// Unit vectors along the line and across it.
    along: [f32; 2],
    across: [f32; 2],
    /// Lines to both sides that show the same bars, px.
    reach: [f32; 2],
    length: f32,
}

/// Lines that may differ (a scratch, a speck) before the bars count as ended.
const GAP: usize = 3;

impl Bars {
    /// Follows the bars from the line between `ends`, or `None` where there is no line.
    pub fn follow(picture: &CodePicture, ends: [Point; 2]) -> Option<Bars> {
        let d = [ends[1].x - ends[0].x, ends[1].y - ends[0].y];
        let length = d[0].hypot(d[1]);
        let longest = picture.width.max(picture.height);
        if !(8.0..=2.0 * longest as f32).contains(&length) {
            return None;
        }
        let along = d.map(|v| v / length);
        let mut bars = Bars { ends, along, across: [-along[1], along[0]], reach: [0.0; 2], length };
        bars.extend(picture);
        for (side, sign) in [-1.0, 1.0].into_iter().enumerate() {
            let mut last = bars.line(picture, 0.0, 0.0);
            let mut missed = 0;
            for k in 1..longest {
                let line = bars.line(picture, sign * k as f32, 0.0);
                // Compared with the last line that fitted and not with the first, because the bars may be
                // inclined.
                if line.is_empty() || correlation(&last, &line) < 0.6 {
                    missed += 1;
                    if missed > GAP || line.is_empty() {
                        break;
                    }
                } else {
                    (bars.reach[side], last, missed) = (k as f32, line, 0);
                }
            }
        }
        Some(bars)
    }

    /// Whether it is high enough for what printed bars are: ISO/IEC 16390 asks for 15 % of the length. A row of
    /// a PDF417, which also has bars that a reader of lines can take for a short code, has about 3 %.
    pub fn is_high(&self) -> bool {
        self.reach[0] + self.reach[1] + 1.0 >= (0.05 * self.length).max(3.0)
    }

    /// Nine lines across the bars, each through the whole picture, so that no quiet zone is lost.
    pub fn lines<'a>(&'a self, picture: &'a CodePicture) -> impl Iterator<Item = Vec<u8>> + 'a {
        let height = self.reach[0] + self.reach[1];
        let longest = picture.width.max(picture.height) as f32;
        (1..10).map(move |part| self.line(picture, part as f32 / 10.0 * height - self.reach[0], longest))
    }

    /// Corners in the picture's px: along the first end's side, then back on the other.
    pub fn corners(&self) -> [Point; 4] {
        let at = |end: Point, k: f32| Point { x: end.x + k * self.across[0], y: end.y + k * self.across[1] };
        let ([a, b], [up, down]) = (self.ends, self.reach);
        [at(a, -up), at(b, -up), at(b, down), at(a, down)]
    }

    /// Moves both ends outwards to where the quiet zone begins: the library's end of a Code 39 is far too early.
    fn extend(&mut self, picture: &CodePicture) {
        let line = self.line(picture, 0.0, 0.0);
        let (low, high) = line.iter().fold((255, 0), |(l, h), &v| (v.min(l), v.max(h)));
        let middle = low / 2 + high / 2;
        let quiet = (self.length / 12.0).max(8.0) as usize;
        for (end, sign) in [(0, -1.0), (1, 1.0)] {
            let from = self.ends[end];
            let at = |t: usize| [0, 1].map(|i| [from.x, from.y][i] + sign * t as f32 * self.along[i]);
            let dark = |t: usize| {
                let [x, y] = at(t).map(f32::round);
                let inside = x >= 0.0 && y >= 0.0 && x < picture.width as f32 && y < picture.height as f32;
                inside.then(|| picture.row(y as usize)[x as usize] <= middle)
            };
            let (mut last, mut edge) = (dark(0), 0);
            for t in 1.. {
                let here = dark(t);
                if here.is_none() || t - edge > quiet {
                    break;
                }
                if here != last {
                    (last, edge) = (here, t);
                }
            }
            let [x, y] = at(edge);
            self.ends[end] = Point { x, y };
        }
        self.length = (self.ends[1].x - self.ends[0].x).hypot(self.ends[1].y - self.ends[0].y);
    }

    /// The px on the line `k` px across, `more` px longer at both ends; none where it leaves the picture sideways.
    fn line(&self, picture: &CodePicture, k: f32, more: f32) -> Vec<u8> {
        let start = [
            self.ends[0].x + k * self.across[0] - more * self.along[0],
            self.ends[0].y + k * self.across[1] - more * self.along[1],
        ];
        (0..=(self.length + 2.0 * more) as usize)
            .filter_map(|t| {
                let at = |i: usize| (start[i] + t as f32 * self.along[i]).round();
                let (x, y) = (at(0), at(1));
                let inside = x >= 0.0 && y >= 0.0 && x < picture.width as f32 && y < picture.height as f32;
                inside.then(|| picture.row(y as usize)[x as usize])
            })
            .collect()
    }
}

/// Pearson's correlation; 0 where either line is flat.
fn correlation(a: &[u8], b: &[u8]) -> f32 {
    let n = a.len().min(b.len());
    let mean = |v: &[u8]| v[..n].iter().map(|&v| f32::from(v)).sum::<f32>() / n as f32;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f32::from(a) - ma, f32::from(b) - mb);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    // A line with a standard deviation below 3 counts is blank paper.
    if aa.min(bb) < 9.0 * n as f32 { 0.0 } else { ab / (aa * bb).sqrt() }
}
