//! An allocator that counts requests and remembers the largest, and what reading takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use ocellus_microscopy::Plane;
use ocellus_microscopy::stack::PlaneAddress;

use super::flavours::flavour;
use super::support::open;

/// The system's allocator, watching the calling thread's requests.
struct Watching;

thread_local! {
    static REQUESTS: Cell<u64> = const { Cell::new(0) };
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

fn watch(bytes: usize) {
    // A thread that is ending has no counters any more.
    let _ = REQUESTS.try_with(|requests| requests.set(requests.get() + 1));
    let _ = LARGEST.try_with(|largest| largest.set(largest.get().max(bytes)));
}

// SAFETY: every call goes to `System` unchanged; the counters are plain thread-locals without a destructor.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        watch(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        watch(layout.size());
        // SAFETY: the caller's promise, passed on.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise, passed on.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        watch(size);
        // SAFETY: the caller's promise, passed on.
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Watching = Watching;

/// The largest request of this thread since the last call, bytes.
pub fn largest() -> usize {
    LARGEST.replace(0)
}

#[test]
fn a_plane_that_is_read_again_takes_no_memory() {
    for name in ["plain_uint16.tif", "plain_uint8.tif", "plain_float32.tif", "strips_big_endian_uint16.tif"] {
        let stack = open(&flavour(name)).unwrap();
        let mut reader = stack.reader().unwrap();
        let mut plane = Plane::empty();
        let mut read = |frame| {
            let address = PlaneAddress { position: 0, channel: 0, frame, z: 0 };
            reader.read(address, &mut plane).unwrap();
        };
        read(0);
        let before = REQUESTS.get();
        (0..100).for_each(|number| read(number % 3));
        assert_eq!(REQUESTS.get(), before, "{name}");
    }
}
