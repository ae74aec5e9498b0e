//! Prepares grey pictures of a patch for the attempts, and converts their px back to those of the patch.

use crate::Point;
use crate::{Channels, Patch};

/// A grey picture, with the transform of its px to the patch: `patch = origin + x * right + y * down`.
#[derive(Clone, Debug, Default)]
pub(super) struct CodePicture {
    pub width: usize,
    pub height: usize,
    pub data: Vec<u8>,
    origin: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
}

impl CodePicture {
    /// A picture of one row, with no place in a patch.
    pub fn line(px: &[u8]) -> CodePicture {
        CodePicture { width: px.len(), height: 1, data: px.to_vec(), ..CodePicture::default() }
    }

    /// Takes the patch as it is; colour becomes BT.601 luma.
    pub fn take(&mut self, patch: &Patch) {
        self.shape(patch.width, patch.height);
        (self.origin, self.right, self.down) = ([0.0; 2], [1.0, 0.0], [0.0, 1.0]);
        match patch.channels {
            Channels::Gray => self.data.copy_from_slice(&patch.data),
            Channels::Rgb => self.take_colour(&patch.data, [77, 150, 29]),
            Channels::Bgr => self.take_colour(&patch.data, [29, 150, 77]),
        }
    }

    fn take_colour(&mut self, data: &[u8], weights: [u32; 3]) {
        for (grey, px) in self.data.iter_mut().zip(data.as_chunks::<3>().0) {
            let sum: u32 = px.iter().zip(weights).map(|(&v, weight)| u32::from(v) * weight).sum();
            *grey = ((sum + 128) >> 8) as u8;
        }
    }

    /// Copies another picture into this one's memory.
    pub fn copy(&mut self, from: &CodePicture) {
        self.shape(from.width, from.height);
        self.data.copy_from_slice(&from.data);
        (self.origin, self.right, self.down) = (from.origin, from.right, from.down);
    }

    /// Half as wide and high: the mean of each 2 × 2 px.
    pub fn halve(&mut self, from: &CodePicture) {
        self.shape(from.width / 2, from.height / 2);
        self.map(from, [0.5, 0.5], 2.0, 0.0);
        for (y, row) in self.data.chunks_exact_mut(self.width.max(1)).enumerate() {
            let (upper, lower) = (from.row(2 * y), from.row(2 * y + 1));
            for (x, px) in row.iter_mut().enumerate() {
                let sum: u32 = [upper[2 * x], upper[2 * x + 1], lower[2 * x], lower[2 * x + 1]]
                    .map(u32::from)
                    .iter()
                    .sum();
                *px = ((sum + 2) / 4) as u8;
            }
        }
    }

