//! Bands of rows, computed by several workers and written back where no other band reads them any more.
//!
//! A step may thus change a picture in place, although each of its rows depends on rows above and below: the results of a
//! group of bands are held until the next group is computed.

use std::ops::Range;
use std::sync::Mutex;

use crate::{StudioError, Watch};

/// The rows of one worker at a time, where the step does not need more.
const ROWS: usize = 128;

/// How a step is cut into bands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bands {
    /// Rows of the picture.
    pub height: usize,
    /// Rows above and below that a row depends on.
    pub reach: usize,
    /// Threads that compute; 1 computes on the caller's.
    pub workers: usize,
}

impl Bands {
    /// Computes every band of `state` by `work` and writes it back by `commit`.
    pub fn run<S: Sync>(
        &self,
        state: &mut S,
        watch: &Watch<'_>,
        work: impl Fn(&S, Range<usize>) -> Result<Vec<u8>, StudioError> + Sync,
        mut commit: impl FnMut(&mut S, Range<usize>, Vec<u8>),
    ) -> Result<(), StudioError> {
        let workers = self.workers.max(1);
        // Twice the reach keeps what is computed twice, at the borders of bands, below the work itself.
        let rows = ROWS.max(2 * self.reach).min(self.height.div_ceil(workers).max(self.reach)).max(1);
        let starts: Vec<usize> = (0..self.height).step_by(rows).collect();
        let mut held: Vec<Band> = Vec::new();
        for (nth, group) in starts.chunks(workers).enumerate() {
            watch.check()?;
            watch.report(nth * workers * rows, self.height);
            let ranges = group.iter().map(|start| *start..(start + rows).min(self.height));
            let done = together(ranges.collect(), |range| work(state, range))?;
            for Band { range, bytes } in held.drain(..) {
                commit(state, range, bytes);
            }
            held = done;
        }
        held.into_iter().for_each(|Band { range, bytes }| commit(state, range, bytes));
        watch.report(1, 1);
        Ok(())
    }
}

/// Some rows that were computed and wait to be written back.
struct Band {
    range: Range<usize>,
    bytes: Vec<u8>,
}

/// The place where a worker puts what it computed.
type Slot = Mutex<Option<Result<Vec<u8>, StudioError>>>;

/// Computes all ranges at once, a thread each; the first of them on this thread.
fn together(
    ranges: Vec<Range<usize>>,
    work: impl Fn(Range<usize>) -> Result<Vec<u8>, StudioError> + Sync,
) -> Result<Vec<Band>, StudioError> {
    let slots: Vec<Slot> = ranges.iter().map(|_| Slot::default()).collect();
    let compute = |nth: usize| {
        let outcome = work(ranges[nth].clone());
        if let Ok(mut slot) = slots[nth].lock() {
            *slot = Some(outcome);
        }
    };
    std::thread::scope(|scope| {
        let compute = &compute;
        for nth in 1..ranges.len() {
            scope.spawn(move || compute(nth));
        }
        compute(0);
    });
    let mut bands = Vec::with_capacity(slots.len());
    for (range, slot) in ranges.into_iter().zip(slots) {
        // A worker that panicked ended the scope with its panic: every slot is filled here.
        let outcome = slot.into_inner().ok().flatten();
        bands.push(Band { range, bytes: outcome.unwrap_or(Err(StudioError::Cancelled))? });
    }
    Ok(bands)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each row becomes the sum of its neighbours within the reach, of the old values.
    #[test]
    fn a_change_in_place_reads_old_rows_alone_whatever_the_bands() {
        for (height, reach) in [(1, 3), (10, 3), (700, 5), (700, 150)] {
            let rows: Vec<u64> = (0..height as u64).map(|y| y * y % 97).collect();
            let sum = |rows: &[u64], y: usize| -> u64 {
                rows[y.saturating_sub(reach)..(y + reach + 1).min(rows.len())].iter().sum()
            };
            let expected: Vec<u64> = (0..height).map(|y| sum(&rows, y)).collect();
            for workers in [1, 2, 5] {
                let mut state = rows.clone();
                let bands = Bands { height, reach, workers };
                let work = |rows: &Vec<u64>, range: Range<usize>| {
                    Ok(range.flat_map(|y| sum(rows, y).to_le_bytes()).collect())
                };
                let commit = |rows: &mut Vec<u64>, range: Range<usize>, bytes: Vec<u8>| {
                    for (y, sum) in range.zip(bytes.chunks_exact(8)) {
                        rows[y] = u64::from_le_bytes(sum.try_into().unwrap());
                    }
                };
                bands.run(&mut state, &Watch::none(), work, commit).unwrap();
                assert_eq!(state, expected, "{height} rows, reach {reach}, {workers} workers");
            }
        }
    }
}
