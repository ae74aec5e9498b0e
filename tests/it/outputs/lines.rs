//! The other ways to an instrument: a serial port, a connection that stays open, and a topic.

use super::support::Lab;
use crate::support::pty::Pty;

#[test]
fn a_serial_port_is_written_confirmed_and_turned_off_in_time() {
    let (lab, pty) = (Lab::new(), Pty::new());
    let commands = format!(
        "[[command]]\nname = \"lamp\"\nserial = \"{}\"\nbaud = 9600\nsend = \"LAMP {{level}}\"\noff = \"LAMP off\"\n\
         end = \"\\r\\n\"\nexpect = \"ok *\"\ntimeout_ms = 10000\noff_after_ms = 500\n\
         [[command.parameter]]\nname = \"level\"\nchoices = [\"low\", \"high\"]\n",
        pty.path().display()
    );
    let mut service = lab.run(&commands);
    let refused = lab.refused(&["run", "lamp", "level=full"]);
    assert!(refused.contains("which is none of low, high"), "{refused}");
    let run = lab.fixture.start(&["command", "run", "lamp", "level=high", "--json"]);
    assert_eq!(pty.line(), "LAMP high");
    // An answer in pieces, behind a line that nobody asked for.
    pty.write(b"booted\r\nok hi");
    pty.write(b"gh\r\n");
    let output = run.wait_with_output().unwrap();
    let answer = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && answer.contains("ok high"), "{answer}");
    assert_eq!(pty.line(), "LAMP off");
    pty.write(b"ok off\r\n");
    lab.wait_state("lamp", "off");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_connection_that_stays_open_is_made_again_when_the_instrument_was_away() {
    let mut lab = Lab::new();
    let mut service = lab.run(&lab.rf("keep_open = true"));
    lab.done(&["run", "rf", "volts=1"]);
    lab.done(&["run", "rf", "volts=2"]);
    lab.instrument.switch_off();
    lab.instrument.switch_on();
    lab.done(&["run", "rf", "volts=3"]);
    lab.done(&["off", "rf"]);
    assert_eq!(lab.instrument.lines(), ["VOLT 1", "VOLT 2", "VOLT 3", "VOLT 0"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_topic_gets_its_message_once_and_without_a_broker_turning_off_is_repeated() {
    let mut lab = Lab::new();
    let plant = crate::support::subscriber::Subscriber::start(lab.broker.port, "plant", "lab/#");
    let commands = "[[command]]\nname = \"rf\"\nmqtt = \"lab/rf/set\"\nsend = '{\"mv\": {mv}}'\noff = '{\"mv\": 0}'\n\
        timeout_ms = 500\n[[command.parameter]]\nname = \"mv\"\nmin = 0\nmax = 1400\n";
    let mut service = lab.run(commands);
    lab.done(&["run", "rf", "mv=1000"]);
    plant.wait_for("lab/rf/set", |message| message["mv"] == 1000);
    lab.broker.stop();
    service.wait_log(&["broker"]);
    let refused = lab.refused(&["off", "rf"]);
    assert!(refused.contains("not confirmed to be off") && refused.contains("broker"), "{refused}");
    lab.broker.restart();
    plant.wait_for("lab/rf/set", |message| message["mv"] == 0);
    lab.wait_state("rf", "off");
    let sent: Vec<_> = plant.json("lab/rf/set").iter().map(|message| message["mv"].clone()).collect();
    assert_eq!(sent.first(), Some(&1000.into()));
    assert!(sent[1..].iter().all(|mv| *mv == 0), "a run is never sent again: {sent:?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
