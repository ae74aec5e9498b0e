//! Limits the number of connections, and of strangers' connections from one address. A new client without a
//! free place takes that of the oldest stranger of the address that holds most, so that unfinished requests
//! block nobody.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::Notify;

/// Connections at one time.
const MOST: usize = 512;
/// Connections of strangers from one address (of IPv6: one network of 64 bits) at one time. A browser opens
/// six.
const OF_ONE_ADDRESS: usize = 64;

/// The other side of a connection.
#[derive(Debug, Default)]
pub(super) struct Visitor {
    /// An authorised request has come over it.
    known: AtomicBool,
    ended: Notify,
}

impl Visitor {
    /// Marks the connection as that of an authorised client, which keeps its place.
    pub(super) fn is_known(&self) {
        self.known.store(true, Ordering::Relaxed);
    }

    /// Resolves when its place is given to another.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}

struct HeldPlace {
    /// Absent for a proxy, which many clients share.
    address: Option<IpAddr>,
    visitor: Arc<Visitor>,
}

impl HeldPlace {
    fn is_stranger(&self) -> bool {
        !self.visitor.known.load(Ordering::Relaxed)
    }
}

/// The places that are taken, in the order in which they were taken.
#[derive(Default)]
struct TakenPlaces {
    next: u64,
    held: HashMap<u64, HeldPlace>,
}

impl TakenPlaces {
    fn strangers(&self, address: Option<IpAddr>) -> impl Iterator<Item = u64> + '_ {
        let of = move |held: &HeldPlace| held.address == address && held.is_stranger();
        self.held.iter().filter(move |(_, held)| of(held)).map(|(id, _)| *id)
    }

    /// The oldest stranger of the address that holds most places.
    fn least_worthy(&self) -> Option<u64> {
        let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
        for held in self.held.values().filter(|held| held.is_stranger()) {
            *counts.entry(held.address).or_default() += 1;
        }
        let (address, _) = counts.into_iter().max_by_key(|(_, count)| *count)?;
        self.strangers(address).min()
    }

    fn end(&mut self, id: Option<u64>) -> bool {
        let Some(held) = id.and_then(|id| self.held.remove(&id)) else { return false };
        held.visitor.ended.notify_one();
        true
    }
}

/// All connections that hold a place.
#[derive(Default)]
pub(super) struct VisitorPlaces(Mutex<TakenPlaces>);

/// The result of taking a place.
pub(super) struct Welcome {
    pub(super) place: VisitorPlace,
    /// Whether another connection had to end for it.
    pub(super) ended_another: bool,
}

impl VisitorPlaces {
    /// Takes a place for a connection from `address` (`None`: of a proxy). `None`: authorised clients hold
    /// all places.
    pub(super) fn take(self: &Arc<VisitorPlaces>, address: Option<IpAddr>) -> Option<Welcome> {
        let mut taken = self.0.lock();
        let mut ended_another = false;
        if address.is_some() && taken.strangers(address).count() >= OF_ONE_ADDRESS {
            let oldest = taken.strangers(address).min();
            ended_another = taken.end(oldest);
        }
        if taken.held.len() >= MOST {
            let least = taken.least_worthy();
            if !taken.end(least) {
                return None;
            }
            ended_another = true;
        }
        let (id, visitor) = (taken.next, Arc::<Visitor>::default());
        taken.next += 1;
        taken.held.insert(id, HeldPlace { address, visitor: visitor.clone() });
        drop(taken);
        let place = VisitorPlace { id, places: self.clone(), visitor };
        Some(Welcome { place, ended_another })
    }

    /// Whether nobody is connected.
    pub(super) fn is_empty(&self) -> bool {
        self.0.lock().held.is_empty()
    }
}

/// A place, released when dropped.
pub(super) struct VisitorPlace {
    id: u64,
    places: Arc<VisitorPlaces>,
    pub(super) visitor: Arc<Visitor>,
}

impl Drop for VisitorPlace {
    fn drop(&mut self) {
        self.places.0.lock().held.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(last: u16) -> Option<IpAddr> {
        Some(IpAddr::from([10, 0, (last >> 8) as u8, last as u8]))
    }

    #[test]
    fn one_address_takes_its_share_and_its_oldest_stranger_goes_first() {
        let places = Arc::new(VisitorPlaces::default());
        let first = places.take(at(1)).unwrap();
        let held: Vec<_> = (1..2_000).map(|_| places.take(at(1)).unwrap()).collect();
        assert_eq!(places.0.lock().held.len(), OF_ONE_ADDRESS);
        assert!(!places.0.lock().held.contains_key(&first.place.id), "the first one had to go");
        assert!(held.last().unwrap().ended_another);
        assert!(places.take(at(2)).is_some_and(|other| !other.ended_another));
    }

    #[test]
    fn people_who_are_logged_in_keep_their_places_however_many_strangers_come() {
        let places = Arc::new(VisitorPlaces::default());
        let anna = places.take(at(1)).unwrap().place;
        anna.visitor.is_known();
        let strangers: Vec<_> = (0..3_000).map(|n| places.take(at(n % 300)).unwrap()).collect();
        assert_eq!(places.0.lock().held.len(), MOST);
        assert!(places.0.lock().held.contains_key(&anna.id));
        // A newcomer from an address that holds few places is not the next to be replaced.
        let owner = places.take(at(400)).unwrap().place;
        let more: Vec<_> = (0..200).map(|_| places.take(at(7)).unwrap()).collect();
        assert!(places.0.lock().held.contains_key(&owner.id));
        drop((strangers, more, owner, anna));
        assert!(places.is_empty());
    }

    #[test]
    fn where_all_are_known_one_more_is_turned_away() {
        let places = Arc::new(VisitorPlaces::default());
        let all: Vec<_> = (0..MOST as u16).map(|n| places.take(at(n)).unwrap().place).collect();
        all.iter().for_each(|place| place.visitor.is_known());
        assert!(places.take(at(600)).is_none());
        drop(all);
        assert!(places.take(at(600)).is_some());
    }
}
