//! Bounds: of age, count and bytes, of the queue, and of the disk itself.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ocellus::config;
use ocellus::inspection::evidence;
use ocellus::pipeline::{Offer, Sink};
use ocellus::types::{Clock, Doubt, Inspection, Outcome, PixelFormat, Stamp};

use crate::inspection::evidence::harness::{Harness, WALL_NS, folders, frame, inspection, settings};
use crate::support::disk::SmallDisk;
use crate::support::wait_until;

fn ids(harness: &Harness) -> Vec<u64> {
    folders(harness.root()).into_iter().map(|(id, _)| id).collect()
}

#[test]
fn beyond_max_count_the_oldest_good_part_goes_first_then_the_oldest_bad_one() {
    let harness = Harness::start(config::EvidenceConfig { keep_ok_every: 1, max_count: 3, ..settings() });
    for (id, outcome, left) in [
        (1, Outcome::Ng, vec![1]),
        (2, Outcome::Ok, vec![1, 2]),
        (3, Outcome::Ok, vec![1, 2, 3]),
        (4, Outcome::Error, vec![1, 3, 4]),
        (5, Outcome::Ok, vec![1, 4, 5]),
        (6, Outcome::Ng, vec![1, 4, 6]),
        (7, Outcome::Ng, vec![4, 6, 7]),
    ] {
        harness.keep(&inspection(id, outcome));
        assert_eq!(ids(&harness), left, "after {id}");
    }
    let counters = harness.evidence.counters();
    assert_eq!((counters.removed.get(), counters.folders.get()), (4, 3));
    // A good part takes no bad one's place.
    harness
        .evidence
        .offer_inspection(&inspection(8, Outcome::Ok), Some(&frame(8, (PixelFormat::Gray8, 8, 8))));
    wait_until("it is outranked", || counters.outranked.get() == 1);
    assert_eq!(ids(&harness), [4, 6, 7]);
}

#[test]
fn bytes_never_exceed_max_mib_and_one_too_large_says_so() {
    let harness = Harness::start(config::EvidenceConfig { max_bytes: 1 << 20, ..settings() });
    for id in 1..=8 {
        harness
            .evidence
            .offer_inspection(&inspection(id, Outcome::Ng), Some(&frame(id, (PixelFormat::Gray8, 320, 320))));
        harness.written(id);
        let bytes = harness.evidence.counters().bytes.get();
        assert!(bytes > 0 && bytes <= 1 << 20, "{bytes}");
    }
    let left = ids(&harness);
    assert!(left.len() >= 2 && left.ends_with(&[7, 8]), "{left:?}");
    harness
        .evidence
        .offer_inspection(&inspection(9, Outcome::Ng), Some(&frame(9, (PixelFormat::Rgba, 1024, 512))));
    wait_until("it is refused", || harness.evidence.counters().failed.get() == 1);
    assert_eq!(ids(&harness), left);
    let alarm = harness.alarms.lock().unwrap()[0].clone().unwrap();
    assert!(alarm.contains("raise evidence.max_mib"), "{alarm}");
}

#[test]
fn what_is_older_than_max_days_goes_also_what_an_earlier_life_kept() {
    let mut harness = Harness::start(config::EvidenceConfig { max_days: 0, ..settings() });
    let year_ago = Stamp { mono_ns: 1, wall_ns: WALL_NS - 400 * 86_400_000_000_000 };
    let offer = |harness: &Harness, id, captured| {
        let mut old = frame(id, (PixelFormat::Gray8, 16, 16));
        old.captured = captured;
        harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&old));
    };
    offer(&harness, 1, year_ago);
    offer(&harness, 2, ocellus::types::Clock::now(&ocellus::types::SystemClock));
    harness.written(2);
    harness.end();
    let notes = harness.root().join("conveyor/2025-10-17/notes");
    fs::create_dir_all(&notes).unwrap();
    harness.evidence.reconfigure(&config::EvidenceConfig { max_days: 30, ..settings() }, "");
    harness.begin();
    wait_until("the old one is gone", || harness.evidence.counters().removed.get() == 1);
    assert_eq!(harness.evidence.counters().folders.get(), 1);
    // What is not ours stays.
    assert!(notes.exists());
    fs::remove_dir(&notes).unwrap();
    assert_eq!(ids(&harness), [2]);
}

/// The system's clock, turned by hand.
#[derive(Default)]
struct Turned {
    mono_s: AtomicU64,
    wall_s: AtomicU64,
}

impl Clock for Turned {
    fn now(&self) -> Stamp {
        let ns = |seconds: &AtomicU64| seconds.load(Ordering::SeqCst) * 1_000_000_000;
        Stamp { mono_ns: ns(&self.mono_s), wall_ns: WALL_NS + ns(&self.wall_s) }
    }
}

