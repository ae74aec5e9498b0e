//! The topics of the contract: all lie below `PREFIX/DEVICE/`.

/// Builds topics and parses command topics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    base: String,
}

/// Suffix of the service's retained state and last will.
pub const STATUS: &str = "status";
/// Suffix of what the service does without under overload.
pub const DEGRADATION: &str = "degradation";
/// Suffix of the figures about load, latency and results.
pub const TELEMETRY: &str = "telemetry";

impl Topics {
    /// Topics of `device` under `prefix`.
    pub fn new(prefix: &str, device: &str) -> Topics {
        Topics { base: format!("{prefix}/{device}") }
    }

    /// The full topic of a suffix such as `status`.
    pub fn full(&self, suffix: &str) -> String {
        format!("{}/{suffix}", self.base)
    }

    /// The part after `PREFIX/DEVICE/`; `None` for other topics.
    pub fn suffix<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix(&self.base)?.strip_prefix('/')
    }

    /// Subscription filter for all commands.
    pub fn all_commands(&self) -> String {
        self.full("cmd/+/+")
    }

    /// Subscription filter for retained alarms of an earlier process.
    pub fn all_alarms(&self) -> String {
        self.full("alarm/+")
    }

    /// The name and the id of a command; `None` where `topic` is not a command's.
    pub fn command<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, id) = self.suffix(topic)?.strip_prefix("cmd/")?.split_once('/')?;
        (!name.is_empty() && !id.is_empty() && !id.contains('/')).then_some((name, id))
    }
}

/// Suffix for the camera's state: `camera/NAME/status`.
pub fn camera_status(camera: &str) -> String {
    format!("camera/{camera}/status")
}

/// Suffix for the camera's findings: `camera/NAME/detections`.
pub fn detections(camera: &str) -> String {
    format!("camera/{camera}/detections")
}

/// Suffix for events of tracked objects: `camera/NAME/event`.
pub fn event(camera: &str) -> String {
    format!("camera/{camera}/event")
}

/// Suffix for inspection results: `camera/NAME/inspection`.
pub fn inspection(camera: &str) -> String {
    format!("camera/{camera}/inspection")
}

/// Suffix for attendance events: `camera/NAME/attendance`.
pub fn attendance(camera: &str) -> String {
    format!("camera/{camera}/attendance")
}

/// Suffix for announcements about recordings: `camera/NAME/recording`.
pub fn recording(camera: &str) -> String {
    format!("camera/{camera}/recording")
}

/// Suffix for the trigger handshake: `camera/NAME/trigger`.
pub fn trigger(camera: &str) -> String {
    format!("camera/{camera}/trigger")
}

/// Suffix for pictures on request: `camera/NAME/picture`.
pub fn picture(camera: &str) -> String {
    format!("camera/{camera}/picture")
}

/// Suffix of the last state of the last run: `batch/status`.
pub const BATCH_STATUS: &str = "batch/status";

/// Suffix for the progress of a run: `batch/ID/progress`.
pub fn batch_progress(id: &str) -> String {
    format!("batch/{id}/progress")
}

/// Suffix for the progress of jobs: `jobs/progress`.
pub const JOBS_PROGRESS: &str = "jobs/progress";

/// Suffix for the end of a job: `jobs/ID`.
pub fn job(id: u64) -> String {
    format!("jobs/{id}")
}

/// Suffix for the state of a command to an instrument: `command/NAME/status`.
pub fn command_status(command: &str) -> String {
    format!("command/{command}/status")
}

/// Suffix for the values of a source of telemetry: `intake/SOURCE`.
pub fn intake(source: &str) -> String {
    format!("intake/{source}")
}

/// Suffix for an alarm: `alarm/NAME`.
pub fn alarm(name: &str) -> String {
    format!("alarm/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_topics_are_taken_apart_and_others_are_not() {
        let topics = Topics::new("ocellus", "box1");
        assert_eq!(topics.command("ocellus/box1/cmd/ping/7"), Some(("ping", "7")));
        for other in ["ocellus/box1/cmd/ping", "ocellus/box1/cmd/ping/7/8", "ocellus/box10/cmd/ping/7", "x"] {
            assert_eq!(topics.command(other), None, "{other}");
        }
    }
}
