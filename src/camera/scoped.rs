//! Lends a sample consumer to GStreamer's streaming thread while a connection lasts, as `std::thread::scope`
//! does for threads. Frames are committed on the thread that made them: a separate thread would have to be
//! woken for each frame, on a core that the decoder keeps busy with the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use gstreamer as gst;
use parking_lot::Mutex;

/// Consumes samples on the thread that made them.
pub trait SampleIntake: Send {
    /// Takes one sample; returns false when no more are wanted.
    fn take(&mut self, sample: gst::Sample) -> bool;
}

/// Holds the intake for the streaming thread. Empty except inside [`ScopedCallback::lend`].
#[derive(Clone, Default)]
pub struct ScopedCallback(Arc<Scoped>);

#[derive(Default)]
struct Scoped {
    intake: Mutex<Option<Pointer>>,
    closing: AtomicBool,
}

/// Pointer to an intake whose lifetime is erased; valid while it is in [`Scoped::intake`].
struct Pointer(*mut (dyn SampleIntake + 'static));

// SAFETY: an intake is `Send`, and only the holder of the lock around the pointer uses it.
unsafe impl Send for Pointer {}

/// The lender's access to the intake while it is lent.
pub struct BorrowedIntake<'a, T> {
    callback: &'a ScopedCallback,
    intake: *mut T,
}

impl ScopedCallback {
    /// Passes the sample to the intake; false where there is none, or it wants no more.
    pub fn take(&self, sample: gst::Sample) -> bool {
        // `lend` could lose the race for the lock against a stream that takes it over and over, so this check
        // comes first.
        if self.0.closing.load(Ordering::Acquire) {
            return false;
        }
        match &*self.0.intake.lock() {
            // SAFETY: `lend` keeps the intake alive and untouched while the pointer is here, and the lock
            // makes this the only reference to it.
            Some(Pointer(intake)) => unsafe { (**intake).take(sample) },
            None => false,
        }
    }

    /// Lends `intake` to callers of [`ScopedCallback::take`] while `body` runs, and waits at the end for a
    /// `take` under way.
    pub fn lend<T: SampleIntake, R>(
        &self,
        intake: &mut T,
        body: impl FnOnce(&BorrowedIntake<'_, T>) -> R,
    ) -> R {
        let intake: *mut T = intake;
        let erased: *mut (dyn SampleIntake + '_) = intake;
        // SAFETY: only the lifetime changes; `TakenBack` removes the pointer before this function returns or
        // unwinds, and so before the borrow of `intake` ends.
        let erased: *mut (dyn SampleIntake + 'static) = unsafe { std::mem::transmute(erased) };
        self.0.closing.store(false, Ordering::Release);
        *self.0.intake.lock() = Some(Pointer(erased));
        let _taken_back = TakenBack(self);
        body(&BorrowedIntake { callback: self, intake })
    }
}

impl<T> BorrowedIntake<'_, T> {
    /// Inspects the intake between two samples; `None` while it takes one.
    pub fn look<R>(&self, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let _held = self.callback.0.intake.try_lock()?;
        // SAFETY: this value lives inside `lend` only, so the intake is alive; the lock keeps `take` away
        // from it.
        Some(look(unsafe { &mut *self.intake }))
    }
}

struct TakenBack<'a>(&'a ScopedCallback);

impl Drop for TakenBack<'_> {
    fn drop(&mut self) {
        self.0.0.closing.store(true, Ordering::Release);
        *self.0.0.intake.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Signals that a sample came, and blocks the streaming thread until it is released.
    struct Slow<'a> {
        taken: &'a mut u32,
        came: Sender<()>,
        go_on: Receiver<()>,
    }

    impl SampleIntake for Slow<'_> {
        fn take(&mut self, _: gst::Sample) -> bool {
            self.came.send(()).unwrap();
            self.go_on.recv().unwrap();
            *self.taken += 1;
            true
        }
    }

    #[test]
    fn a_sample_under_way_is_waited_for_and_none_is_taken_afterwards() {
        gst::init().unwrap();
        let (callback, mut taken) = (ScopedCallback::default(), 0);
        let (came, is_there) = channel();
        let (let_go, go_on) = channel();
        let mut intake = Slow { taken: &mut taken, came, go_on };
        let streaming = callback.clone();
        let thread = callback.lend(&mut intake, |borrowed| {
            let thread = std::thread::spawn(move || streaming.take(gst::Sample::builder().build()));
            is_there.recv().unwrap();
            assert!(borrowed.look(|intake| *intake.taken).is_none(), "it is busy");
            let_go.send(()).unwrap();
            thread
        });
        assert_eq!(taken, 1, "lent out until the sample was through");
        assert!(thread.join().unwrap());
        assert!(!callback.take(gst::Sample::builder().build()), "nobody is there any more");
    }

    #[test]
    fn a_panic_of_the_lender_takes_the_intake_back() {
        gst::init().unwrap();
        let (callback, mut taken) = (ScopedCallback::default(), 0);
        let (came, _is_there) = channel();
        let (let_go, go_on) = channel();
        let_go.send(()).unwrap();
        let mut intake = Slow { taken: &mut taken, came, go_on };
        let lender =
            std::panic::AssertUnwindSafe(|| callback.lend(&mut intake, |_| panic!("the lender fell")));
        assert!(std::panic::catch_unwind(lender).is_err());
        assert!(!callback.take(gst::Sample::builder().build()));
        assert_eq!(taken, 0);
    }
}
