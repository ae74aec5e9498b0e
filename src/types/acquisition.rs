//! What becomes of triggers: the words between whoever pulls them and the inspection behind them.

use super::{AcquisitionId, Label, Outcome};

/// What became of a pull at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// The number of the acquisition.
    pub id: AcquisitionId,
    /// Whether it is under way; false where it ended as overrun or missed at once (its end is reported all the same).
    pub taken: bool,
}

/// How things stand at a target, in the words of smart cameras.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TargetState {
    /// Trigger ready: the next one would be taken.
    pub ready: bool,
    /// The product that is selected; `None` before the first.
    pub product: Option<Label>,
    /// Trigger acknowledged: the last acquisition that was taken; 0 before the first.
    pub acknowledged: AcquisitionId,
    /// Results valid: the last acquisition whose end was told; 0 before the first.
    pub valid: AcquisitionId,
    /// What became of all triggers.
    pub counts: Counts,
}

/// What was heard and was no trigger, and what was to be said and could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Triggers within the debounce time of the one before.
    pub debounced: u64,
    /// Lines that are no request (unknown, too long, not ASCII), bytes that are not the byte.
    pub garbage: u64,
    /// Lines that began and never ended.
    pub half_lines: u64,
    /// Lines that were not written: the port did not take them, or the trigger's connection was gone.
    pub undelivered: u64,
}

impl Rejected {
    /// Whether there was none.
    pub fn is_empty(&self) -> bool {
        *self == Rejected::default()
    }

    /// Adds the counts of another.
    pub fn add(&mut self, other: &Rejected) {
        self.debounced += other.debounced;
        self.garbage += other.garbage;
        self.half_lines += other.half_lines;
        self.undelivered += other.undelivered;
    }
}

/// What became of all triggers: `triggers` is always the sum of the five outcomes and `in_flight`.
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
    /// Begun and not ended.
    pub in_flight: u64,
    /// Triggers that bounced; none of them is in `triggers`.
    pub debounced: u64,
    /// What else came on the lines and was no trigger.
    pub garbage: u64,
    /// Time from the trigger to the end of those that were inspected (ok, ng, error).
    pub processing: Processing,
}

/// Processing times, microseconds; all zero before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processing {
    /// How many were measured.
    pub count: u64,
    /// The shortest of them.
    pub min_us: u32,
    /// The longest of them.
    pub max_us: u32,
    /// The sum of all.
    pub sum_us: u64,
}

impl Counts {
    /// How many ended as `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Ok => self.ok,
            Outcome::Ng => self.ng,
            Outcome::Error => self.error,
            Outcome::Missed => self.missed,
            Outcome::Overrun => self.overrun,
        }
    }

    /// How many have ended.
    pub fn ended(&self) -> u64 {
        Outcome::ALL.iter().map(|outcome| self.of(*outcome)).sum()
    }

    /// One that was in flight has ended as `outcome`, `processing_us` after its trigger.
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
    /// The mean; 0 before the first.
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
