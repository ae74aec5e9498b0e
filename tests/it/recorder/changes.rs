//! What changes while a recorder runs: other limits, less work than asked for, and a disk that fills within an event.

use std::time::Duration;

use super::support::{Sender, counts, decoded, files, missed, noise, settled, tcp_camera, with_ending};
use crate::inspection::scenario::{Scenario, camera, serial};
use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, listen};
use crate::support::wait_until;
use crate::web::client::{Client, address};

#[test]
fn other_limits_and_another_time_zone_apply_after_a_reload_and_another_folder_is_refused() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let (port, camera) = tcp_camera("lab", "sidecar = false");
    fixture.config(broker.port, &camera);
    let mut service = fixture.run();
    let dir = fixture.state_dir.join("recordings");
    let sender = Sender::start(port, vec![noise(32, 1)], Duration::from_millis(5), u64::MAX);
    wait_until("more than the later limit", || files(&dir).len() > 20);
    fixture
        .config(broker.port, &format!("[recorder]\nmax_count = 8\ntime_zone = \"Asia/Kolkata\"\n{camera}"));
    service.signal(libc::SIGHUP);
    wait_until("the limit and the zone apply", || {
        let found = files(&dir);
        found.len() <= 8 && found.keys().all(|name| name.contains("+0530"))
    });
    let other = fixture.path("elsewhere");
    let text = format!("[recorder]\nmax_count = 3\ndir = \"{}\"\n{camera}", other.display());
    fixture.config(broker.port, &text);
    service.signal(libc::SIGHUP);
    service.wait_log(&["recorder.dir", "restart"]);
    wait_until("it goes on with what was in force", || {
        watcher.json("alarm/config").last().is_some_and(|alarm| alarm.to_string().contains("recorder.dir"))
    });
    assert!(!other.exists());
    let sent = sender.end();
    let counted = settled(&watcher, "lab", sent);
    assert_eq!(missed(&counted), counted["recorder_missed_slow"] + counted["recorder_missed_starved"]);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert!((4..=8).contains(&files(&dir).len()), "{:?}", files(&dir).keys());
}

#[test]
fn under_overload_recording_pauses_with_a_counted_gap_and_goes_on_when_the_load_falls() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let (port, recorded) = tcp_camera("lab", "sidecar = false");
    let core = ocellus::supervisor::usable_cores()[0];
    let head = fixture.stub("heavy", &Stub { run_us: 200_000, ..Stub::default() })
        + &format!(
            "[workers]\ncores = [{core}]\n[degradation]\nsteps = [\"recorder\"]\nover_ms = 300\nunder_ms = 300\n"
        );
    let busy =
        "[[camera]]\nname = \"b\"\nsource = \"scene:?width=64&height=64\"\ndetect = { model = \"heavy\" }\n";
    fixture.config(broker.port, &format!("{head}{recorded}{busy}"));
    let mut service = fixture.run();
    let sender = Sender::start(port, vec![noise(48, 1)], Duration::from_millis(20), u64::MAX);
    let of = |key: &str| counts(&watcher, "lab").get(key).copied().unwrap_or(0);
    let stopped = watcher.wait_for("camera/lab/recording", |news| news["event"] == "stopped");
    assert_eq!(stopped["missed"][0]["cause"], "degraded", "{stopped}");
    let down = watcher.wait_for("box1/degradation", |change| change["change"] == "down");
    assert_eq!(down["step"], "recorder", "{down}");
    wait_until("missed frames are counted", || of("recorder_missed_degraded") >= 10);
    // The load falls: the heavy camera goes.
    fixture.config(broker.port, &format!("{head}{recorded}"));
    service.signal(libc::SIGHUP);
    let gap = watcher.wait_for("camera/lab/recording", |news| news["event"] == "gap");
    let recorded_then = of("recorded");
    wait_until("recording goes on", || of("recorded") > recorded_then + 10);
    let sent = sender.end();
    let counted = settled(&watcher, "lab", sent);
    let degraded = gap["missed"].as_array().unwrap().iter().find(|one| one["cause"] == "degraded").unwrap();
    assert_eq!(degraded["frames"].as_u64(), Some(counted["recorder_missed_degraded"]), "{gap} {counted:?}");
    assert!(gap["first_frame"].as_u64() <= stopped["first_frame"].as_u64(), "{gap} {stopped}");
    let alarms = watcher.json("alarm/recorder-lab");
    assert!(
        alarms.iter().all(|alarm| !alarm.to_string().contains("is not recorded")),
        "the ladder has its own: {alarms:?}"
    );
    assert_valid(&watcher);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    assert_eq!(
        with_ending(&files(&fixture.state_dir.join("recordings")), ".jpg").len() as u64,
        counted["recorded"]
    );
}

