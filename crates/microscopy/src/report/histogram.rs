//! How often values fall between which limits.

/// From this ratio of the largest to the smallest value on, bins are equal in the logarithm.
const WIDE: f64 = 100.0;
/// Fewest and most bins.
const BINS: [usize; 2] = [5, 40];

/// Counts of values in equal bins.
#[derive(Clone, Debug, PartialEq)]
pub struct Histogram {
    /// The limits of the bins, in ascending order; one more than there are bins.
    pub edges: Vec<f64>,
    /// The number of values in each bin; the last one holds its upper limit too.
    pub counts: Vec<usize>,
    /// Whether the bins are equal in the logarithm of the values.
    pub logarithmic: bool,
}

impl Histogram {
    /// Of all finite values, with as many bins as their number asks for: twice its cube root (the rule of Rice). Positive
    /// values over two decades get logarithmic bins. None: no value is finite.
    pub fn of(values: &[f64]) -> Option<Histogram> {
        let finite = values.iter().copied().filter(|value| value.is_finite());
        let least = finite.clone().min_by(f64::total_cmp)?;
        let greatest = finite.clone().max_by(f64::total_cmp)?;
        let logarithmic = least > 0.0 && greatest / least > WIDE;
        let bins = (2.0 * (finite.count() as f64).cbrt()).ceil() as usize;
        let scale = |value: f64| if logarithmic { value.log10() } else { value };
        let [from, to] = widened(scale(least), scale(greatest));
        Some(Histogram::between(values, from, to, bins.clamp(BINS[0], BINS[1]), logarithmic))
    }

    /// With `bins` equal bins from `from` to `to`; of logarithmic ones these are the decimal logarithms of the limits.
    /// Values outside are not counted.
    pub fn between(values: &[f64], from: f64, to: f64, bins: usize, logarithmic: bool) -> Histogram {
        let scale = |value: f64| if logarithmic { value.log10() } else { value };
        let mut counts = vec![0; bins.max(1)];
        let last = counts.len() - 1;
        for value in values.iter().copied().map(scale).filter(|value| (from..=to).contains(value)) {
            let bin = ((value - from) / (to - from) * (last + 1) as f64) as usize;
            counts[bin.min(last)] += 1;
        }
        let edge = |at: usize| {
            let edge = from + (to - from) * at as f64 / (last + 1) as f64;
            if logarithmic { 10f64.powf(edge) } else { edge }
        };
        Histogram { edges: (0..=last + 1).map(edge).collect(), counts, logarithmic }
    }
}

/// Limits that differ enough to be drawn: where all values are equal, there is some space around them.
pub(super) fn widened(least: f64, greatest: f64) -> [f64; 2] {
    let size = least.abs().max(greatest.abs());
    if greatest - least > 1e-9 * size {
        return [least, greatest];
    }
    let margin = if size > 0.0 { 0.05 * size } else { 1.0 };
    [least - margin, greatest + margin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_counted_once() {
        let values: Vec<f64> = (0..=100).map(f64::from).chain([f64::NAN, f64::INFINITY]).collect();
        let histogram = Histogram::of(&values).unwrap();
        assert_eq!((histogram.counts.iter().sum::<usize>(), histogram.counts.len()), (101, 10));
        assert_eq!((histogram.edges[0], histogram.edges[10], histogram.logarithmic), (0.0, 100.0, false));
        assert_eq!(histogram.counts[9], 11, "the upper limit belongs to the last bin");
    }

    #[test]
    fn wide_ranges_are_logarithmic_and_equal_values_have_a_bin() {
        let histogram = Histogram::of(&[1.0, 10.0, 100.0, 1000.0]).unwrap();
        assert!(histogram.logarithmic && histogram.counts.iter().sum::<usize>() == 4);
        assert!((histogram.edges.last().unwrap() - 1000.0).abs() < 1e-9);
        assert!(!Histogram::of(&[-1.0, 1000.0]).unwrap().logarithmic);
        for value in [0.0, 7.0, -1e12] {
            let histogram = Histogram::of(&[value; 3]).unwrap();
            assert_eq!(histogram.counts.iter().sum::<usize>(), 3, "{value}");
        }
        assert_eq!(Histogram::of(&[f64::NAN]), None);
    }
}
