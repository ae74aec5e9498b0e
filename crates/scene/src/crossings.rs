//! Predicts from the frames' time stamps which part is in the light barrier's beam.

use crate::belt::Belt;
use crate::{PartDefect, SceneError, SceneOptions};

/// Frames in a row that may be missing before the parts in them are skipped.
const CATCH_UP: u64 = 64;

/// A part in the beam.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Crossing {
    /// The number of the frame in which the part's middle is nearest to the beam.
    pub frame: u64,
    /// The part's number, as in [`crate::Truth`].
    pub part_id: u64,
    /// What is wrong with the part.
    pub defect: Option<PartDefect>,
}

/// Finds each part that crosses the middle of the frame exactly once.
#[derive(Debug)]
pub struct Crossings {
    belt: Belt,
    fps: u32,
    /// The number of the next frame.
    next: u64,
}

impl Crossings {
    /// Finds the crossings of a scene with a line; a scene without one has none.
    ///
    /// # Errors
    /// [`SceneError`] where the scene cannot be made.
    pub fn new(options: &SceneOptions) -> Result<Crossings, SceneError> {
        options.check()?;
        Ok(Crossings { belt: Belt::new(options), fps: options.fps, next: 0 })
    }

    /// Calls `on_crossing` for each part that crossed up to the frame with this time stamp: in this frame,
    /// and in up to 64 frames before it that never arrived. A time stamp that goes back restarts the count
    /// there.
    pub fn advance(&mut self, pts_ns: u64, mut on_crossing: impl FnMut(Crossing)) {
        let n = self.number(pts_ns);
        let first = if n < self.next { n } else { self.next.max(n.saturating_sub(CATCH_UP)) };
        for frame in first..=n {
            if let Some((place, part)) = self.belt.crossing(frame) {
                let defect = part.flaw.as_ref().map(|flaw| flaw.kind());
                on_crossing(Crossing { frame, part_id: place.id, defect });
            }
        }
        self.next = n + 1;
    }

    /// The number of the frame with this time stamp: frame n has the time n / fps, rounded down to a
    /// nanosecond.
    fn number(&self, pts_ns: u64) -> u64 {
        let scaled = u128::from(pts_ns) * u128::from(self.fps);
        ((scaled + 500_000_000) / 1_000_000_000) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Scene, Shape};

    #[test]
    fn every_part_crosses_once_whether_or_not_its_frame_arrived() {
        let options = SceneOptions { seed: 7, line: Some(Shape::Plate), ..SceneOptions::default() };
        let mut crossings = Crossings::new(&options).unwrap();
        let (mut seen, mut expected) = (Vec::new(), Vec::new());
        let mut scene = Scene::new(options).unwrap();
        for n in 0..=600 {
            let arrived = n % 7 != 3 && n % 50 != 0;
            if arrived || n == 600 {
                crossings.advance(n * 1_000_000_000 / 30, |crossing| seen.push(crossing));
            }
            let passage = scene.passage(n);
            expected.extend(passage.map(|p| Crossing { frame: n, part_id: p.part_id, defect: p.defect }));
        }
        assert!(seen.len() >= 8);
        assert_eq!(seen, expected);
    }

    #[test]
    fn a_long_gap_is_not_caught_up_and_a_time_stamp_that_goes_back_starts_again() {
        let options = SceneOptions { seed: 7, line: Some(Shape::Plate), ..SceneOptions::default() };
        let frames_of = |crossings: &mut Crossings, n: u64| {
            let mut frames = Vec::new();
            crossings.advance(n * 1_000_000_000 / 30, |crossing| frames.push(crossing.frame));
            frames
        };
        let mut crossings = Crossings::new(&options).unwrap();
        let late = frames_of(&mut crossings, 10_000);
        assert!(late.iter().all(|frame| (9_936..=10_000).contains(frame)), "{late:?}");
        let again: Vec<u64> = (0..=600).flat_map(|n| frames_of(&mut crossings, n)).collect();
        assert!(again.len() >= 8, "{again:?}");
    }
}
