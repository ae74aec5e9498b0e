//! What goes beyond PyAMA: sizes, late cells, gaps, areas, masks made elsewhere, filters.

use ocellus_microscopy::cells::{
    Background, CellRow, DropReason, Feature, FilterSettings, Labels, Mask, MeasureSettings, Measurer,
    SegmentSettings, Segmenter, TrackSettings, Tracker, filter,
};
use ocellus_microscopy::{Pixels, Plane};

use crate::support::{ids, plane};

/// A mask with squares of 10 px at these corners.
fn squares(corners: &[(usize, usize)]) -> Mask {
    let (width, height) = (100, 60);
    let mut pixels = vec![0; width * height];
    for (x, y) in corners {
        for row in pixels.chunks_mut(width).skip(*y).take(10) {
            row[*x..*x + 10].fill(1);
        }
    }
    Mask { width, height, pixels }
}

/// Ids at these places after each frame.
fn follow(settings: TrackSettings, frames: &[&[(usize, usize)]]) -> (Vec<Vec<u16>>, Vec<[u32; 4]>) {
    let mut tracker = Tracker::new(100, 60, &settings).unwrap();
    let mut labels = Labels::default();
    let frames = frames.iter().map(|corners| {
        tracker.track(&squares(corners), &mut labels).unwrap();
        corners.iter().map(|(x, y)| labels.pixels[y * 100 + x]).collect()
    });
    (frames.collect(), tracker.tracks().to_vec())
}

const MOVIE: &[&[(usize, usize)]] = &[
    &[(5, 5), (40, 5)],
    // The second is missing, and a third appears.
    &[(7, 5), (70, 40)],
    &[(9, 5), (72, 40), (42, 5)],
    &[(9, 7), (72, 42), (42, 7)],
];

#[test]
fn as_pyama_does_it_only_cells_of_the_first_frame_have_ids_until_they_are_missed() {
    let (frames, tracks) = follow(TrackSettings::default(), MOVIE);
    assert_eq!(frames, [vec![1, 2], vec![1, 0], vec![1, 0, 0], vec![1, 0, 0]]);
    assert_eq!(tracks, [[1, 0, 3, 0], [2, 0, 0, 0]]);
}

#[test]
fn cells_that_come_later_get_ids_where_that_is_asked_for() {
    let (frames, tracks) = follow(TrackSettings { late_cells: true, ..Default::default() }, MOVIE);
    assert_eq!(frames, [vec![1, 2], vec![1, 3], vec![1, 3, 4], vec![1, 3, 4]]);
    assert_eq!(tracks, [[1, 0, 3, 0], [2, 0, 0, 0], [3, 1, 3, 0], [4, 2, 3, 0]]);
}

#[test]
fn gaps_are_closed_up_to_their_greatest_length() {
    let (frames, _) = follow(TrackSettings { max_gap: 1, ..Default::default() }, MOVIE);
    assert_eq!(frames, [vec![1, 2], vec![1, 0], vec![1, 0, 2], vec![1, 0, 2]]);
    let longer: &[&[(usize, usize)]] = &[&[(40, 5)], &[(90, 5)], &[(90, 5)], &[(40, 5)]];
    let gap = |max_gap| follow(TrackSettings { max_gap, ..Default::default() }, longer).0;
    assert_eq!(gap(1)[3], [0]);
    assert_eq!(gap(2)[3], [1]);
    // A frame without any cell is a gap like another.
    let empty: &[&[(usize, usize)]] = &[&[(40, 5)], &[], &[(40, 5)]];
    assert_eq!(follow(TrackSettings { max_gap: 1, ..Default::default() }, empty).0[2], [1]);
    assert_eq!(follow(TrackSettings::default(), empty).0[2], [0]);
}

#[test]
fn a_cell_of_the_frame_before_goes_before_one_that_was_missing() {
    // Both could be followed by the object of the last frame, and the missing one overlaps it more.
    let frames: &[&[(usize, usize)]] = &[&[(10, 10), (24, 10)], &[(10, 10)], &[(15, 10)]];
    let (ids, _) = follow(TrackSettings { max_gap: 3, ..Default::default() }, frames);
    assert_eq!(ids[2], [1]);
}

#[test]
fn areas_out_of_the_limits_are_no_cells() {
    let mut mask = squares(&[(5, 5), (40, 5)]);
    // The second grows to 10 × 20.
    mask.pixels.chunks_mut(100).skip(15).take(10).for_each(|row| row[40..50].fill(1));
    let tracked = |min_area, max_area| {
        let settings = TrackSettings { min_area, max_area, ..Default::default() };
        let mut labels = Labels::default();
        Tracker::new(100, 60, &settings).unwrap().track(&mask, &mut labels).unwrap();
        [labels.pixels[505], labels.pixels[540]]
    };
    assert_eq!(tracked(Some(100), Some(200)), [1, 2]);
    assert_eq!(tracked(Some(101), None), [0, 1]);
    assert_eq!(tracked(None, Some(199)), [1, 0]);
}

