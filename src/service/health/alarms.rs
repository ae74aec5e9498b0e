//! Each faulty component raises an alarm, which is cleared when the fault ends.

use super::{Component, HealthModel};
use crate::service::publisher::StatusPublisher;
use crate::types::Explanation;

/// The alarm of a component: `alarm/camera-front` of `camera/front`.
pub(in crate::service) fn alarm_name(component: &str) -> String {
    match component {
        // `alarm/store` reports that a damaged store was set aside, and can be raised at the same time.
        "store" => "store-files".to_owned(),
        "provisioning" => "provisioning-failed".to_owned(),
        other => other.replace('/', "-"),
    }
}

/// The alarms to raise and to clear.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    /// Alarms to raise: the name, and why.
    pub raise: Vec<(String, Explanation)>,
    pub clear: Vec<String>,
}

impl HealthModel {
    /// Raises the alarms of faulty components and clears those of recovered ones; other alarms are not
    /// touched.
    pub(in crate::service) fn sync_alarms(&self, components: &[Component], publisher: &StatusPublisher) {
        let changes = self.alarm_changes(components);
        changes.raise.iter().for_each(|(name, why)| publisher.alarm(name, why));
        changes.clear.iter().for_each(|name| publisher.clear_alarm(name));
    }

    pub(super) fn alarm_changes(&self, components: &[Component]) -> Changes {
        let faulty = components.iter().filter(|component| component.state.is_faulty());
        let raise: Vec<(String, Explanation)> =
            faulty.map(|component| (alarm_name(&component.name), component.state.cause.clone())).collect();
        let mut inner = self.lock();
        let clear =
            inner.raised.iter().filter(|name| !raise.iter().any(|(now, _)| now == *name)).cloned().collect();
        inner.raised = raise.iter().map(|(name, _)| name.clone()).collect();
        Changes { raise, clear }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::ComponentState;
    use super::*;
    use crate::types::{ManualClock, Stamp};

    #[test]
    fn an_alarm_stands_as_long_as_its_component_is_faulty() {
        let model = HealthModel::new(Arc::new(ManualClock::default()));
        let dark = |state| vec![Component { name: "camera/a".into(), state, since: Stamp::default() }];
        let offline = Explanation::new("offline", "plug it in");
        let changes = model.alarm_changes(&dark(ComponentState::faulty(offline.clone())));
        assert_eq!(changes.raise, [("camera-a".to_owned(), offline)]);
        let changes = model.alarm_changes(&dark(ComponentState::ended()));
        assert_eq!(changes, Changes { raise: Vec::new(), clear: vec!["camera-a".to_owned()] });
        assert_eq!(model.alarm_changes(&[]), Changes::default());
    }
}
