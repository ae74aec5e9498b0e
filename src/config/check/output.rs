//! Checks `[[command]]`: where it goes, its limits, its interlock, and how its output is turned off.

use std::time::Duration;

use super::parameter::parameters;
use super::serial;
use crate::config::output::{
    Comparison, Condition, Dialogue, Interlock, MessageTemplate, OutputConfig, Parameter, Pattern, TIME,
    TIME_RFC3339, Transport,
};
use crate::config::raw::{TomlTable, nearest};
use crate::config::trigger::Source;
use crate::config::users::Role;
use crate::config::value::PlacedValue;
use crate::config::{MqttConfig, TriggerConfig};

/// Keys that only a command with an `off` message has.
const OFF_KEYS: [&str; 4] = ["off_after_ms", "renewable", "off_on_stop", "off_expect"];
/// Keys that only lines over TCP or a serial port have.
const LINE_KEYS: [&str; 4] = ["end", "expect", "error", "off_expect"];
/// Longest message in bytes.
const MAX_MESSAGE: usize = 4_096;
/// Most conditions of an interlock.
const MOST: usize = 64;

/// What a command must not collide with.
pub(super) struct OutputScope<'a> {
    pub(super) mqtt: &'a MqttConfig,
    pub(super) device: &'a str,
    pub(super) triggers: &'a [TriggerConfig],
}

pub(super) fn outputs(root: &TomlTable<'_, '_>, scope: &OutputScope<'_>) -> Vec<OutputConfig> {
    let mut outputs: Vec<OutputConfig> = Vec::new();
    for table in root.tables("command") {
        let output = output(&table, scope);
        super::unique(&table, "command", &output.name, outputs.iter().map(|known| known.name.as_str()));
        same_port(&table, &output, &outputs);
        outputs.push(output);
        table.finish();
    }
    outputs
}

fn output(table: &TomlTable<'_, '_>, scope: &OutputScope<'_>) -> OutputConfig {
    let name = table.need("name", "write name = \"rf\"").and_then(|field| {
        let name = super::topic_level(&field)?;
        if name == "off" {
            field.fault("\"off\" turns all outputs off, so no command can have this name", "write another");
        }
        Some(name)
    });
    let parameters = parameters(table);
    let send = table.need("send", "write send = \"VOLT {volts}\"");
    let send = send.and_then(|field| message(&field, &parameters, true));
    let off = table.get("off").and_then(|field| message(&field, &parameters, false));
    if let (Some(send), Some(field)) = (&send, table.get("send")) {
        for parameter in parameters.iter().filter(|one| !send.fields().any(|field| field == one.name)) {
            let remedy =
                format!("write {{{}}} where its value belongs, or remove the parameter", parameter.name);
            field.fault(format!("the parameter {} is not part of the message", parameter.name), remedy);
        }
    }
    let transport = transport(table, scope);
    let (off_after, renewable, off_on_stop) = off_settings(table);
    let off_expect = pattern(table, "off_expect");
    let interlock = interlock(table);
    if table.get("off").is_none() {
        let mut stray: Vec<PlacedValue<'_, '_>> = OFF_KEYS.iter().filter_map(|key| table.get(key)).collect();
        stray.extend(table.get("interlock_while_on"));
        for field in stray {
            field.fault("this belongs to a command that can be turned off", "add off = \"…\", or remove it");
        }
    }
    OutputConfig {
        // A missing name is already a fault; the key's path keeps it out of the search for duplicates.
        name: name.unwrap_or_else(|| table.path_of("")),
        description: table.text("description").unwrap_or_default(),
        dialogue: dialogue(table, &transport),
        transport,
        send: send.unwrap_or_else(|| MessageTemplate::parse("")),
        off,
        off_expect,
        role: role(table),
        parameters,
        interlock,
        off_after,
        renewable,
        off_on_stop,
    }
}

fn role(table: &TomlTable<'_, '_>) -> Role {
    let words = Role::ALL.map(|role| (role.as_str(), role));
    table.word("role", &words).unwrap_or(Role::Operator)
}

fn off_settings(table: &TomlTable<'_, '_>) -> (Option<Duration>, bool, bool) {
    let after = table.get("off_after_ms").and_then(|field| field.whole(50..=86_400_000));
    let after = after.map(|ms| Duration::from_millis(ms as u64));
    let renewable = table.boolean("renewable", false);
    if let (None, Some(field)) = (after, table.get("renewable")) {
        field.fault("there is no time to be renewed", "add off_after_ms = 10000, or remove it");
    }
    (after, renewable, table.boolean("off_on_stop", true))
}

