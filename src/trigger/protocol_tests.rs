//! Tests the parsers against the grammar, against invalid lines, and against any bytes in pieces of any size.

use std::time::Duration;

use proptest::prelude::*;

use super::protocol::{Edges, Garbage, LineCutter, LineLevel, Request, request};
use crate::config::trigger::Edge;
use crate::types::Stamp;

fn at(ms: u64) -> Stamp {
    Stamp { mono_ns: ms * 1_000_000, wall_ns: 0 }
}

fn lines() -> LineCutter {
    LineCutter::new(16, Duration::from_millis(100))
}

fn heard(lines: &mut LineCutter, bytes: &[u8], at: Stamp) -> Vec<String> {
    let mut heard = Vec::new();
    lines.feed(bytes, at, |line| {
        heard.push(match line {
            Ok(request) => format!("{request:?}"),
            Err(garbage) => format!("{garbage:?}"),
        })
    });
    heard
}

#[test]
fn every_request_of_the_grammar_is_read_whatever_its_case() {
    let good = [
        ("TRIG", Request::Trigger(None)),
        ("trig", Request::Trigger(None)),
        ("TRIG  ", Request::Trigger(None)),
        ("Trig SN-0815 a b ", Request::Trigger(Some("SN-0815 a b"))),
        ("  TRIG\tx", Request::Trigger(Some("x"))),
        ("prod Bracket", Request::Product("Bracket")),
        ("READY?", Request::Ready),
        ("status?", Request::Status),
        ("Ping", Request::Ping),
        ("VERSION? ", Request::Version),
    ];
    for (line, expected) in good {
        assert_eq!(request(line.as_bytes()), Ok(expected), "{line:?}");
    }
}

#[test]
fn what_is_no_request_is_distinguished() {
    let bad: [(&[u8], Garbage); 9] = [
        (b"TRIGGER", Garbage::Unknown),
        (b"GO", Garbage::Unknown),
        (b"READY", Garbage::Unknown),
        (b"PROD", Garbage::Malformed),
        (b"PROD  ", Garbage::Malformed),
        (b"PING 1", Garbage::Malformed),
        (b"TRIG \xe4", Garbage::NotAscii),
        (b"\0TRIG", Garbage::NotAscii),
        (b"TRIG \x1b[A", Garbage::NotAscii),
    ];
    for (line, expected) in bad {
        assert_eq!(request(line), Err(expected), "{line:?}");
    }
}

#[test]
fn cr_lf_and_both_end_a_line_and_empty_lines_are_nothing() {
    let all = heard(&mut lines(), b"PING\rPING\nPING\r\n\r\n\n \t\r\nPING\n\rTRI", at(0));
    assert_eq!(all, ["Ping", "Ping", "Ping", "Ping"]);
}

#[test]
fn a_half_line_is_kept_until_it_ends() {
    let mut lines = lines();
    assert!(heard(&mut lines, b"TR", at(0)).is_empty());
    assert!(!lines.gave_up(at(99)));
    assert!(heard(&mut lines, b"IG", at(99)).is_empty());
    assert!(!lines.gave_up(at(198)));
    assert_eq!(heard(&mut lines, b"\r", at(198)), ["Trigger(None)"]);
    assert!(!lines.gave_up(at(999)), "nothing is begun");
}

#[test]
fn a_half_line_that_is_not_continued_is_given_up_once() {
    let mut lines = lines();
    heard(&mut lines, b"TRI", at(0));
    assert!(lines.gave_up(at(100)) && !lines.gave_up(at(300)));
    assert_eq!(heard(&mut lines, b"PING\n", at(300)), ["Ping"]);
    heard(&mut lines, b"TRI", at(400));
    assert!(lines.cut() && !lines.cut());
}

#[test]
fn a_line_that_is_too_long_is_reported_once_and_the_next_one_is_heard() {
    let mut lines = lines();
    assert_eq!(heard(&mut lines, b"TRIG 78901234567", at(0)), [""; 0], "16 bytes may be");
    assert_eq!(heard(&mut lines, b"x", at(0)), ["TooLong"]);
    assert_eq!(heard(&mut lines, &[b'y'; 100], at(50)), [""; 0]);
    assert_eq!(heard(&mut lines, b"TRIG\r\nPING\n", at(60)), ["Ping"]);
    heard(&mut lines, &[b'y'; 17], at(70));
    assert!(!lines.gave_up(at(500)), "it was told already");
    assert_eq!(heard(&mut lines, b"PING\n", at(500)), ["Ping"], "and its rest is not awaited for ever");
}

