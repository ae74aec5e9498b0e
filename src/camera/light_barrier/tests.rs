//! Real pseudo-terminals: the other side is opened by its name, as the service opens a port.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use ocellus_scene::{PartDefect, Scene, SceneOptions, Shape};

use super::*;
use crate::config::Source;

/// The folder in which the port's name is made.
struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Folder {
        Folder { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn link(&self) -> PathBuf {
        self.folder.path().join("light.tty")
    }

    fn plug(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.link()).unwrap()
    }
}

/// Waits until the reader has seen what was written. The reader wakes by itself, so this ends soon or not at
/// all.
fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

fn read_exactly(port: &mut File, text: &str) {
    let mut bytes = vec![0; text.len()];
    port.read_exact(&mut bytes).unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

fn crossing(frame: u64, part_id: u64, defect: Option<PartDefect>) -> Crossing {
    Crossing { frame, part_id, defect }
}

#[test]
fn a_part_sends_a_trigger_and_its_verdict_is_compared_with_the_truth() {
    let folder = Folder::new();
    let mut barrier = LightBarrier::open(&folder.link()).unwrap();
    let mut port = folder.plug();
    barrier.cross(crossing(30, 17, Some(PartDefect::Chip)));
    barrier.cross(crossing(90, 18, None));
    barrier.fire("by hand\nTRIG twice");
    read_exactly(&mut port, "TRIG part-17\nTRIG part-18\nTRIG by hand\n");
    port.write_all(b"part-17 NG 1\r\npart-18 NG 2\r\nOK 3\r\n").unwrap();
    until("the answers are read", || barrier.tally().unmatched == 1);
    let want = Tally { fired: 3, caught: 1, false_calls: 1, unmatched: 1, ..Tally::default() };
    assert_eq!(barrier.tally(), want);
}

#[test]
fn nothing_is_echoed_and_no_end_of_line_is_translated() {
    let folder = Folder::new();
    let mut barrier = LightBarrier::open(&folder.link()).unwrap();
    let mut port = folder.plug();
    port.write_all(b"anything\r\n").unwrap();
    until("it is read", || barrier.tally().unmatched == 1);
    barrier.fire("a");
    read_exactly(&mut port, "TRIG a\n");
}

#[test]
fn a_trigger_that_nobody_receives_is_counted_and_never_comes_late() {
    let folder = Folder::new();
    let mut barrier = LightBarrier::open(&folder.link()).unwrap();
    barrier.cross(crossing(1, 1, None));
    assert_eq!(barrier.tally(), Tally { undelivered: 1, ..Tally::default() });
    let mut port = folder.plug();
    barrier.cross(crossing(2, 2, None));
    read_exactly(&mut port, "TRIG part-2\n");
    drop(port);
    barrier.cross(crossing(3, 3, None));
    let mut port = folder.plug();
    barrier.cross(crossing(4, 4, None));
    read_exactly(&mut port, "TRIG part-4\n");
    assert_eq!((barrier.tally().fired, barrier.tally().undelivered), (2, 2));
}

#[test]
fn a_reader_that_sleeps_holds_nobody_up_and_gets_whole_lines_when_it_wakes() {
    let folder = Folder::new();
    let mut barrier = LightBarrier::open(&folder.link()).unwrap();
    let mut port = folder.plug();
    let total = 40_000;
    (0..total).for_each(|i| barrier.fire(&format!("{i:06}")));
    let then = barrier.tally();
    assert!(then.undelivered > 0 && then.fired + then.undelivered == total, "{then:?}");
    let mut received = Vec::new();
    while (received.len() as u64) < then.fired * 12 {
        let mut bytes = [0; 4_096];
        let count = port.read(&mut bytes).unwrap();
        received.extend_from_slice(&bytes[..count]);
    }
    barrier.fire("last");
    let mut bytes = [0; 64];
    while !received.ends_with(b"TRIG last\n") {
        let count = port.read(&mut bytes).unwrap();
        received.extend_from_slice(&bytes[..count]);
    }
    let received = String::from_utf8(received).unwrap();
    let whole = received.lines().filter(|line| line.len() == 11 && line.starts_with("TRIG ")).count();
    assert_eq!(whole as u64, then.fired, "a torn line never looks like a whole one");
}

#[test]
fn its_name_is_made_anew_after_a_crash_but_never_in_the_place_of_something_else() {
    let folder = Folder::new();
    std::os::unix::fs::symlink("/dev/pts/99999", folder.link()).unwrap();
    let barrier = LightBarrier::open(&folder.link()).unwrap();
    assert!(std::fs::read_link(folder.link()).unwrap().starts_with("/dev/pts"));
    drop(folder.plug());
    drop(barrier);
    assert!(std::fs::symlink_metadata(folder.link()).is_err(), "its name goes with it");

    std::fs::write(folder.link(), "precious").unwrap();
    let error = LightBarrier::open(&folder.link()).unwrap_err();
    assert!(
        matches!(error, LightBarrierError::Taken { .. }) && error.to_string().contains("light.tty"),
        "{error}"
    );
    assert_eq!(std::fs::read(folder.link()).unwrap(), b"precious");
    let nowhere = LightBarrier::open(&folder.path().join("no/folder")).unwrap_err();
    assert!(matches!(nowhere, LightBarrierError::Link { .. }), "{nowhere}");
}

#[test]
fn a_barrier_whose_name_was_taken_over_leaves_it_to_the_new_one() {
    let folder = Folder::new();
    let old = LightBarrier::open(&folder.link()).unwrap();
    let mut new = LightBarrier::open(&folder.link()).unwrap();
    drop(old);
    let mut port = folder.plug();
    new.fire("x");
    read_exactly(&mut port, "TRIG x\n");
}

#[test]
fn a_sensor_sends_the_trigger_of_every_part_once_frames_left_out_or_not() {
    let folder = Folder::new();
    let source = |barrier: Option<PathBuf>| {
        let line = Some(Shape::Plate);
        let options = SceneOptions { seed: 7, width: 320, height: 240, fps: 30, line };
        Source::Scene { options, frames: None, barrier }
    };
    assert!(Sensor::of(&source(None), folder.path()).unwrap().is_none());
    let mut sensor = Sensor::of(&source(Some("light.tty".into())), folder.path()).unwrap().unwrap();
    assert_eq!(sensor.link(), folder.link());
    let mut port = folder.plug();
    let mut scene =
        Scene::new(SceneOptions { seed: 7, width: 320, height: 240, fps: 30, line: Some(Shape::Plate) })
            .unwrap();
    let mut want = String::new();
    for n in 0..600 {
        // The time stamp that a painter's feed gives, and some frames that never arrive.
        if n % 7 != 3 && n % 50 != 0 {
            sensor.committed(n * 1_000_000_000 / 30);
        }
        if let Some(passage) = scene.passage(n) {
            want += &format!("TRIG part-{}\n", passage.part_id);
        }
    }
    sensor.committed(600 * 1_000_000_000 / 30);
    assert!(want.lines().count() >= 8, "{want}");
    read_exactly(&mut port, &want);
    assert_eq!(sensor.tally().fired, want.lines().count() as u64);
}
