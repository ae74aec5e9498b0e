//! What a new configuration changes, so that a reload touches nothing else.

use super::Config;

/// Names, sorted by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangedNames {
    /// Only in the new one.
    pub added: Vec<String>,
    /// Only in the old one.
    pub removed: Vec<String>,
    /// In both, but not the same.
    pub changed: Vec<String>,
    /// The same in both.
    pub unchanged: Vec<String>,
}

/// The way from one configuration to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigChange {
    /// Cameras by what became of their own section. A camera whose model changed is `unchanged` here.
    pub cameras: ChangedNames,
    /// Triggers. One whose camera changed is `unchanged` here.
    pub triggers: ChangedNames,
    /// Models; a changed card is a changed model.
    pub models: ChangedNames,
    /// `[mqtt]`: the connection is made anew.
    pub mqtt_changed: bool,
    /// `[log]`.
    pub log_changed: bool,
    /// `[evidence]`, other than its folder.
    pub evidence_changed: bool,
    /// `[web]`: served anew.
    pub web_changed: bool,
    /// `[attendance]`.
    pub attendance_changed: bool,
    /// Changed keys that only a restart of the process applies; until then the old values stay in force.
    pub needs_restart: Vec<&'static str>,
}

impl ConfigChange {
    /// Whether nothing is to be done.
    pub fn is_empty(&self) -> bool {
        let same = |names: &ChangedNames| {
            names.added.is_empty() && names.removed.is_empty() && names.changed.is_empty()
        };
        let sections = self.mqtt_changed || self.log_changed || self.evidence_changed || self.web_changed;
        let sections = sections || self.attendance_changed;
        let parts = same(&self.cameras) && same(&self.triggers) && same(&self.models);
        parts && !sections && self.needs_restart.is_empty()
    }
}

impl Config {
    /// What has to be done to get from `old` to `new`.
    pub fn diff(old: &Config, new: &Config) -> ConfigChange {
        let restarts = [
            ("device.name", old.device.name != new.device.name),
            ("device.state_dir", old.device.state_dir != new.device.state_dir),
            ("workers", old.workers != new.workers),
            ("runtime", old.runtime != new.runtime),
            ("outbox", old.outbox != new.outbox),
            ("attendance.queue", old.attendance.queue != new.attendance.queue),
            ("evidence.dir", old.evidence.dir != new.evidence.dir),
            ("annotate", old.annotate != new.annotate),
            ("supervisor", old.supervisor != new.supervisor),
        ];
        ConfigChange {
            cameras: names(&old.cameras, &new.cameras, |camera| &camera.name),
            triggers: names(&old.triggers, &new.triggers, |trigger| &trigger.name),
            models: names(&old.models, &new.models, |model| &model.name),
            mqtt_changed: old.mqtt != new.mqtt,
            log_changed: old.log != new.log,
            attendance_changed: old.attendance != new.attendance,
            evidence_changed: old.evidence != new.evidence,
            web_changed: old.web != new.web,
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
