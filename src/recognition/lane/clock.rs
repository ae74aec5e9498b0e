//! The clock that decides when a face is recognised again.

use crate::types::Frame;

/// The longest step between a source's stamps that counts as time; a longer one is a gap or another source.
const LONGEST_STEP_NS: u64 = 10_000_000_000;

/// Time by the frames of one camera. In step it follows the source's own stamps alone, so that the reading
/// speed does not matter. Otherwise it is the time of capture.
#[derive(Debug)]
pub(super) struct LaneClock {
    in_step: bool,
    now_ns: u64,
    /// The last frame's own stamp; `step_ns` is the step that led to it.
    last: Option<u64>,
    step_ns: u64,
}

impl LaneClock {
    pub(super) fn new(in_step: bool) -> LaneClock {
        // Starts above 0, because a new track counts as last reported at 0.
        LaneClock { in_step, now_ns: LONGEST_STEP_NS, last: None, step_ns: 0 }
    }

    /// Advances to `frame`. A stamp that does not increase (the file begins again) counts as one more step.
    pub(super) fn tick(&mut self, frame: &Frame) {
        let own = frame.pts_ns.filter(|_| self.in_step);
        let Some(pts) = own else {
            self.now_ns = frame.captured.mono_ns;
            return;
        };
        let step = self.last.replace(pts).map(|last| pts.checked_sub(last));
        if let Some(step) = step {
            let sound = step.filter(|step| (1..LONGEST_STEP_NS).contains(step));
            self.step_ns = sound.unwrap_or(self.step_ns);
            self.now_ns += self.step_ns;
        }
    }

    /// The present time of this clock, nanoseconds.
    pub(super) fn now_ns(&self) -> u64 {
        self.now_ns
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::types::{PixelFormat, Stamp};

    fn frame(captured_ns: u64, pts_ns: Option<u64>) -> Frame {
        let captured = Stamp { mono_ns: captured_ns, wall_ns: captured_ns };
        let bytes: Arc<[u8]> = Arc::from([0u8; 4].as_slice());
        let mut frame = Frame::from_memory(0, captured, (PixelFormat::Gray8, 2, 2), bytes).unwrap();
        frame.pts_ns = pts_ns;
        frame
    }

    fn steps(in_step: bool, frames: &[(u64, Option<u64>)]) -> Vec<u64> {
        let mut clock = LaneClock::new(in_step);
        let times: Vec<u64> = frames
            .iter()
            .map(|(captured, pts)| {
                clock.tick(&frame(*captured, *pts));
                clock.now_ns()
            })
            .collect();
        times.windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    #[test]
    fn in_step_time_goes_by_the_source_whatever_the_load_and_goes_on_where_the_file_begins_again() {
        let fast = [(5, Some(0)), (6, Some(40)), (7, Some(80)), (8, Some(0)), (9, Some(40))];
        let slow = [(500, Some(0)), (900, Some(40)), (1_700, Some(80)), (1_800, Some(0)), (1_900, Some(40))];
        assert_eq!(steps(true, &fast), [40, 40, 40, 40]);
        assert_eq!(steps(true, &slow), steps(true, &fast));
    }

    #[test]
    fn otherwise_and_without_stamps_time_is_that_of_capture() {
        let frames = [(500, Some(0)), (900, Some(40)), (1_700, Some(80))];
        assert_eq!(steps(false, &frames), [400, 800]);
        assert_eq!(steps(true, &[(500, None), (900, None)]), [400]);
    }
}
