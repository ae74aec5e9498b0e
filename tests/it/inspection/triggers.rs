//! Everything that pulls a trigger, and everything that can go wrong on its way: the sums add up.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ocellus::camera::tcp::FrameHeader;
use ocellus::types::PixelFormat;
use serde_json::{Value, json};

use crate::inspection::scenario::{Scenario, answered, assert_answers, camera, serial};
use crate::support::broker::free_port;
use crate::support::random::Random;
use crate::support::wait_until;

/// How many triggers the long test pulls.
const MANY: usize = 10_000;
/// Lines that may wait for their answer: what the port keeps for a reader that falls behind.
const WINDOW: usize = 400;

/// A camera that pushes grey frames of 64 x 64 px to a port, 200 a second, until it is dropped: then it is gone.
struct Pusher {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Pusher {
    fn start(port: u16) -> Pusher {
        let stop = Arc::new(AtomicBool::new(false));
        let mine = stop.clone();
        let thread = std::thread::spawn(move || {
            let planes = [90u8; 64 * 64];
            let header = FrameHeader::raw(PixelFormat::Gray8, 64, 64, None).unwrap().to_bytes();
            let mut stream = None;
            while !mine.load(Ordering::Relaxed) {
                let sent = stream.as_mut().map(|to: &mut TcpStream| {
                    to.write_all(&header).and_then(|()| to.write_all(&planes)).is_ok()
                });
                if sent != Some(true) {
                    stream = TcpStream::connect(("127.0.0.1", port)).ok();
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        Pusher { stop, thread: Some(thread) }
    }
}

impl Drop for Pusher {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

#[test]
fn ten_thousand_triggers_with_noise_a_pulled_plug_and_a_dead_camera_add_up_and_skip_no_number() {
    let scenario = Scenario::new();
    let camera_port = free_port();
    let camera = format!(
        "[[camera]]\nname = \"a\"\nsource = \"tcp://127.0.0.1:{camera_port}\"\nring_slots = 16\nfrozen_after_ms = 200\n\
         reconnect_ms = 20\nreconnect_max_ms = 50\ninspect = {{ product = \"good\", queue = 8, max_wait_ms = 300 }}\n"
    );
    scenario.config(&(camera + &serial(&scenario.fixture, "a", "plc") + "line_timeout_ms = 50\n"));
    let mut plc = scenario.plug("plc");
    let mut pusher = Some(Pusher::start(camera_port));
    let mut service = scenario.run();

    let (mut random, mut lines) = (Random(7), Vec::new());
    let (mut sent, mut lost_line, mut garbage) = (0, 0..0, 0);
    while sent < MANY {
        // Now as fast as the camera, now much faster.
        let (burst, window) = if random.below(3) > 0 { (8, 0) } else { (40, WINDOW) };
        let burst = (1 + random.below(burst) as usize).min(MANY - sent);
        let mut bytes = Vec::new();
        for n in sent..sent + burst {
            match random.below(40) {
                0 => bytes.extend_from_slice(b"RUBBISH 17\n"),
                1 => bytes.extend_from_slice(b"\xff\xfe\x80\r"),
                2 => bytes.extend_from_slice(&[b'x'; 300]),
                _ => {}
            }
            garbage += usize::from(bytes.last().is_some_and(|byte| *byte == b'x'));
            // What precedes a trigger without an end is ended here, and is garbage.
            bytes.extend_from_slice(format!("\nTRIG {n}\r\n").as_bytes());
        }
        plc.write(&bytes);
        sent += burst;
        let answers = |lines: &[String]| lines.iter().filter(|line| answered(line).is_some()).count();
        let mut count = answers(&lines);
        while lost_line.len() + count + window < sent {
            let line = plc.line();
            count += usize::from(answered(&line).is_some());
            lines.push(line);
        }
        if lost_line.is_empty() && sent > MANY / 2 {
            // In the middle of a line, with triggers under way.
            plc.write(b"TRIG ha");
            lines.extend(plc.pull());
            let heard = lines.iter().filter_map(|line| answered(line)).count();
            lost_line = heard..sent;
            plc = scenario.plug("plc");
        }
        if pusher.is_some() && (MANY * 6 / 10..MANY * 7 / 10).contains(&sent) {
            pusher = None;
            scenario.watcher.wait_for("a/status", |reported| {
                reported["state"] != "online" && reported["frames"].as_u64() > Some(0)
            });
        }
        if pusher.is_none() && sent >= MANY * 8 / 10 {
            pusher = Some(Pusher::start(camera_port));
            wait_until("the camera to be back", || {
                scenario.watcher.json("a/status").last().is_some_and(|reported| reported["state"] == "online")
            });
        }
    }
    assert!(garbage > 0 && !lost_line.is_empty());
    // The last one's answer comes last.
    let last = (MANY - 1).to_string();
    while !lines.iter().rev().filter_map(|line| answered(line)).any(|(text, ..)| text == last) {
        lines.push(plc.line());
    }
    scenario.wait_inspections("a", 1);
    let handshake = scenario.watcher.wait_for("a/trigger", |reported| {
        reported["in_flight"] == 0
            && reported["triggers"].as_u64() >= Some((MANY - lost_line.len()) as u64)
            && reported["missed"].as_u64() > Some(0)
            && reported["ok"].as_u64() > Some(0)
            && scenario.watcher.json("a/inspection").len() as u64 >= reported["triggers"].as_u64().unwrap()
    });
    let triggers = scenario.watcher.json("a/trigger").last().unwrap()["triggers"].as_u64().unwrap();
    let sums = scenario.assert_sums("a", triggers);
    assert!(
        sums["ok"] > 0 && sums["missed"] > 0 && sums["overrun"] > 0 && sums["error"] == 0,
        "{sums:?} {handshake}"
    );
    let reported = scenario.inspections("a");
    let texts: BTreeSet<String> =
        reported.values().map(|reported| reported["trigger"]["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(texts.len(), reported.len(), "a trigger was taken twice");
    let answered_texts = assert_answers(&lines, &reported);
    assert_eq!(answered_texts.iter().collect::<BTreeSet<_>>().len(), answered_texts.len(), "answered twice");
    // Only what was in the cable when the plug was pulled may be unknown; nothing after it.
    for n in (0..MANY).filter(|n| !lost_line.contains(n)) {
        assert!(texts.contains(&n.to_string()), "trigger {n} was lost; in the cable were {lost_line:?}");
    }
    let missed = reported.values().filter(|reported| reported["verdict"] == "missed");
    assert!(
        missed.clone().any(|reported| reported["cause"].as_str().unwrap().contains("the camera is")),
        "{sums:?}"
    );
    println!("{MANY} triggers: {} heard, {sums:?}, {} answers", triggers, answered_texts.len());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn mqtt_a_timer_and_two_ports_pull_the_trigger_of_one_camera() {
    let scenario = Scenario::new();
    let timer = "[[trigger]]\nname = \"clock\"\ncamera = \"a\"\nevery_ms = 20\n";
    let ports = serial(&scenario.fixture, "a", "plc") + &serial(&scenario.fixture, "a", "robot");
    scenario.config(&(camera("fps=100", "queue = 8") + timer + &ports));
    let (plc, robot) = (scenario.plug("plc"), scenario.plug("robot"));
    let mut service = scenario.run();
    for n in 0..50 {
        scenario.tell(&format!("trigger/m{n}"), &json!({ "camera": "a", "text": format!("m{n}") }));
        plc.write(format!("TRIG p{n}\n").as_bytes());
        robot.write(format!("TRIG r{n}\n").as_bytes());
        let mut lines = vec![plc.line(), robot.line()];
        let answer = scenario.answer(&format!("trigger/m{n}"));
        assert_eq!(answer["result"]["trigger"]["text"], format!("m{n}"), "{answer}");
        lines.retain(|line| answered(line).is_none());
        assert!(lines.is_empty(), "{lines:?}");
    }
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let reported = scenario.inspections("a");
    scenario.account("a");
    let of = |kind: &str| reported.values().filter(|reported| reported["trigger"]["kind"] == kind).count();
    assert_eq!((of("mqtt"), of("serial")), (50, 100));
    assert!(of("timer") > 10, "{}", of("timer"));
    let names: BTreeSet<&str> = reported
        .values()
        .map(|reported| reported["trigger"]["name"].as_str().unwrap())
        .filter(|name| name.len() > 3)
        .collect();
    assert_eq!(names, BTreeSet::from(["clock", "robot"]));
}

#[test]
fn a_flood_costs_overruns_and_never_an_inspection_that_is_under_way() {
    let scenario = Scenario::new();
    // The frame is two triggers' worth of waiting away: thousands come meanwhile.
    scenario.config(
        &(camera("fps=2", "queue = 1, pick = \"next\", max_wait_ms = 5000, tolerance_ms = 5000")
            + &serial(&scenario.fixture, "a", "plc")
            + "answer = \"\"\n")
            .replace("answer = \"{text} {OUTCOME} {id}\\r\\n\"\n", ""),
    );
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let flood: String = (0..5_000).map(|n| format!("TRIG {n}\n")).collect();
    plc.write(flood.as_bytes());
    let sums = scenario.assert_sums("a", 5_000);
    assert!(sums["ok"] > 0 && sums["overrun"] > 4_000, "{sums:?}");
    assert_eq!((sums["error"], sums["missed"]), (0, 0), "{sums:?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn two_cameras_keep_accounts_of_their_own() {
    let scenario = Scenario::new();
    let other = camera("fps=50", "queue = 2").replace("name = \"a\"", "name = \"b\"");
    let ports = serial(&scenario.fixture, "a", "plc") + &serial(&scenario.fixture, "b", "robot");
    scenario.config(&(camera("fps=50", "queue = 2") + &other + &ports));
    let (plc, robot) = (scenario.plug("plc"), scenario.plug("robot"));
    let mut service = scenario.run();
    scenario.watcher.wait_for("b/trigger", |reported| reported["ready"] == true);
    let mut lines = (Vec::new(), Vec::new());
    for n in 0..200 {
        plc.write(format!("TRIG {n}\n").as_bytes());
        robot.write(format!("TRIG {n}\nTRIG {n}b\nTRIG {n}c\nTRIG {n}d\n").as_bytes());
        lines.0.push(plc.line());
        (0..4).for_each(|_| lines.1.push(robot.line()));
    }
    scenario.assert_sums("a", 200);
    let sums = scenario.assert_sums("b", 800);
    assert!(sums["overrun"] > 0, "{sums:?}");
    let (a, b) = (scenario.inspections("a"), scenario.inspections("b"));
    assert_eq!((assert_answers(&lines.0, &a).len(), assert_answers(&lines.1, &b).len()), (200, 800));
    assert!(a.keys().all(|id| !b.contains_key(id)), "a number was used by both cameras");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn results_that_a_broker_missed_come_later_marked_as_historical_and_none_is_missing() {
    let mut scenario = Scenario::new();
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc")));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let pull = |range: std::ops::Range<usize>| {
        for n in range {
            plc.write(format!("TRIG {n}\n").as_bytes());
            assert!(plc.line().starts_with(&format!("{n} OK ")));
        }
    };
    pull(0..50);
    scenario.wait_inspections("a", 50);
    scenario.broker.stop();
    pull(50..150);
    scenario.broker.restart();
    scenario.wait_inspections("a", 150);
    pull(150..200);
    let reported = scenario.wait_inspections("a", 200);
    scenario.assert_sums("a", 200);
    let historical: Vec<bool> = reported.iter().map(|reported| reported["historical"] == true).collect();
    assert!(historical[60..140].iter().all(|late| *late), "what happened without a broker is not marked");
    assert!(historical[..40].iter().chain(&historical[190..]).all(|late| !late));
    let texts: Vec<&Value> = reported.iter().map(|reported| &reported["trigger"]["text"]).collect();
    assert!(texts.iter().enumerate().all(|(n, text)| **text == json!(n.to_string())));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
