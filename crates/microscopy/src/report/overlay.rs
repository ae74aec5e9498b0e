//! A frame with the outlines of its cells and their ids.

use std::collections::BTreeMap;

use super::digits;
use crate::cells::Labels;
use crate::{Pixels, Plane};

/// Shares of the pixels that become black and white, so that a few very bright ones do not darken the others.
const BLACK: f64 = 0.005;
const WHITE: f64 = 0.998;
/// Pixels from which black and white are taken.
const SAMPLED: usize = 1 << 16;
/// Small frames are enlarged by at most this factor.
const MOST_ENLARGED: usize = 4;
/// For each of these sides that a picture reaches, pixels, ids are drawn a dot larger; from the first on outlines are.
const LARGE: [usize; 2] = [500, 1200];

/// Colours of cells that stand apart from grey, and neighbouring ids from one another.
const COLOURS: [[u8; 3]; 6] =
    [[64, 220, 255], [255, 214, 64], [120, 255, 120], [255, 150, 240], [255, 170, 80], [150, 180, 255]];
const BAD: [u8; 3] = [255, 70, 70];
const DROPPED: [u8; 3] = [170, 170, 170];

/// How a cell is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// Its trace is used: a colour by its id.
    Good,
    /// A person marked its trace as bad: red.
    Bad,
    /// Its trace was dropped: grey.
    Dropped,
}

/// A picture of `width * height` pixels of three bytes: red, green, blue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rgb {
    /// Pixels in a row.
    pub width: usize,
    /// Rows of the picture.
    pub height: usize,
    /// Three bytes for each pixel, row by row.
    pub pixels: Vec<u8>,
}

/// Why a picture could not be compressed.
#[derive(Debug, thiserror::Error)]
#[error("the picture cannot be compressed as JPEG: {0}")]
pub struct JpegError(#[from] image::ImageError);

impl Rgb {
    /// The picture as a JPEG file.
    ///
    /// # Errors
    /// A side is 0 or longer than 65,535 pixels.
    pub fn jpeg(&self, quality: u8) -> Result<Vec<u8>, JpegError> {
        let mut bytes = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut bytes, quality);
        encoder.encode(
            &self.pixels,
            self.width as u32,
            self.height as u32,
            image::ExtendedColorType::Rgb8,
        )?;
        Ok(bytes)
    }

    fn set(&mut self, x: usize, y: usize, colour: [u8; 3]) {
        if x < self.width && y < self.height {
            let at = (y * self.width + x) * 3;
            self.pixels[at..at + 3].copy_from_slice(&colour);
        }
    }
}

/// The plane in grey, stretched between its percentiles, with each label of `labels` outlined and its id beside it. The
/// longer side has at most `longest` pixels; small frames are enlarged by a whole factor. `style` says how a cell is drawn.
///
/// Labels of another size than the plane's are left out, as is everything where the plane has no pixels.
pub fn overlay(plane: &Plane, labels: &Labels, longest: usize, style: impl Fn(u32) -> Outline) -> Rgb {
    let (width, height) = (plane.width, plane.height);
    if width == 0 || height == 0 || plane.pixels.len() != width * height || longest == 0 {
        return Rgb::default();
    }
    let side = width.max(height);
    let enlarged = (longest / side).clamp(1, MOST_ENLARGED);
    let scaled = |length: usize| match side <= longest {
        true => length * enlarged,
        false => (length * longest / side).max(1),
    };
    let (to_width, to_height) = (scaled(width), scaled(height));
    let mut picture = match &plane.pixels {
        Pixels::U16(pixels) => grey(pixels, (width, height), (to_width, to_height)),
        Pixels::F32(pixels) => grey(pixels, (width, height), (to_width, to_height)),
    };
    if (labels.width, labels.height, labels.pixels.len()) == (width, height, width * height) {
        draw(&mut picture, labels, style);
    }
    picture
}

/// A pixel value of any kind.
trait Value: Copy {
    fn value(self) -> f64;
}

impl Value for u16 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

impl Value for f32 {
    fn value(self) -> f64 {
        f64::from(self)
    }
}

/// The values that become black and white.
fn limits(pixels: &[impl Value]) -> [f64; 2] {
    // An odd step, so that a sample does not follow the columns of the picture.
    let step = (pixels.len() / SAMPLED).max(1) | 1;
    let sampled = pixels.iter().step_by(step).map(|pixel| pixel.value());
    let mut sampled: Vec<f64> = sampled.filter(|value| value.is_finite()).collect();
    sampled.sort_unstable_by(f64::total_cmp);
    let Some(last) = sampled.len().checked_sub(1) else { return [0.0, 1.0] };
    let at = |share: f64| sampled[(last as f64 * share).round() as usize];
    let (black, white) = (at(BLACK), at(WHITE));
    if white > black { [black, white] } else { [black, black + 1.0] }
}

