//! The topics of the contract: `PREFIX/DEVICE/…`.

/// Builds topics and takes command topics apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    base: String,
}

/// Retained state of the service, and the last will.
pub const STATUS: &str = "status";
/// Figures.
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

    /// The part after `PREFIX/DEVICE/`.
    pub fn suffix<'a>(&self, topic: &'a str) -> Option<&'a str> {
        topic.strip_prefix(&self.base)?.strip_prefix('/')
    }

    /// What to subscribe to for commands.
    pub fn all_commands(&self) -> String {
        self.full("cmd/+/+")
    }

    /// What to subscribe to for alarms that an earlier process left behind.
    pub fn all_alarms(&self) -> String {
        self.full("alarm/+")
    }

    /// The command's name and id, if `topic` is a command's.
    pub fn command<'a>(&self, topic: &'a str) -> Option<(&'a str, &'a str)> {
        let (name, id) = self.suffix(topic)?.strip_prefix("cmd/")?.split_once('/')?;
        (!name.is_empty() && !id.is_empty() && !id.contains('/')).then_some((name, id))
    }
}

/// `camera/NAME/status`
pub fn camera_status(camera: &str) -> String {
    format!("camera/{camera}/status")
}

/// `camera/NAME/detections`
pub fn detections(camera: &str) -> String {
    format!("camera/{camera}/detections")
}

/// `camera/NAME/event`
pub fn event(camera: &str) -> String {
    format!("camera/{camera}/event")
}

/// `camera/NAME/inspection`
pub fn inspection(camera: &str) -> String {
    format!("camera/{camera}/inspection")
}

/// `camera/NAME/attendance`
pub fn attendance(camera: &str) -> String {
    format!("camera/{camera}/attendance")
}

/// `camera/NAME/trigger`
pub fn trigger(camera: &str) -> String {
    format!("camera/{camera}/trigger")
}

/// `camera/NAME/picture`
pub fn picture(camera: &str) -> String {
    format!("camera/{camera}/picture")
}

/// `alarm/NAME`
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