#[test]
fn objects_that_a_model_separated_are_tracked_though_they_touch() {
    let (width, height) = (30, 10);
    let picture = |shift: usize, labels: [u16; 2]| {
        let label = |at: usize| match (at % width).checked_sub(shift) {
            Some(0..10) => labels[0],
            Some(10..20) => labels[1],
            _ => 0,
        };
        Labels { width, height, pixels: (0..width * height).map(label).collect() }
    };
    let mut tracker = Tracker::new(width, height, &TrackSettings::default()).unwrap();
    let mut labels = Labels::default();
    tracker.track_objects(&picture(0, [77, 5]), &mut labels).unwrap();
    assert_eq!([labels.pixels[0], labels.pixels[19], labels.pixels[20]], [1, 2, 0]);
    // In the next frame the numbers are others.
    tracker.track_objects(&picture(2, [3, 9]), &mut labels).unwrap();
    assert_eq!([labels.pixels[0], labels.pixels[2], labels.pixels[21]], [0, 1, 2]);
    // As one mask they are one component.
    assert_eq!(ids(&picture(0, [77, 5]).mask().components().unwrap()), [1]);
}

#[test]
fn masks_come_from_probabilities_and_from_pictures_too() {
    let mask = Mask::from_probabilities(2, 2, &[0.5, 0.51, f32::NAN, 1.0], 0.5).unwrap();
    assert_eq!(mask.pixels, [0, 1, 0, 1]);
    assert_eq!(Mask::from_pixels(2, 2, &[0, 255, 7, 0]).unwrap().pixels, [0, 1, 1, 0]);
}

/// All steps for one frame.
fn steps(plane: &Plane, segment: &SegmentSettings) -> (Mask, Vec<f32>, Labels, Vec<CellRow>) {
    let (width, height) = (plane.width, plane.height);
    let (mut mask, mut surface, mut labels, mut rows) =
        (Mask::default(), Vec::new(), Labels::default(), Vec::new());
    Segmenter::new(width, height, segment).unwrap().segment(plane, &mut mask).unwrap();
    let mut background = Background::new(width, height, &Default::default()).unwrap();
    background.estimate(plane, &mask, &mut surface).unwrap();
    Tracker::new(width, height, &Default::default()).unwrap().track(&mask, &mut labels).unwrap();
    let mut measurer = Measurer::new(width, height, &MeasureSettings::default()).unwrap();
    measurer.measure(0, &labels, plane, &surface, &Feature::ALL, &mut rows).unwrap();
    (mask, surface, labels, rows)
}

#[test]
fn every_size_works_down_to_one_pixel() {
    let settings =
        [SegmentSettings::default(), SegmentSettings { window: 255, iterations: 100, ..Default::default() }];
    for (width, height) in
        [(1, 1), (1, 600), (600, 1), (2, 3), (7, 7), (64, 64), (65, 20), (300, 520), (513, 511)]
    {
        for settings in &settings {
            let pixels =
                (0..width * height).map(|at| (at as u32).wrapping_mul(2_654_435_761) as u16).collect();
            let (mask, surface, labels, rows) = steps(&plane(width, height, pixels), settings);
            assert_eq!([mask.pixels.len(), surface.len(), labels.pixels.len()], [width * height; 3]);
            assert!(surface.iter().all(|value| value.is_finite()), "{width} × {height}");
            assert!(rows.iter().all(|row| row.values.iter().all(|value| value.is_finite())));
        }
    }
}

#[test]
fn constant_frames_have_no_cells_and_their_value_as_background() {
    for value in [0, 1, 700, u16::MAX] {
        let (mask, surface, _, rows) =
            steps(&plane(300, 280, vec![value; 300 * 280]), &SegmentSettings::default());
        assert!(mask.pixels.iter().all(|pixel| *pixel == 0), "{value}");
        assert!(surface.iter().all(|pixel| (pixel - f32::from(value)).abs() < 0.01), "{value}");
        assert_eq!(rows, []);
    }
}

#[test]
fn a_frame_that_is_one_cell_is_measured_without_background() {
    let mask = Mask { width: 80, height: 70, pixels: vec![1; 5600] };
    let plane = plane(80, 70, vec![9; 5600]);
    let (mut surface, mut labels, mut rows) = (Vec::new(), Labels::default(), Vec::new());
    let figures =
        Background::new(80, 70, &Default::default()).unwrap().estimate(&plane, &mask, &mut surface).unwrap();
    assert_eq!(figures.unmasked, 0);
    Tracker::new(80, 70, &Default::default()).unwrap().track(&mask, &mut labels).unwrap();
    let mut measurer = Measurer::new(80, 70, &Default::default()).unwrap();
    measurer.measure(0, &labels, &plane, &surface, &Feature::ALL, &mut rows).unwrap();
    assert_eq!(rows.len(), 1);
    // No pixel lies around it, so that it has no perimeter.
    assert_eq!(rows[0].values[..2], [5600.0, 0.0]);
    assert_eq!(rows[0].values[3..], [50_400.0, 0.0]);
}

