//! Which frame a trigger means, at 60 frames a second and with triggers at any moment, held against the truth: the
//! capture times of all frames, which a detector's reports tell.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::inspection::scenario::{Scenario, camera, serial};
use crate::support::fixture::Stub;
use crate::support::random::Random;
use crate::support::wait_until;

const TRIGGERS: usize = 150;
/// Of a queue of 8.
const UNDER_WAY: usize = 4;
/// Choices are made by the monotonic clock, and the truth is told by the wall clock, read a moment later: a thread may
/// be put off its core in between. Frames are 16,667 µs apart.
const SLACK_US: i64 = 1_000;
/// `previous` is chosen at once. A frame that was captured just before the trigger, and whose thread was put off its core before
/// the frame was in the ring, cannot be chosen.
const LATE_US: i64 = 5_000;

/// Microseconds since 1970.
fn micros(time: &Value) -> i64 {
    time.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_microsecond()
}

#[test]
fn nearest_next_and_previous_are_the_right_frames_of_a_camera_of_60_a_second() {
    let scenario = Scenario::new();
    let detect = "detect = { model = \"m\" }\n";
    let picks = ["nearest", "next", "previous"];
    let mut text = scenario.fixture.stub("m", &Stub::default());
    for pick in picks {
        let section = camera("fps=60", &format!("queue = 8, pick = \"{pick}\""));
        text += &(section.replace("name = \"a\"", &format!("name = \"{pick}\"")) + detect);
    }
    scenario.config(
        &(text + &picks.map(|pick| serial(&scenario.fixture, pick, &format!("plc-{pick}"))).concat()),
    );
    let ports = picks.map(|pick| scenario.plug(&format!("plc-{pick}")));
    let mut service = scenario.fixture.run();
    wait_until("frames of all three", || {
        picks.iter().all(|pick| scenario.watcher.json(&format!("{pick}/detections")).len() > 5)
    });
    let mut random = Random(60);
    for n in 0..TRIGGERS {
        // A machine that stands still for a moment must not let them pile up: overruns are tested elsewhere.
        for pick in picks {
            scenario.wait_inspections(pick, n.saturating_sub(UNDER_WAY));
        }
        // The jitter is what is tested: any phase between two frames.
        std::thread::sleep(Duration::from_micros(3_000 + random.below(25_000)));
        for port in &ports {
            port.write(format!("TRIG {n}\n").as_bytes());
        }
    }
    for pick in picks {
        scenario.wait_inspections(pick, TRIGGERS);
    }
    // Some more frames, so that the one after the last trigger is known.
    let frames = |pick: &str| scenario.watcher.json(&format!("{pick}/status")).len();
    let before = picks.map(frames);
    wait_until("more frames", || picks.map(frames).iter().zip(before).all(|(now, before)| *now > before));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    for pick in picks {
        check(&scenario, pick);
    }
}

fn check(scenario: &Scenario, pick: &str) {
    // Truth: when each frame was captured, by its number.
    let reports = scenario.watcher.json(&format!("{pick}/detections"));
    let mut truth: BTreeMap<u64, i64> = reports
        .iter()
        .map(|reported| (reported["frame"].as_u64().unwrap(), micros(&reported["time"])))
        .collect();
    let reported = scenario.inspections(pick);
    scenario.account(pick);
    for reported in reported.values().filter(|reported| reported["frame"].is_object()) {
        let known =
            truth.insert(reported["frame"]["seq"].as_u64().unwrap(), micros(&reported["frame"]["time"]));
        let known = known.unwrap_or_else(|| micros(&reported["frame"]["time"]));
        assert!((known - micros(&reported["frame"]["time"])).abs() <= 1, "two times of one frame");
    }
    let (mut right, mut within_half, mut judged) = (0, 0, 0);
    for reported in reported.values() {
        assert_eq!(reported["verdict"], "ok", "{reported}");
        let at = micros(&reported["trigger"]["time"]);
        let (seq, offset) =
            (reported["frame"]["seq"].as_u64().unwrap(), reported["frame"]["offset_us"].as_i64().unwrap());
        match pick {
            "next" => assert!(offset >= 0, "{reported}"),
            "previous" => assert!(offset <= 0, "{reported}"),
            _ => {}
        }
        // Two frames that are nearly as far from the moment as each other are equally right.
        let mine = truth[&seq] - at;
        assert!((mine - offset).abs() <= SLACK_US, "offset_us against the stamps: {reported}");
        let better = truth.values().map(|captured| captured - at).find(|other| match pick {
            "next" => *other > SLACK_US && *other < mine - SLACK_US,
            "previous" => *other < -LATE_US && *other > mine + SLACK_US,
            _ => other.abs() < mine.abs() - 2 * SLACK_US,
        });
        assert_eq!(better, None, "{pick}: a better frame for {reported}");
        judged += 1;
        right += 1;
        within_half += usize::from(offset.abs() <= 8_334);
    }
    println!("{pick}: {right} of {judged} the right frame; {within_half} within half a period of 60/s");
}
