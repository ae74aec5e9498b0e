//! The requests of the command `attendance`, shared by MQTT, REST and the command line.

use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::types::with_usual_action;

/// A request to the attendance log. Its answer is a day's table, `contract::Day`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
#[schemars(transform = usual_action)]
pub enum AttendanceCommand {
    /// Who was here on a day.
    Day(DayRequest),
}

impl AttendanceCommand {
    /// What is asked for where no action is named.
    pub const USUAL: &'static str = "day";
}

fn usual_action(schema: &mut Schema) {
    with_usual_action(schema, AttendanceCommand::USUAL);
}

/// Which table is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DayRequest {
    /// The day of local time, `YYYY-MM-DD`; today by default.
    #[serde(default)]
    pub day: Option<String>,
    /// One person alone, by number or by name.
    #[serde(default, deserialize_with = "number_or_name")]
    #[schemars(with = "Option<NumberOrName>")]
    pub person: Option<String>,
}

/// A person, as a request names one.
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum NumberOrName {
    /// The person's number in the gallery.
    Number(u64),
    /// The person's name, or the number as text.
    Name(String),
}

fn number_or_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<NumberOrName>::deserialize(deserializer)?.map(|person| match person {
        NumberOrName::Number(number) => number.to_string(),
        NumberOrName::Name(name) => name,
    }))
}

#[cfg(test)]
mod tests {
    use schemars::schema_for;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_schema_lets_a_request_leave_out_the_action_that_has_a_default() {
        let schema = schema_for!(AttendanceCommand).to_value();
        let day = &schema["oneOf"][0];
        assert_eq!(day["properties"]["action"]["default"], json!("day"), "{schema:#}");
        assert_eq!(day["required"], Value::Null, "{schema:#}");
    }
}
