//! What all ends of a ring share, and how long it lives: until the last handle and the last lease are gone.

use std::ptr::NonNull;
use std::sync::Arc;
use std::time::Duration;

use super::bell::Bell;
use super::end::End;
use super::gate::Gate;
use super::slots::{ORPHAN, PINS, Pins, Slot};
use super::sync::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Line, Ordering, UnsafeCell, fence};

/// Most slots of a ring; also the length of the order table. Few in the models, where each costs time.
pub(super) const MAX_SLOTS: usize = if cfg!(loom) { 4 } else { 64 };

/// Twice what waking a sleeper costs: polling for less loses to sleeping, and for more never wins much.
pub(super) const PATIENCE: Duration = Duration::from_micros(if cfg!(loom) { 0 } else { 25 });

/// Bits of the head word: committed count, slot of the newest frame.
const SLOT_BITS: u64 = 0x3f;
const COUNT_SHIFT: u32 = 6;

/// The published end of the ring, as one word: how many frames, and where the newest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head(pub(super) u64);

impl Head {
    pub(super) fn new(committed: u64, slot: usize) -> Head {
        Head(committed << COUNT_SHIFT | slot as u64)
    }

    /// Frames committed so far; the newest has this number less one.
    #[inline(always)]
    pub(super) fn committed(self) -> u64 {
        self.0 >> COUNT_SHIFT
    }

    /// Where the newest frame lies.
    pub(super) fn slot(self) -> usize {
        (self.0 & SLOT_BITS) as usize
    }
}

/// What only the writer touches; it outlives a writer so that the next one can go on.
pub(super) struct Producer {
    /// Slot indices, oldest content first, as a circular list of `slots.len()` entries from `first` on.
    by_age: [u8; MAX_SLOTS],
    first: usize,
    /// The tag that each slot was last filled with; 0 where vacant.
    pub(super) tags: [u64; MAX_SLOTS],
    /// Bit set of the slots whose frame no `Every` reader, present or future, needs any more.
    pub(super) free: u64,
    /// How long the writer polls when it must wait, before it sleeps. Halved each time that was in vain.
    pub(super) patience: Duration,
    /// The committed count and newest slot as last published.
    pub(super) head: Head,
}

impl Producer {
    fn new(slots: usize) -> Producer {
        let mut by_age = [0; MAX_SLOTS];
        by_age.iter_mut().zip(0..slots as u8).for_each(|(entry, slot)| *entry = slot);
        Producer {
            by_age,
            first: 0,
            tags: [0; MAX_SLOTS],
            free: u64::MAX,
            patience: PATIENCE,
            head: Head::new(0, 0),
        }
    }

    /// The slot with the `age`-th oldest content.
    #[inline(always)]
    pub(super) fn nth(&self, age: usize) -> usize {
        usize::from(self.by_age[(self.first + age) % MAX_SLOTS])
    }

    /// Makes the `age`-th oldest slot the newest of `slots`.
    #[inline(always)]
    pub(super) fn renew(&mut self, age: usize, slots: usize) {
        let slot = self.by_age[(self.first + age) % MAX_SLOTS];
        for place in (0..age).rev() {
            self.by_age[(self.first + place + 1) % MAX_SLOTS] = self.by_age[(self.first + place) % MAX_SLOTS];
        }
        self.first = (self.first + 1) % MAX_SLOTS;
        self.by_age[(self.first + slots - 1) % MAX_SLOTS] = slot;
    }
}

/// What the writer counts, away from what readers read.
pub(super) struct Counts {
    pub(super) starved: AtomicU64,
    pub(super) waits: AtomicU64,
}

