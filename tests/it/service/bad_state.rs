//! State directories that are locked, read-only, full or damaged.

use std::fs;

use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_without_holes, counter, listen, numbers, retained};
use crate::support::{complaint, wait_until};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?fps=20\"\ndetect = { model = \"m\" }\n\
    track = { min_frames = 1, update_every_ms = 0 }\n";

fn fixture(broker: &Broker, state_dir: Option<&std::path::Path>) -> Fixture {
    let mut fixture = Fixture::new();
    if let Some(dir) = state_dir {
        fixture.state_dir = dir.into();
    }
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + CAMERA));
    fixture
}

#[test]
fn a_second_instance_is_reported_and_the_first_goes_on() {
    let broker = Broker::start();
    let fixture = fixture(&broker, None);
    let watcher = listen(broker.port);
    let mut first = fixture.run();
    watcher.wait_for("a/detections", |_| true);
    let second = fixture.command(&["run"]);
    let said = complaint(&second);
    assert_eq!(second.status.code(), Some(5), "{said}");
    assert!(
        said.contains("another instance") && said.contains(fixture.state_dir.to_str().unwrap()),
        "{said}"
    );
    let before = watcher.json("a/detections").len();
    wait_until("more frames of the first", || watcher.json("a/detections").len() > before + 5);
    assert_eq!(watcher.json("box1/status").last().unwrap()["state"], "online");
    assert_eq!(first.stop(), Some(0));
}

#[test]
fn a_read_only_state_directory_ends_it_with_its_name() {
    let Some(disk) = SmallDisk::mount(4 << 20) else {
        return;
    };
    disk.read_only();
    let broker = Broker::start();
    let fixture = fixture(&broker, Some(disk.path()));
    let output = fixture.command(&["run"]);
    let said = complaint(&output);
    assert_eq!(output.status.code(), Some(5), "{said}");
    assert!(said.contains(disk.path().to_str().unwrap()) && said.contains("device.state_dir"), "{said}");
}

