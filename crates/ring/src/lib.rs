//! The ring is the queue: a fixed number of slots between one writer and any number of readers. Frames are
//! leased, never copied; committing and leasing take no lock and allocate nothing.

mod bell;
mod core;
mod end;
mod futex;
mod gate;
mod history;
mod lease;
mod reader;
mod slots;
mod sync;
mod writer;

pub use bell::Bell;
pub use gate::MAX_EVERY;
pub use history::Pick;
pub use lease::Lease;
pub use reader::{Policy, Reader, Take};
pub use writer::{Refused, Writer};

use std::sync::Arc;

use sync::Ordering;

/// What a ring counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RingStats {
    /// Frames committed.
    pub committed: u64,
    /// Frames refused because every slot was leased.
    pub starved: u64,
    /// Commits that had to wait, or found every slot leased.
    pub waits: u64,
}

/// A shared handle of one ring.
pub struct Ring<T> {
    core: core::Handle<T>,
}

impl<T: Send + Sync + 'static> Ring<T> {
    /// A ring of `slots` slots whose commits ring `bell`.
    ///
    /// # Panics
    /// When `slots` is not between 2 and 64 (`check` refuses such a configuration).
    pub fn new(slots: usize, bell: Arc<Bell>) -> Ring<T> {
        assert!((2..=core::MAX_SLOTS).contains(&slots), "a ring has 2 to 64 slots, not {slots}");
        Ring { core: core::Handle::new(slots, bell) }
    }

    /// The writer, if none is in use.
    pub fn writer(&self) -> Option<Writer<T>> {
        Writer::take(&self.core)
    }

    /// A reader that starts at what is committed next. Any number of `Latest` readers may exist.
    ///
    /// # Panics
    /// When [`MAX_EVERY`] readers of policy `Every` exist already.
    pub fn reader(&self, policy: Policy) -> Reader<T> {
        Reader::join(&self.core, policy)
    }

    /// The frame of the history that `pick` means by the time stamp `stamp_ns`, if it is there (still, or yet).
    pub fn pick(&self, stamp_ns: u64, pick: Pick) -> Option<Lease<T>> {
        history::pick(&self.core, stamp_ns, pick)
    }

    /// The newest frame.
    pub fn newest(&self) -> Option<Lease<T>> {
        history::newest(&self.core)
    }

    /// Ends the stream: commits are refused, readers take what is left and then see [`Take::Closed`].
    pub fn close(&self) {
        self.core.close();
    }

    /// Whether the stream has ended.
    pub fn is_closed(&self) -> bool {
        self.core.end.is_asked()
    }

    /// Number of slots.
    pub fn slots(&self) -> usize {
        self.core.slots.len()
    }

    /// Slots that are leased now.
    pub fn leased(&self) -> usize {
        let (slots, gate) = (&self.core.slots, &self.core.gate);
        let is_out = |slot: usize| slots[slot].live_tag().is_some_and(|tag| gate.is_leased(slot, tag));
        (0..slots.len()).filter(|slot| self.core.pins[*slot].any() || is_out(*slot)).count()
    }

    /// The counts so far.
    pub fn stats(&self) -> RingStats {
        RingStats {
            committed: self.core.head().committed(),
            starved: self.core.counts.starved.load(Ordering::Relaxed),
            waits: self.core.counts.waits.load(Ordering::Relaxed),
        }
    }
}

impl<T> Clone for Ring<T> {
    fn clone(&self) -> Ring<T> {
        Ring { core: self.core.clone() }
    }
}
