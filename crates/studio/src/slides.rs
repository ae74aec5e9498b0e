//! A show of pictures: each is seen for a while, moved slowly, and fades into the next one ("Ken Burns effect").
//!
//! The same pictures and numbers give the same frames. Two pictures are in memory at once, each a little larger than a frame.

use crate::compose::{Background, ComposeOptions, compose};
use crate::rows::Collected;
use crate::{Picture, Resampler, StudioError, Watch};

/// A prepared picture is so much larger than a frame: by that much it can be moved or enlarged.
const MARGIN: usize = 8;
/// Weights of the interpolation have so many bits.
const BITS: u32 = 8;
const ONE: u32 = 1 << BITS;
/// The most frames of a show: half an hour at 20 a second.
const MOST_FRAMES: usize = 36_000;
/// The sides that a frame may have, px.
const SIDES: std::ops::RangeInclusive<usize> = 16..=3_840;

/// What a show looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlideShow {
    /// Width and height of its frames, px: even, because encoders halve colours.
    pub size: [usize; 2],
    /// How many pictures it has.
    pub pictures: usize,
    /// Frames of each picture; the last ones of them show the next picture too.
    pub frames_each: usize,
    /// Frames in which a picture fades into the next one, at most half of `frames_each`.
    pub fade: usize,
}

impl SlideShow {
    /// Frames of the whole show.
    pub fn frames(&self) -> usize {
        self.pictures.saturating_mul(self.frames_each)
    }

    /// Checks sizes and lengths.
    ///
    /// # Errors
    /// The number that is outside of its range.
    pub fn check(&self) -> Result<(), StudioError> {
        let fault =
            |option, value: usize, allowed| Err(StudioError::Option { option, value: value as f64, allowed });
        if let Some(side) = self.size.iter().find(|side| !SIDES.contains(*side) || *side % 2 != 0) {
            return fault("a side of the clip", *side, "an even number from 16 to 3840");
        }
        if self.pictures == 0 || self.frames_each == 0 || self.frames() > MOST_FRAMES {
            return fault(
                "the number of frames",
                self.frames(),
                "1 to 36000, fewer pictures or a shorter time for each",
            );
        }
        if self.fade > self.frames_each / 2 {
            return fault("the frames of a fade", self.fade, "at most half of the frames of a picture");
        }
        Ok(())
    }

    /// Gives all frames in their order to `frame`, as packed RGB. `load` reads picture `n`, when its turn comes.
    ///
    /// # Errors
    /// As [`SlideShow::check`]; whatever `load` or `frame` fail with; cancelled.
    pub fn play<E: From<StudioError>>(
        &self,
        watch: &Watch<'_>,
        load: &mut dyn FnMut(usize) -> Result<Picture, E>,
        frame: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.check()?;
        let [width, height] = self.size;
        let (mut pixels, mut other) = (vec![0; width * height * 3], Vec::new());
        let prepare = |picture: Picture, at: usize| Slide::new(&picture, self, at, watch);
        let mut now = prepare(load(0)?, 0)?;
        let mut next: Option<Slide> = None;
        for number in 0..self.frames() {
            watch.check()?;
            let (at, place) = (number / self.frames_each, number % self.frames_each);
            if place == 0 && at > 0 {
                now = match next.take() {
                    Some(slide) => slide,
                    None => prepare(load(at)?, at)?,
                };
            }
            now.draw(number, &mut pixels);
            let fading = (place + self.fade + 1).saturating_sub(self.frames_each);
            if fading > 0 && at + 1 < self.pictures {
                let slide = match &mut next {
                    Some(slide) => slide,
                    none => none.insert(prepare(load(at + 1)?, at + 1)?),
                };
                other.resize(pixels.len(), 0);
                slide.draw(number, &mut other);
                mix(&mut pixels, &other, fading as u32 * ONE / (self.fade as u32 + 1));
            }
            frame(&pixels)?;
            watch.report(number + 1, self.frames());
        }
        Ok(())
    }
}