#[test]
fn a_full_disk_raises_an_alarm_and_nothing_is_lost_when_space_returns() {
    let Some(disk) = SmallDisk::mount(16 << 20) else {
        return;
    };
    let broker = Broker::start();
    let fixture = fixture(&broker, Some(disk.path()));
    let watcher = listen(broker.port);
    let mut service = fixture.run();
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
fn a_disk_that_turns_read_only_while_it_runs_is_named_and_frames_go_on() {
    let Some(disk) = SmallDisk::ext4(64 << 20) else { return };
    let broker = Broker::start();
    let fixture = fixture(&broker, Some(disk.path()));
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("a/event", |_| true);
    disk.fail();
    let alarm = watcher.wait_for("alarm/outbox", |alarm| !alarm.is_null());
    assert!(alarm["cause"].as_str().unwrap().contains("ead-only"), "{alarm}");
    watcher.wait_for("box1/status", |status| {
        status["state"] == "degraded" && status["reasons"].to_string().contains("ead-only")
    });
    let before = watcher.json("a/detections").len();
    wait_until("frames go on", || watcher.json("a/detections").len() > before + 20);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_disk_that_is_full_at_the_start_keeps_nothing_dark_and_loses_no_event() {
    // The first start of a box, and one of many.
    for used in [false, true] {
        let Some(disk) = SmallDisk::mount(16 << 20) else { return };
        let broker = Broker::start();
        let fixture = fixture(&broker, Some(disk.path()));
        let watcher = listen(broker.port);
        let mut before = 0;
        if used {
            let mut service = fixture.run();
            watcher.wait_for("a/event", |_| true);
            assert_eq!(service.stop(), Some(0), "{}", service.log());
            before = *numbers(&watcher, "a/event", "seq").iter().max().unwrap();
        }
        disk.fill();
        let mut service = fixture.run();
        wait_until("frames in spite of a full disk", || watcher.json("a/detections").len() > 20);
        let alarm = watcher.wait_for("alarm/outbox", |alarm| !alarm.is_null());
        assert!(alarm["cause"].as_str().unwrap().contains("full"), "{alarm}");
        watcher.wait_for("box1/status", |status| {
            status["state"] == "degraded" && status["reasons"].to_string().contains("full")
        });
        assert!(service.is_running());
        disk.free();
        for name in ["alarm/outbox", "alarm/store"] {
            wait_until("the end of the alarm", || {
                watcher.json(name).last().is_none_or(|alarm| alarm.is_null())
            });
        }
        wait_until("new events", || numbers(&watcher, "a/event", "seq").iter().max() > Some(&(before + 20)));
        assert_eq!(service.stop(), Some(0), "{}", service.log());
        let mut seqs = numbers(&watcher, "a/event", "seq");
        seqs.sort_unstable();
        seqs.dedup();
        assert_eq!(seqs[0], 1);
        assert_without_holes("events", &seqs);
    }
}

#[test]
fn a_store_that_is_gone_cut_or_no_store_at_all_is_begun_anew_with_a_gap_and_an_alarm() {
    type Damage = fn(&std::path::Path);
    let damages: [(&str, Damage); 4] = [
        ("gone", |store| fs::remove_dir_all(store).unwrap()),
        ("cut in half", |store| {
            let db = fs::OpenOptions::new().write(true).open(store.join("db")).unwrap();
            db.set_len(db.metadata().unwrap().len() / 2).unwrap();
        }),
        ("a file", |store| {
            fs::remove_dir_all(store).unwrap();
            fs::write(store, b"").unwrap();
        }),
        ("a folder of something else", |store| {
            fs::remove_dir_all(store).unwrap();
            fs::create_dir_all(store.join("db/notes")).unwrap();
        }),
    ];
    for (name, damage) in damages {
        let mut broker = Broker::start();
        let fixture = fixture(&broker, None);
        // Many events, so that the store's file grows soon.
        let stub = fixture.stub("m", &Stub { things: 3, ..Stub::default() });
        fixture.config(broker.port, &(stub + &CAMERA.replace("fps=20", "width=64&height=64&fps=100")));
        let watcher = listen(broker.port);
        let mut service = fixture.run();
        watcher.wait_for("a/event", |_| true);
        broker.stop();
        let store = fixture.state_dir.join("store/db");
        let length = |path: &std::path::Path| fs::metadata(path).unwrap().len();
        let begun = length(&store);
        wait_until("events that are kept", || length(&store) >= begun + (256 << 10));
        assert_eq!(service.stop(), Some(0), "{}", service.log());
        damage(&fixture.state_dir.join("store"));
        broker.restart();
        let before = numbers(&watcher, "a/event", "seq").into_iter().max().unwrap();
        let mut service = fixture.run();
        watcher.wait_for("alarm/store", |alarm| !alarm.is_null());
        let gap = watcher.wait_for("a/event", |reported| reported["schema"] == "ocellus.gap/1");
        assert!(gap["from"].as_u64().unwrap() <= before + 1, "{name}: {gap}, and {before} came");
        assert!(gap["reason"].as_str().unwrap().contains("store was lost"), "{name}: {gap}");
        let to = gap["to"].as_u64().unwrap();
        wait_until("new events, numbered after the gap", || {
            numbers(&watcher, "a/event", "seq").contains(&(to + 1))
        });
        assert_eq!(service.stop(), Some(0), "{name}: {}", service.log());
    }
}

#[test]
fn nobody_else_can_read_what_a_box_keeps() {
    use std::os::unix::fs::PermissionsExt;
    let broker = Broker::start();
    let fixture = fixture(&broker, None);
    let watcher = listen(broker.port);
    // As an earlier version or a person has made it.
    fs::create_dir(&fixture.state_dir).unwrap();
    fs::set_permissions(&fixture.state_dir, fs::Permissions::from_mode(0o755)).unwrap();
    let mut service = fixture.run();
    watcher.wait_for("a/event", |_| true);
    let mut folders = vec![fixture.state_dir.clone()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        let mode = fs::metadata(&folder).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700, "{}: {mode:o}", folder.display());
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                // sled removes files of its own meanwhile.
                let Ok(facts) = entry.metadata() else { continue };
                let mode = facts.permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{}: {mode:o}", entry.path().display());
                files += 1;
            }
        }
    }
    assert!(files > 3, "{files} files");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_damaged_store_is_set_aside_with_an_alarm_and_the_box_works() {
    let broker = Broker::start();
    let fixture = fixture(&broker, None);
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    watcher.wait_for("a/event", |_| true);
    assert_eq!(service.stop(), Some(0));
    let before = *numbers(&watcher, "a/event", "seq").iter().max().unwrap();
    damage(&fixture.state_dir);
    let mut service = fixture.run();
    let alarm = watcher.wait_for("alarm/store", |alarm| !alarm.is_null());
    assert!(alarm["cause"].as_str().unwrap().contains(".corrupt-"), "{alarm}");
    retained(broker.port, "alarm/store");
    assert!(
        fs::read_dir(&fixture.state_dir)
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
