//! Checks `[[command.parameter]]`: each value of a command says what is allowed.

use crate::config::output::{Parameter, ParameterKind, TIME, TIME_RFC3339, is_field_name};
use crate::config::raw::TomlTable;
use crate::config::value::PlacedValue;

/// Longest text of a parameter in characters.
const MAX_TEXT: i64 = 256;
/// Most parameters of a command, and choices of a parameter.
const MOST: usize = 64;

pub(super) fn parameters(table: &TomlTable<'_, '_>) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = Vec::new();
    for table in table.tables("parameter") {
        let parameter = parameter(&table);
        let mut before = parameters.iter().map(|known| known.name.as_str());
        if before.any(|known| known == parameter.name) {
            table.fault("name", format!("two parameters are called \"{}\"", parameter.name), "rename one");
        }
        parameters.push(parameter);
        table.finish();
    }
    if parameters.len() > MOST {
        table.fault("parameter", format!("{} parameters", parameters.len()), format!("write at most {MOST}"));
    }
    parameters
}

fn parameter(table: &TomlTable<'_, '_>) -> Parameter {
    let name = table.need("name", "write name = \"volts\"").and_then(|field| {
        let name = field.text()?;
        if !is_field_name(name) || [TIME, TIME_RFC3339].contains(&name) || name.len() > 64 {
            let remedy = format!("write letters, digits and \"_\"; {TIME} and {TIME_RFC3339} are taken");
            field.fault(format!("\"{name}\" cannot name a parameter"), remedy);
        }
        Some(name.to_owned())
    });
    let kind = parameter_kind(table);
    let default = table.get("default").and_then(|field| {
        let text = field.plain_text()?;
        if let Err(reason) = kind.check(&text) {
            field.fault(format!("the default {reason}"), "write an allowed value");
        }
        Some(text)
    });
    Parameter {
        name: name.unwrap_or_else(|| table.path_of("")),
        kind,
        unit: table.text("unit").unwrap_or_default(),
        default,
    }
}

fn parameter_kind(table: &TomlTable<'_, '_>) -> ParameterKind {
    let limit = |key| table.get(key).and_then(|field| field.real());
    let (min, max, whole) = (limit("min"), limit("max"), table.boolean("whole", false));
    let choices = table.get("choices").map(|field| choices(&field));
    let length = table.get("max_length").and_then(|field| field.whole(1..=MAX_TEXT));
    let has_limits = ["min", "max", "whole"].iter().any(|key| table.get(key).is_some());
    let kinds = [has_limits, choices.is_some(), table.get("max_length").is_some()];
    if kinds.iter().filter(|given| **given).count() != 1 {
        let remedy = "write min and max, or choices, or max_length of a text";
        table.fault("min", "this parameter does not say which values are allowed", remedy);
    }
    match (choices, length) {
        (Some(choices), _) => ParameterKind::Choice(choices),
        (None, Some(length)) => ParameterKind::Text(length as usize),
        (None, None) => {
            if has_limits && (table.get("min").is_none() || table.get("max").is_none()) {
                table.fault("min", "a number needs both of its limits", "write min = 0 and max = 1400");
            }
            let (min, max) = (min.unwrap_or(0.0), max.unwrap_or(0.0));
            if min > max {
                table.fault("min", format!("min {min} is above max {max}"), "swap them");
            }
            ParameterKind::Number { min, max, whole }
        }
    }
}

fn choices(field: &PlacedValue<'_, '_>) -> Vec<String> {
    let items = field.items("choices").unwrap_or_default();
    let choices: Vec<String> = items.iter().filter_map(PlacedValue::plain_text).collect();
    if choices.is_empty() || choices.len() > MOST {
        field.fault(format!("{} choices", choices.len()), format!("write 1 to {MOST} of them"));
    }
    for (item, choice) in items.iter().zip(&choices) {
        if choice.is_empty() || choice.contains(['\r', '\n', '"', '\\']) {
            item.fault("this cannot stand in a message", "write a word without quotes and line ends");
        }
    }
    choices
}
