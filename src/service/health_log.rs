//! A camera's health in the log: each change is a line, and a retry that fails like the one before is only
//! counted.

use crate::camera::Health;
use crate::types::Explanation;

/// The last state of one camera that was logged.
#[derive(Debug, Default)]
pub(super) struct HealthLog {
    cause: Option<Explanation>,
    /// Failed retries since then with the same cause.
    again: u64,
}

impl HealthLog {
    /// Logs a change of a camera's health; repeated failures are left out.
    pub(super) fn log(&mut self, camera: &str, source: &str, health: &Health) {
        let Some(line) = self.line(source, health) else { return };
        match health {
            Health::Frozen { .. } | Health::Offline { next_try: Some(_), .. } => {
                tracing::warn!(camera, "{line}")
            }
            _ => tracing::info!(camera, "{line}"),
        }
    }

    /// The line for a change; `None` for a retry that failed like the one before.
    fn line(&mut self, source: &str, health: &Health) -> Option<String> {
        let failed = match health {
            Health::Offline { cause, next_try: Some(_) } => Some(cause),
            _ => None,
        };
        if failed.is_some() && failed == self.cause.as_ref() {
            self.again += 1;
            return None;
        }
        self.cause = failed.cloned();
        let line = match health {
            Health::Online { width, height, format, fps } => {
                let fps = fps.map_or_else(String::new, |fps| format!(", {fps:.0} frames/s"));
                format!("online: {source}: {width}×{height} {}{fps}", format.caps_name())
            }
            Health::Frozen { .. } => format!("frozen: {source} is connected but sends no new frame"),
            Health::Stopped => format!("stopped by a command: frames of {source} are discarded"),
            Health::Offline { cause, next_try: Some(pause) } if pause.is_zero() => {
                format!("offline: {source}: {cause}")
            }
            Health::Offline { cause, next_try: Some(pause) } => {
                let pause = pause.as_millis();
                format!("offline: {source}: {cause}; next try in {pause} ms, then again and again")
            }
            Health::Offline { cause, next_try: None } => format!("offline: {source}: {cause}"),
            Health::Ended => format!("ended: {source}"),
        };
        let again = std::mem::take(&mut self.again);
        let before =
            if again > 0 { format!(" ({again} more tries had failed as before)") } else { String::new() };
        Some(line + &before)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn tries_that_fail_alike_are_counted_and_the_next_line_says_how_many() {
        let offline = |cause: &str, ms| Health::Offline {
            cause: Explanation::new(cause, ""),
            next_try: Some(Duration::from_millis(ms)),
        };
        let mut log = HealthLog::default();
        let first = log.line("http://cam/", &offline("connection refused", 500)).unwrap();
        assert!(first.starts_with("offline: http://cam/: connection refused; next try in 500 ms"), "{first}");
        for ms in [1_000, 2_000, 4_000] {
            assert_eq!(log.line("http://cam/", &offline("connection refused", ms)), None);
        }
        let other = log.line("http://cam/", &offline("no route", 4_000)).unwrap();
        assert!(other.ends_with("(3 more tries had failed as before)"), "{other}");
        let ended = log.line("http://cam/", &Health::Ended).unwrap();
        assert_eq!(ended, "ended: http://cam/");
        assert!(log.line("http://cam/", &offline("no route", 500)).is_some(), "it was well in between");
    }
}
