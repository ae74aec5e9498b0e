//! A synthetic part with edges of every direction, drawn wherever it is wanted, as a camera would see it.

use std::sync::LazyLock;

use ocellus::types::{PixelFormat, Pose};

use crate::support::picture::Picture;

/// Sub-pixels of a px in each direction.
const SUB: usize = 4;

/// A part, drawn once at `SUB` times its size.
pub struct Part {
    pub width: usize,
    pub height: usize,
    fine: Vec<u8>,
}

/// Light and dirt of one picture of a part.
#[derive(Clone, Copy, Debug)]
pub struct Light {
    pub gain: f64,
    pub offset: f64,
    pub noise: f64,
    pub seed: u64,
}

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl Part {
    /// The one that most tests look for.
    pub fn usual() -> &'static Part {
        static PART: LazyLock<Part> = LazyLock::new(|| Part::new(321, 241, 7));
        &PART
    }

    /// Rectangles and discs of many sizes and greys.
    pub fn new(width: usize, height: usize, seed: u64) -> Part {
        let mut rng = Rng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (w, h) = (width * SUB, height * SUB);
        let mut fine = vec![120; w * h];
        for _ in 0..width * height / 200 {
            let (cx, cy) = (rng.next() * w as f64, rng.next() * h as f64);
            let (a, b) = ((3.0 + 14.0 * rng.next()) * SUB as f64, (3.0 + 9.0 * rng.next()) * SUB as f64);
            let (round, grey) = (rng.next() < 0.4, (30.0 + 190.0 * rng.next()) as u8);
            let (sin, cos) = (rng.next() * 3.0).sin_cos();
            let r = a.max(b) as isize + 1;
            for y in (cy as isize - r).max(0)..(cy as isize + r).min(h as isize) {
                for x in (cx as isize - r).max(0)..(cx as isize + r).min(w as isize) {
                    let (dx, dy) = (x as f64 - cx, y as f64 - cy);
                    let (u, v) = ((cos * dx + sin * dy) / a, (cos * dy - sin * dx) / b);
                    let inside = if round { u * u + v * v < 0.6 } else { u.abs().max(v.abs()) < 0.7 };
                    if inside {
                        fine[y as usize * w + x as usize] = grey;
                    }
                }
            }
        }
        Part { width, height, fine }
    }

    /// The part at `pose`, in a frame of its own size and of any format; chroma is noise, colours are equal.
    pub fn picture(&self, format: PixelFormat, pose: &Pose, light: Light) -> Picture {
        let mut picture = Picture::noise(format, (self.width, self.height), 5, light.seed);
        let mut rng = Rng(light.seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let (sin, cos) = f64::from(pose.angle_rad).sin_cos();
        for y in 0..self.height {
            for x in 0..self.width {
                let mut sum = 0.0;
                for k in 0..SUB * SUB {
                    let sub = |k: usize| (k as f64 + 0.5) / SUB as f64;
                    let (fx, fy) = (x as f64 + sub(k % SUB), y as f64 + sub(k / SUB));
                    let (dx, dy) = (fx - f64::from(pose.dx), fy - f64::from(pose.dy));
                    sum += self.at(cos * dx + sin * dy, cos * dy - sin * dx);
                }
                let normal = (0..12).map(|_| rng.next()).sum::<f64>() - 6.0;
                let grey = light.gain * sum / (SUB * SUB) as f64 + light.offset + light.noise * normal;
                put(&mut picture, x, y, grey.round().clamp(0.0, 255.0) as u8);
            }
        }
        picture
    }

    /// Between the sub-pixels, too: a place that is rounded would be a wrong truth.
    fn at(&self, x: f64, y: f64) -> f64 {
        let split = |v: f64, size: usize| {
            let v = (v * SUB as f64 - 0.5).clamp(0.0, (size * SUB - 2) as f64);
            (v as usize, v.fract())
        };
        let ((x, fx), (y, fy)) = (split(x, self.width), split(y, self.height));
        let row = |y: usize| {
            let row = &self.fine[y * self.width * SUB + x..];
            f64::from(row[0]) * (1.0 - fx) + f64::from(row[1]) * fx
        };
        row(y) * (1.0 - fy) + row(y + 1) * fy
    }
}

fn put(picture: &mut Picture, x: usize, y: usize, grey: u8) {
    let (row, _) = picture.format.plane_sizes(picture.width, picture.height)[0];
    let start = y * (row + picture.padding);
    let px = &mut picture.planes[0][start..];
    match picture.format {
        PixelFormat::Nv12 | PixelFormat::I420 | PixelFormat::Gray8 => px[x] = grey,
        PixelFormat::Yuy2 => px[2 * x] = grey,
        PixelFormat::Rgb | PixelFormat::Bgr => px[3 * x..3 * x + 3].fill(grey),
        PixelFormat::Rgba => px[4 * x..4 * x + 3].fill(grey),
    }
}

/// The pose that turns a part about its own middle and then shifts it.
pub fn about_middle(part: &Part, dx: f64, dy: f64, angle_deg: f64) -> Pose {
    let (cx, cy) = (part.width as f64 / 2.0, part.height as f64 / 2.0);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    Pose {
        dx: (cx + dx - cos * cx + sin * cy) as f32,
        dy: (cy + dy - sin * cx - cos * cy) as f32,
        angle_rad: angle_deg.to_radians() as f32,
    }
}
