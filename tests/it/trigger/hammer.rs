//! Ten thousand edges, in bursts, with garbage, half lines and floods: no number is skipped and the sums agree.

use ocellus::trigger::Counts;

use crate::trigger::support::{FakeTarget, How, Pty, Random, Running, settings};

/// Edges of each test.
const EDGES: u64 = 10_000;

#[track_caller]
pub fn sums_agree(counts: &Counts) {
    let Counts { triggers, ok, ng, error, missed, overrun, in_flight, .. } = *counts;
    assert_eq!(triggers, ok + ng + error + missed + overrun + in_flight, "{counts:?}");
}

/// What was put on the line.
#[derive(Debug, Default)]
struct Sent {
    triggers: u64,
    garbage: u64,
}

/// Bursts of triggers with everything between them that a bad line brings, cut into pieces anywhere.
fn bursts(random: &mut Random, mut send: impl FnMut(&[u8]), mut burst_is_over: impl FnMut()) -> Sent {
    let mut sent = Sent::default();
    while sent.triggers < EDGES {
        let mut burst = Vec::new();
        for _ in 0..=random.below(40) {
            let end: &[u8] = [b"\r".as_slice(), b"\n", b"\r\n"][random.below(3) as usize];
            let (line, garbage): (Vec<u8>, bool) = match random.below(10) {
                0 => (b"TRIGER".to_vec(), true),
                1 => (vec![b'x'; 100 + random.below(400) as usize], true),
                2 => (vec![0xff, 0, 0x80, b'T'], true),
                3 => (Vec::new(), false),
                _ if sent.triggers < EDGES => {
                    sent.triggers += 1;
                    (format!("TRIG {}", sent.triggers).into_bytes(), false)
                }
                _ => (Vec::new(), false),
            };
            sent.garbage += u64::from(garbage);
            burst.extend_from_slice(&line);
            burst.extend_from_slice(end);
        }
        let mut rest = &burst[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at((1 + random.below(600) as usize).min(rest.len()));
            send(piece);
            rest = after;
        }
        burst_is_over();
    }
    sent
}

#[test]
fn ten_thousand_lines_in_bursts_with_garbage_are_each_answered_once_and_in_order() {
    let pty = Pty::new();
    let keys = "max_line_bytes = 64\nline_timeout_ms = 600000\nack = \"ACK {id} {text}\\r\\n\"\n\
                answer = \"{outcome} {id} {text}\\r\\n\"";
    let running = Running::open(settings(pty.path(), keys), FakeTarget::new(How::Elsewhere, 64));
    let mut lines = Vec::new();
    // Every line that was said before the PONG has come out before it: nothing may be dropped between two bursts. An
    // end that is late on a busy machine holds back those behind it, and all at once they would not fit into what
    // the port keeps for a slow peer.
    let target = running.target.clone();
    let burst_is_over = || {
        target.wait("the ends that are late", |seen| seen.pulls.len() - seen.reported.len() < 64);
        pty.write(b"PING\n");
        lines.extend(std::iter::from_fn(|| Some(pty.line()).filter(|line| line != "PONG")));
    };
    let sent = bursts(&mut Random(7), |piece| pty.write(piece), burst_is_over);
    running.target.wait("every trigger to end", |seen| seen.reported.len() as u64 == EDGES);
    running.settle();
    pty.write(b"PING\n");
    lines.extend(std::iter::from_fn(|| Some(pty.line()).filter(|line| line != "PONG")));
    running.finish().unwrap();

    let (mut acked, mut answered, mut overruns, mut complaints) = (Vec::new(), 0, 0, 0);
    for line in &lines {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["ERR", ..] => complaints += 1,
            ["ACK", id, text] if id == text => acked.push(id),
            [outcome, id, text] if id == text => {
                answered += 1;
                assert_eq!(id, answered.to_string(), "each once and in order");
                overruns += u64::from(outcome == "overrun");
                assert!(outcome == "overrun" || acked.contains(&id), "{line} before its ACK");
            }
            _ => panic!("{line}"),
        }
    }
    target.look(|seen| {
        let (counts, rejected) = (seen.counts(), seen.rejected);
        println!("{counts:?}\n{rejected:?}");
        sums_agree(&counts);
        assert_eq!((counts.triggers, counts.in_flight, counts.overrun), (EDGES, 0, overruns));
        assert_eq!((answered, acked.len() as u64), (EDGES, EDGES - overruns));
        assert!(seen.pulls.iter().map(|(id, ..)| *id).eq(1..=EDGES), "no number is skipped");
        assert_eq!((rejected.garbage, complaints, rejected.undelivered), (sent.garbage, sent.garbage, 0));
    });
}

