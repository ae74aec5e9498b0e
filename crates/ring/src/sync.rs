//! The atomics that the ring stands on: the standard library's, or loom's where the models are run.

#[cfg(not(loom))]
pub(super) use std::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(loom)]
pub(super) use loom::sync::atomic::{
    AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence,
};

#[cfg(loom)]
pub(super) use loom::cell::UnsafeCell;

/// loom's face of `UnsafeCell` over the standard one: access only inside a closure.
#[cfg(not(loom))]
#[derive(Debug)]
pub(super) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

#[cfg(not(loom))]
impl<T> UnsafeCell<T> {
    pub(super) fn new(value: T) -> UnsafeCell<T> {
        UnsafeCell(std::cell::UnsafeCell::new(value))
    }

    #[inline(always)]
    pub(super) fn with<R>(&self, read: impl FnOnce(*const T) -> R) -> R {
        read(self.0.get())
    }

    #[inline(always)]
    pub(super) fn with_mut<R>(&self, write: impl FnOnce(*mut T) -> R) -> R {
        write(self.0.get())
    }
}

/// A full barrier directly after a read-modify-write. On x86 the `lock` prefix of that instruction is one
/// already (Intel SDM vol. 3, 9.2.5), so only the compiler has to be held; `mfence` would cost 30 cycles more.
#[inline(always)]
pub(super) fn fence_after_rmw() {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    std::sync::atomic::compiler_fence(Ordering::SeqCst);
    #[cfg(not(all(target_arch = "x86_64", not(loom), not(miri))))]
    fence(Ordering::SeqCst);
}

/// The cheap half of a pair of barriers that differ in cost, after a plain store and before a load: between two of
/// these and a [`heavy_fence`] the order is that of full barriers. Two light ones order nothing with each other.
#[inline(always)]
pub(super) fn light_fence() {
    #[cfg(not(any(loom, miri)))]
    if membarrier::READY.load(Ordering::Relaxed) {
        return std::sync::atomic::compiler_fence(Ordering::SeqCst);
    }
    fence(Ordering::SeqCst);
}

/// The dear half: makes every other thread of the process pass a full barrier now (membarrier(2), 1 to 5 µs).
/// Where the kernel has no such call both halves are full barriers; so they are in the models.
pub(super) fn heavy_fence() {
    #[cfg(not(any(loom, miri)))]
    if membarrier::READY.load(Ordering::Relaxed) {
        return membarrier::pass();
    }
    fence(Ordering::SeqCst);
}

/// Finds out which of the two ways holds. Called before anything that the fences order can be reached.
pub(super) fn prepare_fences() {
    #[cfg(not(any(loom, miri)))]
    membarrier::register();
}

#[cfg(not(any(loom, miri)))]
mod membarrier {
    use std::sync::Once;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// From linux/membarrier.h.
    const PRIVATE_EXPEDITED: libc::c_int = 1 << 3;
    const REGISTER_PRIVATE_EXPEDITED: libc::c_int = 1 << 4;

    /// Set once, before the first fence; whoever reaches a fence got a bell from a thread that saw it set.
    pub(super) static READY: AtomicBool = AtomicBool::new(false);
    static ASKED: Once = Once::new();

    pub(super) fn register() {
        ASKED.call_once(|| READY.store(call(REGISTER_PRIVATE_EXPEDITED), Ordering::Relaxed));
    }

    pub(super) fn pass() {
        assert!(call(PRIVATE_EXPEDITED), "membarrier was registered and is refused now");
    }

    fn call(command: libc::c_int) -> bool {
        // SAFETY: the call takes three integers and touches no memory of ours.
        unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
    }
}

/// The core that the calling thread runs on, as of now. One for all where that is not known.
pub(super) fn this_core() -> usize {
    #[cfg(not(any(loom, miri)))]
    // SAFETY: takes nothing and touches no memory of ours.
    return usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or(0);
    #[cfg(any(loom, miri))]
    0
}

/// One turn of a short wait: the processor's pause, or the model's change of thread.
#[inline(always)]
pub(super) fn pause() {
    #[cfg(not(loom))]
    std::hint::spin_loop();
    #[cfg(loom)]
    loom::thread::yield_now();
}

/// Lets another thread that waits for this core go first: who polls may keep the one that it polls for from running.
#[inline(always)]
pub(super) fn give_way() {
    #[cfg(not(loom))]
    std::thread::yield_now();
}

/// Starts to fetch the line of `place` for reading.
#[inline(always)]
pub(super) fn prefetch_to_read<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    // SAFETY: a prefetch never faults and changes no value.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(all(target_arch = "aarch64", not(loom), not(miri)))]
    // SAFETY: a prefetch never faults and changes no value.
    unsafe {
        std::arch::asm!("prfm pldl1keep, [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(loom), not(miri))))]
    let _ = place;
}

/// Starts to fetch the line of `place` for writing, so that its trip between the cores overlaps with other work.
#[inline(always)]
pub(super) fn prefetch_to_write<T>(place: &T) {
    #[cfg(all(target_arch = "x86_64", not(loom), not(miri)))]
    // SAFETY: a prefetch never faults and changes no value.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_ET0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_ET0>(std::ptr::from_ref(place).cast());
    }
    #[cfg(all(target_arch = "aarch64", not(loom), not(miri)))]
    // SAFETY: a prefetch never faults and changes no value.
    unsafe {
        std::arch::asm!("prfm pstl1keep, [{}]", in(reg) place, options(nostack, preserves_flags));
    }
    #[cfg(not(all(any(target_arch = "x86_64", target_arch = "aarch64"), not(loom), not(miri))))]
    let _ = place;
}

/// A value alone on its pair of cache lines: x86 fetches them in pairs, big Arm cores have lines of 128 bytes.
#[derive(Debug)]
#[repr(align(128))]
pub(super) struct Line<T>(pub(super) T);

impl<T> std::ops::Deref for Line<T> {
    type Target = T;
    #[inline(always)]
    fn deref(&self) -> &T {
        &self.0
    }
}
