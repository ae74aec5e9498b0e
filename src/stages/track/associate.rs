//! Who is who: the pairs of expected and found rectangles whose overlaps add up to the most.
//!
//! The graph of all pairs that overlap enough falls into parts that have nothing to do with each other. One object and
//! one detection need no solver, and neither do one and several, or two and two; what is left, a crowd, is solved by
//! the Hungarian algorithm of the crate `pathfinding` (Kuhn, 1955; Munkres, 1957).

use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

use crate::types::{MAX_FINDINGS, Rect};

use super::MAX_TRACKS;

/// Overlaps are compared as whole numbers, so that every machine gives the same pairs.
const ONE: f32 = 1_000_000.0;

/// A rectangle that looks for its partner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Its index among the tracks, or among the findings.
    pub(super) at: usize,
    /// Partners have the same.
    pub(super) class: u16,
    pub(super) rect: Rect,
}

/// Finds pairs. All memory is taken when it is made, but for what the solver takes for a crowd.
#[derive(Debug)]
pub(super) struct Matcher {
    /// To be filled by the caller, at most [`MAX_TRACKS`].
    pub(super) tracks: Vec<Place>,
    /// To be filled by the caller, at most [`MAX_FINDINGS`].
    pub(super) findings: Vec<Place>,
    /// What was found: indices (`at`) of a track and a finding.
    pub(super) pairs: Vec<(usize, usize)>,
    /// Crowds that were given to the solver, which is the only thing here that allocates.
    pub(super) crowds: u64,
    /// Overlap × [`ONE`] of track (row) and finding (column), 0 where it is too little.
    weights: Vec<i64>,
    seen: [Vec<bool>; 2],
    /// The part of the graph that is being gathered: rows and columns.
    part: [Vec<usize>; 2],
}

impl Matcher {
    pub(super) fn new() -> Matcher {
        Matcher {
            tracks: Vec::with_capacity(MAX_TRACKS),
            findings: Vec::with_capacity(MAX_FINDINGS),
            pairs: Vec::with_capacity(MAX_FINDINGS),
            crowds: 0,
            weights: Vec::with_capacity(MAX_TRACKS * MAX_FINDINGS),
            seen: [Vec::with_capacity(MAX_TRACKS), Vec::with_capacity(MAX_FINDINGS)],
            part: [Vec::with_capacity(MAX_TRACKS), Vec::with_capacity(MAX_FINDINGS)],
        }
    }

    /// Forgets what was filled in and found before.
    pub(super) fn clear(&mut self) {
        self.tracks.clear();
        self.findings.clear();
        self.pairs.clear();
    }

    /// Pairs `tracks` and `findings` of one class whose IoU is at least `iou`. The same input gives the same pairs.
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

    /// Gathers everything that is joined to `row`, from neighbour to neighbour.
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

    /// Pairs the part that was gathered.
    fn solve(&mut self) {
        let weight = |row: usize, column: usize| self.weight(self.part[0][row], self.part[1][column]);
        match (self.part[0].len(), self.part[1].len()) {
            (_, 0) => {}
            (1, columns) => {
                let column = best(columns, |column| weight(0, column));
                self.pair(0, column);
            }
            (rows, 1) => {
                let row = best(rows, |row| weight(row, 0));
                self.pair(row, 0);
            }
            (2, 2) => {
                let crossed = weight(0, 1) + weight(1, 0) > weight(0, 0) + weight(1, 1);
                self.pair(0, usize::from(crossed));
                self.pair(1, usize::from(!crossed));
            }
            (rows, columns) => {
                self.crowds += 1;
                let turned = rows > columns;
                let (_, chosen) = kuhn_munkres(&Crowd { matcher: self, turned, sign: 1 });
                for (a, b) in chosen.into_iter().enumerate() {
                    if turned { self.pair(b, a) } else { self.pair(a, b) }
                }
            }
        }
    }

    /// Notes a pair of the part, unless the two were only left over.
    fn pair(&mut self, row: usize, column: usize) {
        let (row, column) = (self.part[0][row], self.part[1][column]);
        if self.weight(row, column) > 0 {
            self.pairs.push((self.tracks[row].at, self.findings[column].at));
        }
    }
}

