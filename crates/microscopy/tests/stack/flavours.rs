//! Every flavour of `tests/stack/data/make_flavours.py`: each pixel is a formula, so that each pixel is compared.

use std::path::PathBuf;

use ocellus_microscopy::stack::{Stack, StackError, StackOptions};

use super::support::{assumed, open, open_with, values};

pub fn flavour(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/stack/data").join(name)
}

/// The value of a pixel before it is changed for its kind.
fn value(frame: usize, channel: usize, z: usize, y: usize, x: usize) -> f64 {
    (211 * frame + 101 * channel + 53 * z + 7 * y + 3 * x) as f64
}

fn as_kind(value: f64, kind: &str) -> f64 {
    match kind {
        "uint8" => value % 251.0,
        "int8" => value % 251.0 - 125.0,
        "uint16" => value * 50.0,
        "int16" => value - 400.0,
        "uint32" => f64::from((value * 70_000.0) as f32),
        "int32" => f64::from((value * 70_000.0 - 10_000_000.0) as f32),
        "float16" => value / 8.0,
        "float32" | "float64" => value / 8.0 - 50.0,
        other => panic!("{other}"),
    }
}

/// Holds each pixel of a position against the formula.
fn is_formula(stack: &Stack, kind: &str, [frames, channels, depth]: [usize; 3]) {
    let position = &stack.positions()[0];
    assert_eq!((position.frames, stack.channels().len(), position.depth), (frames, channels, depth));
    assert_eq!((position.width, position.height), (24, 20));
    for frame in 0..frames {
        for channel in 0..channels {
            for z in 0..depth {
                let pixels = (0..20 * 24).map(|at| as_kind(value(frame, channel, z, at / 24, at % 24), kind));
                let expected: Vec<_> = pixels.collect();
                assert_eq!(
                    values(stack, 0, channel, frame, z),
                    expected,
                    "frame {frame}, channel {channel}, z {z}"
                );
            }
        }
    }
}

/// Plain pages of one kind.
fn pages(names: &[&str]) {
    for name in names {
        let stack = open(&flavour(&format!("{name}.tif"))).unwrap_or_else(|error| panic!("{name}: {error}"));
        let kind = name.split('_').find(|part| part.contains("int") || part.contains("float")).unwrap();
        is_formula(&stack, kind, [3, 1, 1]);
        assert_eq!(assumed(&stack).len(), 1, "{name}: {:?}", assumed(&stack));
    }
}

#[test]
fn every_kind_of_pixel_is_read() {
    pages(&["plain_uint8", "plain_int8", "plain_uint16", "plain_int16", "plain_uint32", "plain_int32"]);
    pages(&["plain_float16", "plain_float32", "plain_float64"]);
}

#[test]
fn lzw_is_read_with_and_without_a_predictor_in_both_byte_orders() {
    pages(&["lzw_uint16", "lzw_predictor_uint8", "lzw_predictor_uint16", "lzw_predictor_uint16_big_endian"]);
    pages(&["lzw_predictor_uint32", "lzw_predictor_int16_big_tiff"]);
}

#[test]
fn deflate_and_packbits_are_read() {
    pages(&[
        "deflate_uint16_old_number",
        "deflate_predictor_float32",
        "deflate_predictor_float32_big_endian",
    ]);
    pages(&["deflate_predictor_float64", "deflate_predictor_float16", "packbits_uint8", "packbits_uint16"]);
}

#[test]
fn strips_and_tiles_are_read() {
    pages(&["strips_uint16", "strips_lzw_uint16", "strips_big_endian_uint16", "tiles_uint16"]);
    pages(&["tiles_lzw_predictor_uint16", "tiles_predictor_float32", "tiles_big_tiff_big_endian_uint8"]);
}

#[test]
fn measured_values_are_not_inverted() {
    pages(&["white_is_zero_uint8"]);
}

#[test]
fn a_compression_without_a_decoder_is_refused_by_its_name() {
    let error = open(&flavour("zstd_uint16.tif")).unwrap_err();
    assert!(matches!(error, StackError::UnsupportedPixels { page: 1, .. }), "{error}");
    assert!(error.to_string().contains("Zstandard"), "{error}");
}

#[test]
fn colours_are_channels() {
    for name in ["colours_side_by_side.tif", "colours_in_planes.tif"] {
        let stack = open(&flavour(name)).unwrap();
        is_formula(&stack, "uint8", [3, 3, 1]);
        assert!(assumed(&stack).iter().any(|line| line.contains("3 values")), "{:?}", assumed(&stack));
    }
}

#[test]
fn image_j_stacks_are_read_also_where_only_the_first_page_has_a_directory() {
    let stack = open(&flavour("imagej_tzc.tif")).unwrap();
    is_formula(&stack, "uint16", [3, 2, 2]);
    let position = &stack.positions()[0];
    assert_eq!(position.times_ms.as_deref(), Some([0.0, 2_500.0, 5_000.0].as_slice()));
    let [x, y] = position.pixel_size_um.unwrap();
    assert!((x - 0.325).abs() < 1e-6 && (y - 0.5).abs() < 1e-6, "{x} {y}");
    let stack = open(&flavour("imagej_one_directory.tif")).unwrap();
    is_formula(&stack, "uint16", [3, 2, 2]);
    assert_eq!(stack.positions()[0].times_ms.as_deref(), Some([0.0, 150e3, 300e3].as_slice()));
    assert_eq!(assumed(&stack), Vec::<String>::new());
}

