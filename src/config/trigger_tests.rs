//! Reading triggers: valid ones, and every kind of fault with its message.

use std::path::Path;
use std::time::Duration;

use super::trigger::{Edge, Flow, ModemLine, Parity, Protocol, Source, TemplateField, TemplatePiece};
use super::*;

const CAMERA: &str = "[[camera]]\nname = \"front\"\n\
                      source = \"scene:\"\ninspect = { product = \"plate\" }\n";

fn parse(trigger: &str) -> Result<Config, Faults> {
    let text = format!("{CAMERA}[[trigger]]\nname = \"plc\"\ncamera = \"front\"\n{trigger}");
    Config::parse(&text, Path::new("box.toml"), Path::new("."))
}

fn one(text: &str) -> TriggerConfig {
    parse(text).unwrap_or_else(|faults| panic!("{text}: {faults}")).triggers.remove(0)
}

fn serial(text: &str) -> trigger::Serial {
    match one(&format!("port = \"/dev/ttyUSB0\"\n{text}")).source {
        Source::Serial(serial) => serial,
        Source::Timer { .. } => panic!("{text}: a timer"),
    }
}

/// Asserts that `trigger` has exactly one fault, which begins with the expected text (its lines count from
/// 8).
#[track_caller]
fn assert_fault(trigger: &str, expected: &str) {
    let faults = parse(trigger).expect_err(trigger);
    let lines: Vec<_> = (faults.0.iter())
        .map(|f| format!("{}:{} {}: {} -> {}", f.line, f.column, f.key, f.reason, f.remedy))
        .collect();
    assert!(lines.len() == 1 && lines[0].starts_with(expected), "expected {expected:?}, found {lines:#?}");
}

#[test]
fn a_port_alone_is_a_trigger_of_lines_at_115200_8n1_that_are_answered() {
    let serial = serial("");
    assert_eq!((serial.port.baud, serial.port.data_bits, serial.port.stop_bits), (115_200, 8, 1));
    assert_eq!(
        (serial.port.parity, serial.port.flow, serial.protocol),
        (Parity::None, Flow::None, Protocol::Line)
    );
    assert_eq!((serial.max_line_bytes, serial.line_timeout), (128, Duration::from_secs(1)));
    let pieces = [
        TemplatePiece::TemplateField(TemplateField::OutcomeCapital),
        TemplatePiece::Text(" ".into()),
        TemplatePiece::TemplateField(TemplateField::Id),
        TemplatePiece::Text("\r\n".into()),
    ];
    assert_eq!(serial.answer.unwrap().pieces(), pieces);
    assert_eq!(serial.ack, None);
}

#[test]
fn the_annotated_ports_are_what_they_say() {
    let byte = serial("protocol = \"byte\"\nbyte = 0x54\nparity = \"even\"\ndata_bits = 7\nstop_bits = 2");
    assert_eq!((byte.protocol, byte.answer), (Protocol::Byte(0x54), None));
    assert_eq!((byte.port.parity, byte.port.data_bits, byte.port.stop_bits), (Parity::Even, 7, 2));
    let edge = serial("protocol = \"edge\"\nline = \"ri\"\nedge = \"falling\"\nanswer = \"{id}\"");
    assert_eq!(edge.protocol, Protocol::Edge { line: ModemLine::Ri, edge: Edge::Falling });
    assert!(edge.answer.is_some());
    assert_eq!(serial("answer = \"\"").answer, None, "an empty answer is none");
    let timer = one("every_ms = 40\ndelay_ms = 7\ndebounce_ms = 3");
    assert_eq!(timer.source, Source::Timer { every: Duration::from_millis(40) });
    assert_eq!((timer.delay, timer.debounce), (Duration::from_millis(7), Duration::from_millis(3)));
}

#[test]
fn a_trigger_is_a_port_or_a_timer() {
    assert_fault("", "5:1 trigger[0].port: this trigger has no source -> add port = ");
    assert_fault("port = \"/dev/x\"\nevery_ms = 5", "5:1 trigger[0].port: a trigger is a port or a timer");
    assert_fault("port = \"\"", "8:8 trigger[0].port: this is not a device");
    assert_fault("every_ms = 5\nbaud = 9600", "9:8 trigger[0].baud: this belongs to a serial port");
    assert_fault("every_ms = 0", "8:12 trigger[0].every_ms: 0 is out of range");
}

