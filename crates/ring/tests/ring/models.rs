//! Every interleaving (up to a bound of preemptions) of the steps on which the ring's guarantees depend.
//! A lost wake-up shows as a deadlock, a torn frame as a concurrent access or a wrong value.

use loom::thread;
use std::sync::Arc;

use ocellus_ring::*;

use crate::{never, ring};

fn explore(model: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(builder.preemption_bound.unwrap_or(3));
    builder.max_branches = 20_000;
    builder.check(model);
}

fn commit(writer: &mut Writer<u64>, n: u64) {
    assert_eq!(writer.commit(n, n + 100, &never).expect("taken"), n);
}

fn whole(lease: &Lease<u64>) {
    assert_eq!((lease.stamp_ns(), **lease), (lease.seq(), lease.seq() + 100));
}

#[test]
fn a_latest_reader_never_sees_a_torn_frame_while_it_is_overrun() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Latest);
        let reading = thread::spawn(move || {
            let mut seen = 0;
            for _ in 0..2 {
                if let Take::Lease(lease) = reader.try_lease() {
                    whole(&lease);
                    seen += 1;
                }
            }
            (reader, seen)
        });
        (0..3).for_each(|n| commit(&mut writer, n));
        let (mut reader, mut seen) = reading.join().unwrap();
        seen += u64::from(matches!(reader.try_lease(), Take::Lease(_)));
        assert_eq!(seen + reader.skipped(), 3);
    });
}

#[test]
fn a_pick_from_the_history_never_sees_a_torn_frame() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        commit(&mut writer, 0);
        let picking = {
            let ring = ring.clone();
            thread::spawn(move || ring.pick(1, Pick::Nearest).map(|lease| whole(&lease)))
        };
        (1..3).for_each(|n| commit(&mut writer, n));
        picking.join().unwrap();
    });
}

#[test]
fn a_sleeping_reader_is_woken_by_a_commit() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        let reading = thread::spawn(move || match reader.lease(None) {
            Take::Lease(lease) => whole(&lease),
            other => panic!("{other:?}"),
        });
        commit(&mut writer, 0);
        reading.join().unwrap();
    });
}

#[test]
fn two_readers_of_one_ring_are_both_woken_by_one_commit() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let readers = [Policy::Latest, Policy::Every].map(|policy| ring.reader(policy));
        let reading = readers
            .map(|mut reader| thread::spawn(move || assert!(matches!(reader.lease(None), Take::Lease(_)))));
        commit(&mut writer, 0);
        reading.into_iter().for_each(|reading| reading.join().unwrap());
    });
}

#[test]
fn two_commits_wake_two_workers_that_share_a_bell() {
    explore(|| {
        let bell = Bell::new();
        let ring: Ring<u64> = Ring::new(3, bell.clone());
        let mut writer = ring.writer().unwrap();
        let work = Arc::new(loom::sync::Mutex::new(ring.reader(Policy::Every)));
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let (bell, work) = (bell.clone(), work.clone());
                thread::spawn(move || {
                    loop {
                        let seen = bell.seen();
                        let take = work.lock().unwrap().try_lease();
                        match take {
                            Take::Lease(lease) => return whole(&lease),
                            Take::Empty => drop(bell.wait(seen, None)),
                            Take::Closed => panic!("not closed"),
                        }
                    }
                })
            })
            .collect();
        (0..2).for_each(|n| commit(&mut writer, n));
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    });
}

#[test]
fn a_blocked_writer_is_released_by_the_drop_of_a_lease() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        (0..2).for_each(|n| commit(&mut writer, n));
        let reading = thread::spawn(move || {
            match reader.try_lease() {
                Take::Lease(lease) => whole(&lease),
                other => panic!("{other:?}"),
            }
            reader
        });
        commit(&mut writer, 2);
        drop(reading.join().unwrap());
    });
}

#[test]
fn a_blocked_writer_is_released_by_the_last_of_two_leases() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        (0..2).for_each(|n| commit(&mut writer, n));
        let Take::Lease(one) = reader.try_lease() else { panic!("frame 0 is there") };
        let two = one.clone();
        let drops = [one, two].map(|lease| thread::spawn(move || drop(lease)));
        commit(&mut writer, 2);
        drops.into_iter().for_each(|dropping| dropping.join().unwrap());
    });
}

#[test]
fn a_blocked_writer_is_released_by_the_death_of_the_reader() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let reader = ring.reader(Policy::Every);
        (0..2).for_each(|n| commit(&mut writer, n));
        let dying = thread::spawn(move || drop(reader));
        commit(&mut writer, 2);
        dying.join().unwrap();
    });
}

#[test]
fn a_blocked_writer_is_released_by_close() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let _reader = ring.reader(Policy::Every);
        (0..2).for_each(|n| commit(&mut writer, n));
        let closing = {
            let ring = ring.clone();
            thread::spawn(move || ring.close())
        };
        assert!(matches!(writer.commit(2, 102, &never), Err(Refused::Closed(102))));
        closing.join().unwrap();
    });
}

