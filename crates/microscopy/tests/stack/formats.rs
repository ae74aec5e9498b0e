//! The shared flavours of one movie agree with what it is known to hold.

use ocellus_microscopy::stack::{Stack, StackOptions};
use serde_json::Value;

use super::support::{assumed, open, open_with, shared, sum};

fn truth() -> Value {
    let path = shared().join("fit_ref/formats/truth.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Holds positions `ours` of a stack of 4 frames and 2 channels against positions `theirs` of the truth.
fn agrees(stack: &Stack, positions: &[(usize, usize)]) {
    let truth = truth();
    for (ours, theirs) in positions {
        let position = &stack.positions()[*ours];
        assert_eq!((position.frames, position.depth, position.width, position.height), (4, 1, 64, 60));
        for frame in 0..4 {
            for channel in 0..2 {
                let expected = truth["positions"][theirs]["plane_sums"][frame][channel].as_f64().unwrap();
                assert_eq!(
                    sum(stack, *ours, channel, frame),
                    expected,
                    "position {ours}, frame {frame}, channel {channel}"
                );
            }
        }
    }
    assert_eq!(stack.positions().len(), positions.len());
}

/// Names, pixel size and times of the movie.
fn is_described(stack: &Stack, names: bool) {
    let position = &stack.positions()[0];
    let size = position.pixel_size_um.expect("a pixel size");
    assert!(size.iter().all(|side| (side - 0.65).abs() < 1e-9), "{size:?}");
    assert_eq!(position.times_ms.as_deref(), Some([0.0, 1_800e3, 3_600e3, 5_400e3].as_slice()));
    if names {
        assert_eq!(stack.channels(), ["phase", "fluo"]);
    }
}

#[test]
fn an_ome_tiff_with_two_positions_holds_both() {
    let stack = open(&shared().join("fit_ref/formats/two_positions.ome.tif")).unwrap();
    agrees(&stack, &[(0, 0), (1, 1)]);
    is_described(&stack, true);
    assert_eq!(
        stack.positions().iter().map(|position| position.name.as_str()).collect::<Vec<_>>(),
        ["Pos0", "Pos1"]
    );
    assert_eq!(stack.stem(), "two_positions");
    assert_eq!(assumed(&stack), Vec::<String>::new());
}

#[test]
fn files_of_scenes_are_positions_of_one_stack() {
    let pattern = shared().join("fit_ref/formats/movie_scene*.ome.tif");
    let stack = open(&pattern).unwrap();
    agrees(&stack, &[(0, 0), (1, 1)]);
    is_described(&stack, true);
    assert_eq!(stack.stem(), "movie");
    assert_eq!(stack.files().len(), 2);
    assert_eq!(assumed(&stack), Vec::<String>::new());
}

#[test]
fn a_single_scene_says_that_others_lie_beside_it() {
    let stack = open(&shared().join("fit_ref/formats/movie_scene1.ome.tif")).unwrap();
    agrees(&stack, &[(0, 1)]);
    assert!(stack.description().contains("1 other scenes of movie"), "{}", stack.description());
}

#[test]
fn a_big_tiff_is_read() {
    let stack = open(&shared().join("fit_ref/formats/pos0_bigtiff.ome.tif")).unwrap();
    agrees(&stack, &[(0, 0)]);
    is_described(&stack, true);
}

#[test]
fn an_image_j_hyperstack_is_read() {
    let stack = open(&shared().join("fit_ref/formats/pos0_imagej.tif")).unwrap();
    agrees(&stack, &[(0, 0)]);
    is_described(&stack, false);
    assert_eq!(stack.channels(), ["0", "1"]);
    assert_eq!(assumed(&stack), Vec::<String>::new());
}

#[test]
fn plain_pages_are_time_with_a_warning_and_what_the_axes_say_else() {
    let path = shared().join("fit_ref/formats/pos0_plain_pages_big_endian.tif");
    let guessed = open(&path).unwrap();
    assert_eq!((guessed.positions()[0].frames, guessed.channels().len()), (8, 1));
    assert!(assumed(&guessed)[0].contains("frames in time"), "{:?}", assumed(&guessed));

    let stack = open_with(&path, |options| {
        options.axes = Some("TC2".to_owned());
        options.frame_interval_ms = Some(1_800e3);
    });
    let stack = stack.unwrap();
    agrees(&stack, &[(0, 0)]);
    assert_eq!(stack.positions()[0].times_ms.as_deref(), Some([0.0, 1_800e3, 3_600e3, 5_400e3].as_slice()));
}

#[test]
fn tiles_of_floating_point_are_read() {
    let stack = open(&shared().join("fit_ref/formats/pos0_tiled_float32.tif")).unwrap();
    let truth = truth();
    assert_eq!(stack.positions()[0].frames, 4);
    for frame in 0..4 {
        assert_eq!(Some(sum(&stack, 0, 0, frame)), truth["positions"][0]["plane_sums"][frame][0].as_f64());
    }
}

#[test]
fn a_file_that_was_cut_in_half_is_refused_with_what_is_missing() {
    let error = open(&shared().join("fit_ref/formats/bad_cut_in_half.ome.tif")).unwrap_err().to_string();
    assert!(error.contains("4 of about 8 pages are complete, 1 more in part"), "{error}");
    assert!(error.contains("6910"), "{error}");
}

#[test]
fn a_folder_of_numbered_pictures_is_a_movie_and_says_so() {
    let stack = open(&shared().join("mitocheck_movie")).unwrap();
    assert_eq!((stack.positions().len(), stack.positions()[0].frames), (1, 30));
    assert_eq!(stack.stem(), "mitocheck_movie");
    assert!(assumed(&stack).iter().any(|line| line.contains("time")), "{:?}", assumed(&stack));
    let options = StackOptions { frame_interval_ms: Some(1000.0), ..StackOptions::default() };
    let timed = Stack::open(&[shared().join("mitocheck_movie/T*.tif")], &options).unwrap();
    assert_eq!(timed.positions()[0].times_ms.as_ref().unwrap()[29], 29_000.0);
    assert_eq!(sum(&timed, 0, 0, 29), sum(&stack, 0, 0, 29));
}

#[test]
fn every_shared_stack_opens_and_every_plane_is_read() {
    let folder = shared();
    let mut seen = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "tif") {
            continue;
        }
        let stack = open(&path).unwrap();
        for frame in 0..stack.positions()[0].frames {
            assert!(sum(&stack, 0, 0, frame).is_finite());
        }
        seen += 1;
    }
    assert_eq!(seen, 10);
}

#[test]
fn a_description_with_another_shape_than_the_page_is_not_believed() {
    let stack = open(&shared().join("yeast_phase.tif")).unwrap();
    let position = &stack.positions()[0];
    assert_eq!((position.width, position.height, position.frames), (1280, 1164, 1));
    assert!(assumed(&stack)[0].contains("2048 x 2044"), "{:?}", assumed(&stack));
}
