//! Parameters against the truth, on traces that the tests make themselves.

use ocellus_microscopy::fit::{Fit, FitSettings, Fitter, Quality};

use crate::support::{Random, noisy, parameters, settings};

/// Hours of frames in different ways: even, quick, and uneven.
fn samplings(random: &mut Random) -> [Vec<f64>; 3] {
    let even = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
    let quick = (0..240).map(|frame| f64::from(frame) / 8.0).collect();
    let mut uneven: Vec<f64> = (0..70).map(|_| random.between(0.0, 30.0)).collect();
    uneven.sort_by(f64::total_cmp);
    [even, quick, uneven]
}

/// The difference of a fitted curve from the true one, as a share of the true one's swing.
fn deviation(fitter: &Fitter, fit: &Fit, truth: &[f64], hours: &[f64]) -> f64 {
    let (ours, theirs) = (fitter.curve(&fit.values, hours), fitter.curve(truth, hours));
    let (low, high) =
        theirs.iter().fold((f64::MAX, f64::MIN), |(low, high), value| (low.min(*value), high.max(*value)));
    let sum: f64 = ours.iter().zip(&theirs).map(|(ours, theirs)| (ours - theirs).powi(2)).sum();
    (sum / hours.len() as f64).sqrt() / (high - low)
}

#[test]
fn curves_without_noise_are_found_exactly() {
    let mut random = Random(2026);
    for model in ["maturation", "maturation_free", "trivial", "maturation_blocked", "exponential_decay"] {
        let fitter = Fitter::new(model, &FitSettings::default()).unwrap();
        for round in 0..6 {
            for hours in samplings(&mut random) {
                let truth = parameters(model, &mut random);
                let fit = fitter.fit(&hours, &fitter.curve(&truth, &hours));
                let deviation = deviation(&fitter, &fit, &truth, &hours);
                assert!(
                    deviation < 1e-5 && fit.quality == Quality::Good,
                    "{model} {round}: {deviation} {fit:?} for {truth:?}"
                );
            }
        }
    }
}

#[test]
fn standard_errors_say_how_far_the_truth_is() {
    let mut random = Random(99);
    let fitter = Fitter::new("maturation", &FitSettings::default()).unwrap();
    let (mut inside, mut all) = (0, 0);
    for _ in 0..60 {
        let hours: Vec<f64> = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
        let truth = parameters("maturation", &mut random);
        let values = noisy(&fitter, &truth, &hours, 0.02, &mut random);
        let fit = fitter.fit(&hours, &values);
        if fit.on_bound.contains(&true) {
            continue;
        }
        for ((value, truth), error) in fit.values.iter().zip(&truth).zip(&fit.errors) {
            let error = error.expect("inside its bounds");
            all += 1;
            inside += usize::from((value - truth).abs() <= 2.0 * error);
            assert!((value - truth).abs() <= 6.0 * error, "{fit:?} for {truth}");
        }
    }
    // Of normal errors 95 % lie within two standard errors.
    assert!(all > 150 && inside * 100 >= 90 * all && inside < all, "{inside} of {all}");
}

#[test]
fn equal_rates_are_fitted_and_drawn() {
    let fitter = Fitter::new("maturation", &FitSettings::default()).unwrap();
    let hours: Vec<f64> = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
    let at = |delta: f64| fitter.curve(&[0.3, 800.0, delta, 100.0], &hours);
    for (equal, beside) in [(5.22e-3, 5.22e-3 * (1.0 + 1e-7)), (1.28522, 1.28522 * (1.0 + 1e-7))] {
        for (left, right) in at(equal).iter().zip(at(beside)) {
            assert!((left - right).abs() <= 1e-5 * left.abs(), "{left} {right}");
        }
    }
    let fit = fitter.fit(&hours, &at(5.22e-3));
    assert!((fit.values[2] - 5.22e-3).abs() < 1e-7 && (fit.values[1] - 800.0).abs() < 1e-3, "{fit:?}");
    let trivial = Fitter::new("trivial", &settings(&[("delta", 0.05), ("beta", 0.05)], &[])).unwrap();
    let fit = trivial.fit(&hours, &trivial.curve(&[2.0, 300.0, 0.08, 0.08, 10.0], &hours));
    assert!(fit.success && fit.r_squared > 0.999_999 && (fit.values[1] - 300.0).abs() < 0.1, "{fit:?}");
}

#[test]
fn what_the_data_leave_open_is_flagged() {
    let hours: Vec<f64> = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
    let maturation = Fitter::new("maturation", &FitSettings::default()).unwrap();
    let clear = maturation.fit(&hours, &maturation.curve(&[0.3, 800.0, 0.1, 100.0], &hours));
    assert!(!clear.not_identifiable.contains(&true) && !clear.on_bound.contains(&true), "{clear:?}");
    let late = maturation.fit(&hours, &maturation.curve(&[4.0, 800.0, 0.1, 100.0], &hours));
    assert_eq!((late.on_bound[0], late.values[0], late.errors[0]), (true, 1.0, None), "{late:?}");
    let trivial = Fitter::new("trivial", &FitSettings::default()).unwrap();
    let exchanged = trivial.fit(&hours, &trivial.curve(&[2.0, 300.0, 0.3, 0.03, 10.0], &hours));
    assert_eq!(exchanged.not_identifiable, [false, false, true, true, false], "{exchanged:?}");
    let apart = settings(&[], &[("delta", [0.06, 10.0]), ("beta", [1e-5, 0.05])]);
    let apart = Fitter::new("trivial", &apart).unwrap();
    let separate = apart.fit(&hours, &trivial.curve(&[2.0, 300.0, 0.3, 0.03, 10.0], &hours));
    assert!(!separate.not_identifiable.contains(&true), "bounds say which is which: {separate:?}");
    let blocked = Fitter::new("maturation_blocked", &FitSettings::default()).unwrap();
    let values = blocked.curve(&[0.5, 900.0, 1500.0, 1.2, 0.01, 30.0], &hours);
    let fit = blocked.fit(&hours, &values);
    assert_eq!(fit.not_identifiable, [true, true, true, false, false, false], "{fit:?}");
}
