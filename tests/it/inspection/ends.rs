//! Stops, kills and new configurations while acquisitions are under way.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::inspection::scenario::{Scenario, answered, bad, camera, serial};
use crate::support::wait_until;

#[test]
fn an_orderly_stop_ends_every_acquisition_that_is_under_way() {
    let scenario = Scenario::new();
    // What waits for its frame when the service is stopped: the next one is half a second away.
    scenario.config(
        &(camera("fps=2", "queue = 8, pick = \"next\", max_wait_ms = 5000, tolerance_ms = 5000")
            + &serial(&scenario.fixture, "a", "plc")),
    );
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    for n in 0..6 {
        scenario.tell(&format!("trigger/{n}"), &json!({ "text": format!("m{n}") }));
    }
    plc.write(b"TRIG p0\nTRIG p1\nSTATUS?\n");
    // The port has taken them; the six over MQTT are executing.
    while !plc.line().starts_with("STATUS ") {}
    wait_until("all eight to be taken", || {
        let executing = |n: &i32| scenario.watcher.on(&format!("cmd/trigger/{n}")).len() > 1;
        (0..6).all(|n| executing(&n))
    });
    let begun = Instant::now();
    service.signal(libc::SIGTERM);
    assert_eq!(service.exit_within(Duration::from_secs(10)), Some(0), "{}", service.log());
    println!("stopped after {:?} with 8 acquisitions under way", begun.elapsed());
    let reported = scenario.wait_inspections("a", 8);
    let sums = scenario.account("a");
    assert_eq!(sums.values().sum::<u64>(), 8, "{sums:?}");
    let texts: BTreeSet<&str> =
        reported.iter().map(|reported| reported["trigger"]["text"].as_str().unwrap()).collect();
    assert_eq!(texts.len(), 8, "{texts:?}");
    for n in 0..6 {
        assert_eq!(scenario.answer(&format!("trigger/{n}"))["status"], "successful");
    }
}

