//! Preprocessing as a user sees it: against a plain f64 reference, against Pillow's own results, its errors,
//! its silence on the heap, and JPEG snapshots.

mod against_pillow;
mod against_reference;
mod allocations;
mod errors;
mod placement;
mod reference;
mod snapshots;

use ocellus::image::{Channels, Target};
use ocellus::types::{Dtype, Fit, PixelFormat, Planes, Resize};

/// A plain RGB u8 target, to be changed where a test wants something else.
fn rgb_target(width: usize, height: usize) -> Target {
    Target {
        width,
        height,
        channels: Channels::Rgb,
        dtype: Dtype::U8,
        mul: [1.0; 3],
        add: [0.0; 3],
        fit: Fit::Stretch,
        pad: 0,
        resize: Resize::Antialias,
    }
}

/// The bytes of a picture whose planes have `padding` bytes after each row but the last.
#[derive(Debug)]
struct Picture {
    format: PixelFormat,
    width: usize,
    height: usize,
    padding: usize,
    planes: [Vec<u8>; 3],
}

impl Picture {
    /// Noise: every error of a kernel shows.
    fn noise(format: PixelFormat, (width, height): (usize, usize), padding: usize, seed: u64) -> Picture {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        };
        let planes = format.plane_sizes(width, height).map(|(row, rows)| {
            let len = if rows == 0 { 0 } else { (rows - 1) * (row + padding) + row };
            (0..len).map(|_| next()).collect()
        });
        Picture { format, width, height, padding, planes }
    }

    /// One value in every byte.
    fn flat(format: PixelFormat, size: (usize, usize), value: u8) -> Picture {
        let mut picture = Picture::noise(format, size, 0, 1);
        picture.planes.iter_mut().for_each(|plane| plane.fill(value));
        picture
    }

    fn view(&self) -> Planes<'_> {
        let sizes = self.format.plane_sizes(self.width, self.height);
        Planes {
            format: self.format,
            width: self.width,
            height: self.height,
            colour: Default::default(),
            data: [&self.planes[0], &self.planes[1], &self.planes[2]],
            stride: sizes.map(|(row, _)| if row == 0 { 0 } else { row + self.padding }),
        }
    }
}
