//! What is refused: settings out of their limits, sizes that do not fit, names that are none.

use ocellus_microscopy::cells::{
    Background, BackgroundSettings, CellsError, Feature, FeatureChannel, Labels, Mask, MeasureSettings,
    Measurer, SegmentSettings, Segmenter, TrackSettings, Tracker,
};
use ocellus_microscopy::{Pixels, Plane};

use crate::support::plane;

#[test]
fn the_defaults_are_pyamas() {
    let segment = SegmentSettings { window: 3, bins: 200, sigmas: 3.0, morphology: 7, iterations: 3 };
    assert_eq!(SegmentSettings::default(), segment);
    assert_eq!(BackgroundSettings::default(), BackgroundSettings { tile: 256, dilation: 21 });
    let track = TrackSettings { min_iou: 0.1, min_area: None, max_area: None, late_cells: false, max_gap: 0 };
    assert_eq!(TrackSettings::default(), track);
    assert_eq!(MeasureSettings::default(), MeasureSettings { background_weight: 1.0, erosion: 0 });
}

#[test]
fn a_setting_out_of_its_limits_is_named_with_them() {
    let segment = |change: fn(&mut SegmentSettings)| {
        let mut settings = SegmentSettings::default();
        change(&mut settings);
        Segmenter::new(9, 9, &settings).map(drop)
    };
    let background = |tile, dilation| Background::new(9, 9, &BackgroundSettings { tile, dilation }).map(drop);
    let track = |min_iou| Tracker::new(9, 9, &TrackSettings { min_iou, ..Default::default() }).map(drop);
    let measure = |background_weight, erosion| {
        Measurer::new(9, 9, &MeasureSettings { background_weight, erosion }).map(drop)
    };
    let refused = [
        (segment(|settings| settings.window = 4), "segment.window", "4"),
        (segment(|settings| settings.window = 1), "segment.window", "1"),
        (segment(|settings| settings.window = 257), "segment.window", "257"),
        (segment(|settings| settings.bins = 1), "segment.bins", "1"),
        (segment(|settings| settings.bins = usize::MAX), "segment.bins", "18446744073709551615"),
        (segment(|settings| settings.sigmas = f32::NAN), "segment.sigmas", "NaN"),
        (segment(|settings| settings.sigmas = f32::INFINITY), "segment.sigmas", "inf"),
        (segment(|settings| settings.morphology = 0), "segment.morphology", "0"),
        (segment(|settings| settings.morphology = 8), "segment.morphology", "8"),
        (segment(|settings| settings.iterations = 101), "segment.iterations", "101"),
        (background(7, 21), "background.tile", "7"),
        (background(1 << 20, 21), "background.tile", "1048576"),
        (background(256, 20), "background.dilation", "20"),
        (background(256, 1025), "background.dilation", "1025"),
        (track(-0.1), "track.min_iou", "-0.1"),
        (track(f64::NAN), "track.min_iou", "NaN"),
        (measure(1.5, 0), "measure.background_weight", "1.5"),
        (measure(f64::NAN, 0), "measure.background_weight", "NaN"),
        (measure(1.0, 256), "measure.erosion", "256"),
    ];
    for (result, name, given) in refused {
        let error = result.unwrap_err();
        let CellsError::Setting { setting, value, limits, .. } = &error else { panic!("{name}: {error}") };
        assert_eq!((*setting, value.as_str()), (name, given));
        let text = error.to_string();
        assert!(text.contains(name) && text.contains(given) && text.contains(limits), "{text}");
    }
    for settings in [
        SegmentSettings { window: 255, bins: 65_536, sigmas: -1000.0, morphology: 255, iterations: 100 },
        SegmentSettings { window: 3, bins: 2, sigmas: 1000.0, morphology: 1, iterations: 0 },
    ] {
        Segmenter::new(9, 9, &settings).unwrap();
    }
    let areas = TrackSettings { min_area: Some(9), max_area: Some(8), ..Default::default() };
    assert_eq!(Tracker::new(9, 9, &areas).unwrap_err(), CellsError::AreaLimits { min: 9, max: 8 });
}

#[test]
fn empty_and_huge_frames_are_refused_before_memory_is_asked_for() {
    for (width, height) in [(0, 5), (5, 0), (0, 0)] {
        let error = Segmenter::new(width, height, &SegmentSettings::default()).unwrap_err();
        assert_eq!(error, CellsError::EmptyFrame { width, height });
    }
    for (width, height) in [(usize::MAX, 2), (1 << 20, 1 << 20), (16_385, 16_384)] {
        let error = CellsError::LargeFrame { width, height };
        assert_eq!(Segmenter::new(width, height, &Default::default()).unwrap_err(), error);
        assert_eq!(Background::new(width, height, &Default::default()).unwrap_err(), error);
        assert_eq!(Tracker::new(width, height, &Default::default()).unwrap_err(), error);
        assert_eq!(Measurer::new(width, height, &Default::default()).unwrap_err(), error);
        assert_eq!(Mask::from_pixels(width, height, &[]).unwrap_err(), error);
    }
}

