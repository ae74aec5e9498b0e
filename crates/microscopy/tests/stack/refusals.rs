//! Files that are wrong: each has its own error, which names the file and what to do.

use std::path::{Path, PathBuf};

use ocellus_microscopy::Plane;
use ocellus_microscopy::stack::{PlaneAddress, Stack, StackError, StackOptions};

use super::flavours::flavour;
use super::support::{open, open_with};
use super::tiny::{LONG, Page, SHORT, Tiny, numbered};

/// Opens a file with these bytes.
fn open_bytes(bytes: &[u8]) -> Result<Stack, StackError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.tif");
    std::fs::write(&path, bytes).unwrap();
    open(&path)
}

fn refusal(page: Page) -> StackError {
    let error = open_bytes(&Tiny::of(vec![page]).bytes()).unwrap_err();
    assert!(error.to_string().contains("stack.tif"), "{error}");
    error
}

#[test]
fn what_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = open(&folder.path().join("none.tif")).unwrap_err();
    assert!(matches!(error, StackError::NotFound { .. }), "{error}");
    let error = open(&folder.path().join("none*.tif")).unwrap_err();
    assert!(matches!(error, StackError::NoImages { .. }), "{error}");
    let error = open(&folder.path().join("none/*.tif")).unwrap_err();
    assert!(matches!(error, StackError::NotFound { .. }), "{error}");
    assert!(
        matches!(open(folder.path()).unwrap_err(), StackError::NoImages { looked, .. } if looked.contains("empty"))
    );
    std::fs::write(folder.path().join("notes.txt"), "x").unwrap();
    assert!(
        matches!(open(folder.path()).unwrap_err(), StackError::NoImages { looked, .. } if looked.contains("notes.txt"))
    );
    assert!(matches!(Stack::open(&[], &StackOptions::default()).unwrap_err(), StackError::NoImages { .. }));
}

#[test]
fn an_empty_file_a_folder_and_an_unreadable_file_are_three_errors() {
    assert!(matches!(open_bytes(b"").unwrap_err(), StackError::EmptyFile { .. }));
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("a.tif")).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StackError::FolderAsFile { .. }), "{error}");
    let path = folder.path().join("loop.tif");
    std::os::unix::fs::symlink(&path, &path).unwrap();
    let error = Stack::open(&[folder.path().join("l*.tif")], &StackOptions::default()).unwrap_err();
    assert!(matches!(&error, StackError::Unreadable { .. }), "{error}");
    let error = open(Path::new("/dev/null")).unwrap_err();
    assert!(matches!(&error, StackError::NotAnImage { .. }), "{error}");
}

#[test]
fn other_formats_are_called_by_their_names() {
    let cases: [(&[u8], &str); 6] = [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "video"),
        (b"PK\x03\x04", "ZIP"),
    ];
    for (bytes, name) in cases {
        let error = open_bytes(bytes).unwrap_err();
        assert!(matches!(&error, StackError::Unsupported { format, .. } if *format == name), "{error}");
    }
    #[cfg(not(feature = "nd2-czi"))]
    for (bytes, name) in [(b"\xda\xce\xbe\x0a".as_slice(), "ND2"), (b"ZISRAWFILE\0".as_slice(), "CZI")] {
        let error = open_bytes(bytes).unwrap_err();
        assert!(
            error.to_string().contains("built without it") && error.to_string().contains(name),
            "{error}"
        );
    }
    let error = open_bytes(b"just text").unwrap_err();
    assert!(matches!(&error, StackError::NotAnImage { .. }), "{error}");
    assert!(error.to_string().contains("6a 75 73 74"), "{error}");
}

