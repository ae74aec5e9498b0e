//! Association: pairs expected and detected rectangles so that the sum of the overlaps is the largest.
//!
//! The graph of all pairs that overlap enough falls into independent components, most of them one object and
//! one detection. Components with few members on one side are solved in fixed memory; the rest, crowds, by
//! the Hungarian algorithm of the crate `pathfinding` (Kuhn, 1955; Munkres, 1957), which allocates. Both are
//! exact.

use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

use crate::types::{MAX_FINDINGS, Rect};

use super::MAX_TRACKS;

/// Factor that makes overlaps whole numbers, so that every machine finds the same pairs.
const ONE: f32 = 1_000_000.0;

/// A component with at most so many members on one of its sides is solved in fixed memory.
const SMALL: usize = 8;

/// Marks a member without a partner.
const NOBODY: u8 = u8::MAX;

/// A rectangle for which a partner is sought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    /// Its index among the tracks, or among the findings.
    pub(super) at: usize,
    /// Only rectangles of the same class are paired.
    pub(super) class: u16,
    pub(super) rect: Rect,
}

/// Finds pairs. All memory is allocated at construction, except what the solver needs for a crowd.
#[derive(Debug)]
pub(super) struct PairMatcher {
    /// Filled in by the caller, at most [`MAX_TRACKS`].
    pub(super) tracks: Vec<Position>,
    /// Filled in by the caller, at most [`MAX_FINDINGS`].
    pub(super) findings: Vec<Position>,
    /// The result: indices (`at`) of a track and a finding.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Crowds that were passed to the solver, which is the only part that allocates.
    pub(super) crowds: u64,
    /// Overlap × [`ONE`] of track (row) and finding (column), 0 where it is below the limit.
    weights: Vec<i64>,
    seen: [Vec<bool>; 2],
    /// The component that is being gathered: rows and columns.
    part: [Vec<usize>; 2],
    /// Largest size of a component's smaller side for the solution in fixed memory (see [`SMALL`]).
    small: usize,
    /// The best sum for each set of the smaller side's members.
    sums: Vec<i64>,
    /// The partner of each member of the larger side, for each such set.
    choices: Vec<u8>,
}

impl PairMatcher {
    pub(super) fn new() -> PairMatcher {
        PairMatcher {
            tracks: Vec::with_capacity(MAX_TRACKS),
            findings: Vec::with_capacity(MAX_FINDINGS),
            pairs: Vec::with_capacity(MAX_FINDINGS),
            crowds: 0,
            weights: Vec::with_capacity(MAX_TRACKS * MAX_FINDINGS),
            seen: [Vec::with_capacity(MAX_TRACKS), Vec::with_capacity(MAX_FINDINGS)],
            part: [Vec::with_capacity(MAX_TRACKS), Vec::with_capacity(MAX_FINDINGS)],
            small: SMALL,
            sums: Vec::with_capacity(1 << SMALL),
            choices: Vec::with_capacity(MAX_TRACKS << SMALL),
        }
    }

    /// Clears the inputs and the result.
    pub(super) fn clear(&mut self) {
        self.tracks.clear();
        self.findings.clear();
        self.pairs.clear();
    }

    /// Pairs `tracks` and `findings` of one class whose IoU is at least `iou`. The same input gives the same
    /// pairs.
    pub(super) fn run(&mut self, iou: f32) {
        if self.tracks.is_empty() || self.findings.is_empty() {
            return;
        }
        self.weigh(iou);
        let [rows, columns] = &mut self.seen;
        rows.clear();
        rows.resize(self.tracks.len(), false);
        columns.clear();
        columns.resize(self.findings.len(), false);
        for row in 0..self.tracks.len() {
            if !self.seen[0][row] {
                self.gather(row);
                self.solve();
            }
        }
    }

    fn weigh(&mut self, iou: f32) {
        self.weights.clear();
        for track in &self.tracks {
            let weights = self.findings.iter().map(|finding| {
                let apart = finding.class != track.class
                    || finding.rect.x >= track.rect.x + track.rect.w
                    || track.rect.x >= finding.rect.x + finding.rect.w;
                let overlap = if apart { 0.0 } else { finding.rect.iou(track.rect) };
                if overlap >= iou && overlap > 0.0 { (overlap * ONE) as i64 } else { 0 }
            });
            self.weights.extend(weights);
        }
    }

    fn weight(&self, row: usize, column: usize) -> i64 {
        self.weights[row * self.findings.len() + column]
    }