#[test]
fn a_shape_with_letters_is_believed_and_one_without_is_asked_for() {
    is_formula(&open(&flavour("shaped_zct.tif")).unwrap(), "uint16", [3, 2, 2]);
    let path = flavour("shaped_unknown.tif");
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StackError::Axes { axes, .. } if axes == "Q3Q2"), "{error}");
    for axes in ["T3C2", "T3C", "TC2", "tc2yx"] {
        let stack = open_with(&path, |options| options.axes = Some(axes.to_owned())).unwrap();
        is_formula(&stack, "uint16", [3, 2, 1]);
        assert!(assumed(&stack)[0].contains(axes), "{:?}", assumed(&stack));
    }
}

#[test]
fn ome_tiff_is_read_in_every_order_of_dimensions() {
    for name in ["ome_tcz", "ome_czt", "ome_ztc"] {
        let stack = open(&flavour(&format!("{name}.ome.tif"))).unwrap();
        is_formula(&stack, "uint16", [3, 2, 2]);
        let position = &stack.positions()[0];
        assert_eq!(stack.channels(), ["phase", "GFP \u{3b1} & <b>"]);
        let [x, y] = position.pixel_size_um.unwrap();
        assert!((x - 0.325).abs() < 1e-12 && (y - 0.5).abs() < 1e-12, "{x} {y}");
        assert_eq!(position.times_ms.as_deref(), Some([0.0, 120e3, 240e3].as_slice()));
        assert_eq!(assumed(&stack), Vec::<String>::new());
    }
}

#[test]
fn files_of_one_set_are_one_stack_whichever_is_opened() {
    for name in ["set_c0.ome.tif", "set_c1.ome.tif", "set_c*.ome.tif"] {
        let stack = open(&flavour(name)).unwrap();
        is_formula(&stack, "uint16", [3, 2, 1]);
        assert_eq!(stack.files().len(), 2);
        assert_eq!(stack.channels(), ["0", "GFP"]);
        assert_eq!(stack.positions()[0].times_ms.as_deref(), Some([0.0, 90e3, 180e3].as_slice()));
        assert_eq!(assumed(&stack), Vec::<String>::new());
    }
    for name in ["binary_c0.ome.tif", "binary_c1.ome.tif"] {
        is_formula(&open(&flavour(name)).unwrap(), "uint16", [3, 2, 1]);
    }
}

#[test]
fn a_set_that_lacks_a_file_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set_c0.ome.tif");
    std::fs::copy(flavour("set_c0.ome.tif"), &path).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StackError::MissingFile { file, .. } if file == "set_c1.ome.tif"), "{error}");
    std::fs::create_dir(folder.path().join("set_c1.ome.tif")).unwrap();
    let error = open(&path).unwrap_err();
    assert!(matches!(&error, StackError::FolderAsFile { .. }), "{error}");
    assert!(error.to_string().contains("set_c0.ome.tif"), "{error}");
}

#[test]
fn a_recording_that_was_stopped_has_the_frames_that_are_there_and_says_so() {
    let stack = open(&flavour("stopped.ome.tif")).unwrap();
    is_formula(&stack, "uint16", [3, 2, 2]);
    assert!(assumed(&stack)[0].contains("promises 9 frames, 3 are there"), "{:?}", assumed(&stack));
}

#[test]
fn time_stamps_that_go_back_are_refused_unless_the_interval_is_given() {
    let path = flavour("times_go_back.ome.tif");
    let error = open(&path).unwrap_err();
    assert!(
        matches!(&error, StackError::TimesGoBack { frame: 2, this_ms: 30e3, before_ms: 60e3, .. }),
        "{error}"
    );
    let stack = open_with(&path, |options| options.frame_interval_ms = Some(60e3)).unwrap();
    assert_eq!(stack.positions()[0].times_ms.as_deref(), Some([0.0, 60e3, 120e3].as_slice()));
    assert!(assumed(&stack)[0].contains("go back"), "{:?}", assumed(&stack));
}

#[test]
fn smaller_copies_of_pages_are_left_out() {
    is_formula(&open(&flavour("pyramid.ome.tif")).unwrap(), "uint16", [3, 1, 1]);
}

#[test]
fn reading_twice_and_in_any_order_gives_the_same() {
    let stack = Stack::open(&[flavour("set_c0.ome.tif")], &StackOptions::default()).unwrap();
    let forwards: Vec<_> = (0..3).flat_map(|frame| (0..2).map(move |channel| (frame, channel))).collect();
    let read = |(frame, channel): &(usize, usize)| values(&stack, 0, *channel, *frame, 0);
    let first: Vec<_> = forwards.iter().map(read).collect();
    let mut again: Vec<_> = forwards.iter().rev().map(read).collect();
    again.reverse();
    assert_eq!(first, again);
}