#[test]
fn the_keys_of_one_protocol_are_refused_in_another() {
    let port = "port = \"/dev/x\"\n";
    assert_fault(
        &format!("{port}byte = 1"),
        "9:8 trigger[0].byte: this does not belong to protocol = \"line\"",
    );
    assert_fault(&format!("{port}edge = \"rising\""), "9:8 trigger[0].edge: this does not belong to");
    assert_fault(
        &format!("{port}protocol = \"byte\"\nbyte = 1\nmax_line_bytes = 9"),
        "11:18 trigger[0].max_line_bytes: this does not belong to protocol = \"byte\" -> remove it",
    );
    assert_fault(&format!("{port}protocol = \"byte\""), "5:1 trigger[0].byte: this key is missing");
    assert_fault(&format!("{port}protocol = \"edge\""), "5:1 trigger[0].line: this key is missing");
    assert_fault(
        &format!("{port}protocol = \"byte\"\nbyte = 256"),
        "10:8 trigger[0].byte: 256 is out of range",
    );
    assert_fault(
        &format!("{port}protocol = \"edge\"\nline = \"cts\"\nflow = \"hardware\""),
        "5:1 trigger[0].line: CTS is used by flow control",
    );
    assert_fault(
        &format!("{port}protocol = \"lines\""),
        "9:12 trigger[0].protocol: \"lines\" is not known here",
    );
    assert_fault(
        &format!("{port}max_line_bytes = 4096"),
        "9:18 trigger[0].max_line_bytes: 4096 is out of range",
    );
    assert_fault(&format!("{port}reopen_ms = 9000"), "5:1 trigger[0].reopen_ms: the first pause is longer");
}

#[test]
fn an_unknown_field_of_a_template_is_reported_with_the_list() {
    let port = "port = \"/dev/x\"\n";
    assert_fault(
        &format!("{port}answer = \"{{verdict}}\""),
        "9:10 trigger[0].answer: there is no field {verdict} -> use {id}, {name}, {text}, {product}, {outcome}, \
         {OUTCOME}, {rois_ng}, {total_us}",
    );
    assert_fault(
        &format!("{port}answer = \"{{id\""),
        "9:10 trigger[0].answer: a brace without its counterpart",
    );
    assert_fault(
        &format!("{port}ack = \"{{OUTCOME}}\""),
        "9:7 trigger[0].ack: a field of the result is not known when a trigger is acknowledged -> use {id}, {name}, \
         {text}, {product}",
    );
}

#[test]
fn triggers_are_checked_against_cameras_and_against_each_other() {
    let text = |more: &str| {
        format!("{CAMERA}[[trigger]]\nname = \"a\"\ncamera = \"front\"\nport = \"/dev/x\"\n{more}")
    };
    let faults = |more: &str| {
        let faults = Config::parse(&text(more), Path::new("box.toml"), Path::new(".")).unwrap_err();
        faults.0.iter().map(|f| format!("{}: {} -> {}", f.key, f.reason, f.remedy)).collect::<Vec<_>>()
    };
    assert_eq!(
        faults("[[trigger]]\nname = \"b\"\ncamera = \"fornt\"\nevery_ms = 5"),
        ["trigger[1].camera: there is no [[camera]] called \"fornt\" -> did you mean \"front\"?"]
    );
    assert_eq!(
        faults("[[trigger]]\nname = \"a\"\ncamera = \"front\"\nport = \"/dev/x\""),
        [
            "trigger[1].name: trigger[0] is also called \"a\" -> give each trigger a different name",
            "trigger[1].port: trigger[0] has this port already -> give each trigger a different port",
        ]
    );
    let essential = text("[supervisor]\nessential = [\"trigger/a\"]");
    assert!(Config::parse(&essential, Path::new("box.toml"), Path::new(".")).is_ok());
}

#[test]
fn a_reload_tells_which_triggers_changed() {
    let old = parse("port = \"/dev/ttyUSB0\"").unwrap();
    let new = parse("port = \"/dev/ttyUSB1\"").unwrap();
    assert!(Config::diff(&old, &old).is_empty());
    let change = Config::diff(&old, &new);
    assert_eq!(
        (change.triggers.changed, change.cameras.unchanged),
        (vec!["plc".into()], vec!["front".into()])
    );
}