/// Adds `weight` of 256 parts of `other` to what is left of `pixels`.
fn mix(pixels: &mut [u8], other: &[u8], weight: u32) {
    for (pixel, other) in pixels.iter_mut().zip(other) {
        let sum = u32::from(*pixel) * (ONE - weight) + u32::from(*other) * weight;
        *pixel = ((sum + ONE / 2) >> BITS) as u8;
    }
}

/// A part of a prepared picture: left, top, width and height in px.
type Window = [f32; 4];

/// A picture that is a little larger than a frame, and its way through the frames in which it is seen.
struct Slide {
    pixels: Vec<u8>,
    size: [usize; 2],
    target: [usize; 2],
    from: Window,
    to: Window,
    /// The first and the last frame in which it is seen.
    first: usize,
    last: usize,
    columns: Vec<(usize, u32)>,
}

impl Slide {
    fn new(picture: &Picture, show: &SlideShow, at: usize, watch: &Watch<'_>) -> Result<Slide, StudioError> {
        let silent = |_: f32| {};
        let cancelled = || watch.check().is_err();
        let opaque = match picture.alpha {
            None => None,
            Some(_) => {
                let mut rows = Collected::new(picture.width(), 3);
                let watch = Watch::new(&cancelled, &silent);
                compose(picture, &Background::White, &ComposeOptions::default(), &watch, &mut rows)?;
                Some(rows.into_picture()?)
            }
        };
        let source = opaque.as_ref().unwrap_or(picture);
        let size = show.size.map(|side| side + side.div_ceil(MARGIN));
        let mut pixels = vec![0; size[0] * size[1] * 3];
        let whole = [source.width(), source.height()];
        let mut resampler = Resampler::cover(&source.colour.data, whole, 3, size);
        for (y, row) in pixels.chunks_exact_mut(size[0] * 3).enumerate() {
            watch.check()?;
            resampler.row(y, row);
        }
        let (from, to) = way(at, size, show.size);
        let first = if at == 0 { 0 } else { at * show.frames_each - show.fade };
        let last = (at + 1) * show.frames_each - 1;
        Ok(Slide { pixels, size, target: show.size, from, to, first, last, columns: Vec::new() })
    }

    /// Draws frame `number` of the show.
    fn draw(&mut self, number: usize, into: &mut [u8]) {
        let steps = (self.last - self.first).max(1) as f32;
        let done = number.saturating_sub(self.first) as f32 / steps;
        let window: Window = std::array::from_fn(|at| self.from[at] + done * (self.to[at] - self.from[at]));
        let [width, height] = self.target;
        let axis = |at: usize, i: usize, target: usize, source: usize| {
            let centre = window[at] + (i as f32 + 0.5) * window[at + 2] / target as f32 - 0.5;
            let centre = centre.clamp(0.0, (source - 1) as f32);
            // The right neighbour of the last one has no weight.
            let start = (centre as usize).min(source - 2);
            (start, ((centre - start as f32) * ONE as f32) as u32)
        };
        self.columns.clear();
        self.columns.extend((0..width).map(|x| axis(0, x, width, self.size[0])));
        let stride = self.size[0] * 3;
        for (y, row) in into.chunks_exact_mut(width * 3).take(height).enumerate() {
            let (top, weight) = axis(1, y, height, self.size[1]);
            let (upper, lower) = self.pixels[top * stride..][..2 * stride].split_at(stride);
            for (pixel, (left, across)) in row.chunks_exact_mut(3).zip(&self.columns) {
                let (upper, lower) = (&upper[left * 3..][..6], &lower[left * 3..][..6]);
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let along = |row: &[u8]| {
                        u32::from(row[channel]) * (ONE - across) + u32::from(row[channel + 3]) * across
                    };
                    let sum = along(upper) * (ONE - weight) + along(lower) * weight;
                    *value = ((sum + (1 << (2 * BITS - 1))) >> (2 * BITS)) as u8;
                }
            }
        }
    }
}

