//! Reading commands to instruments: valid ones, and every kind of fault with its message.

use std::path::Path;
use std::time::Duration;

use super::output::{Comparison, ParameterKind, Transport};
use super::users::Role;
use super::*;

const CAMERA: &str = "[[camera]]\nname = \"front\"\nsource = \"scene:\"\n";

fn parse(command: &str) -> Result<Config, Faults> {
    let text = format!("{CAMERA}[[command]]\nname = \"rf\"\n{command}");
    Config::parse(&text, Path::new("box.toml"), Path::new("."))
}

fn one(text: &str) -> OutputConfig {
    parse(text).unwrap_or_else(|faults| panic!("{text}: {faults}")).outputs.remove(0)
}

/// Asserts that `command` has exactly one fault, which contains each of the expected texts.
#[track_caller]
fn assert_fault(command: &str, expected: &[&str]) {
    let faults = parse(command).expect_err(command);
    let lines: Vec<String> =
        faults.0.iter().map(|f| format!("{}: {} -> {}", f.key, f.reason, f.remedy)).collect();
    let holds = lines.len() == 1 && expected.iter().all(|part| lines[0].contains(part));
    assert!(holds, "{command}\nexpected {expected:?}, found {lines:#?}");
}

const TCP: &str = "tcp = \"127.0.0.1:5559\"\nsend = \"ON\"\n";
const VOLTS: &str = "tcp = \"127.0.0.1:5559\"\nsend = \"VOLT {volts}\"\noff = \"VOLT 0\"\n";
const PARAMETER: &str = "[[command.parameter]]\nname = \"volts\"\n";

#[test]
fn a_command_with_everything_is_read_as_it_is_written() {
    let command = one("description = \"RF amplitude\"\ntcp = \"lab.local:5559\"\nkeep_open = true\n\
        send = '{\"action\": \"SET_RF\", \"params\": {\"u_rf_mv\": {u_rf_mv}}, \"timestamp\": {time}}'\n\
        off = '{\"action\": \"SET_RF\", \"params\": {\"u_rf_mv\": 0}}'\nexpect = \"OK*\"\nerror = \"ERR*\"\n\
        timeout_ms = 500\nrole = \"admin\"\noff_after_ms = 10000\nrenewable = true\noff_on_stop = false\n\
        interlock = [\"pressure < 1e-6\", \"door >= 1\"]\ninterlock_max_age_ms = 2000\n\
        [[command.parameter]]\nname = \"u_rf_mv\"\nmin = 0\nmax = 1400\nwhole = true\nunit = \"mV\"\ndefault = 7\n");
    assert_eq!(command.transport, Transport::Tcp { address: "lab.local:5559".into(), keep_open: true });
    assert_eq!((command.role, command.off_after), (Role::Admin, Some(Duration::from_secs(10))));
    assert!(command.renewable && !command.off_on_stop && command.interlock.while_on);
    let conditions: Vec<String> = command.interlock.conditions.iter().map(ToString::to_string).collect();
    assert_eq!(conditions, ["pressure < 1e-6", "door >= 1"]);
    assert_eq!(command.interlock.conditions[1].comparison, Comparison::AtLeast);
    assert_eq!(command.interlock.max_age, Some(Duration::from_secs(2)));
    let parameter = &command.parameters[0];
    assert_eq!(parameter.kind, ParameterKind::Number { min: 0.0, max: 1400.0, whole: true });
    assert_eq!((parameter.unit.as_str(), parameter.default.as_deref()), ("mV", Some("7")));
}

#[test]
fn the_defaults_are_the_careful_ones() {
    let command = one(&format!("{VOLTS}{PARAMETER}min = 0\nmax = 5\n"));
    assert_eq!((command.role, command.off_after, command.renewable), (Role::Operator, None, false));
    assert!(command.off_on_stop && command.interlock.conditions.is_empty());
    assert_eq!((command.dialogue.end.as_str(), command.dialogue.timeout), ("\n", Duration::from_secs(1)));
    let serial = one("serial = \"/dev/ttyUSB1\"\nbaud = 9600\nsend = \"*RST\"\nend = \"\\r\\n\"\n");
    let Transport::Serial(port) = serial.transport else { panic!("a serial port") };
    assert_eq!((port.baud, serial.dialogue.end.as_str()), (9_600, "\r\n"));
    let mqtt = one("mqtt = \"lab/rf/set\"\nsend = \"1\"\noff = \"0\"\n");
    assert_eq!(mqtt.transport, Transport::Mqtt { topic: "lab/rf/set".into(), retain: false });
}