#[test]
fn a_file_that_ends_early_is_refused_wherever_it_ends() {
    let names = [
        "imagej_tzc.tif",
        "imagej_one_directory.tif",
        "ome_tcz.ome.tif",
        "tiles_uint16.tif",
        "strips_lzw_uint16.tif",
    ];
    for name in names {
        let bytes = std::fs::read(flavour(name)).unwrap();
        assert!(open_bytes(&bytes).is_ok(), "{name}");
        // Behind these pixels lie only directories that nothing leads to.
        let needed = if name == "imagej_one_directory.tif" { 416 + 12 * 960 } else { bytes.len() };
        for length in (0..needed).step_by(61) {
            match open_bytes(&bytes[..length]) {
                Err(StackError::EmptyFile { .. }) => assert_eq!(length, 0),
                Err(StackError::NotAnImage { .. }) => assert!(length < 16, "{name} {length}"),
                Err(StackError::Truncated { whole, .. }) => assert!(whole <= 12, "{name} {length}"),
                other => panic!("{name} cut at {length}: {other:?}"),
            }
        }
    }
}

#[test]
fn what_is_missing_of_a_cut_file_is_counted() {
    let described = |text: &str| {
        let mut tiny = numbered(8);
        tiny.pages[0] = tiny.pages[0].clone().described(text);
        tiny.bytes()
    };
    // The directories come last: without them nothing is known but what the description promises.
    let bytes = described("ImageJ=1.54\nimages=8\nframes=8\n");
    let error = open_bytes(&bytes[..bytes.len() - 300]).unwrap_err().to_string();
    assert!(error.contains("of 8 pages"), "{error}");
    // ImageJ's planes behind the first page.
    let bytes = std::fs::read(flavour("imagej_one_directory.tif")).unwrap();
    let error = open_bytes(&bytes[..416 + 4 * 960 + 500]).unwrap_err();
    assert!(
        matches!(&error, StackError::Truncated { whole: 4, expected: Some(pages), .. } if pages == "12"),
        "{error}"
    );
}

#[test]
fn pages_that_lead_in_circles_are_refused() {
    for (last, back) in [(0, 0), (3, 0), (3, 2)] {
        let mut tiny = numbered(4);
        tiny.pages[last].next = Some(back);
        let error = open_bytes(&tiny.bytes()).unwrap_err();
        assert!(matches!(&error, StackError::PageLoop { page, .. } if *page == last + 1), "{error}");
    }
}

#[test]
fn directories_that_share_their_lists_are_not_read_for_hours() {
    // 4,000 pages with one list of 131,072 strips: 8 GB to be read of a file of a megabyte.
    let mut tiny = numbered(4000);
    let list = (0..1u64 << 17).map(|_| 8).collect::<Vec<_>>();
    tiny.pages[0].set(273, LONG, &list);
    let mut bytes = tiny.bytes();
    let at = bytes.windows(8).position(|entry| entry == [0x11, 1, 4, 0, 0, 0, 2, 0]).unwrap();
    let entry = bytes[at..at + 12].to_vec();
    let mut from = at + 12;
    while let Some(next) = bytes[from..].windows(8).position(|entry| entry == [0x11, 1, 4, 0, 1, 0, 0, 0]) {
        bytes[from + next..from + next + 12].copy_from_slice(&entry);
        from += next + 12;
    }
    let error = open_bytes(&bytes).unwrap_err();
    assert!(matches!(&error, StackError::Damaged { .. }), "{error}");
}

#[test]
fn sizes_that_the_data_cannot_hold_are_refused_before_memory_is_taken() {
    let mut page = Page::grey(8, 6, 1);
    page.set(256, LONG, &[8000]);
    assert!(matches!(refusal(page.clone()), StackError::FalseSize { claimed: 96_000, held: 96, .. }));
    page.set(256, LONG, &[4_000_000_000]).set(257, LONG, &[4_000_000_000]);
    assert!(matches!(refusal(page.clone()), StackError::TooLarge { .. }));
    // Compressed, 96 bytes hold at most 99,072.
    page.set(256, LONG, &[10_000]).set(257, LONG, &[6]).set(278, LONG, &[6]).set(259, SHORT, &[8]);
    assert!(matches!(refusal(page), StackError::FalseSize { claimed: 120_000, .. }));
    let mut page = Page::grey(8, 6, 1);
    page.set(322, LONG, &[1 << 30]).set(323, LONG, &[1 << 30]).set(324, LONG, &[8]).set(325, LONG, &[96]);
    assert!(matches!(refusal(page), StackError::TooLarge { .. }));
}

