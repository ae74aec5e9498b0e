//! Counts frames that were missed, and joins them into gaps, each of which is announced once.

use std::time::Duration;

use super::counters::{CameraCounters, MissedCause};
use crate::types::{RecordingGap, Stamp};

/// Gaps that are closer together than this count as one: a disk that is a little too slow misses a frame now and then.
const JOINED: Duration = Duration::from_secs(1);

/// The gap that is open, if one is.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    open: Option<OpenGap>,
}

#[derive(Debug)]
struct OpenGap {
    from: u64,
    to: u64,
    causes: [u64; MissedCause::ALL.len()],
    from_ns: u64,
    last: Stamp,
}

impl Gaps {
    /// Counts the frames `from..=to`, of which `frames` were to be recorded, as missed because of `cause`.
    pub(super) fn miss(
        &mut self,
        counters: &CameraCounters,
        cause: MissedCause,
        (from, to, frames): (u64, u64, u64),
        now: Stamp,
    ) {
        if frames == 0 {
            return;
        }
        counters.miss(cause, frames);
        let open = self.open.get_or_insert(OpenGap {
            from,
            to,
            causes: Default::default(),
            from_ns: now.wall_ns,
            last: now,
        });
        (open.to, open.last) = (to.max(open.to), now);
        open.causes[cause as usize] += frames;
    }

    /// The gap that is over: no frame was missed for a while, or `ends` and nothing more is recorded.
    pub(super) fn over(&mut self, now: Stamp, ends: bool) -> Option<RecordingGap> {
        let calm = |open: &OpenGap| now.mono_ns.saturating_sub(open.last.mono_ns) >= JOINED.as_nanos() as u64;
        let open = self.open.take_if(|open| ends || calm(open))?;
        let causes = MissedCause::ALL.iter().map(|cause| (cause.as_str(), open.causes[*cause as usize]));
        Some(RecordingGap {
            from: open.from,
            to: open.to,
            frames: open.causes.iter().sum(),
            causes: causes.filter(|(_, frames)| *frames > 0).collect(),
            from_ns: open.from_ns,
            to_ns: open.last.wall_ns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Stamp {
        Stamp { mono_ns: ms * 1_000_000, wall_ns: 5_000_000_000 + ms * 1_000_000 }
    }

    #[test]
    fn frames_missed_one_after_the_other_are_one_gap_and_each_is_counted_once() {
        let (mut gaps, counters) = (Gaps::default(), CameraCounters::default());
        gaps.miss(&counters, MissedCause::Slow, (10, 12, 3), at(0));
        gaps.miss(&counters, MissedCause::Slow, (13, 13, 0), at(100));
        gaps.miss(&counters, MissedCause::Full, (20, 20, 1), at(900));
        assert_eq!(gaps.over(at(1_800), false), None);
        let gap = gaps.over(at(1_900), false).unwrap();
        assert_eq!((gap.from, gap.to, gap.frames), (10, 20, 4));
        assert_eq!(gap.causes, [("slow", 3), ("full", 1)]);
        assert_eq!((gap.from_ns, gap.to_ns), (5_000_000_000, 5_900_000_000));
        assert_eq!((counters.missed(MissedCause::Slow), counters.missed(MissedCause::Full)), (3, 1));
        assert_eq!(gaps.over(at(9_000), true), None);
    }
}
