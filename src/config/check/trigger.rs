//! Checks `[[trigger]]`: a timer or a serial port, and for the port its protocol and its answers.

use crate::config::CameraConfig;
use crate::config::raw::{TomlTable, nearest};
use crate::config::template::{AnswerTemplate, FIELDS, TemplateFault};
use crate::config::trigger::{
    Edge, Flow, MAX_LINE_BYTES, ModemLine, Protocol, Serial, Source, TriggerConfig,
};
use crate::config::value::PlacedValue;

/// The default answer to a line on a serial port.
const LINE_ANSWER: &str = "{OUTCOME} {id}\r\n";

/// The keys that only a serial port or one of its protocols has.
const SERIAL_KEYS: [&str; 15] = [
    "baud",
    "data_bits",
    "parity",
    "stop_bits",
    "flow",
    "protocol",
    "byte",
    "line",
    "edge",
    "ack",
    "answer",
    "max_line_bytes",
    "line_timeout_ms",
    "reopen_ms",
    "reopen_max_ms",
];

pub(super) fn triggers(root: &TomlTable<'_, '_>, cameras: &[CameraConfig]) -> Vec<TriggerConfig> {
    let mut triggers: Vec<TriggerConfig> = Vec::new();
    for table in root.tables("trigger") {
        let trigger = trigger(&table, cameras);
        super::unique(&table, "trigger", &trigger.name, triggers.iter().map(|known| known.name.as_str()));
        own_port(&table, &trigger, &triggers);
        triggers.push(trigger);
        table.finish();
    }
    triggers
}

fn trigger(table: &TomlTable<'_, '_>, cameras: &[CameraConfig]) -> TriggerConfig {
    let name = table.need("name", "write name = \"plc\"").and_then(|field| super::topic_level(&field));
    let camera = table.need("camera", "write camera = \"NAME\" of a [[camera]]");
    TriggerConfig {
        // A missing name is already a fault; the key's path keeps it out of the search for duplicates.
        name: name.unwrap_or_else(|| table.path_of("")),
        camera: camera.and_then(|field| known_camera(&field, cameras)).unwrap_or_default(),
        source: source(table),
        debounce: table.millis("debounce_ms", 0, 0..=60_000),
        delay: table.millis("delay_ms", 0, 0..=60_000),
    }
}

fn known_camera(field: &PlacedValue<'_, '_>, cameras: &[CameraConfig]) -> Option<String> {
    let name = field.text()?;
    match cameras.iter().find(|camera| camera.name == name) {
        Some(camera) if camera.inspect.is_some() => {}
        Some(_) => field.fault(
            format!("camera \"{name}\" does not inspect"),
            "give it inspect = { product = \"NAME\" }, or name another camera",
        ),
        None => {
            let known: Vec<_> = cameras.iter().map(|camera| camera.name.as_str()).collect();
            let remedy = match known.is_empty() {
                true => format!("add a [[camera]] with name = \"{name}\""),
                false => nearest(name, &known),
            };
            field.fault(format!("there is no [[camera]] called \"{name}\""), remedy);
        }
    }
    Some(name.to_owned())
}

fn source(table: &TomlTable<'_, '_>) -> Source {
    let (port, every) = (table.get("port"), table.get("every_ms"));
    if port.is_some() == every.is_some() {
        let (reason, remedy) = match port {
            Some(_) => ("a trigger is a port or a timer, not both", "remove port or every_ms"),
            None => ("this trigger has no source", "add port = \"/dev/ttyUSB0\" or every_ms = 500"),
        };
        table.fault("port", reason, remedy);
    }
    // All keys are read for every source, so that a misplaced one is reported as such and not as unknown.
    let serial = serial(table);
    match every {
        Some(_) => {
            of_no_use(table, &SERIAL_KEYS, "belongs to a serial port, and this trigger is a timer");
            Source::Timer { every: table.millis("every_ms", 1_000, 1..=86_400_000) }
        }
        None => Source::Serial(serial),
    }
}

fn serial(table: &TomlTable<'_, '_>) -> Serial {
    let port = super::serial::port(table, "port");
    let protocol = protocol(table);
    let serial = Serial {
        port,
        ack: template(table, "ack"),
        answer: template(table, "answer").or_else(|| default_answer(table, protocol)),
        protocol,
        max_line_bytes: table.whole("max_line_bytes", 128, 8..=MAX_LINE_BYTES as u32) as usize,
        line_timeout: table.millis("line_timeout_ms", 1_000, 10..=600_000),
        reopen: table.millis("reopen_ms", 250, 10..=600_000),
        reopen_max: table.millis("reopen_max_ms", 5_000, 10..=3_600_000),
    };
    if serial.reopen > serial.reopen_max {
        table.fault(
            "reopen_ms",
            "the first pause is longer than reopen_max_ms",
            "lower it, or raise the other",
        );
    }
    if let (Flow::Hardware, Protocol::Edge { line: ModemLine::Cts, .. }) = (serial.port.flow, serial.protocol)
    {
        table.fault("line", "CTS is used by flow control", "choose another line, or flow = \"none\"");
    }
    serial
}