#[test]
fn a_command_that_goes_nowhere_or_two_ways_is_refused() {
    assert_fault("send = \"ON\"\n", &["command[0].tcp", "goes nowhere", "HOST:PORT"]);
    assert_fault(&format!("{TCP}mqtt = \"a/b\"\n"), &["one way out", "tcp and mqtt"]);
    assert_fault("tcp = \"10.0.0.7\"\nsend = \"ON\"\n", &["is not an address", "HOST:PORT"]);
    assert_fault("mqtt = \"a/#\"\nsend = \"ON\"\n", &["is not a topic"]);
    assert_fault(&format!("{TCP}baud = 9600\n"), &["baud", "belongs to a serial port"]);
    assert_fault(&format!("{TCP}retain = true\n"), &["belongs to MQTT"]);
    assert_fault(&format!("{TCP}colour = 1\n"), &["unknown key"]);
}

#[test]
fn a_value_without_limits_and_a_message_without_its_value_are_refused() {
    assert_fault(&format!("{VOLTS}{PARAMETER}"), &["does not say which values are allowed"]);
    assert_fault(&format!("{VOLTS}{PARAMETER}min = 0\n"), &["needs both of its limits"]);
    assert_fault(&format!("{VOLTS}{PARAMETER}min = 5\nmax = 1\n"), &["min 5 is above max 1"]);
    assert_fault(&format!("{VOLTS}{PARAMETER}min = 0\nmax = nan\n"), &["not a finite number"]);
    assert_fault(&format!("{VOLTS}{PARAMETER}min = 0\nmax = 5\ndefault = 9\n"), &["default is 9", "0 to 5"]);
    assert_fault(&format!("{TCP}{PARAMETER}min = 0\nmax = 5\n"), &["volts is not part of the message"]);
    assert_fault(&VOLTS.replace("{volts}", "{volt}"), &["no parameter {volt}"]);
    let off = VOLTS.replace("VOLT 0", "VOLT {volts}");
    assert_fault(
        &format!("{off}{PARAMETER}min = 0\nmax = 5\n"),
        &["not known when the output is turned off"],
    );
    assert_fault("tcp = \"a:1\"\nsend = \"A\\nB\"\n", &["a message is one line"]);
}

#[test]
fn what_only_an_output_has_needs_a_message_that_turns_it_off() {
    for key in ["off_after_ms = 1000", "off_on_stop = true"] {
        assert_fault(&format!("{TCP}{key}\n"), &["can be turned off", "add off"]);
    }
    let renewable = format!("{TCP}off = \"OFF\"\nrenewable = true\n");
    assert_fault(&renewable, &["no time to be renewed"]);
    assert_fault(&format!("{TCP}error = \"E*\"\n"), &["needs an answer", "expect"]);
    assert_fault(&format!("{TCP}keep_open = true\n"), &["dead connection"]);
    let first = "off = \"OFF\"\ninterlock_max_age_ms = 100\n";
    assert_fault(&format!("{TCP}{first}"), &["there is no interlock"]);
}

#[test]
fn a_condition_that_cannot_be_read_is_refused_with_an_example() {
    for condition in ["pressure", "pressure < high", "< 1", "a b < 1", "pressure < inf", "pressure = 1"] {
        assert_fault(
            &format!("{TCP}interlock = [\"{condition}\"]\n"),
            &["is not a condition", "pressure < 1e-6"],
        );
    }
}

#[test]
fn a_port_of_a_trigger_and_a_topic_of_the_service_are_not_given_to_an_instrument() {
    let camera = "[[camera]]\nname = \"front\"\nsource = \"scene:\"\ninspect = { product = \"plate\" }\n\
        [[trigger]]\nname = \"plc\"\ncamera = \"front\"\nport = \"/dev/ttyUSB0\"\n";
    let command =
        "[device]\nname = \"box1\"\n[[command]]\nname = \"a\"\nserial = \"/dev/ttyUSB0\"\nsend = \"ON\"\n";
    let faults = Config::parse(&format!("{camera}{command}"), Path::new("x"), Path::new(".")).unwrap_err();
    assert!(faults.to_string().contains("trigger \"plc\" has this port"), "{faults}");
    let own = "[device]\nname = \"box1\"\n[[command]]\nname = \"a\"\nmqtt = \"ocellus/box1/cmd/restart/1\"\nsend = \"{}\"\n";
    let faults = Config::parse(&format!("{CAMERA}{own}"), Path::new("x"), Path::new(".")).unwrap_err();
    assert!(faults.to_string().contains("the service's own"), "{faults}");
}
