//! Settings that are refused with what to mend, and traces that cannot be fitted.

use ocellus_microscopy::fit::{FitError, FitSettings, Fitter, Quality, models};

use crate::support::{Random, noisy, settings};

fn refused(model: &str, settings: &FitSettings) -> FitError {
    Fitter::new(model, settings).expect_err("the settings are refused")
}

#[test]
fn misspelled_names_are_answered_with_the_nearest() {
    let error = refused("maturaton", &FitSettings::default());
    assert!(matches!(&error, FitError::UnknownModel { nearest: "maturation", .. }), "{error}");
    assert!(error.to_string().contains("exponential_decay"), "all models are named: {error}");
    for (name, meant) in [("detla", "delta"), ("KTL", "ktl"), ("ofset", "offset"), ("t_0", "t0")] {
        for settings in [settings(&[(name, 0.5)], &[]), settings(&[], &[(name, [0.0, 1.0])])] {
            let error = refused("maturation", &settings);
            let FitError::UnknownParameter { nearest, .. } = &error else { panic!("{error}") };
            assert_eq!(*nearest, meant, "{error}");
        }
    }
    let error = refused("trivial", &settings(&[("km", 1.0)], &[]));
    assert!(error.to_string().contains("t0, ktl, delta, beta, offset"), "{error}");
}

#[test]
fn bounds_and_starts_that_contradict_each_other_are_refused() {
    for bounds in [[1.0, -1.0], [1.0, 1.0], [f64::NAN, 1.0], [0.0, f64::NAN], [f64::NEG_INFINITY, 1.0]] {
        let error = refused("maturation", &settings(&[], &[("t0", bounds)]));
        assert!(matches!(error, FitError::Bounds { name: "t0", .. }), "{bounds:?}: {error}");
    }
    for value in [f64::NAN, f64::INFINITY] {
        let error = refused("maturation", &settings(&[("km", value)], &[]));
        assert!(matches!(error, FitError::NotFinite { name: "km", .. }), "{error}");
    }
    let error = refused("maturation", &settings(&[("t0", 2.0)], &[]));
    assert_eq!(
        error,
        FitError::StartOutside { name: "t0", start: 2.0, least: -1.0, greatest: 1.0 },
        "{error}"
    );
    let error = refused("maturation", &settings(&[], &[("km", [2.0, 3.0])]));
    assert!(matches!(error, FitError::StartOutside { name: "km", start: 1.28, .. }), "{error}");
    Fitter::new("maturation", &settings(&[("t0", 2.0)], &[("t0", [0.0, 3.0])]))
        .expect("both together are right");
}

#[test]
fn what_is_given_twice_or_out_of_range_is_refused() {
    let error = refused("maturation", &settings(&[("km", 1.0), ("km", 2.0)], &[]));
    assert_eq!(error, FitError::Repeated { name: "km", what: "values" });
    let error = refused("maturation", &settings(&[], &[("t0", [0.0, 1.0]), ("t0", [0.0, 2.0])]));
    assert_eq!(error, FitError::Repeated { name: "t0", what: "bounds" });
    for starts in [0, 1_000_000] {
        let error = refused("maturation", &FitSettings { starts: Some(starts), ..FitSettings::default() });
        assert_eq!(error, FitError::Starts { starts });
    }
}

#[test]
fn bounds_free_a_fixed_parameter() {
    let fixed = Fitter::new("maturation", &FitSettings::default()).unwrap();
    assert_eq!(fixed.fitted(), ["t0", "ktl", "delta", "offset"]);
    let free = Fitter::new("maturation", &settings(&[], &[("km", [0.1, 10.0])])).unwrap();
    assert_eq!(free.fitted(), ["t0", "ktl", "delta", "offset", "km"]);
    let hours: Vec<f64> = (0..91).map(|frame| f64::from(frame) / 3.0).collect();
    let truth = [0.3, 700.0, 0.1, 50.0, 2.5];
    let fit = free.fit(&hours, &free.curve(&truth, &hours));
    for (value, truth) in fit.values.iter().zip(truth) {
        assert!((value - truth).abs() <= 1e-4 * truth, "{:?}", fit.values);
    }
}

#[test]
fn traces_that_cannot_be_fitted_keep_the_start_values_and_say_why() {
    for model in models() {
        let fitter = Fitter::new(model.name, &FitSettings::default()).unwrap();
        let starts: Vec<f64> = model
            .parameters
            .iter()
            .filter(|parameter| parameter.bounds.is_some())
            .map(|parameter| parameter.start)
            .collect();
        let many = [f64::NAN; 30];
        let hours: Vec<f64> = (0..30).map(f64::from).collect();
        let unequal = fitter.fit(&hours, &[1.0, 2.0]);
        for fit in
            [fitter.fit(&[], &[]), fitter.fit(&hours, &many), fitter.fit(&[0.0, 1.0], &[3.0, 4.0]), unequal]
        {
            assert_eq!(
                (fit.success, fit.r_squared, fit.quality),
                (false, 0.0, Quality::Poor),
                "{}",
                model.name
            );
            assert_eq!(fit.values, starts, "{}", model.name);
            assert!(fit.message.is_some() && fit.errors.iter().all(Option::is_none), "{fit:?}");
        }
        let huge = fitter.fit(&hours, &[1e200; 30]);
        assert!(!huge.success && huge.message.is_some(), "{}: {huge:?}", model.name);
    }
}

#[test]
fn odd_traces_are_fitted_without_a_panic() {
    let mut random = Random(77);
    for model in models() {
        let fitter = Fitter::new(model.name, &FitSettings::default()).unwrap();
        let steps: Vec<f64> = (0..40).map(f64::from).collect();
        let late: Vec<f64> = steps.iter().map(|hour| hour + 1e4).collect();
        let same = vec![3.0; 40];
        let tiny: Vec<f64> = steps.iter().map(|hour| hour * 1e-9).collect();
        for hours in [&steps, &late, &same, &tiny] {
            for scale in [0.0, 1e-12, 1.0, 1e12] {
                let values: Vec<f64> = hours.iter().map(|_| scale * random.normal()).collect();
                let fit = fitter.fit(hours, &values);
                assert!(fit.success && fit.ssr.is_finite(), "{}: {fit:?}", model.name);
                for (value, parameter) in fit.values.iter().zip(model.parameters) {
                    let [least, greatest] = parameter.bounds.unwrap();
                    assert!((least..=greatest).contains(value), "{}: {} {value}", model.name, parameter.name);
                }
                assert_eq!(fit, fitter.fit(hours, &values), "the same trace gives the same fit");
            }
        }
    }
}

#[test]
fn the_order_of_samples_and_missing_ones_do_not_matter() {
    let fitter = Fitter::new("maturation", &FitSettings::default()).unwrap();
    let mut random = Random(5);
    let hours: Vec<f64> = (0..60).map(|frame| f64::from(frame) / 2.0).collect();
    let values = noisy(&fitter, &[0.2, 900.0, 0.1, 40.0], &hours, 0.02, &mut random);
    let whole = fitter.fit(&hours, &values);
    let (mut back, mut turned) = (hours.clone(), values.clone());
    back.reverse();
    turned.reverse();
    back.insert(7, 2.2);
    turned.insert(7, f64::NAN);
    back.insert(9, f64::INFINITY);
    turned.insert(9, 4.0);
    assert_eq!(fitter.fit(&back, &turned), whole);
}
