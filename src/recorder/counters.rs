//! What the recorder counts: for all cameras together, and for each camera every frame exactly once.

use crate::telemetry::{Counter, Described, Gauge};

/// Counts of all recordings since the process began, and gauges of what is on disk now.
#[derive(Debug, Default)]
pub struct RecorderCounters {
    /// Bytes of files that were completed.
    pub written_bytes: Counter,
    /// Recordings deleted because of their age, to make way for newer ones, or on request.
    pub removed: Counter,
    /// Files that were left alone because they are not the ones that were recorded.
    pub foreign: Counter,
    /// Recordings that were found again after the service was killed.
    pub found_again: Counter,
    /// Recordings whose files somebody else had removed.
    pub missing: Counter,
    /// Recordings in the index.
    pub recordings: Gauge,
    /// Bytes of all recordings in the index.
    pub bytes: Gauge,
}

impl RecorderCounters {
    /// The values by name, as `telemetry` publishes them.
    pub fn named(&self) -> [(&'static str, u64); 7] {
        let gauge = |gauge: &Gauge| gauge.get().max(0) as u64;
        [
            ("recorder/written_bytes", self.written_bytes.get()),
            ("recorder/removed", self.removed.get()),
            ("recorder/foreign", self.foreign.get()),
            ("recorder/found_again", self.found_again.get()),
            ("recorder/missing", self.missing.get()),
            ("recorder/recordings", gauge(&self.recordings)),
            ("recorder/bytes", gauge(&self.bytes)),
        ]
    }
}

/// Descriptions of the values, as the metrics endpoint gives them.
pub const DESCRIBED: &[Described] = &[
    Described::counter("recorder/written_bytes", "Bytes of recordings written."),
    Described::counter("recorder/removed", "Recordings deleted by age, for newer ones, or on request."),
    Described::counter(
        "recorder/foreign",
        "Files left alone because they are not the ones that were recorded.",
    ),
    Described::counter("recorder/found_again", "Recordings found again after an interruption."),
    Described::counter("recorder/missing", "Recordings whose files somebody else had removed."),
    Described::gauge("recorder/recordings", "Recordings in the index."),
    Described::gauge("recorder/bytes", "Bytes of recordings on disk now."),
];

/// Why a frame that should have been recorded was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedCause {
    /// It was overwritten in the ring before the recorder came to it: disk or processor are too slow.
    Slow,
    /// It never got into the ring, because every slot was in use.
    Starved,
    /// The disk has less space left than has to stay free.
    Full,
    /// The disk or the index refuses.
    Disk,
    /// It could not be encoded.
    Encoder,
    /// Recording is switched off under overload.
    Degraded,
}

impl MissedCause {
    /// Every cause, in the order of the counters.
    pub const ALL: [MissedCause; 6] = [
        MissedCause::Slow,
        MissedCause::Starved,
        MissedCause::Full,
        MissedCause::Disk,
        MissedCause::Encoder,
        MissedCause::Degraded,
    ];

    /// The word that stands for it in messages.
    pub fn as_str(self) -> &'static str {
        match self {
            MissedCause::Slow => "slow",
            MissedCause::Starved => "starved",
            MissedCause::Full => "full",
            MissedCause::Disk => "disk",
            MissedCause::Encoder => "encoder",
            MissedCause::Degraded => "degraded",
        }
    }
}

/// Counts of one camera since it was built. Every frame of the camera is in exactly one of `recorded`, `passed` and
/// `missed`.
#[derive(Debug, Default)]
pub struct CameraCounters {
    /// Frames that were recorded.
    pub recorded: Counter,
    /// Frames that the settings exclude.
    pub passed: Counter,
    /// Frames that should have been recorded, by [`MissedCause`].
    missed: [Counter; MissedCause::ALL.len()],
    /// Clips that were completed.
    pub clips: Counter,
    /// Frames in the ring that wait for the recorder.
    pub queue: Gauge,
}

impl CameraCounters {
    /// Counts `frames` that were missed.
    pub(super) fn miss(&self, cause: MissedCause, frames: u64) {
        self.missed[cause as usize].add(frames);
    }

    /// Frames missed for this cause.
    pub fn missed(&self, cause: MissedCause) -> u64 {
        self.missed[cause as usize].get()
    }

    /// The values by name, as `telemetry` publishes them below the camera's name.
    pub fn named(&self) -> [(&'static str, u64); 10] {
        let missed = |cause| self.missed(cause);
        [
            ("recorded", self.recorded.get()),
            ("recorder_passed", self.passed.get()),
            ("recorder_missed_slow", missed(MissedCause::Slow)),
            ("recorder_missed_starved", missed(MissedCause::Starved)),
            ("recorder_missed_full", missed(MissedCause::Full)),
            ("recorder_missed_disk", missed(MissedCause::Disk)),
            ("recorder_missed_encoder", missed(MissedCause::Encoder)),
            ("recorder_missed_degraded", missed(MissedCause::Degraded)),
            ("recorder_clips", self.clips.get()),
            ("recorder_queue", self.queue.get().max(0) as u64),
        ]
    }
}

/// Descriptions of a camera's values.
pub const CAMERA_DESCRIBED: &[Described] = &[
    Described::counter("camera/recorded", "Frames recorded."),
    Described::counter("camera/recorder_passed", "Frames that were not to be recorded."),
    Described::counter(
        "camera/recorder_missed_slow",
        "Frames not recorded because disk or processor are too slow.",
    ),
    Described::counter(
        "camera/recorder_missed_starved",
        "Frames not recorded because every slot of the ring was in use.",
    ),
    Described::counter("camera/recorder_missed_full", "Frames not recorded because the disk is full."),
    Described::counter("camera/recorder_missed_disk", "Frames not recorded because the disk refused."),
    Described::counter("camera/recorder_missed_encoder", "Frames not recorded because no encoder took them."),
    Described::counter(
        "camera/recorder_missed_degraded",
        "Frames not recorded because the service had more work than time.",
    ),
    Described::counter("camera/recorder_clips", "Clips completed."),
    Described::gauge("camera/recorder_queue", "Frames that wait in the ring for the recorder."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_is_described() {
        let named = RecorderCounters::default().named();
        assert!(named.iter().map(|(name, _)| name).eq(DESCRIBED.iter().map(|figure| &figure.key)));
        let of_camera = CameraCounters::default().named();
        let described =
            CAMERA_DESCRIBED.iter().map(|figure| figure.key.trim_start_matches("camera/").to_owned());
        assert!(of_camera.iter().map(|(name, _)| (*name).to_owned()).eq(described));
    }
}