/// The first and the last window of picture `at`: closer, to the right, back, to the left, and again.
fn way(at: usize, size: [usize; 2], frame: [usize; 2]) -> (Window, Window) {
    let [all_w, all_h] = size.map(|side| side as f32);
    let [w, h] = frame.map(|side| side as f32);
    let (spare_x, spare_y) = (all_w - w, all_h - h);
    let whole = [0.0, 0.0, all_w, all_h];
    let middle = [spare_x / 2.0, spare_y / 2.0, w, h];
    let (left, right) = ([0.0, spare_y / 2.0, w, h], [spare_x, spare_y / 2.0, w, h]);
    match at % 4 {
        0 => (whole, middle),
        1 => (left, right),
        2 => (middle, whole),
        _ => (right, left),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHOW: SlideShow = SlideShow { size: [32, 16], pictures: 3, frames_each: 10, fade: 4 };

    fn plain(value: u8) -> Picture {
        Picture::opaque(50, 40, vec![value; 50 * 40 * 3]).unwrap()
    }

    fn frames(show: &SlideShow, load: &mut dyn FnMut(usize) -> Result<Picture, StudioError>) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        let mut keep = |pixels: &[u8]| {
            frames.push(pixels.to_vec());
            Ok(())
        };
        show.play(&Watch::none(), load, &mut keep).unwrap();
        frames
    }

    #[test]
    fn plain_pictures_stay_plain_and_fade_evenly_into_one_another() {
        let values = [0, 200, 100];
        let mut loaded = Vec::new();
        let frames = frames(&SHOW, &mut |at| {
            loaded.push(at);
            Ok(plain(values[at]))
        });
        assert_eq!((frames.len(), loaded), (30, vec![0, 1, 2]));
        assert!(frames.iter().all(|frame| frame.iter().all(|value| value == &frame[0])));
        let seen: Vec<u8> = frames.iter().map(|frame| frame[0]).collect();
        assert_eq!(seen[..12], [0, 0, 0, 0, 0, 0, 40, 80, 120, 159, 200, 200]);
        assert_eq!(seen[15..22], [200, 180, 160, 140, 120, 100, 100]);
        assert!(seen[22..].iter().all(|value| *value == 100));
    }

    #[test]
    fn the_first_frame_is_the_whole_picture_and_the_show_moves() {
        let gradient: Vec<u8> = (0..40 * 80).flat_map(|at| [(at % 80 * 3) as u8; 3]).collect();
        let show = SlideShow { pictures: 1, ..SHOW };
        let picture = Picture::opaque(80, 40, gradient).unwrap();
        let frames = frames(&show, &mut |_| Ok(picture.clone()));
        let row = &frames[0][8 * 32 * 3..9 * 32 * 3];
        for (x, pixel) in row.chunks_exact(3).enumerate().skip(2).take(28) {
            let expected = (x as f32 + 0.5) * 80.0 / 32.0 * 3.0;
            assert!((f32::from(pixel[0]) - expected).abs() < 6.0, "{x}: {} and not {expected}", pixel[0]);
        }
        assert_ne!(frames[0], frames[9]);
        // Closer: the same gradient is less steep.
        let steepness = |frame: &[u8]| i32::from(frame[29 * 3]) - i32::from(frame[2 * 3]);
        assert!(steepness(&frames[9]) < steepness(&frames[0]) - 10);
    }

    #[test]
    fn transparent_pictures_lie_on_white_and_numbers_outside_of_their_range_are_refused() {
        let clear = Picture { alpha: Some(vec![0; 50 * 40]), ..plain(10) };
        let show = SlideShow { pictures: 1, ..SHOW };
        assert!(frames(&show, &mut |_| Ok(clear.clone()))[0].iter().all(|value| *value == 255));
        for wrong in [
            SlideShow { size: [33, 16], ..SHOW },
            SlideShow { size: [32, 8], ..SHOW },
            SlideShow { size: [4_000, 16], ..SHOW },
            SlideShow { pictures: 0, ..SHOW },
            SlideShow { frames_each: 20_000, ..SHOW },
            SlideShow { fade: 6, ..SHOW },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
    }
}
