//! What a PLC says and hears on a line.

use std::time::Duration;

use ocellus::trigger::PortState;
use ocellus::types::Outcome;

use crate::trigger::support::{FakeTarget, How, Pty, Running, settings};

const BOTH: &str = "ack = \"ACK {id} {text}\\r\\n\"\nanswer = \"{OUTCOME} {id} {product} {rois_ng} {total_us} {name}\\r\\n\"";

fn ask(pty: &Pty, line: &str) -> String {
    pty.write(format!("{line}\r\n").as_bytes());
    pty.line()
}

#[test]
fn a_trigger_is_acknowledged_and_answered_with_its_number() {
    let pty = Pty::new();
    let running = Running::open(settings(pty.path(), BOTH), FakeTarget::new(How::OnCall, 4));
    assert_eq!(ask(&pty, "TRIG SN-1"), "ACK 1 SN-1");
    assert_eq!(ask(&pty, "trig"), "ACK 2 ");
    running.target.end(Outcome::Ng);
    assert_eq!((pty.line(), pty.line()), ("NG 1 bracket 0 7 plc".into(), "NG 2 bracket 0 7 plc".into()));
    running.target.look(|seen| {
        let (_, trigger, _) = &seen.pulls[0];
        assert_eq!((trigger.text.as_deref(), &*trigger.name), (Some("SN-1"), "plc"));
        assert_eq!(seen.counts().ng, 2);
    });
    running.finish().unwrap();
}

#[test]
fn an_acknowledgement_comes_before_a_verdict_that_is_there_at_once() {
    let pty = Pty::new();
    let running = Running::open(settings(pty.path(), BOTH), FakeTarget::new(How::AtOnce, 4));
    pty.write(b"TRIG a\nTRIG b\n");
    let lines: Vec<_> = (0..4).map(|_| pty.line()).collect();
    let place = |line: &str| lines.iter().position(|l| l.starts_with(line)).expect(line);
    assert!(place("ACK 1 a") < place("OK 1 ") && place("ACK 2 b") < place("OK 2 "), "{lines:?}");
    running.finish().unwrap();
}

#[test]
fn every_question_is_answered() {
    let pty = Pty::new();
    let running = Running::open(settings(pty.path(), BOTH), FakeTarget::new(How::AtOnce, 4));
    assert_eq!(ask(&pty, "PING"), "PONG");
    assert_eq!(ask(&pty, "version?"), format!("VERSION ocellus {}", env!("CARGO_PKG_VERSION")));
    assert_eq!(ask(&pty, "READY?"), "READY 1");
    assert_eq!(ask(&pty, "STATUS?"), "STATUS ready=1 ack=0 valid=0 missed=0 overrun=0 product=-");
    assert_eq!(ask(&pty, "PROD bracket"), "PROD bracket");
    assert_eq!(ask(&pty, "PROD gone"), "ERR PROD gone: there is no recipes/gone.toml?known: bracket");
    assert_eq!((ask(&pty, "TRIG x"), pty.line()), ("ACK 1 x".into(), "OK 1 bracket 0 7 plc".into()));
    assert_eq!(ask(&pty, "STATUS?"), "STATUS ready=1 ack=1 valid=1 missed=0 overrun=0 product=bracket");
    running.finish().unwrap();
}

#[test]
fn garbage_is_counted_and_reported_and_the_next_line_is_heard() {
    let pty = Pty::new();
    let running = Running::open(settings(pty.path(), "max_line_bytes = 16"), FakeTarget::new(How::AtOnce, 4));
    assert_eq!(ask(&pty, "GO"), "ERR unknown request");
    assert_eq!(ask(&pty, "PROD"), "ERR malformed request");
    pty.write(b"TRIG \xff\xfe\r");
    assert_eq!(pty.line(), "ERR not ASCII");
    assert_eq!(ask(&pty, &"x".repeat(500)), "ERR line too long (16 bytes at most)");
    assert_eq!(ask(&pty, "TRIG"), "OK 1", "a line is answered where nothing else is configured");
    running.target.wait("four lines of garbage", |seen| seen.rejected.garbage == 4);
    running.finish().unwrap();
}

#[test]
fn a_half_line_is_given_up_and_counted() {
    let pty = Pty::new();
    let running =
        Running::open(settings(pty.path(), "line_timeout_ms = 20"), FakeTarget::new(How::AtOnce, 4));
    pty.write(b"TRI");
    assert_eq!(pty.line(), "ERR line not ended");
    assert_eq!(ask(&pty, "TRIG"), "OK 1");
    running.target.wait("one half line", |seen| seen.rejected.half_lines == 1);
    running.finish().unwrap();
}

