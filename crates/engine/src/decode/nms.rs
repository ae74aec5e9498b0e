//! Non-maximum suppression: keeps the best of overlapping boxes.

use std::cmp::Ordering;

/// A box that passed the score threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct ScoredBox {
    /// The score of the class, 0 to 1.
    pub score: f32,
    /// The index of the class with the best score.
    pub class: u16,
    /// Row (anchor) of the output tensor it came from; breaks ties, lower first.
    pub row: u32,
    /// Left, top, right, bottom in tensor px.
    pub corners: [f32; 4],
}

/// Sorts best first and keeps the `most` best. In place, allocates nothing.
pub(super) fn rank(candidates: &mut Vec<ScoredBox>, most: usize) {
    candidates.sort_unstable_by(|a, b| {
        b.score.partial_cmp(&a.score).unwrap_or(Ordering::Equal).then(a.row.cmp(&b.row))
    });
    candidates.truncate(most);
}

/// Intersection over union of two boxes by their corners, 0 to 1.
pub(super) fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |c: &[f32; 4]| (c[2] - c[0]).max(0.0) * (c[3] - c[1]).max(0.0);
    let w = (a[2].min(b[2]) - a[0].max(b[0])).max(0.0);
    let h = (a[3].min(b[3]) - a[1].max(b[1])).max(0.0);
    let union = area(a) + area(b) - w * h;
    if union > 0.0 { w * h / union } else { 0.0 }
}

/// Greedy NMS over ranked candidates: drops each that overlaps a better one of its class by more than
/// `limit`.
pub(super) fn greedy(candidates: &mut Vec<ScoredBox>, limit: f32) {
    let mut kept = 0;
    for i in 0..candidates.len() {
        let next = candidates[i];
        let beaten = candidates[..kept]
            .iter()
            .any(|best| best.class == next.class && iou(&best.corners, &next.corners) > limit);
        if !beaten {
            candidates[kept] = next;
            kept += 1;
        }
    }
    candidates.truncate(kept);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(score: f32, class: u16, row: u32, x: f32) -> ScoredBox {
        ScoredBox { score, class, row, corners: [x, 0.0, x + 10.0, 10.0] }
    }

    #[test]
    fn the_best_of_overlapping_boxes_stays_and_other_classes_are_untouched() {
        let mut list = vec![
            candidate(0.6, 0, 0, 1.0),
            candidate(0.9, 0, 1, 0.0),
            candidate(0.5, 1, 2, 0.0),
            candidate(0.4, 0, 3, 30.0),
        ];
        rank(&mut list, 10);
        greedy(&mut list, 0.5);
        let rows: Vec<u32> = list.iter().map(|c| c.row).collect();
        assert_eq!(rows, [1, 2, 3]);
    }

    #[test]
    fn equal_scores_keep_the_order_of_their_rows() {
        let mut list: Vec<_> = (0..50).rev().map(|row| candidate(0.5, 0, row, row as f32 * 20.0)).collect();
        rank(&mut list, 3);
        assert_eq!(list.iter().map(|c| c.row).collect::<Vec<_>>(), [0, 1, 2]);
    }
}
