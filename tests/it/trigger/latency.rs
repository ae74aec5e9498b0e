//! How long a byte takes to become an answer, through a target that needs no time. Printed, never asserted.

use std::io::{Read, Write};
use std::time::Instant;

use crate::trigger::support::{FakeTarget, How, Pty, Running, settings};

const ROUNDS: usize = 3_000;

fn measure(what: &str, how: How, keys: &str, question: &[u8]) {
    let pty = Pty::silent();
    let running = Running::open(settings(pty.path(), keys), FakeTarget::new(how, 8));
    let mut master = pty.blocking();
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let (asked, mut byte) = (Instant::now(), [0]);
            master.write_all(question).unwrap();
            while byte[0] != b'\n' {
                master.read_exact(&mut byte).unwrap();
            }
            asked.elapsed().as_micros()
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| times[((ROUNDS - 1) as f64 * share) as usize];
    println!("{what}: p50 {} µs, p99 {} µs, max {} µs of {ROUNDS}", at(0.5), at(0.99), at(1.0));
    assert_eq!(running.target.look(|seen| seen.reported.len()), ROUNDS);
    running.finish().unwrap();
}

#[test]
fn from_the_byte_to_the_answer_through_a_target_that_answers_at_once() {
    measure("byte, at once", How::AtOnce, "protocol = \"byte\"\nbyte = 0x54\nanswer = \"{id}\\n\"", b"T");
}

#[test]
fn from_the_byte_to_the_answer_through_another_thread() {
    measure(
        "byte, other thread",
        How::Elsewhere,
        "protocol = \"byte\"\nbyte = 0x54\nanswer = \"{id}\\n\"",
        b"T",
    );
}

#[test]
fn from_the_line_to_the_answer_through_another_thread() {
    measure("line, other thread", How::Elsewhere, "answer = \"{OUTCOME} {id}\\n\"", b"TRIG SN-12345\r\n");
}
