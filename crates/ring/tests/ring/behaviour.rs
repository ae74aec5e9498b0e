//! Tests the ring's behaviour on real threads; `models` proves the interleavings.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ocellus_ring::*;

use crate::{leased, never, ring};

const FOREVER: Duration = Duration::from_secs(60);

/// Counts its own drop.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn a_latest_reader_jumps_to_the_newest_and_counts_what_it_passed_over() {
    let (ring, mut writer) = ring(4);
    let mut reader = ring.reader(Policy::Latest);
    for n in 0..10u64 {
        assert_eq!(writer.commit(n, n, &never).unwrap(), n);
    }
    let lease = leased(reader.try_lease()).unwrap();
    assert_eq!((lease.seq(), *lease, reader.skipped(), reader.backlog()), (9, 9, 9, 0));
    assert!(matches!(reader.try_lease(), Take::Empty));
}

#[test]
fn a_reader_starts_at_what_is_committed_next() {
    let (ring, mut writer) = ring(4);
    writer.commit(0, 'a', &never).unwrap();
    let (mut latest, mut every) = (ring.reader(Policy::Latest), ring.reader(Policy::Every));
    assert!(matches!(latest.try_lease(), Take::Empty) && matches!(every.try_lease(), Take::Empty));
    writer.commit(1, 'b', &never).unwrap();
    assert_eq!(*leased(every.try_lease()).unwrap(), 'b');
    assert_eq!(*leased(latest.try_lease()).unwrap(), 'b');
    assert_eq!(latest.skipped(), 0);
}

#[test]
fn an_every_reader_holds_the_writer_until_it_leases() {
    let (ring, mut writer) = ring(2);
    let mut reader = ring.reader(Policy::Every);
    writer.commit(0, 0, &never).unwrap();
    writer.commit(1, 1, &never).unwrap();
    assert!(matches!(writer.commit(2, 2, &|| true), Err(Refused::Stopped(2))));
    let first = leased(reader.try_lease()).unwrap();
    assert!(matches!(writer.commit(2, 2, &|| true), Err(Refused::Stopped(2))), "frame 0 is leased, 1 unseen");
    drop(first);
    assert_eq!(writer.commit(2, 2, &|| true).unwrap(), 2);
}

#[test]
fn a_lease_outlives_its_every_reader_and_the_next_reader_in_its_place() {
    let (ring, mut writer) = ring(3);
    let mut first = ring.reader(Policy::Every);
    writer.commit(0, 0, &never).unwrap();
    let kept = leased(first.try_lease()).unwrap();
    drop(first);
    let mut second = ring.reader(Policy::Every);
    for n in 1..50u64 {
        writer.commit(n, n, &never).unwrap();
        assert_eq!(*leased(second.try_lease()).unwrap(), n);
        assert_eq!((*kept, ring.leased()), (0, 1));
    }
    drop(second);
    drop(kept);
    assert_eq!((ring.leased(), ring.stats().starved), (0, 0));
}

#[test]
fn one_stalled_lease_is_stepped_around() {
    let (ring, mut writer) = ring(3);
    let mut reader = ring.reader(Policy::Every);
    writer.commit(0, 0, &never).unwrap();
    let stalled = leased(reader.try_lease()).unwrap();
    for n in 1..100u64 {
        writer.commit(n, n, &never).unwrap();
        assert_eq!(*leased(reader.try_lease()).unwrap(), n);
    }
    assert_eq!((*stalled, ring.stats().starved), (0, 0));
}

#[test]
fn a_ring_whose_slots_are_all_leased_gives_the_frame_back_and_counts_it() {
    let (ring, mut writer) = ring(2);
    let mut reader = ring.reader(Policy::Latest);
    let mut held = Vec::new();
    for n in 0..2 {
        writer.commit(n, n, &never).unwrap();
        held.extend(leased(reader.try_lease()));
    }
    assert!(matches!(writer.commit(2, 7, &never), Err(Refused::Starved(7))));
    assert_eq!((ring.stats().starved, ring.stats().committed, ring.leased()), (1, 2, 2));
    held.remove(0);
    assert_eq!(writer.commit(2, 7, &never).unwrap(), 2);
}

#[test]
fn the_old_frame_is_dropped_when_its_slot_is_reused_and_the_rest_with_the_ring() {
    let drops = Arc::new(AtomicUsize::new(0));
    let dropped = || drops.load(Ordering::SeqCst);
    let (ring, mut writer) = ring(2);
    let mut commit =
        |n| writer.commit(n, Counted(drops.clone()), &never).map(|_| ()).unwrap_or_else(|_| panic!());
    (0..2).for_each(&mut commit);
    assert_eq!(dropped(), 0, "history stays readable");
    commit(2);
    assert_eq!(dropped(), 1);
    let lease = ring.newest().unwrap();
    let other = lease.clone();
    drop((ring, writer));
    assert_eq!(dropped(), 2, "what nobody leases goes with the ring");
    drop(lease);
    assert_eq!(dropped(), 2);
    thread::spawn(move || drop(other)).join().unwrap();
    assert_eq!(dropped(), 3, "the last lease takes its frame along, on any thread");
}