impl Turned {
    fn run(&self, seconds: u64) {
        self.wall_s.fetch_add(seconds, Ordering::SeqCst);
        self.mono_s.fetch_add(seconds, Ordering::SeqCst);
    }
}

const YEAR_S: u64 = 365 * 86_400;

#[test]
fn a_clock_that_is_years_ahead_for_a_moment_costs_nothing_and_age_counts_again_an_hour_later() {
    let mut harness = Harness::idle(config::EvidenceConfig { max_days: 30, ..settings() });
    let clock = Arc::new(Turned::default());
    let keep = |harness: &Harness, id: u64, wall_ns: u64| {
        let mut seen = frame(id, (PixelFormat::Gray8, 16, 16));
        seen.captured = Stamp { mono_ns: 1, wall_ns };
        harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&seen));
        harness.written(id);
    };
    let doubts = |harness: &Harness, what: &str, fits: fn(&Doubt) -> bool| {
        wait_until(what, || harness.evidence.age_doubt().is_some_and(|doubt| fits(&doubt)));
    };
    harness.begin_by(clock.clone(), false);
    keep(&harness, 1, WALL_NS - 40 * 86_400_000_000_000);
    (2..=5).for_each(|id| keep(&harness, id, WALL_NS));
    doubts(&harness, "nobody has watched the clock yet", |doubt| *doubt == Doubt::Unwatched);
    clock.wall_s.fetch_add(3 * YEAR_S, Ordering::SeqCst);
    doubts(&harness, "the jump is noticed", |doubt| matches!(doubt, Doubt::Jumped { by_s } if *by_s > 0));
    // What is kept meanwhile carries the wrong date, and does not speak for the clock, however long that lasts.
    keep(&harness, 6, clock.now().wall_ns);
    clock.run(7_200);
    clock.wall_s.fetch_sub(3 * YEAR_S, Ordering::SeqCst);
    doubts(&harness, "it is set back", |doubt| matches!(doubt, Doubt::Jumped { by_s } if *by_s < 0));
    assert_eq!((harness.evidence.counters().removed.get(), ids(&harness)), (0, vec![1, 2, 3, 4, 5, 6]));
    clock.run(3_700);
    wait_until("what is old is gone", || harness.evidence.counters().removed.get() == 1);
    assert_eq!(ids(&harness), [2, 3, 4, 5, 6]);

    // Forty days later all of it is old, also what has the wrong date.
    clock.run(20 * 86_400);
    keep(&harness, 7, clock.now().wall_ns);
    clock.run(20 * 86_400);
    wait_until("the old ones are gone", || harness.evidence.counters().removed.get() >= 5);
    harness.end();
    // A later life: what has the wrong date is looked for at its start.
    harness.begin_by(clock.clone(), true);
    wait_until("the wrong date is gone", || ids(&harness) == [7]);
}

#[test]
fn a_reload_with_lower_bounds_removes_what_is_too_much() {
    let harness = Harness::start(settings());
    (1..=5).for_each(|id| harness.keep(&inspection(id, Outcome::Ng)));
    harness.evidence.reconfigure(&config::EvidenceConfig { max_count: 2, ..settings() }, "");
    wait_until("the oldest are gone", || harness.evidence.counters().removed.get() == 3);
    assert_eq!(ids(&harness), [4, 5]);
}

#[test]
fn a_full_queue_drops_at_once_counts_and_raises_the_alarm() {
    let mut harness = Harness::idle(config::EvidenceConfig { queue: 2, ..settings() });
    let small = frame(1, (PixelFormat::Gray8, 64, 64));
    let offers: Vec<Offer> = (1..=5)
        .map(|id| harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&small)))
        .collect();
    assert_eq!(offers[..2], [Offer::Taken; 2]);
    assert_eq!(offers[2..], [Offer::Dropped; 3]);
    assert_eq!(harness.evidence.counters().dropped.get(), 3);
    harness.begin();
    harness.evidence.offer_inspection(&inspection(6, Outcome::Ng), Some(&small));
    wait_until("the alarm is raised", || !harness.alarms.lock().unwrap().is_empty());
    let alarm = harness.alarms.lock().unwrap()[0].clone().unwrap();
    assert!(alarm.contains("evidence.queue"), "{alarm}");
}

fn on_disk(disk: &SmallDisk, settings: config::EvidenceConfig) -> Harness {
    Harness::start(config::EvidenceConfig { dir: Some(disk.path().join("evidence")), ..settings })
}

