//! The pairing against all possible ones, and against the solver alone.

use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;
use proptest::prelude::*;

use super::assign::{Assignment, Pair};
use super::*;

/// The greatest sum of overlaps of any choice, by trying all.
fn best_sum(pairs: &[Pair], rows: u32, taken: &mut Vec<u32>, row: u32) -> f64 {
    if row == rows {
        return 0.0;
    }
    let mut best = best_sum(pairs, rows, taken, row + 1);
    for pair in pairs.iter().filter(|pair| pair.row == row) {
        if !taken.contains(&pair.column) {
            taken.push(pair.column);
            best = best.max(pair.iou + best_sum(pairs, rows, taken, row + 1));
            taken.pop();
        }
    }
    best
}

fn solve(pairs: &[Pair], rows: u32, columns: u32) -> Vec<Pair> {
    let mut assignment = Assignment::default();
    // Left over from the frame before.
    assignment.pairs.push(Pair { row: 0, column: 0, iou: 1.0 });
    assignment.solve(1, 1);
    assignment.pairs.clear();
    assignment.pairs.extend_from_slice(pairs);
    assignment.solve(rows as usize, columns as usize);
    assignment.chosen
}

/// Overlaps of some of `rows` with some of `columns`; few different values give ties.
fn overlaps(rows: u32, columns: u32, share: u32) -> impl Strategy<Value = Vec<Pair>> {
    let cell = (0u32..100, prop_oneof![0.1f64..1.0, (1u8..5).prop_map(|fifth| f64::from(fifth) / 5.0)]);
    proptest::collection::vec(cell, (rows * columns) as usize).prop_map(move |cells| {
        let pair = |(at, (chance, iou)): (usize, (u32, f64))| {
            let (row, column) = (at as u32 / columns, at as u32 % columns);
            (chance < share).then_some(Pair { row, column, iou })
        };
        cells.into_iter().enumerate().filter_map(pair).collect()
    })
}

fn sum_of_valid(chosen: &[Pair], pairs: &[Pair]) -> f64 {
    for (at, pair) in chosen.iter().enumerate() {
        assert!(pairs.contains(pair), "{pair:?} was never offered");
        let again = |other: &Pair| other.row == pair.row || other.column == pair.column;
        assert!(!chosen[at + 1..].iter().any(again), "{pair:?} shares a cell with another");
    }
    chosen.iter().map(|pair| pair.iou).sum()
}

proptest! {
    #[test]
    fn no_other_choice_has_a_greater_sum(
        (rows, columns, pairs) in (1u32..7, 1u32..7, 5u32..100)
            .prop_flat_map(|(rows, columns, share)| (Just(rows), Just(columns), overlaps(rows, columns, share))),
    ) {
        let sum = sum_of_valid(&solve(&pairs, rows, columns), &pairs);
        let best = best_sum(&pairs, rows, &mut Vec::new(), 0);
        prop_assert!((sum - best).abs() < 1e-9, "{sum}, and {best} is possible");
    }

    #[test]
    fn groups_together_are_as_good_as_the_whole_at_once(pairs in overlaps(30, 33, 4)) {
        let sum = sum_of_valid(&solve(&pairs, 30, 33), &pairs);
        let mut weights = Matrix::new(30, 33, 0i64);
        for pair in &pairs {
            weights[(pair.row as usize, pair.column as usize)] = (pair.iou * 1e12) as i64;
        }
        let (total, _) = kuhn_munkres(&weights);
        prop_assert!((sum - total as f64 / 1e12).abs() < 1e-9, "{sum}, and {total} at once");
    }

    #[test]
    fn every_overlapping_pair_of_boxes_is_considered(seed in any::<u64>(), min_iou in 0f64..0.5) {
        // Rectangles that move a little; the sum of overlaps must be the best over all pairs of boxes.
        let mut state = seed | 1;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) % below) as usize
        };
        let (width, height) = (60, 40);
        let mut picture = |count: usize| {
            let mut pixels = vec![0; width * height];
            for object in 1..=count {
                let (x, y) = (random(50), random(30));
                let (right, bottom) = (x + 1 + random(10), y + 1 + random(10));
                for y in y..bottom {
                    pixels[y * width + x..y * width + right].fill(object as u16 * 7);
                }
            }
            Labels { width, height, pixels }
        };
        let (before, after) = (picture(6), picture(6));
        let settings = TrackSettings { min_iou, ..Default::default() };
        let mut tracker = Tracker::new(width, height, &settings).unwrap();
        let (mut first, mut second) = (Labels::default(), Labels::default());
        tracker.track_objects(&before, &mut first).unwrap();
        let tracked = tracker.live.clone();
        tracker.track_objects(&after, &mut second).unwrap();
        let mut pairs = Vec::new();
        for live in &tracked {
            for (column, object) in tracker.objects.iter().enumerate() {
                let iou = live.bounds.iou(&object.bounds);
                if iou > 0.0 && iou >= min_iou {
                    pairs.push(Pair { row: u32::from(live.id) - 1, column: column as u32, iou });
                }
            }
        }
        let chosen: Vec<Pair> = tracker.objects.iter().enumerate().filter(|(_, object)| object.id > 0).map(|(column, object)| {
            *pairs.iter().find(|pair| pair.row + 1 == u32::from(object.id) && pair.column == column as u32).unwrap()
        }).collect();
        let sum = sum_of_valid(&chosen, &pairs);
        let best = best_sum(&pairs, tracked.len() as u32, &mut Vec::new(), 0);
        prop_assert!((sum - best).abs() < 1e-9, "{sum}, and {best} is possible");
    }
}
