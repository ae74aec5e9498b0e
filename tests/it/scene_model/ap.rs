//! Average precision of a detector, exactly: every point of the curve, no eleven-point shortcut
//! (Everingham et al., The PASCAL VOC Challenge, as of 2010).

use ocellus::types::Rect;

/// What should be found in a frame.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which frame.
    pub frame: usize,
    /// Where, in frame px.
    pub rect: Rect,
    /// Neither finding it nor missing it counts (VOC's "difficult").
    pub difficult: bool,
}

/// What was found.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Which frame.
    pub frame: usize,
    /// Where, in frame px.
    pub rect: Rect,
    /// 0 to 1.
    pub score: f32,
}

/// A call that counts: its score, and whether it found something.
pub type Verdict = (f32, bool);

/// Judges the calls of one class, best first: a call finds the free object that it overlaps most, by an IoU of
/// at least `least`; a second call on the same object is a false one.
pub fn judge(calls: &[Call], wanted: &[Wanted], least: f32) -> Vec<Verdict> {
    let mut order: Vec<&Call> = calls.iter().collect();
    order.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut taken = vec![false; wanted.len()];
    let mut verdicts = Vec::new();
    for call in order {
        let near = wanted.iter().enumerate().filter(|(_, w)| w.frame == call.frame);
        let near: Vec<(usize, f32)> =
            near.map(|(i, w)| (i, w.rect.iou(call.rect))).filter(|&(_, iou)| iou >= least).collect();
        let free = near.iter().filter(|(i, _)| !taken[*i] && !wanted[*i].difficult);
        match free.max_by(|a, b| a.1.total_cmp(&b.1)) {
            Some(&(i, _)) => {
                taken[i] = true;
                verdicts.push((call.score, true));
            }
            None if near.iter().any(|(i, _)| wanted[*i].difficult) => {}
            None => verdicts.push((call.score, false)),
        }
    }
    verdicts
}

/// The area under the precision-recall curve of `verdicts` (best first), for `total` objects that count.
pub fn average_precision(verdicts: &[Verdict], total: usize) -> f64 {
    let mut right = 0.0;
    let precision = verdicts.iter().enumerate().map(|(i, &(_, hit))| {
        right += f64::from(u8::from(hit));
        right / (i + 1) as f64
    });
    let mut precision: Vec<f64> = precision.collect();
    for i in (1..precision.len()).rev() {
        precision[i - 1] = precision[i - 1].max(precision[i]);
    }
    let found = precision.iter().zip(verdicts).filter(|(_, verdict)| verdict.1).map(|(p, _)| p);
    found.sum::<f64>() / total.max(1) as f64
}

/// Precision and recall of the calls that score at least `least`.
pub fn precision_and_recall(verdicts: &[Verdict], total: usize, least: f32) -> (f64, f64) {
    let calls: Vec<bool> = verdicts.iter().filter(|v| v.0 >= least).map(|v| v.1).collect();
    let hits = calls.iter().filter(|&&hit| hit).count() as f64;
    (hits / calls.len().max(1) as f64, hits / total.max(1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x: f32) -> Rect {
        Rect { x, y: 0.0, w: 10.0, h: 10.0 }
    }

    #[test]
    fn average_precision_agrees_with_a_curve_worked_out_by_hand() {
        // Hit, false, hit, false; 3 objects. Precisions 1, 1/2, 2/3, 1/2; the envelope at the hits: 1 and 2/3.
        let verdicts = [(0.9, true), (0.8, false), (0.7, true), (0.6, false)];
        assert!((average_precision(&verdicts, 3) - (1.0 + 2.0 / 3.0) / 3.0).abs() < 1e-12);
        assert_eq!(average_precision(&[], 3), 0.0);
        assert_eq!(precision_and_recall(&verdicts, 3, 0.75), (0.5, 1.0 / 3.0));
    }

    #[test]
    fn a_second_call_is_false_and_a_difficult_object_counts_for_nothing() {
        let wanted = [
            Wanted { frame: 0, rect: square(0.0), difficult: false },
            Wanted { frame: 0, rect: square(50.0), difficult: true },
        ];
        let call = |frame, x, score| Call { frame, rect: square(x), score };
        let calls = [call(0, 1.0, 0.5), call(0, 0.0, 0.9), call(0, 51.0, 0.8), call(1, 0.0, 0.7)];
        assert_eq!(judge(&calls, &wanted, 0.5), [(0.9, true), (0.7, false), (0.5, false)]);
    }
}
