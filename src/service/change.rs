//! The outcome of a configuration change, part by part: only parts that were applied count as in force.

use std::fmt;

use super::models::Unusable;
use crate::config::{ChangedNames, Config, ConfigChange};

/// A part of the configuration that is applied separately.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Camera(String),
    Trigger(String),
    Intake(String),
    Model(String),
    Mqtt,
    Web,
    Zmq,
    Log,
}

impl fmt::Display for Part {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Part::Camera(name) => write!(out, "camera {name}"),
            Part::Trigger(name) => write!(out, "trigger {name}"),
            Part::Intake(name) => write!(out, "intake {name}"),
            Part::Model(name) => write!(out, "model {name}"),
            Part::Mqtt => write!(out, "[mqtt]"),
            Part::Web => write!(out, "[web]"),
            Part::Zmq => write!(out, "[zmq]"),
            Part::Log => write!(out, "[log]"),
        }
    }
}

/// The parts that could not be changed to what the file says.
#[derive(Debug, Default)]
pub(super) struct ApplyFailures(Vec<Failure>);

#[derive(Debug)]
pub(super) struct Failure {
    pub(super) part: Part,
    pub(super) cause: String,
    /// Whether the part was changed half-way; otherwise it is unchanged.
    half: bool,
}

impl ApplyFailures {
    /// The models that cannot be used and the cameras that depend on them; those cameras stay unchanged.
    pub(super) fn of_models(unusable: &[Unusable], config: &Config) -> ApplyFailures {
        let mut failures = ApplyFailures::default();
        for model in unusable {
            failures.untouched(Part::Model(model.model.clone()), &model.cause);
            for camera in config.cameras.iter().filter(|camera| model.stops(camera)) {
                let cause = format!("its model {} cannot be used", model.model);
                failures.untouched(Part::Camera(camera.name.clone()), &cause);
            }
        }
        failures
    }

    /// Notes that `part` was not touched, because of `cause`.
    pub(super) fn untouched(&mut self, part: Part, cause: &dyn fmt::Display) {
        if !self.has(&part) {
            self.0.push(Failure { part, cause: cause.to_string(), half: false });
        }
    }

    /// Notes the outcome of changing `part`.
    pub(super) fn note<E: fmt::Display>(&mut self, part: Part, outcome: Result<(), E>) {
        if let Err(error) = outcome {
            tracing::error!("{part} was not changed as a whole: {error}");
            self.0.push(Failure { part, cause: error.to_string(), half: true });
        }
    }

