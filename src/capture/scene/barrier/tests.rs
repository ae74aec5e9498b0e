//! Real pseudo-terminals: the other side is opened by its name, as the service opens a port.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};

use super::*;
use crate::capture::scene::{Scene, SceneOptions, Sensor, Shape};
use crate::config::Source;

struct Desk {
    folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Desk {
        Desk { folder: tempfile::tempdir().unwrap() }
    }

    fn link(&self) -> PathBuf {
        self.folder.path().join("light.tty")
    }

    fn plug(&self) -> File {
        OpenOptions::new().read(true).write(true).open(self.link()).unwrap()
    }
}

/// Waits until the reader has seen what was written: it wakes by itself, so this ends soon or never.
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

fn passage(part_id: u64, defect: Option<Defect>) -> Passage {
    Passage { part_id, defect, rect: crate::types::Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 } }
}

#[test]
fn a_part_pulls_a_trigger_and_its_verdict_is_held_against_the_truth() {
    let desk = Desk::new();
    let mut barrier = Barrier::open(&desk.link()).unwrap();
    let mut port = desk.plug();
    barrier.frame(30, &passage(17, Some(Defect::Chip)));
    barrier.frame(90, &passage(18, None));
    barrier.fire("by hand\nTRIG twice");
    read_exactly(&mut port, "TRIG part-17\nTRIG part-18\nTRIG by hand\n");
    port.write_all(b"part-17 NG 1\r\npart-18 NG 2\r\nOK 3\r\n").unwrap();
    until("the answers are read", || barrier.tally().strange == 1);
    let want = Tally { fired: 3, caught: 1, false_calls: 1, strange: 1, ..Tally::default() };
    assert_eq!(barrier.tally(), want);
}

#[test]
fn nothing_is_echoed_and_no_end_of_line_is_translated() {
    let desk = Desk::new();
    let mut barrier = Barrier::open(&desk.link()).unwrap();
    let mut port = desk.plug();
    port.write_all(b"anything\r\n").unwrap();
    until("it is read", || barrier.tally().strange == 1);
    barrier.fire("a");
    read_exactly(&mut port, "TRIG a\n");
}

#[test]
fn a_trigger_that_nobody_hears_is_counted_and_never_comes_late() {
    let desk = Desk::new();
    let mut barrier = Barrier::open(&desk.link()).unwrap();
    barrier.frame(1, &passage(1, None));
    assert_eq!(barrier.tally(), Tally { unheard: 1, ..Tally::default() });
    let mut port = desk.plug();
    barrier.frame(2, &passage(2, None));
    read_exactly(&mut port, "TRIG part-2\n");
    drop(port);
    barrier.frame(3, &passage(3, None));
    let mut port = desk.plug();
    barrier.frame(4, &passage(4, None));
    read_exactly(&mut port, "TRIG part-4\n");
    assert_eq!((barrier.tally().fired, barrier.tally().unheard), (2, 2));
}

#[test]
fn a_reader_that_sleeps_holds_nobody_up_and_gets_whole_lines_when_it_wakes() {
    let desk = Desk::new();
    let mut barrier = Barrier::open(&desk.link()).unwrap();
    let mut port = desk.plug();
    let total = 40_000;
    (0..total).for_each(|i| barrier.fire(&format!("{i:06}")));
    let then = barrier.tally();
    assert!(then.unheard > 0 && then.fired + then.unheard == total, "{then:?}");
    let mut heard = Vec::new();
    while (heard.len() as u64) < then.fired * 12 {
        let mut bytes = [0; 4_096];
        let count = port.read(&mut bytes).unwrap();
        heard.extend_from_slice(&bytes[..count]);
    }
    barrier.fire("last");
    let mut bytes = [0; 64];
    while !heard.ends_with(b"TRIG last\n") {
        let count = port.read(&mut bytes).unwrap();
        heard.extend_from_slice(&bytes[..count]);
    }
    let heard = String::from_utf8(heard).unwrap();
    let whole = heard.lines().filter(|line| line.len() == 11 && line.starts_with("TRIG ")).count();
    assert_eq!(whole as u64, then.fired, "a torn line never looks like a whole one");
}

#[test]
fn its_name_is_made_anew_after_a_crash_but_never_in_the_place_of_something_else() {
    let desk = Desk::new();
    std::os::unix::fs::symlink("/dev/pts/99999", desk.link()).unwrap();
    let barrier = Barrier::open(&desk.link()).unwrap();
    assert!(std::fs::read_link(desk.link()).unwrap().starts_with("/dev/pts"));
    drop(desk.plug());
    drop(barrier);
    assert!(std::fs::symlink_metadata(desk.link()).is_err(), "its name goes with it");

    std::fs::write(desk.link(), "precious").unwrap();
    let error = Barrier::open(&desk.link()).unwrap_err();
    assert!(
        matches!(error, BarrierError::Taken { .. }) && error.to_string().contains("light.tty"),
        "{error}"
    );
    assert_eq!(std::fs::read(desk.link()).unwrap(), b"precious");
    let nowhere = Barrier::open(&desk.folder.path().join("no/folder")).unwrap_err();
    assert!(matches!(nowhere, BarrierError::Link { .. }), "{nowhere}");
}

#[test]
fn a_barrier_whose_name_was_taken_over_leaves_it_to_the_new_one() {
    let desk = Desk::new();
    let old = Barrier::open(&desk.link()).unwrap();
    let mut new = Barrier::open(&desk.link()).unwrap();
    drop(old);
    let mut port = desk.plug();
    new.fire("x");
    read_exactly(&mut port, "TRIG x\n");
}

#[test]
fn a_sensor_pulls_the_trigger_of_every_part_once_frames_left_out_or_not() {
    let desk = Desk::new();
    let source = |barrier: Option<PathBuf>| {
        let (line, frames) = (Some(Shape::Plate), None);
        Source::Scene { seed: 7, width: 320, height: 240, fps: 30, frames, line, barrier }
    };
    assert!(Sensor::of(&source(None), desk.folder.path()).unwrap().is_none());
    let mut sensor = Sensor::of(&source(Some("light.tty".into())), desk.folder.path()).unwrap().unwrap();
    assert_eq!(sensor.link(), desk.link());
    let mut port = desk.plug();
    let mut scene = Scene::new(SceneOptions::of(&source(None)).unwrap()).unwrap();
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
