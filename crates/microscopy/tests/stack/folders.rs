//! Folders of files that are told apart by their names.

use std::path::Path;

use ocellus_microscopy::stack::{Stack, StackError, StackOptions, is_stack, is_video};

use super::support::{assumed, open, open_with, sum};
use super::tiny::{Page, Tiny, numbered};

/// A file of one picture whose pixels are all `value`.
fn picture(folder: &Path, name: &str, value: usize) {
    Tiny::of(vec![Page::grey(8, 6, value as u16)]).write(&folder.join(name));
}

fn value(stack: &Stack, position: usize, channel: usize, frame: usize) -> usize {
    sum(stack, position, channel, frame) as usize / 48
}

#[test]
fn a_pattern_gives_each_number_its_meaning() {
    let folder = tempfile::tempdir().unwrap();
    for (t, p, c) in (0..12).flat_map(|t| (1..3).flat_map(move |p| (0..2).map(move |c| (t, p, c)))) {
        picture(folder.path(), &format!("img_t{t}_p{p}_c{c}.tif"), 100 * t + 10 * p + c);
    }
    picture(folder.path(), "overview.tif", 9);
    let named = folder.path().join("img_t{t}_p{p}_c{c}.tif");
    let by_option = |options: &mut StackOptions| options.pattern = Some("img_t{t}_p{p}_c{c}.tif".to_owned());
    for stack in [open(&named).unwrap(), open_with(folder.path(), by_option).unwrap()] {
        assert_eq!(
            (stack.positions().len(), stack.channels()),
            (2, ["0".to_owned(), "1".to_owned()].as_slice())
        );
        assert_eq!(stack.positions()[1].name, "2");
        // By their values, not by their letters: 2 before 10.
        for frame in 0..12 {
            assert_eq!(value(&stack, 1, 1, frame), 100 * frame + 21);
        }
        assert!(stack.description().contains("overview.tif"), "{}", stack.description());
    }
    assert_eq!(
        open_with(folder.path(), by_option).unwrap().stem(),
        folder.path().file_name().unwrap().to_str().unwrap()
    );
}

#[test]
fn channels_and_positions_may_be_words_and_depth_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    for (c, name) in ["GFP", "phase contrast"].iter().enumerate() {
        for (t, z) in [(5, 0), (5, 1), (10, 0), (10, 1), (15, 0), (15, 1)] {
            picture(folder.path(), &format!("A_{name}_{t:03}_z{z}.tif"), 10 * t + 3 * z + c);
        }
    }
    let stack = open(&folder.path().join("{p}_{c}_{t}_z{z}.tif")).unwrap();
    assert_eq!(stack.channels(), ["GFP", "phase contrast"]);
    let position = &stack.positions()[0];
    assert_eq!((position.name.as_str(), position.frames, position.depth), ("A", 3, 2));
    assert_eq!(value(&stack, 0, 1, 2), 151);
    assert!(assumed(&stack)[0].contains("every 5th frame"), "{:?}", assumed(&stack));
}

#[test]
fn files_of_several_pages_are_put_together_along_the_other_axes() {
    let folder = tempfile::tempdir().unwrap();
    for p in 0..3 {
        numbered(6).write(&folder.path().join(format!("pos{p}.tif")));
    }
    let stack = open_with(&folder.path().join("pos{p}.tif"), |options| options.axes = Some("TC2".to_owned()))
        .unwrap();
    assert_eq!((stack.positions().len(), stack.positions()[2].frames, stack.channels().len()), (3, 3, 2));
    assert_eq!(value(&stack, 2, 1, 2), 5);
    // Time in the names and pages that would be time too.
    let error = open(&folder.path().join("pos{t}.tif")).unwrap_err();
    assert!(matches!(&error, StackError::Pattern { why, .. } if why.contains("6 frames")), "{error}");
    let stack =
        open_with(&folder.path().join("pos{t}.tif"), |options| options.axes = Some("Z".to_owned())).unwrap();
    assert_eq!((stack.positions()[0].frames, stack.positions()[0].depth), (3, 6));
}