/// The picture in grey; where it becomes smaller, a pixel is the mean of those that it covers.
fn grey(
    pixels: &[impl Value],
    (width, height): (usize, usize),
    (to_width, to_height): (usize, usize),
) -> Rgb {
    let [black, white] = limits(pixels);
    let mut picture = Rgb { width: to_width, height: to_height, pixels: Vec::new() };
    picture.pixels.reserve_exact(to_width * to_height * 3);
    // The pixels that place `to` of `count` covers, of `length`.
    let covered = |to: usize, count: usize, length: usize| {
        let from = to * length / count;
        from..((to + 1) * length / count).max(from + 1)
    };
    for y in 0..to_height {
        let rows = covered(y, to_height, height);
        for x in 0..to_width {
            let columns = covered(x, to_width, width);
            let (mut sum, mut count) = (0.0, 0.0);
            for row in rows.clone() {
                for pixel in &pixels[row * width + columns.start..row * width + columns.end] {
                    sum += pixel.value();
                    count += 1.0;
                }
            }
            let level = ((sum / count - black) / (white - black)).clamp(0.0, 1.0);
            // A value that is not a number becomes 0.
            picture.pixels.extend([(level * 255.0) as u8; 3]);
        }
    }
    picture
}

/// Where the pixels of a cell are in the picture: first and last column and row.
#[derive(Clone, Copy)]
struct Extent {
    columns: [usize; 2],
    rows: [usize; 2],
}

fn draw(picture: &mut Rgb, labels: &Labels, style: impl Fn(u32) -> Outline) {
    let (width, height) = (picture.width, picture.height);
    let thickness = if width.max(height) >= LARGE[0] { 2 } else { 1 };
    let column = |x: usize| (x * labels.width / width + labels.width / width / 2).min(labels.width - 1);
    let columns: Vec<usize> = (0..width).map(column).collect();
    let row_of = |y: usize| {
        let y = (y * labels.height / height + labels.height / height / 2).min(labels.height - 1);
        &labels.pixels[y * labels.width..][..labels.width]
    };
    // Beyond the picture there is no label.
    let label_at = |x: Option<usize>, y: Option<usize>| {
        let column = *columns.get(x?)?;
        y.filter(|y| *y < height).map(|y| row_of(y)[column])
    };
    let mut styles: BTreeMap<u16, ([u8; 3], Extent)> = BTreeMap::new();
    for y in 0..height {
        let row = row_of(y);
        for x in 0..width {
            let label = row[columns[x]];
            if label == 0 {
                continue;
            }
            let (colour, extent) = styles.entry(label).or_insert_with(|| {
                (colour(label.into(), style(label.into())), Extent { columns: [x; 2], rows: [y; 2] })
            });
            extent.columns = [extent.columns[0].min(x), extent.columns[1].max(x)];
            extent.rows[1] = y;
            let is_inside = |away: usize| {
                let beside = [x.checked_sub(away), Some(x + away)].map(|x| label_at(x, Some(y)));
                let over = [y.checked_sub(away), Some(y + away)].map(|y| label_at(Some(x), y));
                beside.iter().chain(&over).all(|other| *other == Some(label))
            };
            if !(1..=thickness).all(is_inside) {
                picture.set(x, y, *colour);
            }
        }
    }
    // Dropped cells first: where ids overlap, that of a trace is on top.
    let is_dropped = |colour: &[u8; 3]| *colour == DROPPED;
    let (dropped, kept): (Vec<_>, Vec<_>) = styles.iter().partition(|(_, (colour, _))| is_dropped(colour));
    for (label, (colour, extent)) in dropped.into_iter().chain(kept) {
        id(picture, u32::from(*label), *extent, *colour);
    }
}

fn colour(id: u32, outline: Outline) -> [u8; 3] {
    match outline {
        Outline::Good => COLOURS[id as usize % COLOURS.len()],
        Outline::Bad => BAD,
        Outline::Dropped => DROPPED,
    }
}

