//! Plain implementations that tests compare with: pixel by pixel, as the definitions say.

use super::bits::Bits;

/// A mask of any content: noise of any density, or large rectangles.
pub(super) fn mask(width: usize, height: usize, seed: u64, density: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut pixels = vec![0; width * height];
    if density < 100 {
        pixels.iter_mut().for_each(|pixel| *pixel = u8::from(random(100) < density));
        return pixels;
    }
    for _ in 0..random(12) {
        let value = random(3) as u8;
        let (x, y) = (random(width as u64) as usize, random(height as u64) as usize);
        let (right, bottom) = (x + random(40) as usize, y + random(40) as usize);
        for y in y..bottom.min(height) {
            pixels[y * width..][x..right.min(width)].fill(value);
        }
    }
    pixels
}

pub(super) fn packed(width: usize, height: usize, pixels: &[u8]) -> Bits {
    let mut bits = Bits::default();
    bits.pack(width, height, pixels);
    bits
}

pub(super) fn unpacked(bits: &Bits) -> Vec<u8> {
    let mut pixels = Vec::new();
    bits.unpack(&mut pixels);
    pixels
}

/// The pixels of the window around each pixel: `value` if all of them (`all`) or any of them is; outside is 0.
pub(super) fn window(
    (width, height): (usize, usize),
    pixels: &[u8],
    before: usize,
    after: usize,
    all: bool,
) -> Vec<u8> {
    let set = |x: isize, y: isize| {
        (0..width as isize).contains(&x)
            && (0..height as isize).contains(&y)
            && pixels[y as usize * width + x as usize] != 0
    };
    let offsets = -(before as isize)..=after as isize;
    let pixel = |at: usize| {
        let (x, y) = ((at % width) as isize, (at / width) as isize);
        let mut around = offsets
            .clone()
            .flat_map(|dy| offsets.clone().map(move |dx| (dx, dy)))
            .map(|(dx, dy)| set(x + dx, y + dy));
        u8::from(if all { around.all(|set| set) } else { around.any(|set| set) })
    };
    (0..width * height).map(pixel).collect()
}

/// The component of each pixel whose value is `value`, from 1 in raster order (4 neighbours); 0 for the others.
pub(super) fn components(width: usize, pixels: &[u8], value: bool) -> (Vec<u16>, u16) {
    let mut labels = vec![0; pixels.len()];
    let mut count = 0;
    for start in 0..pixels.len() {
        if (pixels[start] != 0) != value || labels[start] != 0 {
            continue;
        }
        count += 1;
        let mut waiting = vec![start];
        while let Some(at) = waiting.pop() {
            if (pixels[at] != 0) != value || labels[at] != 0 {
                continue;
            }
            labels[at] = count;
            let (x, y) = (at % width, at / width);
            waiting.extend((x > 0).then(|| at - 1));
            waiting.extend((x + 1 < width).then_some(at + 1));
            waiting.extend((y > 0).then(|| at - width));
            waiting.extend(((y + 1) * width < pixels.len()).then_some(at + width));
        }
    }
    (labels, count)
}

/// A mask with all background set that no path of background connects to the border.
pub(super) fn fill_holes(width: usize, pixels: &[u8]) -> Vec<u8> {
    let (labels, _) = components(width, pixels, false);
    let height = pixels.len() / width;
    let border = |at: usize| {
        let (x, y) = (at % width, at / width);
        x == 0 || x + 1 == width || y == 0 || y + 1 == height
    };
    let open: std::collections::HashSet<u16> =
        (0..pixels.len()).filter(|at| border(*at)).map(|at| labels[at]).collect();
    labels.iter().map(|label| u8::from(*label == 0 || !open.contains(label))).collect()
}
