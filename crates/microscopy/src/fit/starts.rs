//! Where searches start: a grid over onsets and rates that the samples can tell apart.

use super::solve::{Axis, Buffers, Point, Problem};

/// Most onsets that are tried for a curve that jumps there.
const ONSETS: usize = 96;

impl Problem<'_> {
    /// Every point of the grid, solved for the linear parameters; parameters without a grid keep the value in `own`.
    pub(super) fn grid(&self, own: &[f64], buffers: &mut Buffers) -> Vec<Point> {
        let rates = self.axes.iter().filter(|axis| axis.logarithmic).count();
        let mut points = vec![own.to_vec()];
        for axis in &self.axes {
            let candidates = match (axis.index, axis.logarithmic) {
                (0, _) => self.onsets(axis, rates),
                (_, true) => self.rates(axis, if rates > 2 { 5 } else { 8 }),
                (_, false) => vec![own[axis.index]],
            };
            points = points
                .iter()
                .flat_map(|point| {
                    candidates.iter().map(|candidate| {
                        let mut point = point.clone();
                        point[axis.index] = *candidate;
                        point
                    })
                })
                .collect();
        }
        points.into_iter().filter_map(|all| self.evaluate(all, buffers)).collect()
    }

    /// Onsets in the middle of sample intervals within the bounds, evenly chosen where there are many.
    fn onsets(&self, axis: &Axis, rates: usize) -> Vec<f64> {
        let [least, greatest] = axis.bounds;
        let inside = self.hours.iter().copied().filter(|hour| *hour > least && *hour < greatest);
        let mut edges: Vec<f64> = std::iter::once(least).chain(inside).collect();
        // An onset after the last sample gives the offset alone, wherever it lies.
        edges.push(self.hours.last().map_or(greatest, |last| greatest.min(last.max(least))));
        edges.dedup();
        let mut middles: Vec<f64> = edges.windows(2).map(|pair| f64::midpoint(pair[0], pair[1])).collect();
        if middles.is_empty() {
            middles.push(least);
        }
        let most = match (self.formula.jumps(), rates) {
            (true, 0 | 1) => ONSETS,
            (_, 0..=2) => 6,
            _ => 4,
        };
        let stride = middles.len().div_ceil(most);
        middles.into_iter().skip(stride / 2).step_by(stride).collect()
    }

    /// Rates from slow against the whole trace to quick against the time between samples, evenly in their logarithm.
    fn rates(&self, axis: &Axis, count: u32) -> Vec<f64> {
        let [least, greatest] = axis.bounds;
        let span = self.hours.last().zip(self.hours.first()).map_or(1.0, |(last, first)| last - first);
        let span = if span > 0.0 { span } else { 1.0 };
        let gap = span / (self.hours.len().max(2) - 1) as f64;
        let low = (0.1 / span).clamp(least, greatest);
        let high = (1.5 / gap).max(10.0 / span).clamp(least, greatest);
        let ratio = (high / low).ln() / f64::from(count - 1);
        (0..count).map(|step| (low * (ratio * f64::from(step)).exp()).clamp(least, greatest)).collect()
    }

    /// Whether two points are so far apart that searches from them may end apart.
    pub(super) fn apart(&self, left: &Point, right: &Point) -> bool {
        let span = self.hours.last().zip(self.hours.first()).map_or(1.0, |(last, first)| last - first);
        self.axes.iter().any(|axis| {
            let (left, right) = (left.all[axis.index], right.all[axis.index]);
            if axis.logarithmic {
                (left / right).ln().abs() > 1.2
            } else if axis.index == 0 {
                let width = (axis.bounds[1] - axis.bounds[0]).min(span);
                (left - right).abs() > 0.12 * width
            } else {
                left != right
            }
        })
    }
}
