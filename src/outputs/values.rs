//! Checks the values of a run against the limits of its command, and fills its message.

use std::collections::BTreeMap;

use super::OutputError;
use crate::config::OutputConfig;
use crate::config::output::{MessageTemplate, Parameter, ParameterKind, TIME, TIME_RFC3339, shown};
use crate::contract::CommandValue;
use crate::types::rfc3339;

/// The values of a run, as they will be sent: defaults are filled in, and numbers that came as text are numbers.
///
/// # Errors
/// The first value that is missing, unknown or outside its limits.
pub(super) fn check(
    settings: &OutputConfig,
    given: &BTreeMap<String, CommandValue>,
) -> Result<BTreeMap<String, CommandValue>, OutputError> {
    let known = |name: &str| settings.parameters.iter().any(|parameter| parameter.name == name);
    if let Some(stranger) = given.keys().find(|name| !known(name)) {
        let names: Vec<&str> = settings.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        return Err(OutputError::NoParameter {
            command: settings.name.clone(),
            parameter: stranger.clone(),
            known: names.join(", "),
        });
    }
    let parameters = settings.parameters.iter();
    let values = parameters.map(|parameter| {
        let text = given.get(&parameter.name).map(CommandValue::text).or_else(|| parameter.default.clone());
        let text = text.ok_or_else(|| OutputError::NoValue {
            command: settings.name.clone(),
            parameter: parameter.name.clone(),
            allowed: allowed(parameter),
        })?;
        parameter.kind.check(&text).map_err(|fault| OutputError::Value {
            command: settings.name.clone(),
            parameter: parameter.name.clone(),
            fault: Box::new(fault),
            unit: with_space(&parameter.unit),
        })?;
        Ok((parameter.name.clone(), typed(&parameter.kind, text)))
    });
    values.collect()
}

fn typed(kind: &ParameterKind, text: String) -> CommandValue {
    match (kind, text.trim().parse::<f64>()) {
        (ParameterKind::Number { .. }, Ok(value)) => CommandValue::Number(value),
        _ => CommandValue::Text(text),
    }
}

/// What a parameter allows, for people.
pub(super) fn allowed(parameter: &Parameter) -> String {
    match &parameter.kind {
        ParameterKind::Number { min, max, whole } => {
            let number = if *whole { "a whole number" } else { "a number" };
            format!("{number} from {} to {}{}", shown(*min), shown(*max), with_space(&parameter.unit))
        }
        ParameterKind::Choice(choices) => format!("one of {}", choices.join(", ")),
        ParameterKind::Text(most) => format!("a text of at most {most} characters"),
    }
}

fn with_space(unit: &str) -> String {
    if unit.is_empty() { String::new() } else { format!(" {unit}") }
}

/// The message at the wall time `wall_ns`.
pub(super) fn message(
    template: &MessageTemplate,
    values: &BTreeMap<String, CommandValue>,
    wall_ns: u64,
) -> String {
    template.fill(|field| match field {
        TIME => format!("{}.{:03}", wall_ns / 1_000_000_000, wall_ns / 1_000_000 % 1_000),
        TIME_RFC3339 => rfc3339(wall_ns),
        name => values.get(name).map(CommandValue::text).unwrap_or_default(),
    })
}
