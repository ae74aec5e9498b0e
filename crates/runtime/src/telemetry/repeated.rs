//! Limits the log lines of a repeating fault: the first at once, then one a minute with the number of
//! occurrences.

use std::time::Duration;

/// Time between two lines about the same fault.
const EVERY: Duration = Duration::from_secs(60);

/// The log record of one fault.
#[derive(Debug, Default)]
pub struct Repeated {
    /// When the last line was written.
    logged_ns: Option<u64>,
    /// Occurrences since that line.
    unlogged: u64,
    /// All occurrences since the fault began.
    all: u64,
}

impl Repeated {
    /// Notes the fault at `now_ns`. `Some`: a line is due, with the number of occurrences since the last one.
    pub fn again(&mut self, now_ns: u64) -> Option<u64> {
        self.all += 1;
        self.unlogged += 1;
        let is_due = |logged: u64| now_ns.saturating_sub(logged) >= EVERY.as_nanos() as u64;
        if !self.logged_ns.is_none_or(is_due) {
            return None;
        }
        self.logged_ns = Some(now_ns);
        Some(std::mem::take(&mut self.unlogged))
    }

    /// Notes the end of the fault. `Some`: a line is due, with the total number of occurrences; `None` where
    /// there was no fault.
    pub fn over(&mut self) -> Option<u64> {
        let all = std::mem::take(self).all;
        (all > 0).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_logged_then_one_line_a_minute_with_all_that_came() {
        let mut repeated = Repeated::default();
        let logged: Vec<_> = (0..1_300).filter_map(|n| repeated.again(n * 100_000_000)).collect();
        assert_eq!(logged, [1, 600, 600]);
        assert_eq!((repeated.over(), repeated.over()), (Some(1_300), None));
        assert_eq!(repeated.again(0), Some(1));
    }
}