    /// Gathers the component of `row`, from neighbour to neighbour.
    fn gather(&mut self, row: usize) {
        self.part.iter_mut().for_each(Vec::clear);
        self.part[0].push(row);
        self.seen[0][row] = true;
        let mut done = [0, 0];
        loop {
            if let Some(row) = self.part[0].get(done[0]).copied() {
                done[0] += 1;
                for column in 0..self.findings.len() {
                    if self.weight(row, column) > 0 && !std::mem::replace(&mut self.seen[1][column], true) {
                        self.part[1].push(column);
                    }
                }
            } else if let Some(column) = self.part[1].get(done[1]).copied() {
                done[1] += 1;
                for row in 0..self.tracks.len() {
                    if self.weight(row, column) > 0 && !std::mem::replace(&mut self.seen[0][row], true) {
                        self.part[0].push(row);
                    }
                }
            } else {
                return;
            }
        }
    }

    /// Pairs the members of the component that was gathered.
    fn solve(&mut self) {
        let [rows, columns] = [self.part[0].len(), self.part[1].len()];
        if rows.min(columns) <= self.small {
            self.solve_small(rows < columns);
            return;
        }
        self.crowds += 1;
        let turned = rows > columns;
        let (_, chosen) = kuhn_munkres(&Crowd { matcher: self, turned, sign: 1 });
        for (a, b) in chosen.into_iter().enumerate() {
            if turned { self.pair(b, a) } else { self.pair(a, b) }
        }
    }

    /// Dynamic programming over the sets of the smaller side's members: `sums[set]` is the best sum for the
    /// members of the larger side considered so far, with partners from `set` only. `turned`: the rows are
    /// the smaller side.
    fn solve_small(&mut self, turned: bool) {
        let [large, small] = [self.part[usize::from(turned)].len(), self.part[usize::from(!turned)].len()];
        let sets = 1 << small;
        self.sums.clear();
        self.sums.resize(sets, 0);
        self.choices.clear();
        for member in 0..large {
            let at = self.choices.len();
            self.choices.resize(at + sets, NOBODY);
            // The order is descending because a set builds on smaller ones as they were before this member.
            for set in (0..sets).rev() {
                for partner in (0..small).filter(|partner| set & 1 << partner != 0) {
                    let weight = self.weight_in(member, partner, turned);
                    let sum = self.sums[set & !(1 << partner)] + weight;
                    if weight > 0 && sum > self.sums[set] {
                        self.sums[set] = sum;
                        self.choices[at + set] = partner as u8;
                    }
                }
            }
        }
        let mut set = sets - 1;
        for member in (0..large).rev() {
            let partner = self.choices[member * sets + set];
            if partner != NOBODY {
                let partner = usize::from(partner);
                set &= !(1 << partner);
                if turned { self.pair(partner, member) } else { self.pair(member, partner) }
            }
        }
    }

    /// The weight of members `a` and `b` of the component: row and column, or column and row where it is
    /// `turned`.
    fn weight_in(&self, a: usize, b: usize, turned: bool) -> i64 {
        let (row, column) = if turned { (b, a) } else { (a, b) };
        self.weight(self.part[0][row], self.part[1][column])
    }

    /// Stores a pair of the component, unless the two do not overlap.
    fn pair(&mut self, row: usize, column: usize) {
        let (row, column) = (self.part[0][row], self.part[1][column]);
        if self.weight(row, column) > 0 {
            self.pairs.push((self.tracks[row].at, self.findings[column].at));
        }
    }
}

/// The component in the solver's form: no more rows than columns.
struct Crowd<'a> {
    matcher: &'a PairMatcher,
    turned: bool,
    sign: i64,
}