#[test]
fn a_trigger_picks_before_after_and_nearest() {
    let (ring, mut writer) = ring(4);
    assert!(ring.pick(0, Pick::Nearest).is_none() && ring.newest().is_none());
    for stamp in [100, 200, 300, 400, 500] {
        writer.commit(stamp, stamp, &never).unwrap();
    }
    let at = |moment, pick| ring.pick(moment, pick).map(|lease| *lease);
    assert_eq!(at(320, Pick::Nearest), Some(300));
    assert_eq!(at(350, Pick::Nearest), Some(300), "the earlier of two equally near");
    assert_eq!((at(320, Pick::Next), at(320, Pick::Previous)), (Some(400), Some(300)));
    assert_eq!((at(400, Pick::Next), at(400, Pick::Previous)), (Some(400), Some(400)));
    assert_eq!((at(501, Pick::Next), at(199, Pick::Previous)), (None, None), "not yet, and no longer");
    assert_eq!(ring.newest().unwrap().stamp_ns(), 500);
}

#[test]
fn a_closed_ring_is_drained_and_then_says_so() {
    let (ring, mut writer) = ring(4);
    let (mut every, mut latest) = (ring.reader(Policy::Every), ring.reader(Policy::Latest));
    (0..3).for_each(|n| assert_eq!(writer.commit(n, n, &never).unwrap(), n));
    ring.close();
    assert!(matches!(writer.commit(3, 3, &never), Err(Refused::Closed(3))));
    let seen: Vec<u64> = std::iter::from_fn(|| leased(every.try_lease())).map(|lease| *lease).collect();
    assert_eq!(seen, [0, 1, 2]);
    assert_eq!(leased(latest.try_lease()).map(|lease| *lease), Some(2));
    assert!(matches!(every.lease(None), Take::Closed));
    assert!(matches!(latest.lease(None), Take::Closed));
}

#[test]
fn a_restarted_source_takes_the_writer_over_and_goes_on_counting() {
    let (ring, mut first) = ring(2);
    assert!(ring.writer().is_none());
    first.commit(0, 0, &never).unwrap();
    drop(first);
    let mut second = ring.writer().unwrap();
    assert_eq!(second.commit(1, 1, &never).unwrap(), 1);
    assert!(!ring.is_closed());
}

#[test]
fn a_dead_every_reader_lets_the_blocked_writer_go_on() {
    let (ring, mut writer) = ring(2);
    let reader = ring.reader(Policy::Every);
    (0..2).for_each(|n| assert_eq!(writer.commit(n, n, &never).unwrap(), n));
    let writing = thread::spawn(move || writer.commit(2, 2, &never).unwrap());
    drop(reader);
    assert_eq!(writing.join().unwrap(), 2);
}

#[test]
fn close_lets_the_blocked_writer_go() {
    let (ring, mut writer) = ring(2);
    let _reader = ring.reader(Policy::Every);
    (0..2).for_each(|n| assert_eq!(writer.commit(n, n, &never).unwrap(), n));
    let writing = thread::spawn(move || writer.commit(2, 2, &never));
    ring.close();
    assert!(matches!(writing.join().unwrap(), Err(Refused::Closed(2))));
}

#[test]
fn a_sleeping_reader_is_woken_by_a_commit_and_a_wait_can_time_out() {
    let (ring, mut writer) = ring(2);
    let mut reader = ring.reader(Policy::Latest);
    assert!(matches!(reader.lease(Some(Duration::from_millis(1))), Take::Empty));
    let reading = thread::spawn(move || leased(reader.lease(Some(FOREVER))).map(|lease| *lease));
    writer.commit(0, 5, &never).unwrap();
    assert_eq!(reading.join().unwrap(), Some(5));
}

#[test]
fn two_readers_on_one_bell_are_both_woken_though_each_serves_another_ring() {
    let bell = Bell::new();
    let rings: Vec<Ring<usize>> = (0..2).map(|_| Ring::new(2, bell.clone())).collect();
    let readers: Vec<_> = rings.iter().map(|ring| ring.reader(Policy::Latest)).collect();
    thread::scope(|scope| {
        let waits = readers
            .into_iter()
            .map(|mut reader| scope.spawn(move || leased(reader.lease(Some(FOREVER))).map(|lease| *lease)));
        let waits: Vec<_> = waits.collect();
        for (n, ring) in rings.iter().enumerate() {
            ring.writer().unwrap().commit(0, n, &never).unwrap();
        }
        let got: Vec<_> = waits.into_iter().map(|wait| wait.join().unwrap()).collect();
        assert_eq!(got, [Some(0), Some(1)]);
    });
}

