//! Pictures of every format, with padded rows.

use ocellus::types::{PixelFormat, Planes};

/// The bytes of a picture whose planes have `padding` bytes after each row but the last.
#[derive(Debug)]
pub struct Picture {
    pub format: PixelFormat,
    pub width: usize,
    pub height: usize,
    pub padding: usize,
    pub planes: [Vec<u8>; 3],
}

impl Picture {
    /// Noise: every error of a kernel shows.
    pub fn noise(format: PixelFormat, (width, height): (usize, usize), padding: usize, seed: u64) -> Picture {
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
    #[allow(dead_code, reason = "each test binary uses its part")]
    pub fn flat(format: PixelFormat, size: (usize, usize), value: u8) -> Picture {
        let mut picture = Picture::noise(format, size, 0, 1);
        picture.planes.iter_mut().for_each(|plane| plane.fill(value));
        picture
    }

    pub fn view(&self) -> Planes<'_> {
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
