//! State directories that are locked, read-only, full or damaged.

use std::fs;

use crate::messages::{assert_without_holes, counter, listen, numbers, retained};
use crate::rig::{Rig, Stub};
use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::wait_until;

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n\
    track = { min_frames = 1, update_every_ms = 0 }\n";

fn rig(broker: &Broker, state_dir: Option<&std::path::Path>) -> Rig {
    let mut rig = Rig::new();
    if let Some(dir) = state_dir {
        rig.state_dir = dir.into();
    }
    rig.config(broker.port, &(rig.stub("m", &Stub::default()) + CAMERA));
    rig
}

#[test]
fn a_second_instance_is_told_and_the_first_goes_on() {
    let broker = Broker::start();
    let rig = rig(&broker, None);
    let watcher = listen(broker.port);
    let mut first = rig.run();
    watcher.wait_for("a/detections", |_| true);
    let second = rig.command(&["run"]);
    let said = String::from_utf8_lossy(&second.stderr);
    assert_eq!(second.status.code(), Some(5), "{said}");
    assert!(said.contains("another instance") && said.contains(rig.state_dir.to_str().unwrap()), "{said}");
    let before = watcher.json("a/detections").len();
    wait_until("more frames of the first", || watcher.json("a/detections").len() > before + 5);
    assert_eq!(watcher.json("box1/status").last().unwrap()["state"], "online");
    assert_eq!(first.stop(), Some(0));
}

#[test]
fn a_read_only_state_directory_ends_it_with_its_name() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        return println!("skipped: mounting is not permitted here");
    };
    disk.read_only();
    let broker = Broker::start();
    let rig = rig(&broker, Some(disk.path()));
    let output = rig.command(&["run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains(disk.path().to_str().unwrap()) && said.contains("device.state_dir"), "{said}");
}

#[test]
fn a_full_disk_raises_an_alarm_and_nothing_is_lost_when_space_returns() {
    let Some(disk) = SmallDisk::mount(16 << 20) else {
        return println!("skipped: mounting is not permitted here");
    };
    let broker = Broker::start();
    let rig = rig(&broker, Some(disk.path()));
    let watcher = listen(broker.port);
    let mut service = rig.run();
    watcher.wait_for("a/event", |_| true);
    disk.fill();
    let alarm = watcher.wait_for("alarm/outbox", |alarm| !alarm.is_null());
    assert!(alarm["cause"].as_str().unwrap().contains("full"), "{alarm}");
    let before = watcher.json("a/detections").len();
    wait_until("frames go on", || watcher.json("a/detections").len() > before + 20);
    assert!(service.is_running());
    disk.free();
    wait_until("the end of the alarm", || watcher.json("alarm/outbox").last().unwrap().is_null());
    let last = *numbers(&watcher, "a/event", "seq").iter().max().unwrap();
    wait_until("new events", || numbers(&watcher, "a/event", "seq").iter().max() > Some(&(last + 20)));
    assert_eq!(counter(&watcher, "mqtt/events_dropped_full"), Some(0));
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let mut seqs = numbers(&watcher, "a/event", "seq");
    seqs.sort_unstable();
    seqs.dedup();
    assert_without_holes("events", &seqs);
}

#[test]
fn a_damaged_store_is_set_aside_with_an_alarm_and_the_box_works() {
    let broker = Broker::start();
    let rig = rig(&broker, None);
    let watcher = listen(broker.port);
    let mut service = rig.run();
    watcher.wait_for("a/event", |_| true);
    assert_eq!(service.stop(), Some(0));
    let before = *numbers(&watcher, "a/event", "seq").iter().max().unwrap();
    damage(&rig.state_dir);
    let mut service = rig.run();
    let alarm = watcher.wait_for("alarm/store", |alarm| !alarm.is_null());
    assert!(alarm["cause"].as_str().unwrap().contains(".corrupt-"), "{alarm}");
    retained(broker.port, "alarm/store");
    assert!(
        fs::read_dir(&rig.state_dir)
            .unwrap()
            .flatten()
            .any(|e| e.file_name().to_string_lossy().contains(".corrupt-"))
    );
    wait_until("new events, with numbers that go on", || {
        numbers(&watcher, "a/event", "seq").iter().max() > Some(&(before + 5))
    });
    assert_eq!(service.stop(), Some(0));
}

/// Overwrites every file of the store with rubbish.
fn damage(dir: &std::path::Path) {
    for entry in fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            damage(&path);
        } else {
            let length = fs::metadata(&path).unwrap().len() as usize;
            fs::write(&path, vec![0xA5; length.max(16)]).unwrap();
        }
    }
}