#[test]
fn a_full_disk_never_blocks_an_offer_and_evidence_is_kept_again_once_there_is_space() {
    let Some(disk) = SmallDisk::mount(6 << 20) else {
        return;
    };
    let harness = on_disk(&disk, settings());
    let counters = harness.evidence.counters();
    let shot = frame(1, (PixelFormat::Nv12, 640, 480));
    let offer = |id| {
        // One that waited for the disk would not return before it is freed, and that is further below.
        harness.evidence.offer_inspection(&inspection(id, Outcome::Ng), Some(&shot))
    };
    disk.fill();
    for id in 1..=10 {
        assert_eq!(offer(id), Offer::Taken);
    }
    wait_until("all are given up", || counters.failed.get() == 10);
    assert_eq!((counters.kept.get(), folders(harness.root())), (0, vec![]));
    let alarm = harness.alarms.lock().unwrap().clone();
    assert!(matches!(&alarm[..], [Some(text)] if text.contains("inspection goes on")), "{alarm:?}");
    // Nothing of those that were given up takes room.
    let partial = fs::read_dir(harness.root().join(".partial"));
    assert_eq!(partial.map_or(0, |entries| entries.count()), 0);
    disk.free();
    offer(11);
    wait_until("it is kept", || counters.kept.get() == 1);
    assert!(evidence::open(&harness.folder(11, "ng")).is_ok());
    wait_until("the alarm is over", || harness.alarms.lock().unwrap().last() == Some(&None));
}

#[test]
fn on_a_full_disk_older_evidence_makes_space_for_newer_but_no_bad_part_for_a_good_one() {
    let Some(disk) = SmallDisk::mount(3 << 20) else {
        return;
    };
    let harness = on_disk(&disk, config::EvidenceConfig { keep_ok_every: 1, ..settings() });
    let counters = harness.evidence.counters();
    let shot = frame(1, (PixelFormat::Nv12, 640, 480));
    for (id, outcome) in
        [(1, Outcome::Ok), (2, Outcome::Ng), (3, Outcome::Ng), (4, Outcome::Ng), (5, Outcome::Ng)]
    {
        harness.evidence.offer_inspection(&inspection(id, outcome), Some(&shot));
        wait_until("it is kept", || counters.kept.get() == id);
        assert!(evidence::open(&harness.folder(id, outcome.as_str())).is_ok());
    }
    assert!(counters.removed.get() > 0 && !ids(&harness).contains(&1), "{:?}", ids(&harness));
    disk.fill();
    let left = ids(&harness);
    harness.evidence.offer_inspection(&inspection(6, Outcome::Ok), Some(&shot));
    wait_until("it is given up", || counters.failed.get() == 1);
    assert_eq!(ids(&harness), left);
}

#[test]
fn a_folder_that_cannot_be_written_raises_the_alarm_and_takes_offers_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("evidence");
    fs::write(&file, "not a folder").unwrap();
    let harness = Harness::start(config::EvidenceConfig { dir: Some(file), ..settings() });
    let small = frame(1, (PixelFormat::Gray8, 64, 64));
    assert_eq!(harness.evidence.offer_inspection(&inspection(1, Outcome::Ng), Some(&small)), Offer::Taken);
    wait_until("it is given up", || harness.evidence.counters().failed.get() == 1);
    let alarm = harness.alarms.lock().unwrap()[0].clone().unwrap();
    assert!(alarm.contains("name another folder in evidence.dir"), "{alarm}");
}

#[test]
fn every_inspection_offered_ends_in_exactly_one_count() {
    let settings = config::EvidenceConfig { keep_ok_every: 1, max_count: 5, queue: 3, ..settings() };
    let mut harness = Harness::start(settings);
    harness.evidence.product("none", crate::inspection::evidence::harness::record());
    std::thread::scope(|scope| {
        for camera in ["a", "b"] {
            let sink = &harness.evidence;
            scope.spawn(move || {
                for id in 0..100 {
                    let outcome = [Outcome::Ok, Outcome::Ng, Outcome::Error][id as usize % 3];
                    let part = Inspection { camera: camera.into(), ..(*inspection(id, outcome)).clone() };
                    sink.offer_inspection(&Arc::new(part), Some(&frame(id, (PixelFormat::Rgb, 40, 30))));
                }
            });
        }
    });
    harness.end();
    let counters = harness.evidence.counters();
    let ends = [&counters.kept, &counters.dropped, &counters.failed, &counters.outranked];
    assert_eq!(ends.iter().map(|count| count.get()).sum::<u64>(), 200);
    let left = folders(harness.root()).len() as u64;
    assert_eq!((left, counters.kept.get() - counters.removed.get()), (counters.folders.get() as u64, left));
}
