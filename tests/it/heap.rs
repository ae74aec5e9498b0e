//! An allocator that counts, for every test of the binary.
//!
//! Counts are a thread's own, so that tests beside each other on threads do not disturb one another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

/// The system's allocator, counting the calling thread's requests.
struct Counting;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
    /// Whether the calling thread's requests are added to [`WATCHED`] too.
    static IS_WATCHED: Cell<bool> = const { Cell::new(false) };
}

static WATCHED: AtomicU64 = AtomicU64::new(0);

fn count() {
    // A thread that is ending has no counter any more.
    let _ = REQUESTS.try_with(|count| count.set(count.get() + 1));
    if IS_WATCHED.try_with(Cell::get).unwrap_or(false) {
        WATCHED.fetch_add(1, Ordering::Relaxed);
    }
}

// SAFETY: every call goes to `System` unchanged; the counters are plain thread-locals without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count();
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Requests of this thread so far.
pub fn total() -> u64 {
    REQUESTS.get()
}

/// Threads that may wait for locks at the same time before the lock library asks for more memory.
const WAITING: usize = 16;

/// Lets threads wait for one another: `parking_lot` then makes the table in which waiting threads are found, once in a
/// process and larger with more threads. Otherwise the first contention of a test would count as its allocation.
fn warm_locks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let (waiting, all) = (Mutex::new(0), Condvar::new());
        std::thread::scope(|scope| {
            for _ in 0..WAITING {
                scope.spawn(|| {
                    let mut waiting = waiting.lock();
                    *waiting += 1;
                    all.wait(&mut waiting);
                });
            }
            while *waiting.lock() < WAITING {
                std::thread::yield_now();
            }
            all.notify_all();
        });
    });
}

/// Requests of `work` on this thread.
pub fn requests(work: impl FnOnce()) -> u64 {
    warm_locks();
    let before = total();
    work();
    total() - before
}

/// From now on the calling thread's requests are part of [`watched_total`], or are no longer.
pub fn watch(watched: bool) {
    warm_locks();
    IS_WATCHED.set(watched);
}

/// Requests of all watched threads so far.
pub fn watched_total() -> u64 {
    WATCHED.load(Ordering::Relaxed)
}
