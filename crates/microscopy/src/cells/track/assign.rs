//! The pairing of cells of two frames whose sum of overlaps is the largest.
//!
//! The cost of a pair is 1 − overlap, and 1 where the overlap is too small to count, so that the least cost is the
//! greatest sum of overlaps. Boxes that overlap form independent groups, most of them of one and one. Groups with one
//! or two members on a side are solved directly; larger ones by the Hungarian algorithm of the crate `pathfinding`
//! (Kuhn, 1955; Munkres, 1957), which allocates. All are exact.

use pathfinding::kuhn_munkres::{Weights, kuhn_munkres};

/// An expected cell (row) and a found one (column) whose overlap is large enough.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Pair {
    pub(super) row: u32,
    pub(super) column: u32,
    pub(super) iou: f64,
}

/// Makes overlaps whole numbers. Sums of 65,535 of them stay below 2⁶³.
const ONE: f64 = (1u64 << 46) as f64;

/// Scratch memory of the pairing of two frames.
#[derive(Debug, Default)]
pub(super) struct Assignment {
    /// Filled in by the caller; sorted by group afterwards.
    pub(super) pairs: Vec<Pair>,
    /// The pairs that were chosen.
    pub(super) chosen: Vec<Pair>,
    /// For each row, then each column, an earlier member of its group, or itself.
    owner: Vec<u32>,
    /// Rows and columns of a group.
    members: [Vec<u32>; 2],
}

impl Assignment {
    /// Chooses among `pairs` so that no row and no column is chosen twice. `rows` is the number of rows, `columns` that
    /// of columns.
    pub(super) fn solve(&mut self, rows: usize, columns: usize) {
        self.chosen.clear();
        self.owner.clear();
        self.owner.extend(0..(rows + columns) as u32);
        for at in 0..self.pairs.len() {
            let pair = self.pairs[at];
            let (one, other) = (self.root(pair.row), self.root(rows as u32 + pair.column));
            self.owner[one.max(other) as usize] = one.min(other);
        }
        // Afterwards each member names the root itself.
        for at in 0..self.owner.len() {
            self.owner[at] = self.owner[self.owner[at] as usize];
        }
        let owner = &self.owner;
        self.pairs.sort_unstable_by_key(|pair| (owner[pair.row as usize], pair.row, pair.column));
        let (pairs, owner) = (std::mem::take(&mut self.pairs), std::mem::take(&mut self.owner));
        for group in pairs.chunk_by(|one, other| owner[one.row as usize] == owner[other.row as usize]) {
            self.solve_group(group);
        }
        (self.pairs, self.owner) = (pairs, owner);
    }

    fn root(&self, mut at: u32) -> u32 {
        while self.owner[at as usize] != at {
            at = self.owner[at as usize];
        }
        at
    }

    fn solve_group(&mut self, group: &[Pair]) {
        if let [only] = group {
            self.chosen.push(*only);
            return;
        }
        let [rows, columns] = &mut self.members;
        rows.clear();
        columns.clear();
        rows.extend(group.iter().map(|pair| pair.row));
        columns.extend(group.iter().map(|pair| pair.column));
        for side in [&mut *rows, &mut *columns] {
            side.sort_unstable();
            side.dedup();
        }
        match rows.len().min(columns.len()) {
            1 => self.chosen.extend(best(group.iter().copied())),
            2 if rows.len() == 2 => two(group, |pair| pair.row, |pair| pair.column, &mut self.chosen),
            2 => two(group, |pair| pair.column, |pair| pair.row, &mut self.chosen),
            _ => self.crowd(group),
        }
    }

    fn crowd(&mut self, group: &[Pair]) {
        let [rows, columns] = &self.members;
        let turned = rows.len() > columns.len();
        let (short, long) = if turned { (columns, rows) } else { (rows, columns) };
        let mut weights = vec![0; short.len() * long.len()];
        for pair in group {
            let (one, other) = if turned { (pair.column, pair.row) } else { (pair.row, pair.column) };
            // Both are members: the lists were made from these pairs.
            let (Ok(row), Ok(column)) = (short.binary_search(&one), long.binary_search(&other)) else {
                continue;
            };
            weights[row * long.len() + column] = (pair.iou * ONE) as i64;
        }
        let (_, partners) = kuhn_munkres(&Crowd { weights, columns: long.len(), sign: 1 });
        for (row, column) in partners.into_iter().enumerate() {
            let (row, column) = if turned { (long[column], short[row]) } else { (short[row], long[column]) };
            // Pairs that overlap too little were at hand as fillers only.
            let place = group.binary_search_by_key(&(row, column), |pair| (pair.row, pair.column));
            self.chosen.extend(place.ok().map(|at| group[at]));
        }
    }
}

/// The pair of largest overlap, the first of several.
fn best(pairs: impl Iterator<Item = Pair>) -> Option<Pair> {
    pairs.reduce(|best, pair| if pair.iou > best.iou { pair } else { best })
}

/// The best choice for a group whose members of one kind (`short`) are two.
fn two(
    group: &[Pair],
    short: impl Fn(&Pair) -> u32 + Copy,
    long: impl Fn(&Pair) -> u32,
    chosen: &mut Vec<Pair>,
) {
    let first = group.iter().map(&short).min();
    let of = |is_first: bool| group.iter().filter(move |pair| (Some(short(pair)) == first) == is_first);
    let mut best: (f64, Option<Pair>, Option<Pair>) = (0.0, None, None);
    for one in of(true) {
        let free = of(false).filter(|other| long(other) != long(one)).copied();
        let other = self::best(free);
        let sum = one.iou + other.map_or(0.0, |other| other.iou);
        if sum > best.0 {
            best = (sum, Some(*one), other);
        }
    }
    // The second alone may be worth more than any choice with the first.
    if let Some(other) = self::best(of(false).copied())
        && other.iou > best.0
    {
        best = (other.iou, None, Some(other));
    }
    chosen.extend(best.1);
    chosen.extend(best.2);
}

/// The weights of a group for the solver of `pathfinding`.
struct Crowd {
    weights: Vec<i64>,
    columns: usize,
    sign: i64,
}

impl Weights<i64> for Crowd {
    fn rows(&self) -> usize {
        self.weights.len() / self.columns
    }

    fn columns(&self) -> usize {
        self.columns
    }

    fn at(&self, row: usize, column: usize) -> i64 {
        self.sign * self.weights[row * self.columns + column]
    }

    fn neg(&self) -> Crowd {
        Crowd { weights: self.weights.clone(), columns: self.columns, sign: -self.sign }
    }
}