#[test]
fn headers_that_contradict_themselves_are_refused() {
    let change = |change: fn(&mut Page)| {
        let mut page = Page::grey(8, 6, 1);
        change(&mut page);
        refusal(page)
    };
    let damaged: [fn(&mut Page); 7] = [
        |page| _ = page.set(256, LONG, &[0]),
        |page| _ = page.remove(257),
        |page| _ = page.set(278, LONG, &[0]),
        |page| _ = page.set(278, LONG, &[2]),
        |page| _ = page.set(277, SHORT, &[0]),
        |page| _ = page.set(259, SHORT, &[8]).remove(279),
        |page| _ = page.set(259, SHORT, &[8]).remove(262),
    ];
    for (number, damage) in damaged.into_iter().enumerate() {
        let error = change(damage);
        assert!(
            matches!(&error, StackError::Damaged { place, .. } if place == "page 1"),
            "{number}: {error}"
        );
    }
    type Change = fn(&mut Page);
    let unsupported: [(Change, &str); 5] = [
        (|page| _ = page.set(258, SHORT, &[12]), "12 bit"),
        (|page| _ = page.set(258, SHORT, &[64]), "64 bit"),
        (|page| _ = page.set(339, SHORT, &[6]), "complex"),
        (|page| _ = page.set(266, SHORT, &[2]), "reverse"),
        (|page| _ = page.set(259, SHORT, &[7]), "JPEG"),
    ];
    for (change_page, word) in unsupported {
        let error = change(change_page);
        assert!(
            matches!(&error, StackError::UnsupportedPixels { what, .. } if what.contains(word)),
            "{error}"
        );
    }
    let none = Tiny::of(Vec::new());
    assert!(matches!(open_bytes(&none.bytes()).unwrap_err(), StackError::Damaged { .. }));
}

#[test]
fn pictures_of_different_sizes_or_kinds_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = |number: usize| folder.path().join(format!("img_{number}.tif"));
    for number in 0..3 {
        Tiny::of(vec![Page::grey(8, 6, 1)]).write(&path(number));
    }
    Tiny::of(vec![Page::grey(9, 6, 1)]).write(&path(2));
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(&error, StackError::Mixed { path: at, .. } if *at == path(2)), "{error}");
    let mut page = Page::grey(8, 6, 1);
    page.set(339, SHORT, &[2]);
    Tiny::of(vec![page]).write(&path(2));
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("img_2.tif") && error.contains("with sign"), "{error}");
    // Within one file.
    let error = open_bytes(&Tiny::of(vec![Page::grey(8, 6, 1), Page::grey(8, 7, 1)]).bytes()).unwrap_err();
    assert!(matches!(&error, StackError::Mixed { page: 2, .. }), "{error}");
}

fn ome(text: &str) -> Result<Stack, StackError> {
    let mut tiny = numbered(4);
    tiny.pages[0] = tiny.pages[0].clone().described(text);
    open_bytes(&tiny.bytes())
}

fn pixels(attributes: &str, inside: &str) -> String {
    format!(
        r#"<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image Name="a"><Pixels DimensionOrder="XYZCT" SizeX="8" SizeY="6" {attributes}>{inside}</Pixels></Image></OME>"#
    )
}