const LINES: [(&str, ModemLine); 4] =
    [("cts", ModemLine::Cts), ("dsr", ModemLine::Dsr), ("dcd", ModemLine::Dcd), ("ri", ModemLine::Ri)];
const EDGES: [(&str, Edge); 2] = [("rising", Edge::Rising), ("falling", Edge::Falling)];

fn word<T: Copy + Default>(table: &TomlTable<'_, '_>, key: &'static str, words: &[(&str, T)]) -> T {
    table.word(key, words).unwrap_or_default()
}

fn protocol(table: &TomlTable<'_, '_>) -> Protocol {
    let chosen = table.word("protocol", &[("line", "line"), ("byte", "byte"), ("edge", "edge")]);
    let byte = table.get("byte").and_then(|field| field.whole(0..=255)).map(|byte| byte as u8);
    let (line, edge) = (table.word("line", &LINES), word(table, "edge", &EDGES));
    let chosen = chosen.unwrap_or("line");
    let strangers: [&'static str; 5] = match chosen {
        "byte" => ["line", "edge", "max_line_bytes", "line_timeout_ms", ""],
        "edge" => ["byte", "max_line_bytes", "line_timeout_ms", "", ""],
        _ => ["byte", "line", "edge", "", ""],
    };
    of_no_use(table, &strangers, &format!("does not belong to protocol = \"{chosen}\""));
    match chosen {
        "byte" => {
            table.need("byte", "write byte = 0x54, the byte that is a trigger");
            Protocol::Byte(byte.unwrap_or_default())
        }
        "edge" => {
            table.need("line", "write line = \"cts\", \"dsr\", \"dcd\" or \"ri\"");
            Protocol::Edge { line: line.unwrap_or(ModemLine::Dsr), edge }
        }
        _ => Protocol::Line,
    }
}

/// Lines are answered by default; bytes and edges are not.
fn default_answer(table: &TomlTable<'_, '_>, protocol: Protocol) -> Option<AnswerTemplate> {
    let silent = table.get("answer").is_some() || protocol != Protocol::Line;
    if silent { None } else { AnswerTemplate::parse(LINE_ANSWER).ok() }
}

/// Reads a template; `None` where the key is absent, faulty or empty.
fn template(table: &TomlTable<'_, '_>, key: &'static str) -> Option<AnswerTemplate> {
    let field = table.get(key)?;
    let text = field.text()?;
    let fields: Vec<_> = FIELDS.iter().filter(|(_, field)| key != "ack" || !field.is_of_the_end()).collect();
    let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
    let known = || format!("use {{{}}}", names.join("}, {"));
    match AnswerTemplate::parse(text) {
        Ok(template) => {
            if key == "ack" && template.has_field_of_the_end() {
                field.fault("a field of the result is not known when a trigger is acknowledged", known());
            }
            Some(template).filter(|template| !template.pieces().is_empty())
        }
        Err(TemplateFault::TemplateField(name)) => {
            field.fault(format!("there is no field {{{name}}}"), known());
            None
        }
        Err(TemplateFault::Brace) => {
            field.fault("a brace without its counterpart", "write {{ or }} for the brace itself");
            None
        }
    }
}

fn of_no_use(table: &TomlTable<'_, '_>, keys: &[&'static str], why: &str) {
    for field in keys.iter().filter(|key| !key.is_empty()).filter_map(|key| table.get(key)) {
        field.fault(format!("this {why}"), "remove it");
    }
}

/// Notes a port that another trigger uses, because only one of them could open it.
fn own_port(table: &TomlTable<'_, '_>, trigger: &TriggerConfig, before: &[TriggerConfig]) {
    let path = |trigger: &TriggerConfig| match &trigger.source {
        Source::Serial(serial) => Some(serial.port.path.clone()).filter(|path| !path.as_os_str().is_empty()),
        Source::Timer { .. } => None,
    };
    let Some(mine) = path(trigger) else { return };
    if let Some(index) = before.iter().position(|known| path(known).as_ref() == Some(&mine))
        && let Some(field) = table.get("port")
    {
        field.fault(format!("trigger[{index}] has this port already"), "give each trigger a different port");
    }
}