fn transport(table: &TomlTable<'_, '_>, scope: &OutputScope<'_>) -> Transport {
    let kinds = ["tcp", "serial", "mqtt"];
    let given: Vec<&str> = kinds.into_iter().filter(|kind| table.get(kind).is_some()).collect();
    if given.len() != 1 {
        let (reason, remedy) = match &given[..] {
            [] => (
                "this command goes nowhere".to_owned(),
                "add tcp = \"HOST:PORT\", serial = \"/dev/ttyUSB0\" or mqtt = \"TOPIC\"",
            ),
            given => (
                format!("a command has one way out, and this has {}", given.join(" and ")),
                "keep one of them",
            ),
        };
        table.fault("tcp", reason, remedy);
    }
    // All keys are read for every kind, so that a misplaced one is reported as such and not as unknown.
    let port = serial::port(table, "serial");
    let address = table.get("tcp").and_then(|field| address(&field));
    let keep_open = table.boolean("keep_open", false);
    let topic = table.get("mqtt").and_then(|field| topic(&field, scope));
    let retain = table.boolean("retain", false);
    let kind = given.first().copied().unwrap_or("tcp");
    let strange = |keys: &[&'static str], of: &str| {
        for field in keys.iter().filter_map(|key| table.get(key)) {
            field.fault(format!("this belongs to {of}, and this command uses {kind}"), "remove it");
        }
    };
    if kind != "serial" {
        strange(&serial::KEYS, "a serial port");
    }
    if kind != "tcp" {
        strange(&["keep_open"], "TCP");
    }
    if kind != "mqtt" {
        strange(&["retain"], "MQTT");
    }
    match kind {
        "serial" => {
            if let Some(field) = table.get("serial") {
                not_of_a_trigger(&field, &port.path, scope.triggers);
            }
            Transport::Serial(port)
        }
        "mqtt" => {
            strange(&LINE_KEYS, "lines over TCP or a serial port");
            Transport::Mqtt { topic: topic.unwrap_or_default(), retain }
        }
        _ => Transport::Tcp { address: address.unwrap_or_default(), keep_open },
    }
}

fn address(field: &PlacedValue<'_, '_>) -> Option<String> {
    let text = field.text()?;
    let host_and_port = text.rsplit_once(':').filter(|(host, _)| !host.is_empty() && !host.contains("//"));
    match host_and_port.and_then(|(_, port)| port.parse::<u16>().ok()).filter(|port| *port > 0) {
        Some(_) => Some(text.to_owned()),
        None => {
            field
                .fault(format!("\"{text}\" is not an address"), "write HOST:PORT, such as \"10.0.0.7:5559\"");
            None
        }
    }
}

fn topic(field: &PlacedValue<'_, '_>, scope: &OutputScope<'_>) -> Option<String> {
    let text = field.text()?;
    if text.is_empty() || text.len() > 256 || text.contains(['#', '+', '\0']) {
        field.fault(format!("\"{text}\" is not a topic"), "write the whole topic, without + and #");
        return None;
    }
    let own = format!("{}/{}/", scope.mqtt.prefix, scope.device);
    if text.starts_with(&own) {
        field.fault(format!("topics below {own} are the service's own"), "write the instrument's topic");
        return None;
    }
    Some(text.to_owned())
}

fn not_of_a_trigger(field: &PlacedValue<'_, '_>, path: &std::path::Path, triggers: &[TriggerConfig]) {
    let same = |trigger: &&TriggerConfig| matches!(&trigger.source, Source::Serial(serial) if serial.port.path == path);
    if let Some(trigger) = triggers.iter().find(same) {
        field.fault(format!("trigger \"{}\" has this port already", trigger.name), "use another port");
    }
}

/// Two commands on one port share it, so they must agree on its settings.
fn same_port(table: &TomlTable<'_, '_>, output: &OutputConfig, before: &[OutputConfig]) {
    let Transport::Serial(port) = &output.transport else { return };
    for known in before {
        if let Transport::Serial(other) = &known.transport
            && other.path == port.path
            && other != port
            && let Some(field) = table.get("serial")
        {
            let reason = format!("command \"{}\" opens this port with other settings", known.name);
            return field
                .fault(reason, "write the same baud, data_bits, parity, stop_bits and flow for both");
        }
    }
}

