//! What the feed of a `tcp://` camera shares with its command port and with reports: whether frames are taken, how many
//! wait, and what became of all others. Everything on the path of a frame is an atomic.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;

use crate::telemetry::Counter;

/// The figures of one camera server; all of them only grow. Of the frames that were received each one is taken, or counted
/// as skipped, discarded, dropped or damaged.
#[derive(Debug, Default)]
pub struct SenderCounters {
    /// Frames that were received whole.
    pub received: Counter,
    /// Frames skipped because of `skip_frames`.
    pub skipped: Counter,
    /// Frames discarded by command: received after STOP, or removed by CLEAR_FRAMES.
    pub discarded: Counter,
    /// Pictures dropped because the queue of the decoder was full.
    pub queue_dropped: Counter,
    /// Payloads that are no whole JPEG picture, or that the decoder gave no frame for.
    pub damaged: Counter,
    /// Connections of senders that were refused.
    pub refused: Counter,
    /// Connections closed because the sender broke the framing, stalled, or went away inside a frame.
    pub broken: Counter,
    /// Commands that were carried out.
    pub commands: Counter,
    /// Connections to the command port that were refused, and lines that are no command.
    pub commands_refused: Counter,
}

/// The state of one camera server. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct SenderControl(Arc<ControlInner>);

#[derive(Debug, Default)]
struct ControlInner {
    counters: SenderCounters,
    stopped: AtomicBool,
    /// Pictures with smaller numbers are removed where they wait.
    cleared_below: AtomicU64,
    /// The number of the next picture for the decoder.
    next: AtomicU64,
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
    /// Pictures that have left the queue and have become no frame yet.
    decoding: AtomicUsize,
    /// The sender that is the camera now.
    sender: Mutex<Option<SocketAddr>>,
    last_refusal: Mutex<Option<String>>,
}

impl SenderControl {
    /// What happened to all frames so far.
    pub fn counters(&self) -> &SenderCounters {
        &self.0.counters
    }

    /// Whether frames are discarded by command.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Relaxed)
    }

    /// Discards frames from now on, or takes them again.
    pub fn set_stopped(&self, stopped: bool) {
        self.0.stopped.store(stopped, Ordering::Relaxed);
    }

    /// Pictures that wait to be decoded.
    pub fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    /// The sender that is the camera now.
    pub fn sender(&self) -> Option<SocketAddr> {
        *self.0.sender.lock()
    }

    /// Who was refused last as the camera, and why; a second sender is seen here.
    pub fn last_refusal(&self) -> Option<String> {
        self.0.last_refusal.lock().clone()
    }

    /// Discards the pictures that wait; returns how many.
    pub fn clear(&self) -> usize {
        let waiting = self.waiting();
        self.0.cleared_below.store(self.0.next.load(Ordering::Relaxed), Ordering::Relaxed);
        waiting
    }

    /// Sets the sender that is the camera now.
    pub(super) fn set_sender(&self, sender: Option<SocketAddr>) {
        *self.0.sender.lock() = sender;
    }

    /// Sets who was refused last as the camera, and why.
    pub(super) fn set_last_refusal(&self, refusal: String) {
        *self.0.last_refusal.lock() = Some(refusal);
    }

    /// Enters a picture of `bytes` bytes into the queue; returns its number. `None` where the queue is full, which is
    /// counted.
    pub(super) fn enqueue(&self, bytes: usize, most: usize, most_bytes: usize) -> Option<u64> {
        let inner = &*self.0;
        let (waiting, held) =
            (inner.waiting.load(Ordering::Relaxed), inner.waiting_bytes.load(Ordering::Relaxed));
        if waiting >= most || (waiting > 0 && held + bytes > most_bytes) {
            inner.counters.queue_dropped.inc();
            return None;
        }
        inner.waiting.fetch_add(1, Ordering::Relaxed);
        inner.waiting_bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(inner.next.fetch_add(1, Ordering::Relaxed))
    }

    /// Notes that picture `number` leaves the queue; returns whether it is to be decoded.
    pub(in crate::camera) fn leave_queue(&self, number: u64, bytes: usize) -> bool {
        let inner = &*self.0;
        inner.waiting.fetch_sub(1, Ordering::Relaxed);
        inner.waiting_bytes.fetch_sub(bytes, Ordering::Relaxed);
        if number < inner.cleared_below.load(Ordering::Relaxed) {
            inner.counters.discarded.inc();
            return false;
        }
        // The decoder is asked for one picture at a time: what it was given before and gave nothing for was damaged.
        inner.counters.damaged.add(inner.decoding.swap(1, Ordering::Relaxed) as u64);
        true
    }

    /// Notes that a picture became a frame. A raw frame is not one, so nothing may be under way.
    pub(in crate::camera) fn decoded(&self) {
        let _ =
            self.0.decoding.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1));
    }

    /// Counts what the former pipeline left behind: pictures that its decoder could not read, and those that waited behind
    /// them when it failed.
    pub(super) fn forget_pipeline(&self) {
        let inner = &*self.0;
        let (unread, left) =
            (inner.decoding.swap(0, Ordering::Relaxed), inner.waiting.swap(0, Ordering::Relaxed));
        inner.waiting_bytes.store(0, Ordering::Relaxed);
        inner.counters.damaged.add(unread as u64);
        inner.counters.queue_dropped.add(left as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_queue_is_bounded_by_pictures_and_by_bytes_and_one_picture_always_fits() {
        let control = SenderControl::default();
        assert_eq!(control.enqueue(900, 2, 1_000), Some(0));
        assert_eq!(control.enqueue(101, 2, 1_000), None, "the bytes of both are too many");
        assert_eq!(control.enqueue(100, 2, 1_000), Some(1));
        assert_eq!(control.enqueue(0, 2, 1_000), None, "two wait");
        assert!(control.leave_queue(0, 900));
        assert_eq!((control.waiting(), control.counters().queue_dropped.get()), (1, 2));
        let alone = SenderControl::default();
        assert_eq!(alone.enqueue(5_000, 2, 1_000), Some(0), "a picture alone is bounded by the framing");
    }

    #[test]
    fn pictures_that_wait_are_cleared_and_later_ones_are_not() {
        let control = SenderControl::default();
        for _ in 0..2 {
            control.enqueue(10, 8, 100);
        }
        assert_eq!(control.clear(), 2);
        let later = control.enqueue(10, 8, 100).unwrap();
        assert_eq!([0, 1, later].map(|number| control.leave_queue(number, 10)), [false, false, true]);
        assert_eq!((control.waiting(), control.counters().discarded.get()), (0, 2));
    }

    #[test]
    fn what_a_failed_pipeline_held_is_counted() {
        let control = SenderControl::default();
        for number in 0..4 {
            control.enqueue(10, 8, 100);
            if number < 2 {
                control.leave_queue(number, 10);
            }
        }
        control.decoded();
        control.forget_pipeline();
        let counters = control.counters();
        assert_eq!((control.waiting(), counters.damaged.get(), counters.queue_dropped.get()), (0, 1, 2));
        control.decoded();
        control.forget_pipeline();
        assert_eq!(counters.damaged.get(), 1);
    }
}
