#![doc = include_str!("../README.md")]

mod bell;
mod core;
mod history;
mod lease;
mod reader;
mod reader_acks;
mod slot;
mod sync;
mod writer;

pub use bell::Bell;
pub use history::Pick;
pub use lease::Lease;
pub use reader::{Policy, Reader, Take};
pub use reader_acks::MAX_EVERY;
pub use writer::{Refused, Writer};

use sync::{Arc, Ordering};

/// The counts of a ring since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingStats {
    /// Frames committed since the ring was made.
    pub committed: u64,
    /// Frames refused because every slot was leased.
    pub starved: u64,
}

/// A shared handle of one ring.
pub struct Ring<T> {
    ends: core::Handle<T>,
}

impl<T: Send + Sync + 'static> Ring<T> {
    /// Makes a ring of `slots` slots whose commits ring `bell`.
    ///
    /// # Panics
    /// When `slots` is not between 2 and 64 (`check` refuses such a configuration).
    pub fn new(slots: usize, bell: Arc<Bell>) -> Ring<T> {
        assert!((2..=core::MAX_SLOTS).contains(&slots), "a ring has 2 to 64 slots, not {slots}");
        Ring { ends: core::Ends::new(slots, bell) }
    }

    /// Takes the writer; `None` while another one exists.
    pub fn writer(&self) -> Option<Writer<T>> {
        Writer::take(&self.ends)
    }

    /// Makes a reader that starts at the next commit. Any number of `Latest` and `Oldest` readers
    /// may exist.
    ///
    /// # Panics
    /// When [`MAX_EVERY`] readers of policy `Every` exist already.
    pub fn reader(&self, policy: Policy) -> Reader<T> {
        Reader::join(&self.ends, policy)
    }

    /// Leases the frame of the history that `pick` selects for the time stamp `stamp_ns`; `None` if none
    /// qualifies.
    pub fn pick(&self, stamp_ns: u64, pick: Pick) -> Option<Lease<T>> {
        history::pick(&self.ends.0, stamp_ns, pick)
    }

    /// Leases the newest frame; `None` where there is none.
    pub fn newest(&self) -> Option<Lease<T>> {
        history::newest(&self.ends.0, 0)
    }

    /// Ends the stream: later commits are refused, and readers take what is left and then get
    /// [`Take::Closed`].
    pub fn close(&self) {
        self.ends.close();
    }

    /// Whether the stream has ended.
    pub fn is_closed(&self) -> bool {
        self.ends.head().is_closed()
    }

    /// The ring's number of slots, 2 to 64.
    pub fn slots(&self) -> usize {
        self.ends.slots.len()
    }

    /// The number of slots that are leased now.
    pub fn leased(&self) -> usize {
        self.ends.slots.iter().filter(|slot| slot.is_held()).count()
    }

    /// The counts since the ring was made.
    pub fn stats(&self) -> RingStats {
        RingStats {
            committed: self.ends.head().committed(),
            starved: self.ends.starved.load(Ordering::Relaxed),
        }
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Ring<T> {
        Ring { ends: self.ends.clone() }
    }
}