#[test]
fn files_that_hold_stacks_are_positions_and_this_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["b10.tif", "b9.tif", "b1.tif"] {
        numbered(2).write(&folder.path().join(name));
    }
    let stack = open(folder.path()).unwrap();
    let names: Vec<_> = stack.positions().iter().map(|position| position.name.as_str()).collect();
    assert_eq!(names, ["b1", "b9", "b10"]);
    assert!(
        assumed(&stack).iter().any(|line| line.contains("3 files are positions")),
        "{:?}",
        assumed(&stack)
    );
    picture(folder.path(), "b11.tif", 1);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StackError::AmbiguousNames { why, .. } if why.contains("b11.tif")), "{error}");
}

#[test]
fn a_missing_frame_or_channel_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for t in [0, 1, 2, 4, 5] {
        picture(folder.path(), &format!("t{t}.tif"), t);
    }
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(&error, StackError::MissingPlanes { missing: 1, expected: 6, first, .. } if first == "frame 3"),
        "{error}"
    );

    let folder = tempfile::tempdir().unwrap();
    for (t, c) in [(0, "phase"), (0, "GFP"), (1, "phase"), (1, "GFP"), (2, "phase")] {
        picture(folder.path(), &format!("t{t}_{c}.tif"), t);
    }
    let error = open(&folder.path().join("t{t}_{c}.tif")).unwrap_err();
    assert!(
        matches!(&error, StackError::MissingPlanes { missing: 1, expected: 6, first, .. } if first.contains("frame 2, channel GFP")),
        "{error}"
    );
}

#[test]
fn two_files_with_the_same_place_are_both_named() {
    let folder = tempfile::tempdir().unwrap();
    picture(folder.path(), "t1.tif", 1);
    picture(folder.path(), "t01.tif", 2);
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StackError::SamePlace { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("t1.tif") && text.contains("t01.tif"), "{text}");
}

#[test]
fn names_that_can_be_read_in_several_ways_are_asked_for_with_a_suggestion() {
    let folder = tempfile::tempdir().unwrap();
    for (s, w, t) in (1..3).flat_map(|s| (0..2).flat_map(move |w| (0..2).map(move |t| (s, w, t)))) {
        picture(folder.path(), &format!("exp7_s{s}_w{w}_{t:04}.tif"), t);
    }
    let error = open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("exp7_s{p}_w{c}_{t}.tif"), "{error}");
    assert_eq!(open(&folder.path().join("exp7_s{p}_w{c}_{t}.tif")).unwrap().positions().len(), 2);
    picture(folder.path(), "labels_0001.tif", 1);
    let error = open(folder.path()).unwrap_err();
    assert!(
        matches!(&error, StackError::AmbiguousNames { why, .. } if why.contains("labels_0001.tif")),
        "{error}"
    );
}

#[test]
fn a_thousand_files_are_read_with_few_of_them_open() {
    let folder = tempfile::tempdir().unwrap();
    for t in 0..1000 {
        picture(folder.path(), &format!("t{t:04}.tif"), t);
    }
    let stack = open(folder.path()).unwrap();
    let mut reader = stack.reader().unwrap();
    let mut plane = ocellus_microscopy::Plane::empty();
    for frame in (0..1000).chain((0..1000).rev()) {
        let address = ocellus_microscopy::stack::PlaneAddress { position: 0, channel: 0, frame, z: 0 };
        reader.read(address, &mut plane).unwrap();
        assert_eq!(plane.pixels, ocellus_microscopy::Pixels::U16(vec![frame as u16; 48]));
    }
    let open_files = std::fs::read_dir("/proc/self/fd")
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
    let ours = open_files.filter(|target| target.starts_with(folder.path())).count();
    assert!((1..=64).contains(&ours), "{ours}");
}

#[test]
fn names_tell_stacks_and_videos() {
    for name in ["a.tif", "a.TIFF", "a.ome.tif", "a.btf", "b.tf8"] {
        assert!(is_stack(Path::new(name)), "{name}");
    }
    for name in ["a.png", "a.txt", "tif", "a.tif.bak", ".tif"] {
        assert!(!is_stack(Path::new(name)), "{name}");
    }
    assert!(is_video(Path::new("x.MP4")) && !is_video(Path::new("x.tif")));
}
