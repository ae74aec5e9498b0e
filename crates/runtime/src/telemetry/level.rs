//! Which filter of the log is in force: the one that somebody chose for a while, before the one that the process was
//! started with, before the one of the configuration. Pure: times come in.

use std::time::Duration;

/// Where the filter in force comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogSource {
    /// The configuration's key `log.level`, as it was read last.
    Configuration,
    /// The environment of the process: `OCELLUS_LOG`.
    Environment,
    /// A request while the service runs: `ocellus log`.
    Request,
}

/// The filter in force, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LevelInForce {
    /// The level or filter, as it was written.
    pub filter: String,
    /// Where it comes from.
    pub source: LogSource,
    /// The time after which it ends by itself; `None` if it stays.
    pub left: Option<Duration>,
    /// The filter that comes back when a requested one ends.
    pub usual: String,
}

#[derive(Clone, Debug)]
pub(super) struct Levels {
    configured: String,
    environment: Option<String>,
    requested: Option<Requested>,
}

#[derive(Clone, Debug)]
struct Requested {
    filter: String,
    /// On the monotonic clock.
    until: Option<Duration>,
}

impl Levels {
    pub(super) fn new(configured: &str) -> Levels {
        Levels { configured: configured.to_owned(), environment: None, requested: None }
    }

    pub(super) fn configure(&mut self, filter: &str) {
        self.configured = filter.to_owned();
    }

    pub(super) fn start_with(&mut self, filter: &str) {
        self.environment = Some(filter.to_owned());
    }

    /// `filter` is in force until `until`, or until the next request.
    pub(super) fn request(&mut self, filter: &str, until: Option<Duration>) {
        self.requested = Some(Requested { filter: filter.to_owned(), until });
    }

    pub(super) fn reset(&mut self) {
        self.requested = None;
    }

    /// Ends a requested filter whose time is over at `now`; returns whether it did.
    pub(super) fn expire(&mut self, now: Duration) -> bool {
        let over = self.requested.as_ref().and_then(|asked| asked.until).is_some_and(|until| until <= now);
        if over {
            self.requested = None;
        }
        over
    }

    pub(super) fn in_force(&self, now: Duration) -> LevelInForce {
        let (usual, source) = match &self.environment {
            Some(filter) => (filter, LogSource::Environment),
            None => (&self.configured, LogSource::Configuration),
        };
        match &self.requested {
            Some(Requested { filter, until }) => LevelInForce {
                filter: filter.clone(),
                source: LogSource::Request,
                left: until.map(|until| until.saturating_sub(now)),
                usual: usual.clone(),
            },
            None => LevelInForce { filter: usual.clone(), source, left: None, usual: usual.clone() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_filter_for_a_while_ends_by_itself_and_what_was_usual_by_then_comes_back() {
        let mut levels = Levels::new("info");
        levels.request("debug", Some(s(60)));
        assert_eq!(levels.in_force(s(10)).left, Some(s(50)));
        // A reload meanwhile changes what comes back, and not what was asked for.
        levels.configure("warn");
        assert!(!levels.expire(s(59)));
        assert_eq!(levels.in_force(s(59)).filter, "debug");
        assert!(levels.expire(s(60)));
        let after = levels.in_force(s(60));
        assert_eq!(
            (after.filter.as_str(), after.source, after.left),
            ("warn", LogSource::Configuration, None)
        );
        assert!(!levels.expire(s(61)));
    }

    #[test]
    fn the_environment_goes_before_the_configuration_and_a_request_before_both() {
        let mut levels = Levels::new("info");
        levels.start_with("trace");
        levels.configure("warn");
        assert_eq!(levels.in_force(s(0)).filter, "trace");
        levels.request("error", None);
        assert!(!levels.expire(s(1_000_000)));
        let now = levels.in_force(s(0));
        assert_eq!((now.filter.as_str(), now.usual.as_str()), ("error", "trace"));
        levels.reset();
        assert_eq!(levels.in_force(s(0)).source, LogSource::Environment);
    }
}