/// Draws the id in the middle of its cell, or to the right of one that it would cover, on a dark rim that keeps it
/// legible; at a border of the picture it is moved inside.
fn id(picture: &mut Rgb, id: u32, cell: Extent, colour: [u8; 3]) {
    let size = 1 + LARGE.iter().filter(|side| picture.width.max(picture.height) >= **side).count();
    let dots = digits::dots(id);
    let count = id.to_string().len();
    let (wide, high) = ((count * digits::ADVANCE - 1) * size, digits::HEIGHT * size);
    let fits = |[first, last]: [usize; 2], length: usize| last + 1 - first >= 2 * length;
    let middle = |[first, last]: [usize; 2], length: usize| ((first + last) / 2).saturating_sub(length / 2);
    let x = match fits(cell.columns, wide) && fits(cell.rows, high) {
        true => middle(cell.columns, wide),
        false => cell.columns[1] + 2 + size,
    };
    let inside = |at: usize, length: usize, limit: usize| at.min(limit.saturating_sub(length + 1)).max(1);
    let left = inside(x, wide, picture.width);
    let top = inside(middle(cell.rows, high), high, picture.height);
    let fill = |picture: &mut Rgb, rim: usize, colour: [u8; 3]| {
        for (x, y) in &dots {
            let (x, y) = (left + x * size, top + y * size);
            for y in y.saturating_sub(rim)..y + size + rim {
                (x.saturating_sub(rim)..x + size + rim).for_each(|x| picture.set(x, y, colour));
            }
        }
    };
    fill(picture, 1, [0, 0, 0]);
    fill(picture, 0, colour);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame of 40 by 20 pixels with a dark and a bright half, and the cell 12 in its middle.
    fn frame() -> (Plane, Labels) {
        let (width, height) = (40, 20);
        let level = |at: usize| if at % width < 20 { 100 } else { 900 };
        let inside = |at: usize| (12..28).contains(&(at % width)) && (4..16).contains(&(at / width));
        let pixels = (0..width * height).map(level).collect();
        let label = |at: usize| if inside(at) { 12 } else { 0 };
        let labels = (0..width * height).map(label).collect();
        (Plane { width, height, pixels: Pixels::U16(pixels) }, Labels { width, height, pixels: labels })
    }

    fn at(picture: &Rgb, x: usize, y: usize) -> [u8; 3] {
        let at = (y * picture.width + x) * 3;
        picture.pixels[at..at + 3].try_into().unwrap()
    }

    #[test]
    fn a_frame_is_stretched_and_its_cells_are_outlined_with_their_ids() {
        let (plane, labels) = frame();
        let picture = overlay(&plane, &labels, 40, |_| Outline::Good);
        assert_eq!((picture.width, picture.height), (40, 20));
        assert_eq!((at(&picture, 0, 0), at(&picture, 39, 19)), ([0; 3], [255; 3]));
        let colour = COLOURS[12 % COLOURS.len()];
        for corner in [(12, 4), (27, 4), (12, 15), (27, 15), (20, 4)] {
            assert_eq!(at(&picture, corner.0, corner.1), colour, "{corner:?}");
        }
        assert_ne!(at(&picture, 13, 5), colour, "the inside stays as it is");
        let beside = (5..15).flat_map(|y| (28..40).map(move |x| (x, y)));
        let dots = beside.filter(|(x, y)| at(&picture, *x, *y) == colour).count();
        assert_eq!(dots, digits::dots(12).len());
        for (style, colour) in [(Outline::Bad, BAD), (Outline::Dropped, DROPPED)] {
            assert_eq!(at(&overlay(&plane, &labels, 40, |_| style), 12, 4), colour);
        }
    }

    #[test]
    fn the_longer_side_is_bounded_and_small_frames_are_enlarged() {
        let (plane, labels) = frame();
        for (longest, expected) in [(10, (10, 5)), (39, (39, 19)), (100, (80, 40)), (4000, (160, 80))] {
            let picture = overlay(&plane, &labels, longest, |_| Outline::Good);
            assert_eq!((picture.width, picture.height), expected, "{longest}");
            assert_eq!(picture.pixels.len(), expected.0 * expected.1 * 3);
            assert!(picture.jpeg(80).unwrap().starts_with(&[0xff, 0xd8, 0xff]));
        }
    }

    #[test]
    fn frames_without_contrast_or_sense_give_a_picture_or_none() {
        let labels = Labels { width: 2, height: 1, pixels: vec![0, 1] };
        let nan = Plane { width: 3, height: 1, pixels: Pixels::F32(vec![f32::NAN; 3]) };
        assert_eq!(overlay(&nan, &labels, 3, |_| Outline::Good).pixels, [0; 9]);
        let flat = Plane { width: 3, height: 1, pixels: Pixels::U16(vec![7; 3]) };
        assert_eq!(overlay(&flat, &labels, 3, |_| Outline::Good).pixels, [0; 9]);
        assert_eq!(overlay(&Plane::empty(), &labels, 3, |_| Outline::Good), Rgb::default());
    }
}
