//! A port that is absent, pulled, back again, or taken by another.

use std::os::unix::fs::symlink;
use std::path::Path;

use ocellus::trigger::PortState;
use ocellus::types::Outcome;

use crate::trigger::hammer::sums_agree;
use crate::trigger::support::{FakeTarget, How, Pty, Random, Running, settings};

fn plug(port: &Path, pty: &Pty) {
    let fresh = port.with_extension("fresh");
    symlink(pty.path(), &fresh).unwrap();
    std::fs::rename(&fresh, port).unwrap();
}

/// Waits until the port was opened for the `times`-th time.
fn wait_open(running: &Running, times: usize) {
    let opened = |ports: &[PortState]| ports.iter().filter(|state| **state == PortState::Open).count();
    running.target.wait("the port to be open again", |seen| opened(&seen.ports) == times);
}

#[test]
fn a_port_that_is_absent_is_reported_once_and_opened_when_it_comes() {
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("plc");
    let running = Running::new(settings(&port, ""), FakeTarget::new(How::AtOnce, 4));
    running.target.wait("the port to be reported away", |seen| !seen.ports.is_empty());
    let beats = running.beat.count();
    running.target.look(|seen| {
        let PortState::Away { cause, .. } = &seen.ports[0] else { panic!("{:?}", seen.ports) };
        assert!(
            cause.cause.contains("plc cannot be opened") && cause.remedy.contains("plug it in"),
            "{cause}"
        );
    });
    let pty = Pty::new();
    plug(&port, &pty);
    wait_open(&running, 1);
    assert!(running.beat.count() > beats, "it beats while it waits");
    pty.write(b"TRIG\n");
    assert_eq!(pty.line(), "OK 1");
    assert_eq!(running.target.look(|seen| seen.ports.len()), 2, "each state is reported once");
    running.finish().unwrap();
}

#[test]
fn what_is_no_serial_port_is_reported_with_its_cause() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let running = Running::new(settings(file.path(), ""), FakeTarget::new(How::AtOnce, 4));
    running.target.wait("the port to be reported away", |seen| !seen.ports.is_empty());
    running.target.look(|seen| {
        let PortState::Away { cause, .. } = &seen.ports[0] else { panic!("{:?}", seen.ports) };
        assert!(cause.remedy.contains("check that it is a serial port"), "{cause}");
    });
    running.finish().unwrap();
}

#[test]
fn a_port_that_another_has_is_reported_and_taken_over_when_it_is_free() {
    let pty = Pty::new();
    let first = Running::open(settings(pty.path(), ""), FakeTarget::new(How::AtOnce, 4));
    let second = Running::new(settings(pty.path(), ""), FakeTarget::new(How::AtOnce, 4));
    second.target.wait("the port to be reported away", |seen| !seen.ports.is_empty());
    second.target.look(|seen| {
        let PortState::Away { cause, .. } = &seen.ports[0] else { panic!("{:?}", seen.ports) };
        assert!(cause.remedy.contains("end the other program"), "{cause}");
    });
    first.finish().unwrap();
    wait_open(&second, 1);
    second.finish().unwrap();
}

#[test]
fn a_verdict_for_a_connection_that_is_gone_is_counted_and_not_reported_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("plc");
    let pty = Pty::new();
    plug(&port, &pty);
    let keys = "ack = \"ACK {id}\\n\"\nanswer = \"{OUTCOME}\\n\"\nline_timeout_ms = 600000";
    let running = Running::open(settings(&port, keys), FakeTarget::new(How::OnCall, 4));
    pty.write(b"TRIG\nTRIG\n");
    assert_eq!((pty.line(), pty.line()), ("ACK 1".into(), "ACK 2".into()));
    pty.write(b"PING\nTRIG half");
    assert_eq!(pty.line(), "PONG");
    drop(pty.pull());
    running
        .target
        .wait("the loss to be reported", |seen| matches!(seen.ports.last(), Some(PortState::Away { .. })));
    running.target.end(Outcome::Ok);
    let pty = Pty::new();
    plug(&port, &pty);
    wait_open(&running, 2);
    pty.write(b"TRIG\n");
    assert_eq!(pty.line(), "ACK 3");
    running.target.end(Outcome::Ng);
    assert_eq!(pty.line(), "NG");
    running.target.wait("both verdicts to be counted", |seen| seen.rejected.undelivered == 2);
    assert_eq!(running.target.look(|seen| seen.counts().ok), 2);
    running.finish().unwrap();
}

#[test]
fn a_port_that_is_pulled_in_the_middle_of_bursts_skips_no_number_and_repeats_no_answer() {
    const PLUGS: u64 = 8;
    const EDGES: u64 = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let port = dir.path().join("plc");
    let target = FakeTarget::new(How::Elsewhere, 256);
    let mut running: Option<Running> = None;
    let (mut random, mut lines, mut sent) = (Random(5), Vec::new(), 0);
    for round in 1..=PLUGS {
        let pty = Pty::new();
        plug(&port, &pty);
        let keys = "answer = \"{outcome} {id}\\n\"\nline_timeout_ms = 600000";
        let running = running.get_or_insert_with(|| Running::new(settings(&port, keys), target.clone()));
        wait_open(running, round as usize);
        while target.look(|seen| seen.counts().triggers) < EDGES * round / PLUGS {
            let burst: String = (0..=random.below(60)).map(|_| "TRIG\r\n").collect();
            sent += burst.len() as u64 / 6;
            pty.write(burst.as_bytes());
        }
        pty.write(b"TRIG and a half line");
        // The plug is pulled wherever the port is with its reading; what it has not read is lost with the cable.
        lines.push(pty.pull());
        let losses =
            |ports: &[PortState]| ports.iter().filter(|s| matches!(s, PortState::Away { .. })).count();
        running.target.wait("the loss", |seen| losses(&seen.ports) >= round as usize);
    }
    let running = running.unwrap();
    running.target.wait("every end", |seen| seen.counts().in_flight == 0);
    let target = running.target.clone();
    running.finish().unwrap();
    let ids = |line: &String| line.split_once(' ').and_then(|(_, id)| id.parse::<u64>().ok());
    // The last line of a connection may have been cut by the plug.
    let answered: Vec<u64> = (lines.iter())
        .flat_map(|lines| lines[..lines.len().saturating_sub(1)].iter().filter_map(ids))
        .collect();
    target.look(|seen| {
        let counts = seen.counts();
        println!("{sent} sent, {} answers read, {counts:?}, {:?}", answered.len(), seen.rejected);
        sums_agree(&counts);
        assert!((EDGES..=sent).contains(&counts.triggers));
        assert!(seen.pulls.iter().map(|(id, ..)| *id).eq(1..=counts.triggers), "no number is skipped");
        assert!(
            seen.reported.iter().copied().eq(1..=counts.triggers),
            "each end is reported once and in order"
        );
        assert!(answered.windows(2).all(|two| two[0] < two[1]), "no answer comes twice or late");
        assert!(answered.len() as u64 + seen.rejected.undelivered <= counts.triggers);
        assert!(seen.ports.len() as u64 >= 2 * PLUGS);
    });
}
