//! Time of one fit of 91 points, for each model.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use ocellus_microscopy::fit::{FitSettings, Fitter};

/// A model and the parameters of the curve that is fitted.
const CASES: [(&str, &[f64]); 5] = [
    ("maturation", &[0.3, 900.0, 0.12, 50.0]),
    ("maturation_free", &[0.3, 900.0, 1.1, 0.12, 0.01, 50.0]),
    ("trivial", &[2.1, 300.0, 0.3, 0.03, 50.0]),
    ("maturation_blocked", &[0.4, 200.0, 900.0, 1.1, 0.01, 50.0]),
    ("exponential_decay", &[2.2, 400.0, 0.2, 50.0]),
];

fn fits(criterion: &mut Criterion) {
    for (model, truth) in CASES {
        let Ok(fitter) = Fitter::new(model, &FitSettings::default()) else { return };
        let hours: Vec<f64> = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
        // A fixed ripple of 3 % stands for noise, so that each run fits the same trace.
        let ripple = |frame: usize| (frame as f64 * 2.399).sin() * (frame as f64 * 0.71).cos();
        let mut values = fitter.curve(truth, &hours);
        let swing = values.iter().fold(f64::MIN, |high, value| high.max(*value)) - 50.0;
        values.iter_mut().enumerate().for_each(|(frame, value)| *value += 0.03 * swing * ripple(frame));
        criterion.bench_function(model, |bencher| {
            bencher.iter(|| fitter.fit(black_box(&hours), black_box(&values)));
        });
    }
}

criterion_group!(benches, fits);
criterion_main!(benches);