/// The first of those with the most weight.
fn best(count: usize, weight: impl Fn(usize) -> i64) -> usize {
    (0..count).rev().max_by_key(|i| weight(*i)).unwrap_or(0)
}

/// The gathered part as the solver wants it: no more rows than columns.
struct Crowd<'a> {
    matcher: &'a Matcher,
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
        let (row, column) = if self.turned { (column, row) } else { (row, column) };
        self.sign * self.matcher.weight(self.matcher.part[0][row], self.matcher.part[1][column])
    }

    fn neg(&self) -> Self {
        Crowd { sign: -self.sign, ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares of 10 px at these places on one line.
    fn run(tracks: &[f32], findings: &[f32]) -> (Vec<(usize, usize)>, u64) {
        let place = |(at, x): (usize, &f32)| {
            let rect = Rect { x: *x, y: 0.0, w: 10.0, h: 10.0 };
            Place { at, class: 0, rect }
        };
        let mut matcher = Matcher::new();
        matcher.tracks.extend(tracks.iter().enumerate().map(place));
        matcher.findings.extend(findings.iter().enumerate().map(place));
        matcher.run(0.1);
        matcher.pairs.sort_unstable();
        (matcher.pairs, matcher.crowds)
    }

    #[test]
    fn what_stands_alone_is_paired_without_the_solver() {
        assert_eq!(run(&[0.0, 50.0, 100.0], &[101.0, 1.0]), (vec![(0, 1), (2, 0)], 0));
        assert_eq!(run(&[0.0], &[4.0, 1.0, 2.0]), (vec![(0, 1)], 0));
        assert_eq!(run(&[4.0, 1.0, 2.0], &[0.0]), (vec![(1, 0)], 0));
        assert_eq!(run(&[], &[0.0]).0, []);
        assert_eq!(run(&[0.0], &[]).0, []);
    }

    #[test]
    fn two_that_meet_are_paired_for_the_best_sum_not_for_the_best_pair() {
        // Greedily track 1 would take finding 0 (nearest of all) and leave track 0 with nothing.
        assert_eq!(run(&[0.0, 7.0], &[6.0, 13.0]), (vec![(0, 0), (1, 1)], 0));
        assert_eq!(run(&[0.0, 4.0], &[5.0, 1.0]), (vec![(0, 1), (1, 0)], 0));
    }

    #[test]
    fn a_crowd_goes_to_the_solver_whichever_side_is_larger() {
        let four = [0.0, 4.0, 8.0, 12.0];
        let three = [3.0, 7.0, 11.0];
        let (pairs, crowds) = run(&four, &three);
        assert_eq!((pairs.len(), crowds), (3, 1));
        let (turned, _) = run(&three, &four);
        assert_eq!(turned.len(), 3);
    }

    #[test]
    fn another_class_is_no_partner() {
        let mut matcher = Matcher::new();
        let rect = Rect { x: 0.0, y: 0.0, w: 9.0, h: 9.0 };
        matcher.tracks.push(Place { at: 0, class: 1, rect });
        matcher.findings.push(Place { at: 0, class: 2, rect });
        matcher.run(0.1);
        assert!(matcher.pairs.is_empty());
    }

    #[test]
    fn every_small_crowd_is_paired_as_well_as_trying_everything_does() {
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
            let (pairs, _) = run(&tracks, &findings);
            let overlap = |t: f32, f: f32| {
                let square = |x| Rect { x, y: 0.0, w: 10.0, h: 10.0 };
                let iou = square(f).iou(square(t));
                if iou >= 0.1 { (iou * ONE) as i64 } else { 0 }
            };
            let got: i64 = pairs.iter().map(|(t, f)| overlap(tracks[*t], findings[*f])).sum();
            assert_eq!(got, most(&tracks, &mut findings.clone(), &overlap), "{tracks:?} {findings:?}");
        }
    }

    /// The best sum, by trying everything.
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