/// Adds one to a count that the caller alone changes.
pub(super) fn count_one(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

pub(super) struct Core<T> {
    pub(super) head: Line<AtomicU64>,
    order: Line<[AtomicU8; MAX_SLOTS]>,
    pub(super) gate: Line<Gate>,
    pub(super) end: End,
    /// Rung when the writer may go on.
    pub(super) vacancy: Bell,
    /// Rung when a frame was committed.
    pub(super) bell: Arc<Bell>,
    pub(super) producer: Line<UnsafeCell<Producer>>,
    pub(super) writer_taken: AtomicBool,
    pub(super) counts: Line<Counts>,
    pub(super) slots: Box<[Slot<T>]>,
    pub(super) pins: Line<Box<[Pins]>>,
    /// `Latest` readers: they pin every frame they see.
    pub(super) watchers: AtomicUsize,
    handles: Line<AtomicUsize>,
    /// Counts down to the end of an orphaned ring: its slots, and the handle that is cleaning up.
    remaining: AtomicUsize,
}

impl<T> Core<T> {
    #[inline(always)]
    pub(super) fn head(&self) -> Head {
        Head(self.head.load(Ordering::Acquire))
    }

    /// Where frame `seq` lies, for a reader that the writer cannot have overtaken.
    #[inline(always)]
    pub(super) fn place_of(&self, seq: u64) -> usize {
        usize::from(self.order[seq as usize % MAX_SLOTS].load(Ordering::Relaxed))
    }

    #[inline(always)]
    pub(super) fn set_order(&self, seq: u64, slot: usize) {
        self.order[seq as usize % MAX_SLOTS].store(slot as u8, Ordering::Relaxed);
    }

    /// Which slots the gate leaves to the writer now.
    #[inline(always)]
    pub(super) fn given_back(&self, producer: &Producer) -> u64 {
        self.gate.given_back(&producer.tags[..self.slots.len()])
    }

    /// Whether the stream has ended after `committed` frames.
    #[inline(always)]
    pub(super) fn ended_at(&self, committed: u64) -> bool {
        self.end.is_sealed() && self.head().committed() == committed
    }

    /// Which slot this is.
    pub(super) fn index_of(&self, slot: &Slot<T>) -> usize {
        (std::ptr::from_ref(slot).addr() - self.slots.as_ptr().addr()) / size_of::<Slot<T>>()
    }

    /// Ends the stream; a commit is before it or refused.
    pub(super) fn close(&self) {
        self.end.close();
        self.ring_all();
    }

    /// Tells everybody of the end.
    #[cold]
    pub(super) fn ring_all(&self) {
        self.vacancy.ring_all();
        self.bell.ring_all();
    }

    /// One of the slots that an orphaned ring waited for is done.
    ///
    /// # Safety
    /// `core` is alive; the caller does not touch it afterwards.
    pub(super) unsafe fn retire(core: NonNull<Core<T>>, done: usize) {
        // SAFETY: alive by the caller's promise: `remaining` is above zero until this subtraction.
        if unsafe { core.as_ref() }.remaining.fetch_sub(done, Ordering::AcqRel) == done {
            // SAFETY: it came from `Box::leak` and nobody else counts on it any more.
            drop(unsafe { Box::from_raw(core.as_ptr()) });
        }
    }
}

/// A counted handle: the ring, its writer and its readers hold one each. Leases hold none, so that
/// taking and dropping one costs nothing more than its pin.
pub(super) struct Handle<T>(NonNull<Core<T>>);

// SAFETY: a handle gives `&Core<T>` to any thread. All its fields are atomic or guarded (`producer` by
// `writer_taken`, values by pins and claims); values are shared (Sync) and dropped anywhere (Send).
unsafe impl<T: Send + Sync> Send for Handle<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Handle<T> {}

impl<T> Handle<T> {
    pub(super) fn new(slots: usize, bell: Arc<Bell>) -> Handle<T> {
        let core = Box::new(Core {
            head: Line(AtomicU64::new(Head::new(0, 0).0)),
            order: Line(std::array::from_fn(|_| AtomicU8::new(0))),
            gate: Line(Gate::new()),
            end: End::new(),
            vacancy: Bell::silent(),
            bell,
            producer: Line(UnsafeCell::new(Producer::new(slots))),
            writer_taken: AtomicBool::new(false),
            counts: Line(Counts { starved: AtomicU64::new(0), waits: AtomicU64::new(0) }),
            slots: (0..slots).map(|_| Slot::vacant()).collect(),
            pins: Line((0..slots).map(|_| Pins::none()).collect()),
            watchers: AtomicUsize::new(0),
            handles: Line(AtomicUsize::new(1)),
            remaining: AtomicUsize::new(slots + 1),
        });
        Handle(NonNull::from(Box::leak(core)))
    }

    pub(super) fn pointer(&self) -> NonNull<Core<T>> {
        self.0
    }

    /// A handle for somebody who holds none but keeps the core alive by a lease; `None` once the last
    /// handle is gone.
    ///
    /// # Safety
    /// `core` is alive.
    pub(super) unsafe fn revive(core: NonNull<Core<T>>) -> Option<Handle<T>> {
        // SAFETY: alive by the caller's promise.
        let handles = &unsafe { core.as_ref() }.handles;
        let mut count = handles.load(Ordering::Relaxed);
        while count != 0 {
            match handles.compare_exchange(count, count + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Some(Handle(core)),
                Err(now) => count = now,
            }
        }
        None
    }

    /// The last handle is gone: what nobody leases is dropped now, the rest by its last lease.
    #[cold]
    fn orphan(&self) {
        let mut done = 1;
        for (slot, pins) in self.slots.iter().zip(&self.pins[..]) {
            if pins.0.fetch_or(ORPHAN, Ordering::AcqRel) & PINS == 0 {
                if slot.live_tag().is_some() {
                    // SAFETY: no pins, and without a handle nobody can take one: ours alone. A
                    // reader that left turned its leases into pins.
                    unsafe { slot.drop_value() };
                }
                done += 1;
            }
        }
        // SAFETY: alive until the count that is given here; `self` is not used again.
        unsafe { Core::retire(self.0, done) };
    }
}

impl<T> std::ops::Deref for Handle<T> {
    type Target = Core<T>;
    #[inline(always)]
    fn deref(&self) -> &Core<T> {
        // SAFETY: a counted handle keeps the core alive.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Clone for Handle<T> {
    fn clone(&self) -> Handle<T> {
        self.handles.fetch_add(1, Ordering::Relaxed);
        Handle(self.0)
    }
}

impl<T> Drop for Handle<T> {
    fn drop(&mut self) {
        if self.handles.fetch_sub(1, Ordering::Release) == 1 {
            fence(Ordering::Acquire);
            self.orphan();
        }
    }
}
