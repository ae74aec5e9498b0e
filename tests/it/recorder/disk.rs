//! A disk that fills stops recording and nothing else.

use std::time::Duration;

use super::support::{Sender, counts, files, missed, noise, settled, tcp_camera, with_ending};
use crate::inspection::scenario::{Scenario, camera, serial};
use crate::support::disk::SmallDisk;
use crate::support::messages::assert_valid;
use crate::support::wait_until;

#[test]
fn a_full_disk_stops_recording_with_an_alarm_and_a_counted_gap_while_parts_are_judged_and_it_resumes() {
    let Some(disk) = SmallDisk::mount(20 << 20) else { return };
    let scenario = Scenario::new();
    let (port, recorded) = tcp_camera("lab", "sidecar = true");
    let recorder =
        format!("[recorder]\ndir = \"{}/rec\"\nreserve_mib = 4\nmax_mib = 12\n", disk.path().display());
    let inspects = camera("fps=50", "queue = 4") + &serial(&scenario.fixture, "a", "plc");
    scenario.config(&(recorder + &inspects + &recorded));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    let watcher = &scenario.watcher;
    let pictures: Vec<Vec<u8>> = (1..=4).map(|seed| noise(320, seed)).collect();
    let sender = Sender::start(port, pictures, Duration::from_millis(20), u64::MAX);
    let of = |key: &str| counts(watcher, "lab").get(key).copied().unwrap_or(0);
    wait_until("pictures are recorded", || of("recorded") >= 20);
    disk.fill();
    let alarm = watcher
        .wait_for("alarm/recorder-lab", |alarm| alarm["state"] == "raised" || alarm["cause"].is_string());
    assert!(
        alarm.to_string().contains("MiB left") || alarm.to_string().contains("cannot be written"),
        "{alarm}"
    );
    let stopped = watcher.wait_for("camera/lab/recording", |news| news["event"] == "stopped");
    assert_eq!(stopped["missed"][0]["cause"], "full", "{stopped}");
    // The line goes on.
    for _ in 0..20 {
        plc.write(b"TRIG x\n");
        assert!(plc.line().contains("OK"), "a part is judged while the disk is full");
    }
    wait_until("missed frames are counted", || of("recorder_missed_full") >= 10);
    let recorded_then = of("recorded");
    disk.free();
    let gap = watcher.wait_for("camera/lab/recording", |news| news["event"] == "gap");
    wait_until("recording goes on", || of("recorded") > recorded_then + 10);
    wait_until("the alarm is over", || {
        watcher.on("alarm/recorder-lab").last().is_some_and(|last| last.payload.is_empty())
    });
    // The last frames are sent; then every one of them has been counted once.
    let sent = sender.sent();
    let sent = sender.end().max(sent);
    let counted = settled(watcher, "lab", sent);
    let for_space = gap["missed"].as_array().unwrap().iter().find(|one| one["cause"] == "full").unwrap();
    assert_eq!(for_space["frames"].as_u64().unwrap(), counted["recorder_missed_full"], "{gap} {counted:?}");
    assert_eq!(counted["recorded"] + missed(&counted) + counted["queue_dropped"], sent);
    assert!(gap["first_frame"].as_u64() <= stopped["first_frame"].as_u64(), "{gap}");
    assert_valid(watcher);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&disk.path().join("rec"));
    assert!(with_ending(&found, ".jpg").iter().all(|path| image::open(path).is_ok()), "no half picture");
}