    pub(super) fn has(&self, part: &Part) -> bool {
        self.0.iter().any(|failure| failure.part == *part)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Failure> {
        self.0.iter()
    }

    /// The parts that match neither the old nor the new configuration.
    pub(super) fn half_way(&self) -> Vec<Part> {
        self.0.iter().filter(|failure| failure.half).map(|failure| failure.part.clone()).collect()
    }

    /// Every failure with its cause.
    pub(super) fn in_words(&self) -> String {
        let words = self.0.iter().map(|failure| format!("{}: {}", failure.part, failure.cause));
        words.collect::<Vec<_>>().join("; ")
    }

    /// What is in force after a change from `old` to `new` in which these parts failed. The text and its hash
    /// are those of `new` only if nothing failed.
    pub(super) fn in_force(&self, old: &Config, new: &Config) -> Config {
        if self.is_empty() {
            return new.clone();
        }
        let of = |part| if self.has(&part) { old } else { new };
        let cameras = self.merged(&old.cameras, &new.cameras, |one| &one.name, Part::Camera);
        let mut models = self.merged(&old.models, &new.models, |one| &one.name, Part::Model);
        // An unchanged camera keeps its model, too.
        let kept = old.models.iter().filter(|model| {
            let used = cameras.iter().filter_map(|camera| camera.detect.as_ref());
            used.into_iter().any(|detect| detect.model == model.name)
                && !new.models.iter().any(|known| known.name == model.name)
        });
        models.extend(kept.cloned());
        Config {
            cameras,
            triggers: self.merged(&old.triggers, &new.triggers, |one| &one.name, Part::Trigger),
            intake: self.merged(&old.intake, &new.intake, |one| &one.name, Part::Intake),
            models,
            mqtt: of(Part::Mqtt).mqtt.clone(),
            web: of(Part::Web).web.clone(),
            zmq: of(Part::Zmq).zmq.clone(),
            log: of(Part::Log).log.clone(),
            text: old.text.clone(),
            written: old.written.clone(),
            hash: old.hash.clone(),
            ..new.clone()
        }
    }

    /// The entries of `new`, with those of `old` for entries that failed.
    fn merged<T: Clone>(
        &self,
        old: &[T],
        new: &[T],
        name: impl Fn(&T) -> &String,
        part: impl Fn(String) -> Part,
    ) -> Vec<T> {
        let failed = |item: &T| self.has(&part(name(item).clone()));
        let find = |wanted: &T| old.iter().find(|known| name(known) == name(wanted)).cloned();
        let present =
            new.iter().filter_map(|item| if failed(item) { find(item) } else { Some(item.clone()) });
        let gone = |item: &&T| failed(item) && !new.iter().any(|known| name(known) == name(item));
        present.chain(old.iter().filter(gone).cloned()).collect()
    }
}

/// Marks `parts` as changed although their settings are equal, because their last change failed half-way.
pub(super) fn repeat(change: &mut ConfigChange, parts: &[Part]) {
    for part in parts {
        match part {
            Part::Camera(name) => again(&mut change.cameras, name),
            Part::Trigger(name) => again(&mut change.triggers, name),
            Part::Intake(name) => again(&mut change.intake, name),
            Part::Mqtt => change.mqtt_changed = true,
            Part::Web => change.web_changed = true,
            Part::Zmq => change.zmq_changed = true,
            Part::Log => change.log_changed = true,
            Part::Model(_) => {}
        }
    }
}

fn again(names: &mut ChangedNames, name: &String) {
    if names.unchanged.contains(name) {
        names.unchanged.retain(|known| known != name);
        names.changed.push(name.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn config(text: &str) -> Config {
        Config::parse(text, Path::new("box.toml"), Path::new("/")).unwrap()
    }

    fn camera(name: &str, source: &str) -> String {
        format!("[[camera]]\nname = \"{name}\"\nsource = \"{source}\"\n")
    }

    #[test]
    fn what_is_in_force_is_the_new_file_but_for_what_failed_and_a_further_reload_finds_that() {
        let old = config(&(camera("a", "scene:") + &camera("b", "scene:") + &camera("gone", "scene:")));
        let text = camera("a", "scene:?fps=9")
            + &camera("b", "scene:?fps=9")
            + &camera("c", "scene:")
            + &camera("d", "scene:");
        let new = config(&(text + "[mqtt]\nurl = \"mqtt://127.0.0.1:7\"\n"));
        let mut failures = ApplyFailures::default();
        failures.untouched(Part::Camera("b".into()), &"no model");
        failures.note(Part::Camera("c".into()), Err("no thread"));
        failures.note(Part::Camera("gone".into()), Err("it hangs"));
        failures.note(Part::Mqtt, Err("it hangs"));
        failures.note::<&str>(Part::Web, Ok(()));
        let force = failures.in_force(&old, &new);
        let names: Vec<_> = force.cameras.iter().map(|camera| camera.name.as_str()).collect();
        assert_eq!(names, ["a", "b", "d", "gone"]);
        assert_eq!((&force.cameras[0], &force.cameras[1]), (&new.cameras[0], &old.cameras[1]));
        assert_eq!((&force.mqtt, &force.hash), (&old.mqtt, &old.hash));

        let change = Config::diff(&force, &new);
        assert_eq!((change.cameras.added, change.cameras.removed), (vec!["c".into()], vec!["gone".into()]));
        assert_eq!((change.cameras.changed, change.mqtt_changed), (vec!["b".into()], true));
        // With the old file again, parts that failed half-way are still applied again.
        let mut back = Config::diff(&force, &old);
        repeat(&mut back, &failures.half_way());
        assert_eq!((back.cameras.changed, back.mqtt_changed), (vec!["a".into(), "gone".into()], true));
        assert_eq!(back.cameras.unchanged, ["b"]);
    }

    #[test]
    fn nothing_failed_is_the_new_file_as_it_is() {
        let (old, new) = (config(&camera("a", "scene:")), config(&camera("b", "scene:")));
        assert_eq!(ApplyFailures::default().in_force(&old, &new), new);
    }
}
