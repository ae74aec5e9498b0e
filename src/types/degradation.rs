//! What the service does without while it has more work than time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// One thing that may be done without under overload. Inspection is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DegradationStep {
    /// Overlays on pictures for viewers.
    Annotation,
    /// The usual rate of live pictures.
    Preview,
    /// Recording, continuous or around events.
    Recorder,
    /// Detection on as many frames as configured.
    Detection,
    /// The camera's usual frame rate, where it does not inspect.
    FrameRate,
}

impl DegradationStep {
    /// All steps, in the order in which they are taken by default.
    pub const ALL: [DegradationStep; 5] = [
        DegradationStep::Annotation,
        DegradationStep::Preview,
        DegradationStep::Recorder,
        DegradationStep::Detection,
        DegradationStep::FrameRate,
    ];

    /// The word that stands for it in the configuration and in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            DegradationStep::Annotation => "annotation",
            DegradationStep::Preview => "preview",
            DegradationStep::Recorder => "recorder",
            DegradationStep::Detection => "detection",
            DegradationStep::FrameRate => "frame_rate",
        }
    }
}

/// The steps that are taken now, and how far each goes. Clones share them: the ladder sets them, and the stages read them
/// with one or two relaxed loads, which neither lock nor allocate.
#[derive(Clone, Debug, Default)]
pub struct Degradation(Arc<DegradationInner>);

#[derive(Debug, Default)]
struct DegradationInner {
    taken: AtomicU8,
    preview_fps: AtomicU32,
    detect_factor: AtomicU32,
    frame_every: AtomicU32,
}

impl Degradation {
    /// Whether the service does without `step` at present.
    pub fn has(&self, step: DegradationStep) -> bool {
        self.0.taken.load(Ordering::Relaxed) & bit(step) != 0
    }

    /// Takes `step`, or takes it back.
    pub fn set(&self, step: DegradationStep, taken: bool) {
        match taken {
            true => self.0.taken.fetch_or(bit(step), Ordering::Relaxed),
            false => self.0.taken.fetch_and(!bit(step), Ordering::Relaxed),
        };
    }

    /// Sets how far the steps go: live pictures a second at most, how many times more rarely detection is done, and that
    /// cameras give every n-th frame.
    pub fn set_extent(&self, preview_fps: u32, detect_factor: u32, frame_every: u32) {
        self.0.preview_fps.store(preview_fps, Ordering::Relaxed);
        self.0.detect_factor.store(detect_factor, Ordering::Relaxed);
        self.0.frame_every.store(frame_every, Ordering::Relaxed);
    }

    /// Live pictures a second at present, where `usual` are configured.
    pub fn preview_fps(&self, usual: u32) -> u32 {
        match self.has(DegradationStep::Preview) {
            true => usual.min(self.0.preview_fps.load(Ordering::Relaxed).max(1)),
            false => usual,
        }
    }

    /// Every how many frames detection is done at present, where `usual` is configured.
    pub fn detect_every(&self, usual: u32) -> u32 {
        match self.has(DegradationStep::Detection) {
            true => usual.saturating_mul(self.0.detect_factor.load(Ordering::Relaxed).max(1)),
            false => usual,
        }
    }

    /// Every how many frames a camera that does not inspect gives one at present.
    pub fn frame_every(&self) -> u32 {
        match self.has(DegradationStep::FrameRate) {
            true => self.0.frame_every.load(Ordering::Relaxed).max(1),
            false => 1,
        }
    }
}

/// Which frames a camera gives while its rate is reduced. It counts the frames that were offered, because the numbers of
/// frames have gaps: of odd numbers alone, those divisible by two would be none.
#[derive(Clone, Copy, Debug, Default)]
pub struct FrameThinner {
    offered: u64,
}

impl FrameThinner {
    /// Counts one more frame; returns whether it is one of every `every` that are given.
    pub fn takes(&mut self, every: u32) -> bool {
        let takes = self.offered.is_multiple_of(u64::from(every.max(1)));
        self.offered += 1;
        takes
    }
}

fn bit(step: DegradationStep) -> u8 {
    1 << step as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_taken_and_taken_back_alone() {
        let ladder = Degradation::default();
        let reader = ladder.clone();
        assert!(!reader.has(DegradationStep::Recorder));
        ladder.set(DegradationStep::Recorder, true);
        ladder.set(DegradationStep::FrameRate, true);
        ladder.set(DegradationStep::FrameRate, false);
        let taken: Vec<_> = DegradationStep::ALL.into_iter().filter(|step| reader.has(*step)).collect();
        assert_eq!(taken, [DegradationStep::Recorder]);
    }

    #[test]
    fn rates_are_as_configured_until_their_step_is_taken_and_never_raised() {
        let degradation = Degradation::default();
        degradation.set_extent(2, 3, 4);
        let rates = || (degradation.preview_fps(10), degradation.detect_every(2), degradation.frame_every());
        assert_eq!(rates(), (10, 2, 1));
        DegradationStep::ALL.into_iter().for_each(|step| degradation.set(step, true));
        assert_eq!(rates(), (2, 6, 4));
        assert_eq!(degradation.preview_fps(1), 1);
    }

    #[test]
    fn of_every_so_many_offered_frames_one_is_taken_whatever_their_numbers() {
        let mut thinner = FrameThinner::default();
        let numbers = (1..200).step_by(2);
        let taken: Vec<u32> = numbers.filter(|_| thinner.takes(2)).collect();
        assert_eq!(taken.len(), 50);
        assert!(taken.windows(2).all(|pair| pair[1] - pair[0] == 4), "evenly: {taken:?}");
        assert!((0..10).all(|_| thinner.takes(1)), "all of them while the rate is the usual one");
    }
}
