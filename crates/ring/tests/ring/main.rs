//! Tests of the ring from outside. Under `--cfg loom` only the models are built: every interleaving of small
//! cases.

#[cfg(not(loom))]
mod behaviour;
#[cfg(loom)]
mod models;
#[cfg(not(loom))]
mod properties;

use ocellus_ring::*;

fn ring<T: Send + Sync + 'static>(slots: usize) -> (Ring<T>, Writer<T>) {
    let ring = Ring::new(slots, Bell::new());
    let writer = ring.writer().expect("a new ring has its writer free");
    (ring, writer)
}

fn never() -> bool {
    false
}

#[cfg(not(loom))]
fn leased<T>(take: Take<T>) -> Option<Lease<T>> {
    match take {
        Take::Lease(lease) => Some(lease),
        Take::Empty | Take::Closed => None,
    }
}