#[test]
fn a_clip_that_a_full_disk_cuts_keeps_its_number_and_what_follows_in_the_same_event_gets_another() {
    let Some(disk) = SmallDisk::mount(24 << 20) else { return };
    let scenario = Scenario::new();
    let dir = disk.path().join("rec");
    let recorder = format!(
        "[web]\nbind = \"127.0.0.1:0\"\n[recorder]\ndir = \"{}\"\nreserve_mib = 2\nmax_mib = 16\n",
        dir.display()
    );
    let record = "record = { as = \"clip\", encoding = \"mjpeg\", mode = \"events\", on = [\"trigger\"], post_roll_ms = 60000 }\n";
    let inspects = camera("fps=20", "queue = 4") + record + &serial(&scenario.fixture, "a", "plc");
    scenario.config(&(recorder + &inspects));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let watcher = &scenario.watcher;
    plc.write(b"TRIG one\n");
    let first = watcher.wait_for("camera/a/inspection", |part| part["recording"].is_string());
    let of = |key: &str| counts(watcher, "a").get(key).copied().unwrap_or(0);
    wait_until("some of the clip", || of("recorded") >= 20);
    disk.fill();
    watcher.wait_for("camera/a/recording", |news| news["event"] == "stopped");
    wait_until("missed frames are counted", || of("recorder_missed_full") >= 5);
    plc.write(b"TRIG two\n");
    wait_until("a part is judged while the disk is full", || watcher.json("camera/a/inspection").len() >= 2);
    disk.free();
    watcher.wait_for("camera/a/recording", |news| news["event"] == "gap");
    let then = of("recorded");
    wait_until("recording goes on", || of("recorded") >= then + 20);
    // What waited for the disk is announced soon, not at the next stop.
    let cut = watcher.wait_for("camera/a/recording", |news| news["event"] == "clip");
    assert_eq!(cut["path"], first["recording"], "the first clip keeps the address that the part has named");
    assert_eq!(service.stop(), Some(0), "{}", service.log());

    let mut service = scenario.run();
    let client = Client::new(address(&service, 1));
    let number = first["recording"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut clips = Vec::new();
    wait_until("both clips are listed", || {
        let listed = client.get(&format!("/api/v1/recordings?event={number}")).json();
        clips = listed["recordings"].as_array().cloned().unwrap_or_default();
        clips.len() == 2 && clips.iter().all(|clip| clip["state"] != "writing")
    });
    assert_ne!(clips[0]["id"], clips[1]["id"]);
    assert!(clips[1]["last_frame"].as_u64() < clips[0]["first_frame"].as_u64(), "{clips:?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    for clip in &clips {
        let film = dir.join(clip["parts"][0]["file"].as_str().unwrap());
        let frames = clip["frames"].as_u64().unwrap();
        let sidecar = super::support::json(&film.with_extension("json"));
        assert_eq!(sidecar["frames"].as_array().map(|all| all.len() as u64), Some(frames), "{clip}");
        let played = decoded(&film);
        assert!(
            played == frames || (clip["state"] == "interrupted" && played + 1 >= frames),
            "{played} of {clip}"
        );
    }
    let names: Vec<String> = files(&dir).into_keys().collect();
    assert_eq!(names.len(), 4, "two films and two sidecars: {names:?}");
    assert_valid(watcher);
}