#[test]
fn a_level_that_changes_is_an_edge_and_opening_the_port_is_none() {
    let looks = |wanted, levels: &[bool]| {
        let mut edges = Edges::new(wanted);
        let look = |high: &bool| edges.look(LineLevel { high: *high, changes: None });
        levels.iter().map(look).collect::<Vec<_>>()
    };
    assert_eq!(looks(Edge::Rising, &[true, true, false, false, true, true]), [0, 0, 0, 0, 1, 0]);
    assert_eq!(looks(Edge::Falling, &[true, true, false, false, true, false]), [0, 0, 1, 0, 0, 1]);
}

#[test]
fn a_pulse_between_two_looks_is_seen_by_the_count_of_changes() {
    let mut edges = Edges::new(Edge::Rising);
    let mut look = |high, changes| edges.look(LineLevel { high, changes: Some(changes) });
    assert_eq!(look(false, 40), 0);
    assert_eq!(look(false, 42), 1, "up and down");
    assert_eq!(look(false, 48), 3);
    assert_eq!(look(true, 51), 2, "up, down, up");
    assert_eq!(look(true, 53), 1, "down, up");
    assert_eq!(look(false, 54), 0);
}

#[test]
fn a_change_between_reading_the_count_and_the_level_is_counted_once() {
    let mut edges = Edges::new(Edge::Rising);
    let mut look = |high, changes| edges.look(LineLevel { high, changes: Some(changes) });
    assert_eq!((look(false, u32::MAX), look(true, u32::MAX), look(true, 0)), (0, 1, 0));
    assert_eq!((look(false, 1), look(true, 2)), (0, 1));
}

#[test]
fn a_driver_that_does_not_count_still_gives_every_level() {
    let mut edges = Edges::new(Edge::Rising);
    let rising: u32 =
        (0..1_000).map(|turn| edges.look(LineLevel { high: turn % 2 == 1, changes: Some(0) })).sum();
    assert_eq!(rising, 500);
    assert_eq!(
        edges.look(LineLevel { high: true, changes: Some(1 << 30) }),
        0,
        "a counter that was set anew"
    );
    assert_eq!(edges.look(LineLevel { high: false, changes: Some((1 << 30) + 1) }), 0);
    assert_eq!(edges.look(LineLevel { high: true, changes: Some((1 << 30) + 2) }), 1);
}

proptest! {
    #[test]
    fn any_bytes_in_any_pieces_give_the_same_lines(
        text in prop::collection::vec(prop_oneof![
            Just(b"TRIG a\r\n".to_vec()), Just(b"ping\n".to_vec()), Just(b"\r".to_vec()),
            prop::collection::vec(any::<u8>(), 0..40),
        ], 0..20),
        cuts in prop::collection::vec(0usize..50, 0..60),
    ) {
        let bytes = text.concat();
        let whole = heard(&mut lines(), &bytes, at(0));
        let mut pieces = lines();
        let (mut found, mut rest) = (Vec::new(), &bytes[..]);
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            found.extend(heard(&mut pieces, piece, at(1)));
            rest = after;
        }
        found.extend(heard(&mut pieces, rest, at(2)));
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn counted_edges_are_the_real_ones(steps in prop::collection::vec((0u32..6, any::<bool>()), 1..60)) {
        // The line changes `n` times; then the count is read, perhaps once more the line changes, then the
        // level.
        let (mut rising, mut found, mut changed) = (0, 0, u32::MAX - 3);
        let mut edges = Edges::new(Edge::Rising);
        let high = |changed: u32| changed.wrapping_sub(u32::MAX - 3) % 2 == 1;
        let mut change = |changed: &mut u32| {
            *changed = changed.wrapping_add(1);
            rising += u32::from(high(*changed));
        };
        edges.look(LineLevel { high: false, changes: Some(changed) });
        for (times, late) in steps {
            (0..times).for_each(|_| change(&mut changed));
            let count = changed;
            if late {
                change(&mut changed);
            }
            found += edges.look(LineLevel { high: high(changed), changes: Some(count) });
        }
        found += edges.look(LineLevel { high: high(changed), changes: Some(changed) });
        prop_assert_eq!(found, rising);
    }
}
