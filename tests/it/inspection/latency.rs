//! From the last byte of a trigger to the first byte of its verdict, through the whole service; told, never asserted.

use std::io::{Read, Write};
use std::time::Instant;

use crate::inspection::house::{House, answered, camera, serial};

const TRIGGERS: usize = 500;

#[test]
fn from_the_triggers_byte_to_the_verdicts_byte() {
    let house = House::new();
    // The frame before the trigger is there already: what is left is the way through the service.
    let inspect = "pick = \"previous\", queue = 4";
    house.config(&(camera("fps=30", inspect) + &serial(&house.rig, "a", "plc")));
    let plc = house.plug("plc");
    let mut service = house.run();
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
    house.wait_inspections("a", TRIGGERS);
    let told = house.inspections("a");
    let rest = waits.iter().map(|(id, took)| took - told[id]["rois"][0]["duration_us"].as_i64().unwrap());
    let whole = percentiles(waits.iter().map(|(_, took)| *took).collect());
    let steps = ["frame_us", "wait_us", "align_us", "rois_us", "total_us"].map(|step| {
        (step, percentiles(told.values().map(|told| told["latency"][step].as_i64().unwrap()).collect()))
    });
    println!("byte to byte: {whole}; less the ROI's own time: {}", percentiles(rest.collect()));
    println!("{}", steps.map(|(step, told)| format!("{step}: {told}")).join("; "));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// The same, bytes alone, read by this thread without another between: what the port and the service cost.
#[test]
fn from_byte_to_byte_without_a_thread_between() {
    let house = House::new();
    let trigger =
        serial(&house.rig, "a", "plc").replace("answer = \"{text} {OUTCOME} {id}\\r\\n\"", "answer = \"!\"");
    house.config(
        &(camera("fps=30", "pick = \"previous\", queue = 4") + &trigger + "protocol = \"byte\"\nbyte = 84\n"),
    );
    let pty = crate::support::pty::Pty::silent();
    std::os::unix::fs::symlink(pty.path(), house.rig.path("plc")).unwrap();
    let mut service = house.run();
    let mut port = pty.blocking();
    let mut waits = Vec::with_capacity(TRIGGERS);
    let mut byte = [0];
    for _ in 0..TRIGGERS {
        let begun = Instant::now();
        port.write_all(b"T").unwrap();
        port.read_exact(&mut byte).unwrap();
        waits.push(begun.elapsed().as_micros() as i64);
    }
    let told = house.wait_inspections("a", TRIGGERS);
    let rest =
        waits.iter().zip(&told).map(|(took, told)| took - told["rois"][0]["duration_us"].as_i64().unwrap());
    let less = percentiles(rest.collect());
    println!("one byte to one byte: {}; less the ROI's own time: {less}", percentiles(waits));
    house.assert_sums("a", TRIGGERS as u64);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

fn percentiles(mut us: Vec<i64>) -> String {
    us.sort_unstable();
    let at = |share: usize| us[(us.len() * share / 100).min(us.len() - 1)];
    format!("p50 {} us, p99 {} us, most {} us", at(50), at(99), us[us.len() - 1])
}
