//! What the service does without while it has more work than time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// One thing that may be done without under overload. Inspection is none of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DegradationStep {
    /// Overlays on pictures for viewers.
    Annotation,
    /// The usual rate of live pictures.
    Preview,
    /// Recording.
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

/// The steps that are taken now. Clones share them: the ladder sets them, and the stages read them with one relaxed load,
/// which neither locks nor allocates.
#[derive(Clone, Debug, Default)]
pub struct Degradation(Arc<AtomicU8>);

impl Degradation {
    /// Whether the service does without `step` at present.
    pub fn has(&self, step: DegradationStep) -> bool {
        self.0.load(Ordering::Relaxed) & bit(step) != 0
    }

    /// Takes `step`, or takes it back.
    pub fn set(&self, step: DegradationStep, taken: bool) {
        match taken {
            true => self.0.fetch_or(bit(step), Ordering::Relaxed),
            false => self.0.fetch_and(!bit(step), Ordering::Relaxed),
        };
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
        let (ladder, reader) = (Degradation::default(), Degradation::default());
        assert!(!reader.has(DegradationStep::Recorder));
        let reader = ladder.clone();
        ladder.set(DegradationStep::Recorder, true);
        ladder.set(DegradationStep::FrameRate, true);
        ladder.set(DegradationStep::FrameRate, false);
        let taken: Vec<_> = DegradationStep::ALL.into_iter().filter(|step| reader.has(*step)).collect();
        assert_eq!(taken, [DegradationStep::Recorder]);
    }
}