#[test]
fn what_has_another_size_is_refused_and_said() {
    let good = plane(8, 6, vec![1; 48]);
    let mask = Mask { width: 8, height: 6, pixels: vec![0; 48] };
    let turned = plane(6, 8, vec![1; 48]);
    let short = Plane { width: 8, height: 6, pixels: Pixels::F32(vec![0.0; 47]) };
    let mut segmenter = Segmenter::new(8, 6, &Default::default()).unwrap();
    let mut out = Mask::default();
    let error = segmenter.segment(&turned, &mut out).unwrap_err();
    assert_eq!(error, CellsError::Size { what: "picture", expected: (8, 6), found: (6, 8) });
    assert!(error.to_string().contains("6 × 8"), "{error}");
    let error = segmenter.segment(&short, &mut out).unwrap_err();
    assert_eq!(error, CellsError::Length { what: "picture", expected: 48, found: 47 });

    let mut background = Background::new(8, 6, &Default::default()).unwrap();
    let cut = Mask { pixels: vec![0; 40], ..mask.clone() };
    let error = background.estimate(&good, &cut, &mut Vec::new()).unwrap_err();
    assert_eq!(error, CellsError::Length { what: "mask", expected: 48, found: 40 });
    assert!(background.estimate(&turned, &mask, &mut Vec::new()).is_err());

    let mut tracker = Tracker::new(8, 6, &Default::default()).unwrap();
    let mut labels = Labels::default();
    let error = tracker.track(&Mask::default(), &mut labels).unwrap_err();
    assert_eq!(error, CellsError::Size { what: "mask", expected: (8, 6), found: (0, 0) });
    assert!(tracker.track_objects(&Labels::default(), &mut labels).is_err());
    // Refused frames do not count: this is still the first.
    tracker.track(&Mask { pixels: vec![1; 48], ..mask.clone() }, &mut labels).unwrap();
    assert_eq!(tracker.tracks(), [[1, 0, 0, 0]]);

    let mut measurer = Measurer::new(8, 6, &Default::default()).unwrap();
    let mut rows = Vec::new();
    let error = measurer.measure(0, &labels, &good, &[0.0; 47], &Feature::ALL, &mut rows).unwrap_err();
    assert_eq!(error, CellsError::Length { what: "background", expected: 48, found: 47 });
    assert!(measurer.measure(0, &Labels::default(), &good, &[], &Feature::ALL, &mut rows).is_err());
    assert!(measurer.measure(0, &labels, &turned, &[], &Feature::ALL, &mut rows).is_err());
    assert_eq!(rows, []);

    let error = Mask::from_probabilities(8, 6, &[0.0; 9], 0.5).unwrap_err();
    assert_eq!(error, CellsError::Length { what: "probability map", expected: 48, found: 9 });
}

#[test]
fn more_cells_than_labels_hold_are_refused() {
    // Single pixels on every second place: 600 × 440 / 4 = 66,000 components.
    let (width, height) = (600, 440);
    let pixels = (0..width * height).map(|at| u8::from(at % width % 2 == 0 && at / width % 2 == 0)).collect();
    let mask = Mask { width, height, pixels };
    let mut labels = Labels::default();
    let mut tracker = Tracker::new(width, height, &Default::default()).unwrap();
    let error = tracker.track(&mask, &mut labels).unwrap_err();
    assert_eq!(error, CellsError::TooManyCells { frame: 0 });
    assert!(error.to_string().contains("65535"), "{error}");
    assert_eq!(mask.components().unwrap_err(), error);
}

#[test]
fn features_are_found_by_name_and_others_get_the_nearest_one() {
    for feature in Feature::ALL {
        assert_eq!(feature.to_string().parse(), Ok(feature));
    }
    let error = "intensity_totl".parse::<Feature>().unwrap_err();
    assert_eq!(error.nearest, Feature::IntensityTotal);
    assert!(error.to_string().contains("did you mean intensity_total?"), "{error}");
    assert_eq!("Area".parse::<Feature>().unwrap_err().nearest, Feature::Area);
    assert_eq!("aspect-ratio".parse::<Feature>().unwrap_err().nearest, Feature::AspectRatio);
    let phase: Vec<_> = Feature::ALL
        .iter()
        .filter(|feature| feature.channel() == FeatureChannel::Phase)
        .map(|feature| feature.name())
        .collect();
    assert_eq!(phase, ["area", "circularity", "aspect_ratio"]);
}
