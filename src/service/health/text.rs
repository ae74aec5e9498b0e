//! The health model as text: one line for each reason, the same in every interface.

use super::Component;
use crate::contract::rest::ComponentOut;
use crate::mqtt::RaisedAlarm;
use crate::types::{Explanation, rfc3339};

/// Why the service is degraded: each faulty component, then the alarms that belong to no component.
pub(in crate::service) fn reasons(components: &[Component], alarms: &[RaisedAlarm]) -> Vec<String> {
    let faulty = || components.iter().filter(|component| component.state.is_faulty());
    let own: Vec<String> = faulty().map(|component| super::alarms::alarm_name(&component.name)).collect();
    let response = faulty().map(|component| {
        let (cause, detail) = (&component.state.cause, &component.state.detail);
        line(cause, component.since.wall_ns, detail)
    });
    let others = alarms.iter().filter(|alarm| !own.contains(&alarm.name));
    let others = others.map(|alarm| {
        let why = alarm.why.clone().within(format_args!("alarm {}", alarm.name));
        line(&why, alarm.since_ns, "")
    });
    response.chain(others).collect()
}

/// What is wrong, since when (nanoseconds since 1970), how much of it, and what to do, in this order.
fn line(Explanation { cause, remedy }: &Explanation, since_ns: u64, detail: &str) -> String {
    let detail = if detail.is_empty() { String::new() } else { format!(", {detail}") };
    let what = format!("{cause}, since {}{detail}", seconds(&rfc3339(since_ns)));
    // One line, because systemd and the log take no more.
    Explanation::new(what, remedy.as_str()).to_string().replace(['\n', '\r'], " ")
}

/// RFC 3339 without fractions of a second, which are noise here.
fn seconds(time: &str) -> String {
    time.split_once('.').map_or_else(|| time.to_owned(), |(whole, _)| format!("{whole}Z"))
}

/// The components for REST and the command line. `essential` marks those that make `/healthz` answer 503.
pub(in crate::service) fn out(
    components: &[Component],
    essential: impl Fn(&str) -> bool,
) -> Vec<ComponentOut> {
    let out = components.iter().map(|component| {
        let state = &component.state;
        let cause = state.cause.to_string();
        let whole = [cause.as_str(), state.detail.as_str()].map(str::trim);
        let whole: Vec<&str> = whole.into_iter().filter(|part| !part.is_empty()).collect();
        ComponentOut {
            component: component.name.clone(),
            state: state.condition.as_str().to_owned(),
            cause: (!whole.is_empty()).then(|| whole.join(", ")),
            what: Some(state.cause.cause.clone()).filter(|what| !what.is_empty()),
            remedy: Some(state.cause.remedy.clone()).filter(|remedy| !remedy.is_empty()),
            since: rfc3339(component.since.wall_ns),
            essential: essential(&component.name),
        }
    });
    out.collect()
}

#[cfg(test)]
mod tests {
    use super::super::ComponentState;
    use super::*;
    use crate::types::Stamp;

    fn component(name: &str, state: ComponentState) -> Component {
        Component { name: name.into(), state, since: Stamp { mono_ns: 0, wall_ns: 1_000_000_000 } }
    }

    fn alarm(name: &str, cause: &str, remedy: &str) -> RaisedAlarm {
        RaisedAlarm { name: name.into(), why: Explanation::new(cause, remedy), since_ns: 2_000_000_000 }
    }

    fn faulty(cause: &str, remedy: &str) -> ComponentState {
        ComponentState::faulty(Explanation::new(cause, remedy))
    }

    #[test]
    fn a_reason_says_what_since_when_how_much_and_what_to_do() {
        let down = faulty("broker mqtt://127.0.0.1:1883: connection refused", "start the broker");
        let components = [component("broker", down.with_detail("12 events wait".into()))];
        assert_eq!(
            reasons(&components, &[]),
            [
                "broker mqtt://127.0.0.1:1883: connection refused, since 1970-01-01T00:00:01Z, 12 events wait; start \
              the broker"
            ]
        );
    }

    #[test]
    fn an_alarm_of_a_component_is_no_second_reason_and_others_are_reasons_too() {
        let components = [
            component("camera/front", faulty("camera front offline", "")),
            component("store", ComponentState::ok()),
        ];
        let alarms = [
            alarm("camera-front", "camera front offline", ""),
            alarm("evidence", "no\nroom; or no right", "make some"),
        ];
        assert_eq!(
            reasons(&components, &alarms),
            [
                "camera front offline, since 1970-01-01T00:00:01Z",
                "alarm evidence: no room; or no right, since 1970-01-01T00:00:02Z; make some"
            ]
        );
    }

    #[test]
    fn what_is_well_has_no_cause() {
        let response = out(&[component("store", ComponentState::ok())], |name| name == "store");
        assert_eq!(
            (response[0].state.as_str(), &response[0].cause, response[0].essential),
            ("ok", &None, true)
        );
    }
}