#[test]
fn metadata_that_cannot_be_true_is_refused_and_the_axes_help() {
    let sizes = r#"SizeZ="1" SizeC="1" SizeT="4""#;
    assert!(ome(&pixels(sizes, r#"<TiffData/>"#)).is_ok());
    let faults = [
        "<OME><Image>".to_owned(),
        "<OME><Image></Pixels></OME>".to_owned(),
        "<OME></OME>".to_owned(),
        pixels(r#"SizeZ="1" SizeC="1""#, "<TiffData/>"),
        pixels(r#"SizeZ="1" SizeC="1" SizeT="many""#, "<TiffData/>"),
        pixels(r#"SizeZ="4294967295" SizeC="4294967295" SizeT="4294967295""#, "<TiffData/>"),
        pixels(sizes, "<TiffData/>").replace("XYZCT", "XYZZT"),
        pixels(sizes, "<TiffData/>").replace(r#"SizeX="8""#, r#"SizeX="9""#),
        pixels(sizes, r#"<TiffData FirstT="7"/>"#),
        pixels(sizes, r#"<TiffData IFD="0" PlaneCount="4"/><TiffData IFD="1" PlaneCount="4"/>"#),
    ];
    for text in faults {
        let error = ome(&text).unwrap_err();
        assert!(matches!(&error, StackError::Metadata { .. }), "{text}: {error}");
        assert!(error.to_string().contains("axes"), "{error}");
        let mut tiny = numbered(4);
        tiny.pages[0] = tiny.pages[0].clone().described(&text);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("stack.tif");
        tiny.write(&path);
        let stack = open_with(&path, |options| options.axes = Some("T".to_owned())).unwrap();
        assert_eq!(stack.positions()[0].frames, 4);
    }
}

#[test]
fn planes_that_the_metadata_promises_and_the_file_lacks_are_counted() {
    // A billion frames by the metadata: no memory is taken for them.
    let stack = ome(&pixels(r#"SizeZ="1" SizeC="2" SizeT="1000000000""#, "<TiffData/>")).unwrap();
    assert_eq!(stack.positions()[0].frames, 2);
    // Channel 1 has no page at all.
    let error = ome(&pixels(
        r#"SizeZ="1" SizeC="2" SizeT="4""#,
        r#"<TiffData IFD="0"/><TiffData IFD="1" FirstT="1"/>"#,
    ))
    .unwrap_err();
    assert!(
        matches!(&error, StackError::MissingPlanes { missing: 6, expected: 8, first, .. } if first.contains("frame 0, channel 1")),
        "{error}"
    );
}

#[test]
fn options_that_make_no_sense_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stack.tif");
    numbered(12).write(&path);
    for axes in [
        "",
        "TT",
        "Q",
        "T0",
        "T5C2",
        "TC",
        "T24",
        "P2T99999999999999999999",
        "T4294967296C4294967296Z4294967296",
    ] {
        let error = open_with(&path, |options| options.axes = Some(axes.to_owned())).unwrap_err();
        assert!(matches!(&error, StackError::Axes { .. }), "{axes}: {error}");
    }
    for pattern in ["", "a", "{t", "{x}", "{t}{t}", "{t}{c}", "{t}_{t}", "a/{t}.tif", "other{t}.tif"] {
        let error =
            open_with(folder.path(), |options| options.pattern = Some(pattern.to_owned())).unwrap_err();
        assert!(
            matches!(&error, StackError::Pattern { .. } | StackError::NoImages { .. }),
            "{pattern}: {error}"
        );
    }
    for interval in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = open_with(&path, |options| options.frame_interval_ms = Some(interval)).unwrap_err();
        assert!(matches!(&error, StackError::Interval { .. }), "{interval}: {error}");
    }
}

#[test]
fn a_plane_that_is_not_there_is_refused_with_what_is_there() {
    let stack = open(&flavour("ome_tcz.ome.tif")).unwrap();
    let mut reader = stack.reader().unwrap();
    let mut plane = Plane::empty();
    for (position, channel, frame, z) in
        [(1, 0, 0, 0), (0, 2, 0, 0), (0, 0, 3, 0), (0, 0, 0, 2), (0, usize::MAX, usize::MAX, usize::MAX)]
    {
        let error = reader.read(PlaneAddress { position, channel, frame, z }, &mut plane).unwrap_err();
        assert!(matches!(&error, StackError::NoSuchPlane { .. }), "{error}");
        assert!(error.to_string().contains("0 phase, 1 GFP"), "{error}");
    }
}

#[test]
fn a_file_that_changes_or_vanishes_after_it_was_opened_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("stack.tif");
    numbered(3).write(&path);
    let stack = open(&path).unwrap();
    numbered(4).write(&path);
    let error = stack.reader().unwrap_err();
    assert!(matches!(&error, StackError::Changed { .. }), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(stack.reader().unwrap_err(), StackError::NotFound { .. }));
}
