//! From the last byte of a trigger to the first byte of its verdict, through the whole service; told, never asserted.

use std::io::{Read, Write};
use std::time::Instant;

use crate::inspection::scenario::{Scenario, answered, camera, serial};

const TRIGGERS: usize = 500;

#[test]
fn from_the_triggers_byte_to_the_verdicts_byte() {
    let scenario = Scenario::new();
    // The frame before the trigger is there already: what is left is the way through the service.
    let inspect = "pick = \"previous\", queue = 4";
    scenario.config(&(camera("fps=30", inspect) + &serial(&scenario.fixture, "a", "plc")));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    plc.write(b"PING\n");
    assert_eq!(plc.line(), "PONG");
    let mut waits = Vec::with_capacity(TRIGGERS);
    for n in 0..TRIGGERS {
        let line = format!("TRIG {n}\n");
        let begun = Instant::now();
        plc.write(line.as_bytes());
        let answer = plc.line();
        let took = begun.elapsed().as_micros() as i64;
        waits.push((answered(&answer).expect("an answer").2, took));
    }
    scenario.wait_inspections("a", TRIGGERS);
    let reported = scenario.inspections("a");
    let rest = waits.iter().map(|(id, took)| took - reported[id]["rois"][0]["duration_us"].as_i64().unwrap());
    let whole = percentiles(waits.iter().map(|(_, took)| *took).collect());
    let steps = ["frame_us", "wait_us", "align_us", "rois_us", "total_us"].map(|step| {
        (
            step,
            percentiles(
                reported.values().map(|reported| reported["latency"][step].as_i64().unwrap()).collect(),
            ),
        )
    });
    println!("byte to byte: {whole}; less the ROI's own time: {}", percentiles(rest.collect()));
    println!("{}", steps.map(|(step, reported)| format!("{step}: {reported}")).join("; "));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// The same, bytes alone, read by this thread without another between: what the port and the service cost.
#[test]
fn from_byte_to_byte_without_a_thread_between() {
    let scenario = Scenario::new();
    let trigger = serial(&scenario.fixture, "a", "plc")
        .replace("answer = \"{text} {OUTCOME} {id}\\r\\n\"", "answer = \"!\"");
    scenario.config(
        &(camera("fps=30", "pick = \"previous\", queue = 4") + &trigger + "protocol = \"byte\"\nbyte = 84\n"),
    );
    let pty = crate::support::pty::Pty::silent();
    std::os::unix::fs::symlink(pty.path(), scenario.fixture.path("plc")).unwrap();
    let mut service = scenario.run();
    let mut port = pty.blocking();
    let mut waits = Vec::with_capacity(TRIGGERS);
    let mut byte = [0];
    for _ in 0..TRIGGERS {
        let begun = Instant::now();
        port.write_all(b"T").unwrap();
        port.read_exact(&mut byte).unwrap();
        waits.push(begun.elapsed().as_micros() as i64);
    }
    let reported = scenario.wait_inspections("a", TRIGGERS);
    let rest = waits
        .iter()
        .zip(&reported)
        .map(|(took, reported)| took - reported["rois"][0]["duration_us"].as_i64().unwrap());
    let less = percentiles(rest.collect());
    println!("one byte to one byte: {}; less the ROI's own time: {less}", percentiles(waits));
    scenario.assert_sums("a", TRIGGERS as u64);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

fn percentiles(mut us: Vec<i64>) -> String {
    us.sort_unstable();
    let at = |share: usize| us[(us.len() * share / 100).min(us.len() - 1)];
    format!("p50 {} us, p99 {} us, most {} us", at(50), at(99), us[us.len() - 1])
}
