//! Fewer lines and points than there are, so that a plot stays small, and the median of all.

use std::collections::BTreeMap;

/// A curve as points: x and y, in ascending order of x.
pub type Line = Vec<(f64, f64)>;

/// At most `most` of `items`, evenly spread, the first and the last among them.
pub fn every<T>(items: &[T], most: usize) -> Vec<&T> {
    let count = items.len().min(most);
    let place = |at: usize| match count {
        0 | 1 => 0,
        _ => at * (items.len() - 1) / (count - 1),
    };
    (0..count).map(|at| &items[place(at)]).collect()
}

/// The line with at most `most` of its points.
pub fn thinned(line: &[(f64, f64)], most: usize) -> Line {
    every(line, most).into_iter().copied().collect()
}

/// The median of all lines at each x that one of them has, without values that are not finite.
pub fn median(lines: &[Line]) -> Line {
    let mut columns: BTreeMap<u64, (f64, Vec<f64>)> = BTreeMap::new();
    for (x, y) in lines.iter().flatten().filter(|(x, y)| x.is_finite() && y.is_finite()) {
        // The bits tell numbers apart; -0 and 0 are one moment.
        let x = x + 0.0;
        columns.entry(x.to_bits()).or_insert_with(|| (x, Vec::new())).1.push(*y);
    }
    let mut median: Line = columns.into_values().map(|(x, mut values)| (x, middle(&mut values))).collect();
    median.sort_unstable_by(|one, next| one.0.total_cmp(&next.0));
    median
}

fn middle(values: &mut [f64]) -> f64 {
    let half = values.len() / 2;
    let (below, &mut upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let lower = below.iter().copied().max_by(f64::total_cmp);
    match lower {
        Some(lower) if values.len().is_multiple_of(2) => lower.midpoint(upper),
        _ => upper,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_even_and_has_both_ends() {
        let items: Vec<usize> = (0..100).collect();
        assert_eq!(every(&items, 4), [&0, &33, &66, &99]);
        assert_eq!((every(&items, 1), every(&items, 0).len(), every(&items, 500).len()), (vec![&0], 0, 100));
        assert!(every::<u8>(&[], 3).is_empty());
    }

    #[test]
    fn a_median_is_that_of_the_lines_that_have_the_moment() {
        let lines = vec![
            vec![(0.0, 1.0), (1.0, 10.0), (2.0, f64::NAN)],
            vec![(0.0, 3.0), (1.0, 20.0)],
            vec![(-1.0, 5.0), (1.0, 60.0)],
        ];
        assert_eq!(median(&lines), [(-1.0, 5.0), (0.0, 2.0), (1.0, 20.0)]);
        assert!(median(&[]).is_empty());
    }
}
