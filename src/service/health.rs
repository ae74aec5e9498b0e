//! The health model: every component has a condition, a cause in words, and a time since when. Status, page,
//! `/healthz`, `/metrics`, the command line and systemd all report from this list; `observe.rs` fills it.
//!
//! Most components are checked once a second and passed as a whole ([`HealthModel::observe`]); code that
//! learns of an event as it happens reports it with [`HealthModel::set`]. A faulty component degrades the
//! service and raises an alarm.

mod alarms;
mod observe;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

pub(super) use alarms::alarm_name;
pub(super) use observe::HealthReport;

use crate::types::{Clock, Condition, Explanation, Stamp};

/// A component that has been starting for longer is faulty. A live source that connects and then sends
/// nothing is given up after the same time.
pub(super) const START_PATIENCE: Duration = Duration::from_secs(15);

/// The state of a component at one moment.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ComponentState {
    pub(super) condition: Condition,
    /// What is wrong, where, and what to do; empty if nothing is.
    pub(super) cause: Explanation,
    /// Details that change while the fault stays the same, such as the number of waiting events; may be
    /// empty.
    pub(super) detail: String,
}

impl ComponentState {
    pub(super) fn ok() -> ComponentState {
        ComponentState { condition: Condition::Ok, cause: Explanation::default(), detail: String::new() }
    }

    pub(super) fn ended() -> ComponentState {
        ComponentState { condition: Condition::Ended, ..ComponentState::ok() }
    }

    pub(super) fn starting(cause: Explanation) -> ComponentState {
        ComponentState { condition: Condition::Starting, cause, detail: String::new() }
    }

    pub(super) fn faulty(cause: Explanation) -> ComponentState {
        ComponentState { condition: Condition::Faulty, cause, detail: String::new() }
    }

    pub(super) fn with_detail(self, detail: String) -> ComponentState {
        ComponentState { detail, ..self }
    }

    pub(super) fn is_faulty(&self) -> bool {
        self.condition == Condition::Faulty
    }
}

/// A component, its state, and since when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) state: ComponentState,
    pub(super) since: Stamp,
}

/// The list of components; see the module. Clones share one model.
#[derive(Clone)]
pub(super) struct HealthModel {
    inner: Arc<Mutex<HealthInner>>,
    clock: Arc<dyn Clock>,
}

#[derive(Default)]
struct HealthInner {
    /// States from the last check of all components.
    observed: BTreeMap<String, (ComponentState, Stamp)>,
    /// States that were reported as they happened; each stays until the next report.
    reported: BTreeMap<String, (ComponentState, Stamp)>,
    /// The alarms that are raised because a component is faulty.
    raised: BTreeSet<String>,
}

impl HealthModel {
    pub(super) fn new(clock: Arc<dyn Clock>) -> HealthModel {
        HealthModel { inner: Arc::default(), clock }
    }

    /// Reports that `component` is in `condition` because of `cause`, until the next report. It is for what
    /// no check can find out, such as a configuration that could not be applied.
    #[allow(dead_code, reason = "for components that report by themselves; observed ones do not need it")]
    pub(super) fn set(&self, component: &str, condition: Condition, cause: Explanation) {
        let state = ComponentState { condition, cause, detail: String::new() };
        let (mut inner, now) = (self.lock(), self.clock.now());
        let since = since(inner.reported.get(component), &state, now);
        inner.reported.insert(component.to_owned(), (state, since));
    }

    /// Removes a reported component that no longer exists.
    #[allow(dead_code, reason = "the counterpart of `set`")]
    pub(super) fn forget(&self, component: &str) {
        self.lock().reported.remove(component);
    }

    /// Takes over the result of a check of all other components; components that are missing in it no longer
    /// exist.
    pub(super) fn observe(&self, seen: Vec<(String, ComponentState)>) {
        let (mut inner, now) = (self.lock(), self.clock.now());
        let fresh = seen.into_iter().map(|(name, state)| {
            let since = since(inner.observed.get(&name), &state, now);
            (name, (state, since))
        });
        inner.observed = fresh.collect();
    }