/// A textured disc on a calm background.
fn disc(width: usize, height: usize) -> Vec<f32> {
    let pixel = |at: usize| {
        let (x, y) = ((at % width) as f32 - 60.0, (at / width) as f32 - 50.0);
        let noise = (at as u32).wrapping_mul(2_654_435_761) >> 16;
        let amplitude = if x.hypot(y) < 30.0 { 200.0 } else { 2.0 };
        500.0 + amplitude * (noise as f32 / 65_536.0)
    };
    (0..width * height).map(pixel).collect()
}

#[test]
fn numbers_that_are_none_are_background_and_are_reported() {
    let (width, height) = (130, 110);
    let whole = disc(width, height);
    let mut segmenter = Segmenter::new(width, height, &SegmentSettings::default()).unwrap();
    let mut segment = |pixels: Vec<f32>| {
        let mut mask = Mask::default();
        let figures =
            segmenter.segment(&Plane { width, height, pixels: Pixels::F32(pixels) }, &mut mask).unwrap();
        (figures, mask)
    };
    let (figures, first) = segment(whole.clone());
    assert_eq!(figures.non_finite, 0);
    assert!((2700..3300).contains(&figures.foreground), "{figures:?}");

    let mut broken = whole.clone();
    for (at, value) in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX].into_iter().enumerate() {
        broken[(20 + 20 * at) * width + 62] = value;
        broken[5 * width + 3 * at] = value;
    }
    let (figures, other) = segment(broken.clone());
    assert_eq!(figures.non_finite, 8);
    assert!(figures.min.is_finite() && figures.max.is_finite() && figures.threshold.is_finite());
    for (at, value) in broken.iter().enumerate() {
        let usable = value.abs() < 1e6;
        assert!(usable || other.pixels[at] == 0, "pixel {at} is {value} and foreground");
    }
    let differ = first.pixels.iter().zip(&other.pixels).filter(|(one, other)| one != other).count();
    assert!(differ < 60, "{differ} pixels differ because of 8 that are no numbers");

    let (figures, mask) = segment(vec![f32::NAN; width * height]);
    assert_eq!((figures.non_finite, figures.foreground), (width * height, 0));
    assert!(mask.pixels.iter().all(|pixel| *pixel == 0));
    // Nothing of it remains in the next frame.
    assert_eq!(segment(whole).1, first);
}

#[test]
fn sixteen_bits_and_floating_point_give_the_same_mask() {
    let (width, height) = (130, 110);
    let pixels: Vec<u16> = disc(width, height).iter().map(|value| *value as u16).collect();
    let floats = pixels.iter().map(|pixel| f32::from(*pixel)).collect();
    let (one, ..) = steps(&plane(width, height, pixels), &SegmentSettings::default());
    let (other, ..) =
        steps(&Plane { width, height, pixels: Pixels::F32(floats) }, &SegmentSettings::default());
    assert_eq!(one, other);
}

fn row(cell: u32, frame: usize, bbox: [f64; 4]) -> CellRow {
    CellRow { cell, frame, position: [0.0; 2], bbox, values: Vec::new() }
}

#[test]
fn short_traces_and_those_near_a_border_are_dropped_with_the_reason() {
    let settings = FilterSettings { min_frames: 2, border: 10 };
    let rows = [
        row(1, 0, [10.0, 10.0, 90.0, 50.0]),
        row(1, 1, [10.0, 10.0, 90.0, 50.0]),
        row(2, 4, [30.0, 30.0, 40.0, 40.0]),
        row(3, 0, [30.0, 30.0, 40.0, 40.0]),
        row(3, 1, [30.0, 30.0, 91.0, 40.0]),
        row(3, 2, [2.0, 30.0, 40.0, 40.0]),
        row(4, 0, [9.0, 30.0, 40.0, 40.0]),
        row(4, 3, [30.0, 30.0, 40.0, 40.0]),
        row(5, 0, [30.0, 0.0, 40.0, 59.0]),
        row(5, 1, [30.0, 30.0, 40.0, 59.0]),
        row(9, 1, [0.0, 0.0, 99.0, 59.0]),
    ];
    let dropped = filter(&rows, 100, 60, &settings);
    // A right end of 90 in 100 px is 10 px away as PyAMA counts.
    assert_eq!(
        dropped,
        [
            (2, DropReason::TooShort { frames: 1 }),
            (3, DropReason::Border { frame: 1, distance: 9 }),
            (4, DropReason::Border { frame: 0, distance: 9 }),
            (5, DropReason::Border { frame: 0, distance: 0 }),
            (9, DropReason::TooShort { frames: 1 }),
        ]
    );
    assert_eq!(filter(&[], 100, 60, &settings), []);
    assert_eq!(filter(&rows, 100, 60, &FilterSettings { min_frames: 0, border: 0 }), []);
}