#[test]
fn numbers_never_come_back_after_a_kill() {
    let scenario = Scenario::new();
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc")));
    let (mut seen, mut last) = (BTreeSet::new(), 0);
    for life in 0..3 {
        let plc = scenario.plug("plc");
        let mut service = scenario.run();
        for n in 0..40 {
            plc.write(format!("TRIG {life}-{n}\n").as_bytes());
            let (_, _, id) = answered(&plc.line()).expect("an answer");
            assert!(id > last && seen.insert(id), "{id} came again in life {life}");
            last = id;
        }
        plc.write(b"TRIG x\nTRIG y\nTRIG z\n");
        service.kill();
    }
    // What was answered and on disk is told, if not by the process that was killed then by the next.
    let mut service = scenario.run();
    wait_until("what the dead processes had kept", || scenario.inspections("a").len() >= 60);
    let reported = scenario.inspections("a");
    let known = seen.iter().filter(|id| reported.contains_key(id)).count();
    println!("of {} answered acquisitions in three lives that were killed, {known} are on MQTT", seen.len());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

/// Every number of a plant's part that the box gives, over orderly stops, kills and lost stores.
#[test]
fn numbers_go_on_without_a_hole_after_a_stop_with_a_small_one_after_a_kill_and_also_when_the_store_is_lost() {
    let scenario = Scenario::new();
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc")));
    let (mut last, mut all) = (0, BTreeSet::new());
    let mut live = |last: u64, largest_hole: u64, kill: bool| {
        let plc = scenario.plug("plc");
        let mut service = scenario.run();
        let ids: Vec<u64> = (0..11)
            .map(|n| {
                plc.write(format!("TRIG {n}\n").as_bytes());
                answered(&plc.line()).expect("an answer").2
            })
            .collect();
        assert!(ids.windows(2).all(|pair| pair[1] == pair[0] + 1), "{ids:?}");
        assert!(ids[0] > last && ids[0] - last <= 1 + largest_hole, "{} after {last}", ids[0]);
        assert!(ids.iter().all(|id| all.insert(*id)), "a number came again");
        match kill {
            true => service.kill(),
            false => assert_eq!(service.stop(), Some(0), "{}", service.log()),
        }
        ids[10]
    };
    for stop in 0..3 {
        last = live(last, 0, false);
        assert_eq!(last, 11 * (stop + 1));
    }
    last = live(last, 0, true);
    last = live(last, 1_100, false);
    let state = &scenario.fixture.state_dir;
    std::fs::write(state.join("store/db"), [0x5a; 400_000]).unwrap();
    last = live(last, 0, false);
    std::fs::remove_dir_all(state.join("store")).unwrap();
    last = live(last, 0, true);
    std::fs::remove_dir_all(state.join("store")).unwrap();
    live(last, 1_100, false);
    // What a subscriber sees: every message of the topic, or an announcement of those that may be missing.
    let reported = scenario.watcher.json("a/inspection");
    let mut next = 1;
    let seqs: std::collections::BTreeMap<u64, u64> = reported
        .iter()
        .map(|reported| {
            let seq = reported["seq"].as_u64().unwrap();
            (reported["from"].as_u64().unwrap_or(seq), seq)
        })
        .collect();
    for (from, to) in seqs {
        assert!(from <= next, "{next} to {from} are missing and not announced");
        next = next.max(to + 1);
    }
    assert!(next > 77, "{next}");
}

#[test]
fn a_recipe_that_was_edited_is_in_force_after_a_reload_and_no_trigger_is_lost() {
    let scenario = Scenario::new();
    let text = camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc");
    scenario.config(&text);
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let pull = |n: usize| {
        plc.write(format!("TRIG {n}\n").as_bytes());
        answered(&plc.line()).expect("an answer").1
    };
    assert!((0..20).all(|n| pull(n) == "ok"));
    scenario.recipe("good", &format!("revision = 2\n{}", bad()));
    scenario.tell("reload/1", &Value::Null);
    let mut outcomes: Vec<String> = (20..80).map(pull).collect();
    assert_eq!(scenario.answer("reload/1")["status"], "successful");
    outcomes.extend((80..100).map(pull));
    let first_ng = outcomes.iter().position(|outcome| outcome == "ng").expect("the new threshold");
    assert!(outcomes[..first_ng].iter().all(|outcome| outcome == "ok"), "{outcomes:?}");
    assert!(outcomes[first_ng..].iter().all(|outcome| outcome == "ng"), "{outcomes:?}");

    // The camera itself is changed: numbers go on, whatever is under way ends, and the product stays the selected one.
    scenario.select("1", "bad");
    scenario.config(&text.replace("fps=100", "fps=50"));
    scenario.tell("reload/2", &Value::Null);
    let outcomes: Vec<String> = (100..160).map(pull).collect();
    assert_eq!(scenario.answer("reload/2")["status"], "successful");
    wait_until("the changed camera", || {
        plc.write(b"READY?\n");
        plc.line() == "READY 1"
    });
    assert_eq!(pull(160), "ng", "the product that was selected is forgotten: {outcomes:?}");
    let reported = scenario.wait_inspections("a", 161);
    assert!(
        reported
            .iter()
            .filter(|reported| reported["verdict"] == "ng")
            .all(|reported| reported["recipe_revision"] == 2 || reported["product"] == "bad")
    );
    let ids: BTreeSet<u64> =
        reported.iter().map(|reported| reported["acquisition"].as_u64().unwrap()).collect();
    assert_eq!((reported.len(), ids.len()), (161, 161));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn cameras_and_triggers_that_come_and_go_lose_no_trigger() {
    let scenario = Scenario::new();
    let text = camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc");
    scenario.config(&text);
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let mut texts = Vec::new();
    for round in 0..6 {
        scenario.config(&if round % 2 == 0 { text.replace("fps=100", "fps=60") } else { text.clone() });
        scenario.tell(&format!("reload/{round}"), &Value::Null);
        for n in 0..30 {
            let name = format!("{round}-{n}");
            plc.write(format!("TRIG {name}\n").as_bytes());
            texts.push(name);
            let (text, ..) = answered(&plc.line()).expect("an answer");
            assert_eq!(Some(&text), texts.last());
        }
        assert_eq!(scenario.answer(&format!("reload/{round}"))["status"], "successful");
    }
    let reported = scenario.wait_inspections("a", texts.len());
    let heard: BTreeSet<&str> =
        reported.iter().map(|reported| reported["trigger"]["text"].as_str().unwrap()).collect();
    assert_eq!((heard.len(), reported.len()), (texts.len(), texts.len()));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
