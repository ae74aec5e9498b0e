//! A plain aligner for pictures of parts that lie freely: every shift and turn on a small picture, then finer.

use ocellus::image::Patch;

/// Where the part lies: golden px, turned about the centre and moved, are test px.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pose {
    pub dx: f32,
    pub dy: f32,
    pub angle: f32,
}

/// Grey values at one scale.
struct Grey {
    width: usize,
    height: usize,
    data: Vec<f32>,
}

impl Grey {
    /// The mean of all channels over cells of `scale` × `scale` px.
    fn of(patch: &Patch, scale: usize) -> Grey {
        let (width, height, n) = (patch.width / scale, patch.height / scale, patch.channels.count());
        let cell = |i: usize| {
            let (x, y) = (i % width * scale, i / width * scale);
            let rows = (y..y + scale).map(|y| &patch.row(y)[x * n..(x + scale) * n]);
            rows.flatten().map(|&v| f32::from(v)).sum::<f32>() / (scale * scale * n) as f32
        };
        Grey { width, height, data: (0..width * height).map(cell).collect() }
    }

    /// Mean absolute difference from `test` in the given pose, over every `step`th px of every `step`th row.
    fn cost(&self, test: &Grey, pose: Pose, scale: usize, step: usize) -> f32 {
        let (sin, cos) = pose.angle.sin_cos();
        let (cx, cy) = (self.width as f32 / 2.0, self.height as f32 / 2.0);
        let (dx, dy) = (pose.dx / scale as f32 + cx, pose.dy / scale as f32 + cy);
        let (mut sum, mut count) = (0.0, 0);
        for y in (0..self.height).step_by(step) {
            let v = y as f32 - cy;
            for x in (0..self.width).step_by(step) {
                let u = x as f32 - cx;
                // `as` holds at 0; `f32::round` would be a call for each px.
                let tx = ((u * cos - v * sin + dx + 0.5) as usize).min(test.width - 1);
                let ty = ((u * sin + v * cos + dy + 0.5) as usize).min(test.height - 1);
                sum += (self.data[y * self.width + x] - test.data[ty * test.width + tx]).abs();
                count += 1;
            }
        }
        sum / count as f32
    }
}

/// The pose of `test` among all within `reach` px and `turn` radians; 0: it is not turned at all.
pub fn align(golden: &Patch, test: &Patch, reach: f32, turn: f32) -> Pose {
    let mut best = Pose::default();
    // Scale, step of the grid, how many steps to either side, step of the angle, how many.
    let coarse = (8, 8.0, (reach / 8.0) as i32, 0.035, (turn / 0.035) as i32);
    for (scale, step, shifts, angle, turns) in
        [coarse, (4, 3.0, 4, 0.012, 4), (2, 1.0, 3, 0.005, 3), (1, 0.5, 2, 0.0025, 2), (1, 0.5, 1, 0.001, 2)]
    {
        let (small, other) = (Grey::of(golden, scale), Grey::of(test, scale));
        let (from, mut least) = (best, f32::INFINITY);
        let skip = [4, 2, 2, 1][scale.ilog2() as usize];
        let turns = if turn > 0.0 { turns } else { 0 };
        for a in -turns..=turns {
            for (y, x) in (-shifts..=shifts).flat_map(|y| (-shifts..=shifts).map(move |x| (y, x))) {
                let pose = Pose {
                    dx: from.dx + x as f32 * step,
                    dy: from.dy + y as f32 * step,
                    angle: from.angle + a as f32 * angle,
                };
                let cost = small.cost(&other, pose, scale, skip);
                if cost < least {
                    (best, least) = (pose, cost);
                }
            }
        }
    }
    best
}

/// `test` brought to where the golden lies, bilinear; px from beyond the border are those of the border.
pub fn upright(test: &Patch, pose: Pose) -> Patch {
    let mut out = Patch::new(test.width, test.height, test.channels);
    let (n, (sin, cos)) = (test.channels.count(), pose.angle.sin_cos());
    let (cx, cy) = (test.width as f32 / 2.0, test.height as f32 / 2.0);
    let (right, bottom) = ((test.width - 1) as f32, (test.height - 1) as f32);
    for (i, px) in out.data.chunks_exact_mut(n).enumerate() {
        let (u, v) = ((i % test.width) as f32 - cx, (i / test.width) as f32 - cy);
        let x = (u * cos - v * sin + cx + pose.dx).clamp(0.0, right);
        let y = (u * sin + v * cos + cy + pose.dy).clamp(0.0, bottom);
        let (x0, y0) = (x as usize, y as usize);
        let (x1, y1) = ((x0 + 1).min(test.width - 1), (y0 + 1).min(test.height - 1));
        let (fx, fy) = (x - x0 as f32, y - y0 as f32);
        for (c, to) in px.iter_mut().enumerate() {
            let at = |x: usize, y: usize| f32::from(test.data[(y * test.width + x) * n + c]);
            let top = at(x0, y0) * (1.0 - fx) + at(x1, y0) * fx;
            let low = at(x0, y1) * (1.0 - fx) + at(x1, y1) * fx;
            *to = (top * (1.0 - fy) + low * fy).round() as u8;
        }
    }
    out
}