#[test]
fn a_commit_that_was_taken_before_the_close_is_seen_by_who_drains() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        let writing = thread::spawn(move || writer.commit(0, 100, &never).is_ok());
        let closing = {
            let ring = ring.clone();
            thread::spawn(move || ring.close())
        };
        let mut seen = false;
        loop {
            match reader.lease(None) {
                Take::Lease(lease) => seen = *lease == 100,
                Take::Empty => {}
                Take::Closed => break,
            }
        }
        assert_eq!(writing.join().unwrap(), seen);
        closing.join().unwrap();
    });
}

#[test]
fn a_reader_that_joins_while_the_writer_runs_misses_nothing_from_there_on() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let joining = {
            let ring = ring.clone();
            thread::spawn(move || {
                let mut reader = ring.reader(Policy::Every);
                let mut last = None;
                while let Take::Lease(lease) = reader.try_lease() {
                    whole(&lease);
                    assert!(last.is_none_or(|last| last + 1 == lease.seq()));
                    last = Some(lease.seq());
                }
            })
        };
        (0..3).for_each(|n| commit(&mut writer, n));
        joining.join().unwrap();
    });
}

#[test]
fn ring_and_leases_end_in_any_order_without_leak_or_double_free() {
    explore(|| {
        let value = loom::sync::Arc::new(7);
        let ring = Ring::new(2, Bell::new());
        let mut writer = ring.writer().unwrap();
        let mut reader = ring.reader(Policy::Every);
        assert!(writer.commit(0, value.clone(), &never).is_ok());
        let Take::Lease(one) = reader.try_lease() else { panic!("frame 0 is there") };
        let two = one.clone();
        drop((writer, reader));
        let drops = [one, two].map(|lease| thread::spawn(move || assert_eq!(**lease, 7)));
        drop(ring);
        drops.into_iter().for_each(|dropping| dropping.join().unwrap());
        assert_eq!(loom::sync::Arc::strong_count(&value), 1);
    });
}

#[test]
fn a_lease_that_rings_for_the_writer_may_outlive_all_handles() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        (0..2).for_each(|n| commit(&mut writer, n));
        let Take::Lease(lease) = reader.try_lease() else { panic!("frame 0 is there") };
        // Leaves the slots marked as wanted.
        assert!(matches!(writer.commit(2, 102, &|| true), Err(Refused::Stopped(102))));
        let dropping = thread::spawn(move || drop(lease));
        drop((ring, reader, writer));
        dropping.join().unwrap();
    });
}

#[test]
fn a_lease_that_outlives_its_reader_keeps_its_frame_and_then_frees_its_slot() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Every);
        commit(&mut writer, 0);
        let Take::Lease(lease) = reader.try_lease() else { panic!("frame 0 is there") };
        let leaving = thread::spawn(move || drop(reader));
        let dropping = thread::spawn(move || {
            whole(&lease);
            drop(lease);
        });
        (1..3).for_each(|n| commit(&mut writer, n));
        leaving.join().unwrap();
        dropping.join().unwrap();
        assert_eq!(ring.leased(), 0);
    });
}

#[test]
fn a_newest_frame_that_was_nearly_overwritten_is_still_announced() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Latest);
        commit(&mut writer, 0);
        let _first = ring.newest().expect("frame 0 is there");
        commit(&mut writer, 1);
        // The writer hides frame 1 to overwrite it, and shows it again where the reader was quicker.
        let reading = thread::spawn(move || match reader.lease(None) {
            Take::Lease(lease) => whole(&lease),
            other => panic!("{other:?}"),
        });
        let committed = writer.commit(2, 102, &never);
        assert!(matches!(committed, Ok(2) | Err(Refused::Starved(102))));
        reading.join().unwrap();
    });
}

#[test]
fn a_latest_reader_accounts_for_every_frame_however_the_close_falls() {
    explore(|| {
        let (ring, mut writer) = ring(2);
        let mut reader = ring.reader(Policy::Latest);
        commit(&mut writer, 0);
        let first = ring.newest();
        commit(&mut writer, 1);
        let closing = {
            let ring = ring.clone();
            thread::spawn(move || ring.close())
        };
        // The only slot without a lease is that of frame 1, which is lost if the close comes in between.
        let writing = thread::spawn(move || 2 + u64::from(writer.commit(2, 102, &never).is_ok()));
        let mut seen = 0;
        while let Take::Lease(lease) = reader.lease(None) {
            whole(&lease);
            seen += 1;
        }
        let committed = writing.join().unwrap();
        assert_eq!(seen + reader.skipped(), committed);
        closing.join().unwrap();
        drop(first);
    });
}