#[test]
fn ring_all_ends_every_wait() {
    let bell = Bell::new();
    let waits: Vec<_> = (0..3)
        .map(|_| {
            let (bell, seen) = (bell.clone(), bell.seen());
            thread::spawn(move || bell.wait(seen, Some(FOREVER)))
        })
        .collect();
    bell.ring_all();
    assert!(waits.into_iter().all(|wait| wait.join().unwrap()));
}

#[test]
fn a_frame_whose_drop_panics_costs_its_slot_nothing() {
    struct Bomb(bool);
    impl Drop for Bomb {
        fn drop(&mut self) {
            assert!(!self.0 || thread::panicking(), "boom");
        }
    }
    let (ring, mut writer) = ring(2);
    writer.commit(0, Bomb(true), &never).map_err(|_| ()).unwrap();
    writer.commit(1, Bomb(false), &never).map_err(|_| ()).unwrap();
    let blown =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| writer.commit(2, Bomb(false), &never)));
    assert!(blown.is_err());
    for n in 2..6 {
        assert_eq!(writer.commit(n, Bomb(false), &never).map_err(|_| ()).unwrap(), n);
    }
    assert_eq!(ring.newest().unwrap().seq(), 5);
}

/// A payload that reveals a mixture of two writes: every word is a hash of the first and its position.
struct Checked([u64; 64]);

impl Checked {
    fn new(n: u64) -> Checked {
        Checked(std::array::from_fn(|word| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ word as u64))
    }

    fn is_whole(&self, n: u64) -> bool {
        self.0.iter().zip(Checked::new(n).0).all(|(word, expected)| *word == expected)
    }
}

#[test]
fn a_stalled_reader_neither_stops_the_producer_nor_tears_a_frame() {
    let frames: u64 = if cfg!(miri) { 300 } else { 200_000 };
    let (ring, mut writer) = ring(8);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (done, mut stalled): (_, Reader<Checked>) = (&done, ring.reader(Policy::Latest));
        let stuck = scope.spawn(move || {
            let lease = leased(stalled.lease(Some(FOREVER))).unwrap();
            while !done.load(Ordering::Acquire) {
                assert!(lease.is_whole(lease.seq()));
                thread::yield_now();
            }
            lease.is_whole(lease.seq())
        });
        let counts: Vec<_> = (0..2)
            .map(|_| ring.reader(Policy::Latest))
            .map(|mut reader| {
                scope.spawn(move || {
                    let mut seen = 0;
                    loop {
                        match reader.lease(Some(FOREVER)) {
                            Take::Lease(lease) => {
                                assert!(lease.is_whole(lease.seq()) && lease.stamp_ns() == lease.seq())
                            }
                            Take::Closed => return seen + reader.skipped(),
                            Take::Empty => panic!("no frame for a minute"),
                        }
                        seen += 1;
                    }
                })
            })
            .collect();
        for n in 0..frames {
            assert_eq!(writer.commit(n, Checked::new(n), &never).map_err(|_| "refused").unwrap(), n);
            if let Some(lease) = ring.pick(n / 2, Pick::Nearest) {
                assert!(lease.is_whole(lease.seq()));
            }
        }
        ring.close();
        done.store(true, Ordering::Release);
        assert!(stuck.join().unwrap());
        for count in counts {
            assert_eq!(count.join().unwrap(), frames, "every frame was seen or counted as skipped");
        }
    });
}

#[test]
fn every_readers_on_two_threads_see_every_frame_once_and_in_order() {
    let frames: u64 = if cfg!(miri) { 200 } else { 100_000 };
    for slots in [2, 3, 8] {
        let (ring, mut writer) = ring::<u64>(slots);
        let readers: Vec<_> = (0..2).map(|_| ring.reader(Policy::Every)).collect();
        thread::scope(|scope| {
            for mut reader in readers {
                scope.spawn(move || {
                    let mut next = 0;
                    while let Take::Lease(lease) = reader.lease(Some(FOREVER)) {
                        assert_eq!((lease.seq(), *lease), (next, next));
                        next += 1;
                    }
                    assert_eq!(next, frames);
                });
            }
            for n in 0..frames {
                writer.commit(n, n, &never).unwrap();
            }
            ring.close();
        });
        assert_eq!(ring.leased(), 0);
    }
}