    /// Turned by `degrees` and `scale` times as large, by cubic convolution (Keys 1981, a = -0.5; -0.75 where
    /// `sharpen`); what comes from outside is as bright as the paper, which gives a code at the edge a quiet zone.
    pub fn warp(&mut self, from: &CodePicture, scale: f32, degrees: f32, sharpen: bool) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let (w, h) = (from.width as f32, from.height as f32);
        let side = |a: f32, b: f32| ((a * cos.abs() + b * sin.abs()) * scale).ceil() as usize + 2 * MARGIN;
        self.shape(side(w, h), side(h, w));
        let (cx, cy) = (self.width as f32 / 2.0 - 0.5, self.height as f32 / 2.0 - 0.5);
        let step = [cos / scale, sin / scale];
        let start =
            [w / 2.0 - 0.5 - cx * step[0] - cy * step[1], h / 2.0 - 0.5 + cx * step[1] - cy * step[0]];
        self.map(from, start, 1.0 / scale, degrees);
        let paper = from.paper();
        let a = if sharpen { -0.75 } else { -0.5 };
        for (y, row) in self.data.chunks_exact_mut(self.width).enumerate() {
            for (x, px) in row.iter_mut().enumerate() {
                let (x, y) = (x as f32, y as f32);
                *px = from.cubic(
                    start[0] + x * step[0] + y * step[1],
                    start[1] - x * step[1] + y * step[0],
                    a,
                    paper,
                );
            }
        }
    }

    /// Stretches the contrast of each neighbourhood to the whole range: shadows and gradients go, text stays.
    pub fn flatten(&mut self) {
        const TILE: usize = 32;
        let (tw, th) = (self.width.div_ceil(TILE), self.height.div_ceil(TILE));
        let mut tiles = vec![(255u8, 0u8); tw * th];
        for y in 0..self.height {
            for (x, &px) in self.row(y).iter().enumerate() {
                let (low, high) = &mut tiles[y / TILE * tw + x / TILE];
                (*low, *high) = (px.min(*low), px.max(*high));
            }
        }
        // A tile and its eight neighbours, so that a wide bar that fills a tile keeps its paper.
        let wide: Vec<[f32; 2]> = (0..tw * th)
            .map(|i| {
                let (tx, ty) = (i % tw, i / tw);
                let near = (ty.saturating_sub(1)..(ty + 2).min(th))
                    .flat_map(|y| (tx.saturating_sub(1)..(tx + 2).min(tw)).map(move |x| y * tw + x));
                let (low, high) =
                    near.fold((255, 0), |(l, h): (u8, u8), i| (l.min(tiles[i].0), h.max(tiles[i].1)));
                // Under 24 counts there is nothing but noise to stretch.
                [f32::from(low), f32::from(high.saturating_sub(low)).max(24.0)]
            })
            .collect();
        let at = |v: usize, n: usize| {
            let place = (v as f32 / TILE as f32 - 0.5).clamp(0.0, (n - 1) as f32);
            (place as usize, (place as usize + 1).min(n - 1), place.fract())
        };
        let width = self.width.max(1);
        for (y, row) in self.data.chunks_exact_mut(width).enumerate() {
            let (y0, y1, fy) = at(y, th);
            for (x, px) in row.iter_mut().enumerate() {
                let (x0, x1, fx) = at(x, tw);
                let mix = |k: usize| {
                    let line = |ty: usize| wide[ty * tw + x0][k] * (1.0 - fx) + wide[ty * tw + x1][k] * fx;
                    line(y0) * (1.0 - fy) + line(y1) * fy
                };
                *px = ((f32::from(*px) - mix(0)) * 255.0 / mix(1)).clamp(0.0, 255.0) as u8;
            }
        }
    }

    /// Averages each 3 × 3 px, which removes noise but keeps modules of 3 px and more.
    pub fn smooth(&mut self, from: &CodePicture) {
        self.copy(from);
        for y in 1..from.height.saturating_sub(1) {
            let rows = [from.row(y - 1), from.row(y), from.row(y + 1)];
            for x in 1..from.width.saturating_sub(1) {
                let sum: u32 = rows.iter().flat_map(|row| &row[x - 1..x + 2]).map(|&v| u32::from(v)).sum();
                self.data[y * from.width + x] = ((sum + 4) / 9) as u8;
            }
        }
    }

    /// Converts a point of this picture to patch px.
    pub fn to_patch(&self, p: Point) -> Point {
        let on = |i: usize| self.origin[i] + p.x * self.right[i] + p.y * self.down[i];
        Point { x: on(0), y: on(1) }
    }

    /// Row `y`, one byte a px.
    pub fn row(&self, y: usize) -> &[u8] {
        &self.data[y * self.width..][..self.width]
    }

    /// How bright the paper is: the value that 15 % of the px are brighter than.
    pub fn paper(&self) -> u8 {
        let mut counts = [0usize; 256];
        // Every seventh px is enough for this estimate.
        self.data.iter().step_by(7).for_each(|&px| counts[usize::from(px)] += 1);
        let mut above = self.data.len().div_ceil(7) * 15 / 100;
        (0..=255u8)
            .rev()
            .find(|&v| above.checked_sub(counts[usize::from(v)]).map(|left| above = left).is_none())
            .unwrap_or(255)
    }

    fn shape(&mut self, width: usize, height: usize) {
        (self.width, self.height) = (width, height);
        self.data.resize(width * height, 0);
    }

    /// Composes the way back: this picture's px (0, 0) is `start` of `from`, and a step is `step` px of it, turned.
    fn map(&mut self, from: &CodePicture, start: [f32; 2], step: f32, degrees: f32) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        let start = from.to_patch(Point { x: start[0], y: start[1] });
        self.origin = [start.x, start.y];
        let axis = |x: f32, y: f32| [0, 1].map(|i| (x * from.right[i] + y * from.down[i]) * step);
        (self.right, self.down) = (axis(cos, -sin), axis(sin, cos));
    }

    fn cubic(&self, x: f32, y: f32, a: f32, outside: u8) -> u8 {
        let (x0, y0) = (x.floor(), y.floor());
        if x0 < -2.0 || y0 < -2.0 || x0 > self.width as f32 || y0 > self.height as f32 {
            return outside;
        }
        let (wx, wy) = (keys(x - x0, a), keys(y - y0, a));
        let (x0, y0) = (x0 as isize - 1, y0 as isize - 1);
        let mut sum = 0.0;
        for (j, wy) in (y0..).zip(wy) {
            let row = (0..self.height as isize).contains(&j).then(|| self.row(j as usize));
            for (i, wx) in (x0..).zip(wx) {
                let px = row.and_then(|row| row.get(usize::try_from(i).ok()?)).copied().unwrap_or(outside);
                sum += wx * wy * f32::from(px);
            }
        }
        sum.round().clamp(0.0, 255.0) as u8
    }
}

/// Paper around a warped picture, px: the quiet zone that a tight region cut off.
const MARGIN: usize = 12;

/// The four weights of cubic convolution at `t` of the way from the second sample to the third.
fn keys(t: f32, a: f32) -> [f32; 4] {
    let near = |t: f32| ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
    let far = |t: f32| ((a * t - 5.0 * a) * t + 8.0 * a) * t - 4.0 * a;
    [far(1.0 + t), near(t), near(1.0 - t), far(2.0 - t)]
}