fn dialogue(table: &TomlTable<'_, '_>, transport: &Transport) -> Dialogue {
    let end = table.get("end").and_then(|field| {
        let end = field.text()?;
        if end.is_empty() || end.len() > 8 || !end.chars().all(|c| c.is_ascii_control()) {
            field.fault("this cannot end a line", "write end = \"\\n\", \"\\r\" or \"\\r\\n\"");
        }
        Some(end.to_owned())
    });
    let end = match transport {
        Transport::Mqtt { .. } => String::new(),
        _ => end.unwrap_or_else(|| "\n".to_owned()),
    };
    let (expect, error) = (pattern(table, "expect"), pattern(table, "error"));
    let confirmed = "an answer that confirms a message";
    for key in ["error", "off_expect"] {
        if let (None, Some(field)) = (&expect, table.get(key)) {
            field.fault(format!("this needs {confirmed}"), "add expect = \"OK*\"");
        }
    }
    if let (None, true, Some(field)) = (&expect, table.boolean("keep_open", false), table.get("keep_open")) {
        let reason = format!("a message on a dead connection counts as sent without {confirmed}");
        field.fault(reason, "add expect = \"OK*\", or remove keep_open");
    }
    Dialogue { end, expect, error, timeout: table.millis("timeout_ms", 1_000, 10..=60_000) }
}

fn pattern(table: &TomlTable<'_, '_>, key: &'static str) -> Option<Pattern> {
    let field = table.get(key)?;
    let text = field.text()?;
    if text.is_empty() || text.len() > 256 || text.contains(['\r', '\n']) {
        field
            .fault("this is not the pattern of a line", "write the line, with * for any characters: \"OK*\"");
        return None;
    }
    Some(Pattern(text.to_owned()))
}

/// Reads a message; `takes_values` where it may contain parameters.
fn message(
    field: &PlacedValue<'_, '_>,
    parameters: &[Parameter],
    takes_values: bool,
) -> Option<MessageTemplate> {
    let text = field.text()?;
    if text.is_empty() || text.len() > MAX_MESSAGE {
        field.fault(
            format!("the message has {} bytes", text.len()),
            format!("write 1 to {MAX_MESSAGE} bytes"),
        );
    }
    if text.contains(['\r', '\n']) {
        field.fault("a message is one line", "remove the line end: the key `end` has it");
    }
    let template = MessageTemplate::parse(text);
    for name in template.fields().filter(|name| ![TIME, TIME_RFC3339].contains(name)) {
        let is_parameter = parameters.iter().any(|parameter| parameter.name == name);
        if is_parameter && !takes_values {
            let remedy =
                "write its value; where several outputs have different ones, write a [[command]] for each";
            field.fault(format!("{{{name}}} is not known when the output is turned off"), remedy);
        } else if !is_parameter {
            let names = parameters.iter().filter(|_| takes_values).map(|parameter| parameter.name.as_str());
            let known: Vec<&str> = names.chain([TIME, TIME_RFC3339]).collect();
            field.fault(format!("there is no parameter {{{name}}}"), nearest(name, &known));
        }
    }
    Some(template)
}

fn interlock(table: &TomlTable<'_, '_>) -> Interlock {
    let items = table.get("interlock").and_then(|field| {
        let items = field.items("conditions, such as \"pressure < 1e-6\"")?;
        if items.len() > MOST {
            field.fault(format!("{} conditions", items.len()), format!("write at most {MOST}"));
        }
        Some(items)
    });
    let conditions: Vec<Condition> = items.unwrap_or_default().iter().filter_map(condition).collect();
    let max_age = table.get("interlock_max_age_ms").and_then(|field| field.whole(10..=86_400_000));
    let while_on = table.boolean("interlock_while_on", true);
    if table.get("interlock").is_none() {
        for field in ["interlock_max_age_ms", "interlock_while_on"].iter().filter_map(|key| table.get(key)) {
            field.fault("there is no interlock", "add interlock = [\"pressure < 1e-6\"], or remove it");
        }
    }
    let max_age = max_age.map(|ms| Duration::from_millis(ms as u64));
    let while_on = while_on && table.get("off").is_some();
    Interlock { conditions, max_age, while_on }
}

fn condition(item: &PlacedValue<'_, '_>) -> Option<Condition> {
    let text = item.text()?;
    // The earliest sign counts; of two at one place the longer one.
    let found = Comparison::ALL.iter().filter_map(|(sign, it)| Some((text.find(sign)?, *sign, *it)));
    let first = found.min_by_key(|(at, sign, _)| (*at, usize::MAX - sign.len()));
    let parsed = first.and_then(|(at, sign, comparison)| {
        let channel = text[..at].trim();
        let limit: f64 = text[at + sign.len()..].trim().parse().ok()?;
        let named = !channel.is_empty() && !channel.contains(char::is_whitespace);
        (named && limit.is_finite()).then(|| Condition { channel: channel.to_owned(), comparison, limit })
    });
    if parsed.is_none() {
        let remedy = "write CHANNEL, one of < <= > >= == !=, and a number: \"pressure < 1e-6\"";
        item.fault(format!("\"{text}\" is not a condition"), remedy);
    }
    parsed
}
