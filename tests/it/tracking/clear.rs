//! CLEAR MOT (Bernardin and Stiefelhagen, "Evaluating Multiple Object Tracking Performance", 2008): MOTA and ID switches;
//! IDF1 (Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking", 2016).

use std::collections::BTreeMap;

use ocellus::types::Rect;
use pathfinding::prelude::{Matrix, kuhn_munkres};

/// Overlap from which a tracked rectangle is that of an object.
const IOU: f32 = 0.5;

/// A rectangle with the number of its object.
pub type Numbered = (u64, Rect);

/// Sums over the frames of one or more sequences.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Score {
    pub truths: u64,
    pub missed: u64,
    pub false_boxes: u64,
    pub switches: u64,
    /// Truths that are matched when every object is given the one track that suits it best.
    pub id_true: u64,
    pub boxes: u64,
}

impl Score {
    /// 1 is perfect; may be negative.
    pub fn mota(&self) -> f64 {
        1.0 - (self.missed + self.false_boxes + self.switches) as f64 / self.truths as f64
    }

    /// 0 to 1.
    pub fn idf1(&self) -> f64 {
        2.0 * self.id_true as f64 / (self.truths + self.boxes) as f64
    }

    pub fn add(&mut self, other: &Score) {
        self.truths += other.truths;
        self.missed += other.missed;
        self.false_boxes += other.false_boxes;
        self.switches += other.switches;
        self.id_true += other.id_true;
        self.boxes += other.boxes;
    }
}

/// Judges one sequence, frame after frame.
#[derive(Default)]
pub struct Judge {
    score: Score,
    /// The track that an object had last.
    last: BTreeMap<u64, u64>,
    /// Frames in which an object and a track overlap enough.
    together: BTreeMap<(u64, u64), i64>,
}

impl Judge {
    /// A frame: what is there, and what the tracker says.
    pub fn frame(&mut self, truths: &[Numbered], tracked: &[Numbered]) {
        self.score.truths += truths.len() as u64;
        self.score.boxes += tracked.len() as u64;
        for (object, rect) in truths {
            for (track, found) in tracked.iter().filter(|(_, found)| found.iou(*rect) >= IOU) {
                let _ = found;
                *self.together.entry((*object, *track)).or_default() += 1;
            }
        }
        let (mut truths, mut tracked) = (truths.to_vec(), tracked.to_vec());
        // Whoever was together and may stay so, stays so.
        truths.retain(|(object, rect)| {
            let same =
                |(track, found): &Numbered| self.last.get(object) == Some(track) && found.iou(*rect) >= IOU;
            let Some(at) = tracked.iter().position(same) else { return true };
            tracked.remove(at);
            false
        });
        let pairs = pairs(&truths, &tracked);
        for (object, track) in &pairs {
            if self.last.insert(*object, *track).is_some_and(|before| before != *track) {
                self.score.switches += 1;
            }
        }
        self.score.missed += (truths.len() - pairs.len()) as u64;
        self.score.false_boxes += (tracked.len() - pairs.len()) as u64;
    }

    pub fn score(mut self) -> Score {
        let mut objects: Vec<u64> = self.together.keys().map(|(object, _)| *object).collect();
        let mut tracks: Vec<u64> = self.together.keys().map(|(_, track)| *track).collect();
        objects.dedup();
        tracks.sort_unstable();
        tracks.dedup();
        let weight = |o: usize, t: usize| self.together.get(&(objects[o], tracks[t])).copied().unwrap_or(0);
        self.score.id_true = best(objects.len(), tracks.len(), &weight).0 as u64;
        self.score
    }
}

/// Objects and tracks that overlap enough, for the best sum.
fn pairs(truths: &[Numbered], tracked: &[Numbered]) -> Vec<(u64, u64)> {
    let weight = |t: usize, h: usize| {
        let iou = truths[t].1.iou(tracked[h].1);
        if iou >= IOU { 1_000_000 + (iou * 1000.0) as i64 } else { 0 }
    };
    let (_, chosen) = best(truths.len(), tracked.len(), &weight);
    let chosen = chosen.into_iter().filter(|(t, h)| weight(*t, *h) > 0);
    chosen.map(|(t, h)| (truths[t].0, tracked[h].0)).collect()
}

fn best(rows: usize, columns: usize, weight: &dyn Fn(usize, usize) -> i64) -> (i64, Vec<(usize, usize)>) {
    if rows == 0 || columns == 0 {
        return (0, Vec::new());
    }
    if rows > columns {
        let (sum, pairs) = best(columns, rows, &|a, b| weight(b, a));
        return (sum, pairs.into_iter().map(|(a, b)| (b, a)).collect());
    }
    let (sum, chosen) = kuhn_munkres(&Matrix::from_fn(rows, columns, |(row, column)| weight(row, column)));
    (sum, chosen.into_iter().enumerate().collect())
}

#[test]
fn the_judge_counts_misses_false_boxes_and_switches() {
    let at = |x: f32| Rect { x, y: 0.0, w: 10.0, h: 10.0 };
    let mut judge = Judge::default();
    judge.frame(&[(1, at(0.0)), (2, at(50.0))], &[(7, at(1.0)), (8, at(50.0))]);
    judge.frame(&[(1, at(0.0)), (2, at(50.0))], &[(8, at(1.0)), (7, at(50.0))]);
    judge.frame(&[(1, at(0.0)), (2, at(50.0))], &[(8, at(1.0)), (9, at(90.0))]);
    let score = judge.score();
    assert_eq!((score.truths, score.missed, score.false_boxes, score.switches), (6, 1, 1, 2));
    assert_eq!((score.boxes, score.id_true), (6, 3), "object 1 is best told by 8, object 2 by 7 or 8");
    assert!((score.mota() - (1.0 - 4.0 / 6.0)).abs() < 1e-9 && (score.idf1() - 0.5).abs() < 1e-9);
}
