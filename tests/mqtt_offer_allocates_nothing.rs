//! Offers happen on the frame's road: they allocate nothing.

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ocellus::sinks::{Offer, Sink};
use support::broker::Broker;
use support::unit::{Unit, event, mqtt_config, report};

thread_local!(static ALLOCATIONS: Cell<u64> = const { Cell::new(0) });

struct Counting;

// SAFETY: everything is passed on to the system's allocator unchanged; the counter is a plain thread-local
// cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(memory, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn offering_reports_and_events_allocates_nothing_on_the_caller_s_thread() {
    let broker = Broker::start();
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let (report, event) = (report(1), event(1));
    let before = ALLOCATIONS.get();
    assert_eq!(
        (unit.mqtt.offer_report(&report), unit.mqtt.offer_event(&event)),
        (Offer::Taken, Offer::Taken)
    );
    for _ in 0..1_000 {
        unit.mqtt.offer_report(&report);
        unit.mqtt.offer_event(&event);
    }
    assert_eq!(ALLOCATIONS.get() - before, 0);
    drop(vec![0u8; 10]);
    assert!(ALLOCATIONS.get() > before, "the counter counts");
}