#[test]
fn a_bounce_is_no_trigger_and_the_delay_moves_the_moment_and_not_the_stamp() {
    let pty = Pty::new();
    let keys = "debounce_ms = 60000\ndelay_ms = 250";
    let running = Running::open(settings(pty.path(), keys), FakeTarget::new(How::AtOnce, 4));
    assert_eq!(ask(&pty, "TRIG"), "OK 1");
    assert_eq!(ask(&pty, "TRIG"), "ERR bounced");
    running.target.wait("the bounce", |seen| seen.rejected.debounced == 1);
    running.target.look(|seen| {
        let [(1, trigger, moment)] = &seen.pulls[..] else { panic!("{:?}", seen.pulls) };
        assert_eq!(*moment, trigger.at.plus(Duration::from_millis(250)));
    });
    running.finish().unwrap();
}

#[test]
fn beyond_the_bound_a_trigger_is_an_overrun_reported_in_its_turn_and_not_acknowledged() {
    let pty = Pty::new();
    let keys = "ack = \"ACK {id}\\r\\n\"\nanswer = \"{outcome} {id}\\r\\n\"";
    let running = Running::open(settings(pty.path(), keys), FakeTarget::new(How::OnCall, 2));
    assert_eq!((ask(&pty, "TRIG"), ask(&pty, "TRIG")), ("ACK 1".into(), "ACK 2".into()));
    assert_eq!(ask(&pty, "READY?"), "READY 0");
    pty.write(b"TRIG\r\n");
    assert_eq!(ask(&pty, "STATUS?"), "STATUS ready=0 ack=3 valid=0 missed=0 overrun=1 product=-");
    running.target.end(Outcome::Ok);
    let lines: Vec<_> = (0..3).map(|_| pty.line()).collect();
    assert_eq!(lines, ["ok 1", "ok 2", "overrun 3"]);
    running.finish().unwrap();
}

#[test]
fn while_the_camera_is_away_every_trigger_is_answered_as_missed() {
    let pty = Pty::new();
    let running =
        Running::open(settings(pty.path(), "ack = \"ACK {id}\\n\""), FakeTarget::new(How::AtOnce, 2));
    assert_eq!((ask(&pty, "TRIG"), pty.line()), ("ACK 1".into(), "OK 1".into()));
    running.target.become_so(How::Missed);
    assert_eq!(ask(&pty, "READY?"), "READY 0");
    assert_eq!((ask(&pty, "TRIG"), ask(&pty, "TRIG")), ("MISSED 2".into(), "MISSED 3".into()));
    running.target.become_so(How::AtOnce);
    assert_eq!((ask(&pty, "TRIG"), pty.line()), ("ACK 4".into(), "OK 4".into()));
    running.finish().unwrap();
}

#[test]
fn verdicts_of_what_was_triggered_before_the_stop_are_still_written() {
    let pty = Pty::new();
    let mut running =
        Running::open(settings(pty.path(), "ack = \"ACK {id}\\n\""), FakeTarget::new(How::OnCall, 4));
    assert_eq!((ask(&pty, "TRIG"), ask(&pty, "TRIG")), ("ACK 1".into(), "ACK 2".into()));
    running.stop.stop();
    running.target.end(Outcome::Error);
    running.join().unwrap();
    assert_eq!((pty.line(), pty.line()), ("ERROR 1".into(), "ERROR 2".into()));
    assert_eq!(running.target.look(|seen| seen.rejected.undelivered), 0);
}

#[test]
fn a_pseudo_terminal_has_no_edges_and_says_so() {
    let pty = Pty::new();
    let keys = "protocol = \"edge\"\nline = \"cts\"";
    let mut running = Running::new(settings(pty.path(), keys), FakeTarget::new(How::AtOnce, 4));
    let error = running.join().unwrap_err();
    assert!(error.is_lasting());
    let text = error.to_string();
    assert!(text.contains("has no modem lines") && text.contains("use protocol = "), "{text}");
}

#[test]
fn a_timer_pulls_until_it_is_stopped() {
    let timer = ocellus::config::trigger::Source::Timer { every: Duration::from_millis(2) };
    let settings =
        ocellus::config::TriggerConfig { source: timer, ..settings("/dev/null".as_ref(), "delay_ms = 3") };
    let running = Running::new(settings, FakeTarget::new(How::Elsewhere, 4));
    running.target.wait("fifty pulls", |seen| seen.pulls.len() >= 50);
    let (target, beat) = (running.target.clone(), running.beat.clone());
    running.finish().unwrap();
    assert!(beat.count() >= 50);
    target.wait("all ends", |seen| seen.counts().in_flight == 0);
    target.look(|seen| {
        assert!(seen.pulls.windows(2).all(|two| two[0].1.at < two[1].1.at && two[0].0 + 1 == two[1].0));
        assert!(seen.pulls.iter().all(|(_, t, moment)| *moment == t.at.plus(Duration::from_millis(3))));
        assert!(!seen.ports.contains(&PortState::Open));
    });
}
