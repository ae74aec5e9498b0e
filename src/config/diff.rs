//! The difference between two configurations, so that a reload changes nothing else.

use super::Config;

/// Names of entries, grouped by how they changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedNames {
    /// Entries that only the new configuration has.
    pub added: Vec<String>,
    /// Entries that only the old configuration has.
    pub removed: Vec<String>,
    /// Entries of both that differ.
    pub changed: Vec<String>,
    /// Entries that are equal in both.
    pub unchanged: Vec<String>,
}

impl ChangedNames {
    /// Whether nothing was added, removed or changed.
    pub fn is_same(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// What differs between two configurations.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// Cameras by changes of their own section. A camera whose model changed is `unchanged` here.
    pub cameras: ChangedNames,
    /// Triggers by changes of their own section. One whose camera changed is `unchanged` here.
    pub triggers: ChangedNames,
    /// Commands to instruments by changes of their own section.
    pub outputs: ChangedNames,
    /// Sources of telemetry by changes of their own section.
    pub intake: ChangedNames,
    /// Models by changes of section and card.
    pub models: ChangedNames,
    /// Whether `[mqtt]` changed, which requires a new connection.
    pub mqtt_changed: bool,
    /// Whether anything in `[intake_store]` changed.
    pub intake_store_changed: bool,
    /// Whether anything in `[log]` changed.
    pub log_changed: bool,
    /// Whether anything in `[evidence]` changed; a new folder also needs a restart.
    pub evidence_changed: bool,
    /// Whether anything in `[recorder]` changed; a new folder also needs a restart.
    pub recorder_changed: bool,
    /// Whether `[web]` changed, which requires a restart of the web server.
    pub web_changed: bool,
    /// Whether `[zmq]` changed, which requires a restart of the ZeroMQ bridge.
    pub zmq_changed: bool,
    /// Whether anything in `[attendance]` changed; a new queue also needs a restart.
    pub attendance_changed: bool,
    /// Whether anything in `[degradation]` changed.
    pub degradation_changed: bool,
    /// Changed keys that need a restart of the process; the old values stay in force until then.
    pub needs_restart: Vec<&'static str>,
}

impl ConfigChange {
    /// Whether the two configurations are equal in effect.
    pub fn is_empty(&self) -> bool {
        let sections = self.mqtt_changed || self.log_changed || self.evidence_changed || self.web_changed;
        let sections = sections || self.attendance_changed || self.degradation_changed;
        let sections = sections || self.recorder_changed || self.zmq_changed;
        let sections = sections || self.intake_store_changed;
        let parts = [&self.cameras, &self.triggers, &self.models, &self.outputs, &self.intake];
        let parts = parts.into_iter().all(ChangedNames::is_same);
        parts && !sections && self.needs_restart.is_empty()
    }
}

impl Config {
    /// The changes that lead from `old` to `new`.
    pub fn diff(old: &Config, new: &Config) -> ConfigChange {
        let restarts = [
            ("device.name", old.device.name != new.device.name),
            ("device.state_dir", old.device.state_dir != new.device.state_dir),
            ("workers", old.workers != new.workers),
            ("runtime", old.runtime != new.runtime),
            ("outbox", old.outbox != new.outbox),
            ("attendance.queue", old.attendance.queue != new.attendance.queue),
            ("evidence.dir", old.evidence.dir != new.evidence.dir),
            ("recorder.dir", old.recorder.dir != new.recorder.dir),
            ("batch", old.batch != new.batch),
            ("jobs", old.jobs != new.jobs),
            ("annotate", old.annotate != new.annotate),
            ("supervisor", old.supervisor != new.supervisor),
        ];
        ConfigChange {
            cameras: names(&old.cameras, &new.cameras, |camera| &camera.name),
            triggers: names(&old.triggers, &new.triggers, |trigger| &trigger.name),
            outputs: names(&old.outputs, &new.outputs, |output| &output.name),
            intake: names(&old.intake, &new.intake, |source| &source.name),
            intake_store_changed: old.intake_store != new.intake_store,
            models: names(&old.models, &new.models, |model| &model.name),
            mqtt_changed: old.mqtt != new.mqtt,
            log_changed: old.log != new.log,
            degradation_changed: old.degradation != new.degradation,
            attendance_changed: old.attendance != new.attendance,
            evidence_changed: old.evidence != new.evidence,
            recorder_changed: old.recorder != new.recorder,
            web_changed: old.web != new.web,
            zmq_changed: old.zmq != new.zmq,
            needs_restart: restarts.iter().filter(|(_, changed)| *changed).map(|(key, _)| *key).collect(),
        }
    }
}

fn names<T: PartialEq>(old: &[T], new: &[T], name: impl Fn(&T) -> &String) -> ChangedNames {
    let mut names = ChangedNames::default();
    for item in new {
        let into = match old.iter().find(|known| name(known) == name(item)) {
            None => &mut names.added,
            Some(known) if known == item => &mut names.unchanged,
            Some(_) => &mut names.changed,
        };
        into.push(name(item).clone());
    }
    let gone = old.iter().filter(|item| !new.iter().any(|known| name(known) == name(item)));
    names.removed = gone.map(|item| name(item).clone()).collect();
    names
}
