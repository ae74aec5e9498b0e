//! Delivers reports in order, on one worker at a time, and without a lock that another worker needs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Arrived, Delivery, Lane, Offer, keep};
use crate::supervisor::panic_text;
use crate::types::{Clock, Events, Report};

impl Lane {
    /// Delivers reports that waited for a follower; the follower calls this once it is ready again.
    pub fn resume(&self) {
        if self.deliver_ready() > 0 {
            self.bell.ring();
        }
    }

    /// Delivers the reports that are next in order, while the followers are ready; returns how many.
    pub(super) fn deliver_ready(&self) -> u64 {
        let is_ready = |_: &Arrived| self.followers.iter().all(|follower| follower.is_ready());
        self.order.deliver(is_ready, |arrived| self.hand_on(arrived))
    }

    /// Delivers one report. A panic loses only this report, and its place in the window is freed.
    fn hand_on(&self, arrived: Arrived) {
        let outcome = catch_unwind(AssertUnwindSafe(|| self.deliver(&mut self.delivery.lock(), arrived)));
        if let Err(panic) = outcome {
            self.counters.dropped.add(1);
            let cause = panic_text(&*panic);
            tracing::error!(camera = %self.camera, "a report was lost, because a sink or follower panicked: {cause}");
        }
    }

    /// Step 4: runs what depends on earlier reports (tracking, names), then offers the report to the sinks.
    fn deliver(&self, delivery: &mut Delivery, arrived: Arrived) {
        let Arrived { mut report, at, frame } = arrived;
        let frame = frame.as_ref();
        let Delivery { tracker, events, experiment } = delivery;
        events.clear();
        experiment.clone_from(&report.experiment);
        // Always succeeds, because nothing else holds a report before it is offered to the sinks.
        if let Some(report) = Arc::get_mut(&mut report) {
            let now = self.clock.now();
            report.latency.reorder_us = now.latency_since(at);
            report.latency.total_us = now.latency_since(report.captured);
            let least = f32::from_bits(self.min_score.load(Ordering::Relaxed));
            if let Some(tracker) = tracker {
                // Findings with a low score keep objects alive, but are not reported.
                keep(report, tracker.least_score(least));
                tracker.set_min_score(least);
                tracker.update(report, events);
                self.untracked.store(tracker.overflow, Ordering::Relaxed);
            }
            keep(report, least);
            if let Some(frame) = frame {
                self.followers.iter().for_each(|follower| follower.mark(report, events, frame));
            }
        }
        self.ask_for_recordings(events);
        self.offer_events(events);
        self.count(&report);
        for sink in self.sinks.iter() {
            if sink.offer_report(&report) == Offer::Dropped {
                self.counters.dropped.add(1);
            }
        }
        if let Some(frame) = frame {
            self.followers.iter().for_each(|follower| follower.follow(&report, frame));
        }
        self.pool.give_back(report);
    }

    /// Ends every track, because the camera was removed.
    pub fn end_tracks(&self) {
        let Delivery { tracker, events, experiment } = &mut *self.delivery.lock();
        if let Some(tracker) = tracker {
            let mut last = Report::new(self.camera.clone());
            last.captured = self.clock.now();
            last.experiment.clone_from(experiment);
            let mut reported = false;
            while !reported {
                events.clear();
                reported = tracker.end_all(&last, events);
                self.offer_events(events);
            }
        }
        self.followers.iter().for_each(|follower| follower.ended());
    }

    /// Asks for recordings around events before they are offered, so that each can name its recording.
    fn ask_for_recordings(&self, events: &mut Events) {
        let Some(recordings) = &self.recordings else { return };
        for event in events {
            let Some(kind) = event.kind.recorded_as() else { continue };
            let place = event.place.as_deref().unwrap_or_default();
            let cause = format_args!("{} {place}, {} {}", event.kind.as_str(), event.label, event.track);
            event.recording = recordings.request(&event.camera, kind, event.captured, &cause);
        }
    }

    fn offer_events(&self, events: &Events) {
        for event in events {
            for sink in self.sinks.iter() {
                match sink.offer_event(event) {
                    Offer::Taken => self.counters.events.add(1),
                    Offer::Dropped => self.counters.events_lost.add(1),
                }
            }
        }
    }

    fn count(&self, report: &Report) {
        let latency = report.latency;
        self.counters.reported.add(1);
        self.counters.wait_us.record(u64::from(latency.wait_us));
        self.counters.total_us.record(u64::from(latency.total_us));
        self.failures.note(report.fault.as_ref());
        match report.fault {
            Some(_) => self.counters.failed.add(1),
            None => {
                self.counters.infer_us.record(u64::from(latency.infer_us));
                self.counters.preprocess_us.record(u64::from(latency.preprocess_us));
            }
        }
    }
}