#[test]
fn ten_thousand_bytes_among_garbage_are_each_a_trigger() {
    let pty = Pty::new();
    let keys = "protocol = \"byte\"\nbyte = 0x54\nanswer = \"{OUTCOME} {id}\\n\"";
    let running = Running::open(settings(pty.path(), keys), FakeTarget::new(How::Elsewhere, 1_000_000));
    let (mut random, mut sent, mut garbage) = (Random(3), 0, 0);
    while sent < EDGES {
        let burst: Vec<u8> =
            (0..=random.below(200)).map(|_| [b'T', b'T', b't', 0][random.below(4) as usize]).collect();
        let good = burst.iter().filter(|byte| **byte == b'T').count() as u64;
        sent += good;
        garbage += burst.len() as u64 - good;
        pty.write(&burst);
    }
    running
        .target
        .wait("every end", |seen| seen.reported.len() as u64 == sent && seen.rejected.garbage == garbage);
    running.settle();
    let undelivered = running.target.look(|seen| seen.rejected.undelivered);
    let mut last = 0;
    for _ in 0..sent - undelivered {
        let line = pty.line();
        let (outcome, id) = line.split_once(' ').unwrap();
        assert!(["OK", "NG", "ERROR"].contains(&outcome), "{line}");
        let id: u64 = id.parse().unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
    running.target.look(|seen| {
        sums_agree(&seen.counts());
        assert!(seen.reported.iter().copied().eq(1..=sent));
    });
    running.finish().unwrap();
}

#[test]
fn a_peer_that_never_reads_costs_answers_and_never_a_trigger() {
    let mut pty = Pty::silent();
    let running = Running::open(settings(pty.path(), ""), FakeTarget::new(How::AtOnce, 8));
    for burst in 0..100 {
        let lines: String = (0..100).map(|line| format!("TRIG {burst}/{line}\r\n")).collect();
        pty.write(lines.as_bytes());
    }
    running
        .target
        .wait("every trigger", |seen| seen.reported.len() as u64 == EDGES && seen.rejected.undelivered > 0);
    running.settle();
    let undelivered = running.target.look(|seen| seen.rejected.undelivered);
    pty.listen();
    let mut last = 0;
    for _ in 0..EDGES - undelivered {
        let id: u64 = pty.line().strip_prefix("OK ").unwrap().parse().unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
    pty.write(b"PING\r\n");
    assert_eq!(pty.line(), "PONG", "nothing more was said");
    println!("{} answered, {undelivered} undelivered", EDGES - undelivered);
    running.target.look(|seen| sums_agree(&seen.counts()));
    running.finish().unwrap();
}

#[test]
fn a_flood_of_garbage_is_counted_and_never_fatal() {
    let pty = Pty::new();
    let running = Running::open(settings(pty.path(), ""), FakeTarget::new(How::AtOnce, 8));
    let mut random = Random(11);
    let mut rejected: Vec<u8> = (0..300_000).map(|_| random.below(256) as u8).collect();
    rejected.push(b'\n');
    pty.write(&rejected);
    pty.write(b"TRIG after\r\n");
    running.target.wait("the trigger after the flood", |seen| {
        seen.pulls.iter().any(|(_, trigger, _)| trigger.text.as_deref() == Some("after"))
    });
    assert!(running.target.look(|seen| seen.rejected.garbage > 100 && seen.ports.len() == 1));
    running.finish().unwrap();
}
