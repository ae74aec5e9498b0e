//! What happens to triggers: types shared by trigger sources and the inspection that serves them.

use super::{AcquisitionId, Label, Outcome};

/// The immediate answer to a trigger, before its acquisition ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The number of the acquisition.
    pub id: AcquisitionId,
    /// Whether the acquisition is running; false where it ended at once as overrun or missed. The end is
    /// reported in both cases.
    pub taken: bool,
}

/// State of a trigger target, in the terms that smart cameras use for their handshake.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetState {
    /// Trigger ready: the next trigger would be accepted.
    pub ready: bool,
    /// The product that is selected; `None` before the first.
    pub product: Option<Label>,
    /// Trigger acknowledged: the last acquisition that was accepted; 0 before the first.
    pub acknowledged: AcquisitionId,
    /// Results valid: the last acquisition whose end was reported; 0 before the first.
    pub valid: AcquisitionId,
    /// How many triggers ended in which way.
    pub counts: Counts,
}

/// Counts of input on trigger lines that is not a trigger, and of answers that could not be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Triggers within the debounce time of the one before.
    pub debounced: u64,
    /// Lines that are not a request (unknown, too long, not ASCII), and bytes other than the configured one.
    pub garbage: u64,
    /// Lines that began and never ended.
    pub half_lines: u64,
    /// Lines that were not written, because the port did not accept them or the trigger's connection was
    /// gone.
    pub undelivered: u64,
}

impl Rejected {
    /// Whether every count is 0.
    pub fn is_empty(&self) -> bool {
        *self == Rejected::default()
    }

    /// Adds the counts of `other` to these.
    pub fn add(&mut self, other: &Rejected) {
        self.debounced += other.debounced;
        self.garbage += other.garbage;
        self.half_lines += other.half_lines;
        self.undelivered += other.undelivered;
    }
}

/// How all triggers ended: `triggers` is always the sum of the five outcomes and `in_flight`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Acquisitions that were begun.
    pub triggers: u64,
    /// Those that ended as [`Outcome::Ok`].
    pub ok: u64,
    /// Those that ended as [`Outcome::Ng`].
    pub ng: u64,
    /// Those that ended as [`Outcome::Error`].
    pub error: u64,
    /// Those that ended as [`Outcome::Missed`].
    pub missed: u64,
    /// Those that ended as [`Outcome::Overrun`].
    pub overrun: u64,
    /// Acquisitions that have begun and not ended.
    pub in_flight: u64,
    /// Triggers that were debounced; they are not counted in `triggers`.
    pub debounced: u64,
    /// Other input on the lines that is not a trigger.
    pub garbage: u64,
    /// Time from the trigger to the end of those that were inspected (ok, ng, error).
    pub processing: Processing,
}

/// Processing times, microseconds; all zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processing {
    /// Number of times that were measured.
    pub count: u64,
    /// The shortest time, microseconds.
    pub min_us: u32,
    /// The longest time, microseconds.
    pub max_us: u32,
    /// The sum of all times, microseconds.
    pub sum_us: u64,
}

impl Counts {
    /// Number of acquisitions that ended as `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Ok => self.ok,
            Outcome::Ng => self.ng,
            Outcome::Error => self.error,
            Outcome::Missed => self.missed,
            Outcome::Overrun => self.overrun,
        }
    }

    /// Number of acquisitions that have ended, whatever the outcome.
    pub fn ended(&self) -> u64 {
        Outcome::ALL.iter().map(|outcome| self.of(*outcome)).sum()
    }

    /// Records that an acquisition in flight has ended as `outcome`, `processing_us` after its trigger.
    pub fn end(&mut self, outcome: Outcome, processing_us: u32) {
        let count = match outcome {
            Outcome::Ok => &mut self.ok,
            Outcome::Ng => &mut self.ng,
            Outcome::Error => &mut self.error,
            Outcome::Missed => &mut self.missed,
            Outcome::Overrun => &mut self.overrun,
        };
        *count += 1;
        self.in_flight -= 1;
        if matches!(outcome, Outcome::Ok | Outcome::Ng | Outcome::Error) {
            self.processing.record(processing_us);
        }
    }
}

impl Processing {
    /// Mean processing time in microseconds; 0 before the first.
    pub fn mean_us(&self) -> u32 {
        self.sum_us.checked_div(self.count).map_or(0, |mean| mean as u32)
    }

    fn record(&mut self, us: u32) {
        self.min_us = if self.count == 0 { us } else { self.min_us.min(us) };
        self.max_us = self.max_us.max(us);
        self.sum_us += u64::from(us);
        self.count += 1;
    }
}