impl Weights<i64> for Crowd<'_> {
    fn rows(&self) -> usize {
        self.matcher.part[usize::from(self.turned)].len()
    }

    fn columns(&self) -> usize {
        self.matcher.part[usize::from(!self.turned)].len()
    }

    fn at(&self, row: usize, column: usize) -> i64 {
        self.sign * self.matcher.weight_in(row, column, self.turned)
    }

    fn neg(&self) -> Self {
        Crowd { sign: -self.sign, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs squares of 10 px at these places on one line; components with more than `small` members go to
    /// the solver.
    fn solved(tracks: &[f32], findings: &[f32], small: usize) -> (Vec<(usize, usize)>, u64) {
        let place = |(at, x): (usize, &f32)| {
            let rect = Rect { x: *x, y: 0.0, w: 10.0, h: 10.0 };
            Position { at, class: 0, rect }
        };
        let mut matcher = PairMatcher { small, ..PairMatcher::new() };
        matcher.tracks.extend(tracks.iter().enumerate().map(place));
        matcher.findings.extend(findings.iter().enumerate().map(place));
        matcher.run(0.1);
        matcher.pairs.sort_unstable();
        (matcher.pairs, matcher.crowds)
    }

    fn run(tracks: &[f32], findings: &[f32]) -> Vec<(usize, usize)> {
        let (pairs, crowds) = solved(tracks, findings, SMALL);
        assert_eq!(crowds, 0);
        pairs
    }

    #[test]
    fn what_stands_alone_is_paired_with_what_overlaps_it_most() {
        assert_eq!(run(&[0.0, 50.0, 100.0], &[101.0, 1.0]), [(0, 1), (2, 0)]);
        assert_eq!(run(&[0.0], &[4.0, 1.0, 2.0]), [(0, 1)]);
        assert_eq!(run(&[4.0, 1.0, 2.0], &[0.0]), [(1, 0)]);
        assert_eq!(run(&[], &[0.0]), []);
        assert_eq!(run(&[0.0], &[]), []);
    }

    #[test]
    fn two_that_meet_are_paired_for_the_best_sum_not_for_the_best_pair() {
        // Greedily track 1 would take finding 0 (nearest of all) and leave track 0 with nothing.
        assert_eq!(run(&[0.0, 5.0], &[4.0, 9.0]), [(0, 0), (1, 1)]);
        assert_eq!(run(&[0.0, 4.0], &[5.0, 1.0]), [(0, 1), (1, 0)]);
    }

    #[test]
    fn a_crowd_goes_to_the_solver_whichever_side_is_larger() {
        let row = |count: usize, from: f32| (0..count).map(|i| from + 4.0 * i as f32).collect::<Vec<_>>();
        let (many, few) = (row(SMALL + 4, 0.0), row(SMALL + 1, 3.0));
        for (tracks, findings) in [(&many, &few), (&few, &many)] {
            let (pairs, crowds) = solved(tracks, findings, SMALL);
            assert_eq!((pairs.len(), crowds), (SMALL + 1, 1));
        }
        assert_eq!(run(&many, &few[..SMALL]).len(), SMALL);
    }

    #[test]
    fn another_class_is_no_partner() {
        let mut matcher = PairMatcher::new();
        let rect = Rect { x: 0.0, y: 0.0, w: 9.0, h: 9.0 };
        matcher.tracks.push(Position { at: 0, class: 1, rect });
        matcher.findings.push(Position { at: 0, class: 2, rect });
        matcher.run(0.1);
        assert!(matcher.pairs.is_empty());
    }

    #[test]
    fn both_ways_pair_as_well_as_trying_everything_does() {
        let mut state = 9u32;
        let mut roll = |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for _ in 0..2_000 {
            let (n, m) = (1 + roll(5), 1 + roll(5));
            let rects = |count: u32, roll: &mut dyn FnMut(u32) -> u32| -> Vec<f32> {
                (0..count).map(|_| roll(250) as f32 / 10.0).collect()
            };
            let (tracks, findings) = (rects(n, &mut roll), rects(m, &mut roll));
            let overlap = |t: f32, f: f32| {
                let square = |x| Rect { x, y: 0.0, w: 10.0, h: 10.0 };
                let iou = square(f).iou(square(t));
                if iou >= 0.1 { (iou * ONE) as i64 } else { 0 }
            };
            let best = most(&tracks, &mut findings.clone(), &overlap);
            for small in [SMALL, 0] {
                let (pairs, _) = solved(&tracks, &findings, small);
                let got: i64 = pairs.iter().map(|(t, f)| overlap(tracks[*t], findings[*f])).sum();
                assert_eq!(got, best, "{tracks:?} {findings:?}, {small}");
            }
        }
    }

    /// The best sum, by exhaustive search.
    fn most(tracks: &[f32], findings: &mut Vec<f32>, overlap: &dyn Fn(f32, f32) -> i64) -> i64 {
        let Some((first, rest)) = tracks.split_first() else { return 0 };
        let mut best = most(rest, findings, overlap);
        for at in 0..findings.len() {
            let finding = findings.remove(at);
            best = best.max(overlap(*first, finding) + most(rest, findings, overlap));
            findings.insert(at, finding);
        }
        best
    }
}
