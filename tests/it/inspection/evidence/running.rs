//! What is kept of parts: the bad ones, a share of the good ones, and nothing that could stop the line.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::inspection::scenario::{Scenario, answered, camera, good, serial};
use crate::support::disk::SmallDisk;
use crate::support::wait_until;

/// The folders of evidence below `root`.
fn folders(root: &Path) -> Vec<PathBuf> {
    let below = |dir: &Path| -> Vec<PathBuf> {
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let days = below(&root.join("a")).into_iter().flat_map(|day| below(&day));
    days.filter(|path| path.join("evidence.json").is_file()).collect()
}

fn document(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("evidence.json")).unwrap()).unwrap()
}

#[test]
fn every_bad_part_is_kept_and_every_fifth_good_one_with_all_that_the_verdict_rests_on() {
    let scenario = Scenario::new();
    let evidence = "[evidence]\nkeep_ok_every = 5\nqueue = 64\n";
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc") + evidence));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let pull = |count: usize| {
        for _ in 0..count {
            plc.write(b"TRIG x\n");
            plc.line();
        }
    };
    pull(20);
    scenario.select("1", "bad");
    pull(15);
    let root = scenario.fixture.state_dir.join("evidence");
    wait_until("4 good and 15 bad parts on disk", || folders(&root).len() >= 19);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let reported = scenario.inspections("a");
    let kept: Vec<Value> = folders(&root).iter().map(|folder| document(folder)).collect();
    let of = |verdict: &str| kept.iter().filter(|kept| kept["verdict"] == verdict).count();
    assert_eq!((of("ok"), of("ng"), kept.len()), (4, 15, 19));
    for kept in &kept {
        let said = &reported[&kept["acquisition"].as_u64().unwrap()];
        for key in ["verdict", "product", "recipe_revision", "golden_revision"] {
            assert_eq!(kept[key], said[key], "{key}");
        }
        assert_eq!(kept["frame"]["seq"], said["frame"]["seq"]);
        assert!(kept["recipe"]["sha256"].is_string() && kept["config_sha256"].is_string(), "{kept}");
    }
}

/// The library that shows a program another time.
fn faketime() -> PathBuf {
    let found = fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    let mut libraries = found.chain(["/usr/lib".into()]).map(|dir| dir.join("faketime/libfaketimeMT.so.1"));
    libraries.find(|path| path.exists()).expect("the package faketime (scripts/setup/packages.txt)")
}

#[test]
fn a_clock_that_is_years_ahead_for_a_moment_deletes_nothing_and_raises_an_alarm() {
    let scenario = Scenario::new();
    let evidence = "[evidence]\nkeep_ok_every = 1\nqueue = 64\n[attendance]\nkeep_days = 30\n";
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc") + evidence));
    let plc = scenario.plug("plc");
    let (file, library) = (scenario.fixture.path("time"), faketime());
    let set = |offset: &str| {
        fs::write(scenario.fixture.path("time.new"), offset).unwrap();
        fs::rename(scenario.fixture.path("time.new"), &file).unwrap();
    };
    set("+0");
    let before = scenario.watcher.json("a/trigger").len();
    let mut service = scenario.fixture.run_with(&[
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", file.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ]);
    wait_until("trigger ready", || {
        scenario.watcher.json("a/trigger").iter().skip(before).any(|reported| reported["ready"] == true)
    });
    let root = scenario.fixture.state_dir.join("evidence");
    let pull = |count: usize| {
        let kept = folders(&root).len();
        for _ in 0..count {
            plc.write(b"TRIG x\n");
            plc.line();
        }
        wait_until("it is on disk", || folders(&root).len() >= kept + count);
    };
    pull(10);
    set("+1095d");
    service.wait_log(&["the clock has jumped"]);
    scenario.wait_alarm("clock", &["jumped", "deleted by its age"]);
    pull(3);
    set("+0");
    scenario.wait_calm("clock");
    pull(1);
    assert_eq!(folders(&root).len(), 14, "{}", service.log());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_full_disk_costs_evidence_and_an_alarm_and_never_a_verdict() {
    let Some(disk) = SmallDisk::mount(256 << 10) else {
        return;
    };
    let scenario = Scenario::new();
    let evidence = format!("[evidence]\ndir = \"{}\"\n", disk.path().join("evidence").display());
    scenario.config(&(camera("fps=100", "queue = 4") + &serial(&scenario.fixture, "a", "plc") + &evidence));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    scenario.select("1", "bad");
    disk.fill();
    let pull = |count: usize| {
        for _ in 0..count {
            plc.write(b"TRIG x\n");
            assert_eq!(answered(&plc.line()).expect("an answer").1, "ng");
        }
    };
    pull(100);
    let alarm = scenario.wait_alarm("evidence", &["inspection goes on"]);
    println!("alarm: {alarm}");
    pull(100);
    disk.free();
    wait_until("the end of the alarm", || {
        pull(1);
        scenario.watcher.json("alarm/evidence").last().is_some_and(Value::is_null)
    });
    assert!(!folders(&disk.path().join("evidence")).is_empty());
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let sums = scenario.account("a");
    assert_eq!(sums["ng"], sums.values().sum::<u64>(), "{sums:?}");
}

#[test]
fn what_the_box_cannot_judge_is_kept_too_and_a_folder_in_the_way_is_reported() {
    let scenario = Scenario::new();
    scenario.recipe("good", &good().replace("[64, 64]", "[640, 480]"));
    scenario.config(&(camera("fps=100", "queue = 4") + "[evidence]\nkeep_ng = false\n"));
    let mut service = scenario.run();
    let reported = scenario.ask("trigger/1", &json!({}));
    assert_eq!(reported["result"]["verdict"], "error");
    let root = scenario.fixture.state_dir.join("evidence");
    wait_until("the error on disk", || folders(&root).len() == 1);
    scenario.select("1", "bad");
    scenario.ask("trigger/2", &json!({}));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_eq!(folders(&root).len(), 1, "keep_ng = false, and a bad part was kept");
}