    /// All components by name. One that has been starting for too long is faulty.
    pub(super) fn components(&self) -> Vec<Component> {
        let (inner, now) = (self.lock(), self.clock.now());
        let both = inner.observed.iter().chain(&inner.reported);
        let mut all: Vec<_> = both
            .map(|(name, (state, since))| {
                let age = Duration::from_nanos(now.mono_ns.saturating_sub(since.mono_ns));
                Component { name: name.clone(), state: bounded(state, age), since: *since }
            })
            .collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }

    fn lock(&self) -> MutexGuard<'_, HealthInner> {
        self.inner.lock()
    }
}

/// Since when a component is in `state`: another wording of the cause does not restart the time.
fn since(known: Option<&(ComponentState, Stamp)>, state: &ComponentState, now: Stamp) -> Stamp {
    known.filter(|(known, _)| known.condition == state.condition).map_or(now, |(_, since)| *since)
}

/// `state`, or a fault if the component has been starting for longer than allowed (`age`).
fn bounded(state: &ComponentState, age: Duration) -> ComponentState {
    if state.condition != Condition::Starting || age < START_PATIENCE {
        return state.clone();
    }
    let detail = format!("still not up {} s after the start", START_PATIENCE.as_secs());
    ComponentState { condition: Condition::Faulty, cause: state.cause.clone(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::ManualClock;

    fn faulty(cause: &str) -> ComponentState {
        ComponentState::faulty(Explanation::new(cause, ""))
    }

    fn model() -> (HealthModel, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        (HealthModel::new(clock.clone()), clock)
    }

    fn one(model: &HealthModel, name: &str) -> Component {
        model.components().into_iter().find(|component| component.name == name).expect(name)
    }

    #[test]
    fn a_trouble_keeps_its_beginning_while_its_words_change_and_begins_anew_after_its_end() {
        let (model, clock) = model();
        clock.advance(Duration::from_secs(1));
        model.observe(vec![("broker".into(), faulty("connection refused"))]);
        let first = one(&model, "broker").since;
        clock.advance(Duration::from_secs(5));
        model.observe(vec![("broker".into(), faulty("it closed the connection"))]);
        assert_eq!(one(&model, "broker").since, first);
        model.observe(vec![("broker".into(), ComponentState::ok())]);
        clock.advance(Duration::from_secs(5));
        model.observe(vec![("broker".into(), faulty("connection refused"))]);
        assert_ne!(one(&model, "broker").since, first);
    }

    #[test]
    fn a_camera_that_never_comes_up_is_starting_for_a_while_and_then_faulty() {
        let (model, clock) = model();
        let look = |model: &HealthModel| {
            model.observe(vec![(
                "camera/front".into(),
                ComponentState::starting(Explanation::new("camera front: no frame yet", "")),
            )]);
            one(model, "camera/front").state
        };
        assert_eq!(look(&model).condition, Condition::Starting);
        clock.advance(START_PATIENCE - Duration::from_millis(1));
        assert_eq!(look(&model).condition, Condition::Starting);
        clock.advance(Duration::from_millis(1));
        let state = look(&model);
        assert!(state.is_faulty() && state.detail.contains("15 s"), "{state:?}");
    }

    #[test]
    fn what_is_reported_stays_through_looks_at_the_others_until_it_is_reported_anew() {
        let (model, _) = model();
        model.set("config", Condition::Faulty, Explanation::new("the file has a fault", "mend it"));
        model.observe(vec![("store".into(), ComponentState::ok())]);
        model.observe(Vec::new());
        assert_eq!(model.components().len(), 1);
        assert!(one(&model, "config").state.is_faulty());
        model.set("config", Condition::Ok, Explanation::default());
        assert!(!one(&model, "config").state.is_faulty());
        model.forget("config");
        assert_eq!(model.components(), []);
    }
}
