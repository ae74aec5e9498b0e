//! `[degradation]`: what the service does without while it has more work than time.

use std::time::Duration;

use crate::types::DegradationStep;

/// When steps are taken and taken back, and what each of them means.
#[derive(Clone, Debug, PartialEq)]
pub struct DegradationConfig {
    /// Whether steps are taken at all; the alarm is raised in any case.
    pub enabled: bool,
    /// The steps, in the order in which they are taken.
    pub steps: Vec<DegradationStep>,
    /// Share of time, 0 to 1, above which the workers are overloaded.
    pub over: f32,
    /// How long they must be overloaded before a step, and between two steps.
    pub over_for: Duration,
    /// Share of time, 0 to 1, below which a step is taken back.
    pub under: f32,
    /// How long they must be below it before a step is taken back, and between two of them.
    pub under_for: Duration,
    /// Items of one stage that wait for a worker, above which the stage is overloaded.
    pub queue: usize,
    /// Live pictures a second, at most, while the preview is reduced.
    pub preview_fps: u32,
    /// Detection is done this many times more rarely while it is reduced.
    pub detect_factor: u32,
    /// Cameras that do not inspect give every n-th frame while their rate is reduced.
    pub frame_every: u32,
}

impl Default for DegradationConfig {
    fn default() -> DegradationConfig {
        DegradationConfig {
            enabled: true,
            steps: DegradationStep::ALL.to_vec(),
            over: 0.8,
            over_for: Duration::from_secs(5),
            under: 0.3,
            under_for: Duration::from_secs(10),
            queue: 32,
            preview_fps: 2,
            detect_factor: 3,
            frame_every: 2,
        }
    }
}
