//! The state that all ends of a ring share. The ends (ring, writer, readers) and the leases keep it alive;
//! when the last end is dropped, the frames without a lease are dropped too.

use crossbeam_utils::CachePadded;

use crate::bell::Bell;
use crate::reader_acks::ReaderAcks;
use crate::slot::Slot;
use crate::sync::{Arc, AtomicBool, AtomicU64, Ordering, fence};

/// Most slots of a ring, because a set of them must fit a `u64`.
pub(crate) const MAX_SLOTS: usize = 64;

/// The published end of the ring as one word: the number of frames, and in the lowest bit whether the stream
/// has ended. A commit and a close change the same word, so a commit either precedes the end or is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head(u64);

impl Head {
    /// Frames committed so far; the newest has this number less one.
    pub(crate) fn committed(self) -> u64 {
        self.0 >> 1
    }

    /// Whether no further frame will be committed.
    pub(crate) fn is_closed(self) -> bool {
        self.0 & 1 != 0
    }
}

pub(crate) struct Core<T> {
    head: CachePadded<AtomicU64>,
    pub(crate) slots: Box<[Slot<T>]>,
    pub(crate) acks: ReaderAcks,
    /// Rung when the writer may continue; only the writer waits here.
    pub(crate) vacancy: Bell,
    /// Rung when a frame was committed; blocking readers wait here.
    pub(crate) arrival: Bell,
    /// Rung when a frame was committed; threads that serve several rings wait here.
    pub(crate) group: Arc<Bell>,
    pub(crate) writer_taken: AtomicBool,
    pub(crate) starved: AtomicU64,
    /// Whether all ends are gone.
    orphaned: AtomicBool,
}

impl<T> Core<T> {
    pub(crate) fn head(&self) -> Head {
        Head(self.head.load(Ordering::Acquire))
    }

    /// Commits the next frame. Returns its number, or `None` when the stream has ended. Only the writer may
    /// call it.
    pub(crate) fn advance(&self) -> Option<u64> {
        let head = self.head();
        let moved = || self.head.compare_exchange(head.0, head.0 + 2, Ordering::AcqRel, Ordering::Relaxed);
        (!head.is_closed() && moved().is_ok()).then(|| head.committed())
    }

    /// Wakes the threads that wait for a frame. Its barrier also separates each commit from the writer's next
    /// read of the acknowledgements; see [`ReaderAcks::join`].
    pub(crate) fn announce(&self) {
        fence(Ordering::SeqCst);
        if self.arrival.is_armed() {
            self.arrival.ring_all();
        }
        if self.group.is_armed() {
            self.group.ring();
        }
    }

    /// Ends the stream: no commit succeeds afterwards, and all waiters wake.
    pub(crate) fn close(&self) {
        self.head.fetch_or(1, Ordering::AcqRel);
        self.wake_all();
    }

    /// Wakes all waiters at the end of the stream.
    pub(crate) fn wake_all(&self) {
        self.vacancy.ring_all();
        self.arrival.ring_all();
        self.group.ring_all();
    }

    /// Ends one hold of the frame in `slot`.
    pub(crate) fn release(&self, slot: usize) {
        if self.slots[slot].release() {
            self.vacancy.ring(); // and passes a full barrier
            if self.orphaned.load(Ordering::Acquire) {
                self.slots[slot].clear_if_unheld();
            }
        }
    }
}

/// Shared by ring, writer and readers, but not by leases, so that its drop marks the ring as orphaned.
pub(crate) struct Ends<T>(pub(crate) Arc<Core<T>>);

/// The reference with which an end keeps the ring alive.
pub(crate) type Handle<T> = Arc<Ends<T>>;

impl<T> Ends<T> {
    pub(crate) fn new(slots: usize, group: Arc<Bell>) -> Handle<T> {
        Arc::new(Ends(Arc::new(Core {
            head: CachePadded::new(AtomicU64::new(0)),
            slots: (0..slots).map(|_| Slot::vacant()).collect(),
            acks: ReaderAcks::new(),
            vacancy: Bell::unshared(),
            arrival: Bell::unshared(),
            group,
            writer_taken: AtomicBool::new(false),
            starved: AtomicU64::new(0),
            orphaned: AtomicBool::new(false),
        })))
    }
}

impl<T> std::ops::Deref for Ends<T> {
    type Target = Core<T>;
    fn deref(&self) -> &Core<T> {
        &self.0
    }
}

/// Frames that are still leased are dropped by their last leases. Those read `orphaned` after they end their
/// hold, and this reads the holds after it has set `orphaned`, with a full barrier in between on both sides.
impl<T> Drop for Ends<T> {
    fn drop(&mut self) {
        self.orphaned.store(true, Ordering::Release);
        fence(Ordering::SeqCst);
        self.slots.iter().for_each(Slot::clear_if_unheld);
    }
}
