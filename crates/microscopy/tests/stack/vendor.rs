//! ND2 and CZI files, made here as small as the formats allow.

use std::path::Path;

use ocellus_microscopy::stack::{Stack, StackError};

use super::support::{assumed, open, values};

/// An entry of an ND2 file's metadata: kind, name, value.
fn entry(kind: u8, name: &str, value: &[u8]) -> Vec<u8> {
    let units = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    let head = [kind, name.len() as u8 + 1].into_iter().chain(units);
    head.chain(value.iter().copied()).collect()
}

fn number(name: &str, value: u32) -> Vec<u8> {
    entry(3, name, &value.to_le_bytes())
}

/// A level with entries in it; the places of the entries, which follow it, are not read.
fn level(name: &str, entries: &[Vec<u8>]) -> Vec<u8> {
    let inside = entries.concat();
    let mut value = (entries.len() as u32).to_le_bytes().to_vec();
    value.extend((inside.len() as u64).to_le_bytes());
    value.extend(inside);
    value.extend(vec![0; 8 * entries.len()]);
    entry(11, name, &value)
}

/// What differs between the ND2 files of these tests.
struct Nd2 {
    bits: u32,
    compression: u32,
    channels: u32,
    /// Kind and count of each loop, the outer first: 1 time, 2 positions, 4 depth.
    loops: Vec<(u32, u32)>,
    sequences: usize,
}

const WIDTH: u32 = 6;
const HEIGHT: u32 = 4;

/// The value of a pixel of a chunk.
fn value(sequence: usize, channel: usize, pixel: usize) -> u16 {
    (1000 * sequence + 100 * channel + pixel) as u16
}

impl Nd2 {
    fn movie() -> Nd2 {
        Nd2 { bits: 16, compression: 2, channels: 2, loops: vec![(1, 3), (2, 2)], sequences: 6 }
    }

    fn experiment(&self) -> Vec<u8> {
        let first = self.loops.first().map(|(kind, count)| {
            let mut entries = vec![number("eType", *kind), level("uLoopPars", &[number("uiCount", *count)])];
            let rest = self.loops[1..].iter().rev().fold(None, |inner: Option<Vec<u8>>, (kind, count)| {
                let mut entries =
                    vec![number("eType", *kind), level("uLoopPars", &[number("uiCount", *count)])];
                entries.extend(inner.map(|inner| level("ppNextLevelEx", &[inner])));
                Some(level("i0000000000", &entries))
            });
            entries.extend(rest.map(|inner| level("ppNextLevelEx", &[inner])));
            level("SLxExperiment", &entries)
        });
        first.unwrap_or_default()
    }

    fn bytes(&self) -> Vec<u8> {
        let attributes = level(
            "SLxImageAttributes",
            &[
                number("uiWidth", WIDTH),
                number("uiWidthBytes", WIDTH * self.channels * self.bits / 8),
                number("uiHeight", HEIGHT),
                number("uiComp", self.channels),
                number("uiChannelCount", self.channels),
                number("uiBpcInMemory", self.bits),
                number("uiBpcSignificant", self.bits),
                number("uiSequenceCount", self.sequences as u32),
                entry(2, "eCompression", &self.compression.to_le_bytes()),
            ],
        );
        let names = ["phase", "GFP"].map(|name| {
            let text: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            entry(8, "sDescription", &text)
        });
        let picture =
            [entry(6, "dCalibration", &0.65f64.to_le_bytes()), names[..self.channels as usize].concat()]
                .concat();
        let times: Vec<u8> =
            (0..self.sequences).flat_map(|sequence| (500.0 + 60e3 * sequence as f64).to_le_bytes()).collect();
        let mut chunks = vec![
            ("ImageAttributesLV!".to_owned(), attributes),
            ("ImageMetadataSeqLV|0!".to_owned(), picture),
            ("CustomData|AcqTimesCache!".to_owned(), times),
        ];
        if !self.loops.is_empty() {
            chunks.push(("ImageMetadataLV!".to_owned(), self.experiment()));
        }
        for sequence in 0..self.sequences {
            let mut data = vec![0; 8];
            for pixel in 0..(WIDTH * HEIGHT) as usize {
                for channel in 0..self.channels as usize {
                    data.extend(&value(sequence, channel, pixel).to_le_bytes()[..self.bits as usize / 8]);
                }
            }
            chunks.push((format!("ImageDataSeq|{sequence}!"), data));
        }
        let chunk = |name: &[u8], data: &[u8]| {
            let mut bytes = 0x0abe_cedau32.to_le_bytes().to_vec();
            bytes.extend((name.len() as u32).to_le_bytes());
            bytes.extend((data.len() as u64).to_le_bytes());
            [bytes.as_slice(), name, data].concat()
        };
        let mut version = b"Ver3.0".to_vec();
        version.resize(64, 0);
        let mut file = chunk(b"ND2 FILE SIGNATURE CHUNK NAME01!", &version);
        let mut map = Vec::new();
        for (name, data) in &chunks {
            map.extend(name.as_bytes());
            map.extend((file.len() as u64).to_le_bytes());
            map.extend((data.len() as u64).to_le_bytes());
            file.extend(chunk(name.as_bytes(), data));
        }
        let at = file.len() as u64;
        let end = [b"ND2 CHUNK MAP SIGNATURE 0000001!".as_slice(), &at.to_le_bytes()].concat();
        map.extend(&end);
        file.extend(chunk(b"ND2 FILEMAP SIGNATURE NAME 0001!", &map));
        file
    }
}

fn open_bytes(folder: &Path, name: &str, bytes: &[u8]) -> Result<Stack, StackError> {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    open(&path)
}

#[test]
fn an_nd2_movie_of_several_positions_has_its_planes_times_names_and_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let stack = open_bytes(folder.path(), "movie.nd2", &Nd2::movie().bytes()).unwrap();
    assert_eq!(stack.channels(), ["phase", "GFP"]);
    assert_eq!((stack.positions().len(), stack.stem()), (2, "movie"));
    let position = &stack.positions()[1];
    assert_eq!((position.frames, position.depth, position.width, position.height), (3, 1, 6, 4));
    assert_eq!(position.pixel_size_um, Some([0.65, 0.65]));
    assert_eq!(position.times_ms.as_deref(), Some([0.0, 120e3, 240e3].as_slice()));
    assert!(assumed(&stack)[0].contains("first position"), "{:?}", assumed(&stack));
    for (frame, position, channel) in
        (0..3).flat_map(|t| (0..2).flat_map(move |p| (0..2).map(move |c| (t, p, c))))
    {
        let expected: Vec<_> =
            (0..24).map(|pixel| f64::from(value(frame * 2 + position, channel, pixel))).collect();
        assert_eq!(values(&stack, position, channel, frame, 0), expected, "{frame} {position} {channel}");
    }
}

#[test]
fn an_nd2_picture_without_loops_is_one_frame_of_all_channels() {
    let folder = tempfile::tempdir().unwrap();
    let nd2 = Nd2 { loops: Vec::new(), sequences: 1, ..Nd2::movie() };
    let stack = open_bytes(folder.path(), "one.nd2", &nd2.bytes()).unwrap();
    assert_eq!((stack.positions()[0].frames, stack.channels().len()), (1, 2));
    let expected: Vec<_> = (0..24).map(|pixel| f64::from(value(0, 1, pixel))).collect();
    assert_eq!(values(&stack, 0, 1, 0, 0), expected);
}

#[test]
fn nd2_files_that_would_be_read_wrongly_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (Nd2 { bits: 8, ..Nd2::movie() }, "8 bit"),
        (Nd2 { compression: 0, ..Nd2::movie() }, "compressed"),
        (Nd2 { loops: Vec::new(), ..Nd2::movie() }, "loops"),
        (Nd2 { sequences: 5, ..Nd2::movie() }, "5 pictures"),
    ];
    for (nd2, word) in cases {
        let bytes = nd2.bytes();
        let error = open_bytes(folder.path(), "movie.nd2", &bytes).unwrap_err();
        assert!(matches!(&error, StackError::Source { .. }), "{error}");
        assert!(error.to_string().contains(word) && error.to_string().contains("movie.nd2"), "{error}");
    }
    // As floating point, which the crate would read as pairs of 16 bits.
    let bytes = replaced(Nd2::movie().bytes(), &number("uiBpcInMemory", 16), &number("uiBpcInMemory", 32));
    let error = open_bytes(folder.path(), "movie.nd2", &bytes).unwrap_err();
    assert!(error.to_string().contains("32 bit"), "{error}");
    let bytes = Nd2::movie().bytes();
    for length in (64..bytes.len()).step_by(97) {
        assert!(open_bytes(folder.path(), "movie.nd2", &bytes[..length]).is_err(), "cut at {length}");
    }
}

fn replaced(bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}

/// A piece of a picture of a CZI file: its place along each dimension, and its pixels.
struct Piece {
    dimensions: Vec<(&'static str, i32, i32)>,
    pixels: Vec<u8>,
}

fn segment(name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(16, 0);
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    [bytes.as_slice(), data].concat()
}

/// A CZI file of grey pieces of 16 bits.
fn czi(pieces: &[Piece]) -> Vec<u8> {
    let entry = |piece: &Piece, at: u64| {
        let mut bytes = b"DV".to_vec();
        bytes.extend(1i32.to_le_bytes());
        bytes.extend(at.to_le_bytes());
        bytes.resize(28, 0);
        bytes.extend((piece.dimensions.len() as i32).to_le_bytes());
        for (name, start, size) in &piece.dimensions {
            let mut dimension = name.as_bytes().to_vec();
            dimension.resize(4, 0);
            dimension.extend(start.to_le_bytes());
            dimension.extend(size.to_le_bytes());
            dimension.extend(0f32.to_le_bytes());
            dimension.extend(size.to_le_bytes());
            bytes.extend(dimension);
        }
        bytes
    };
    let mut file = vec![0; 544];
    let mut entries = Vec::new();
    for piece in pieces {
        let at = file.len() as u64;
        entries.extend(entry(piece, at));
        let mut data = vec![0; 8];
        data.extend((piece.pixels.len() as u64).to_le_bytes());
        data.extend(entry(piece, at));
        data.resize(256.max(data.len()), 0);
        data.extend(&piece.pixels);
        file.extend(segment("ZISRAWSUBBLOCK", &data));
    }
    let directory = file.len() as u64;
    let mut data = (pieces.len() as i32).to_le_bytes().to_vec();
    data.resize(128, 0);
    data.extend(entries);
    file.extend(segment("ZISRAWDIRECTORY", &data));
    let metadata = file.len() as u64;
    let xml = r#"<ImageDocument><Metadata><Information><Image><Dimensions><Channels><Channel Name="EGFP"/><Channel Name="phase"/></Channels></Dimensions></Image></Information><Scaling><Items><Distance Id="X"><Value>6.5e-7</Value></Distance><Distance Id="Y"><Value>6.5e-7</Value></Distance></Items></Scaling></Metadata></ImageDocument>"#;
    let mut data = (xml.len() as u32).to_le_bytes().to_vec();
    data.resize(256, 0);
    data.extend(xml.as_bytes());
    file.extend(segment("ZISRAWMETADATA", &data));
    let attachments = file.len() as u64;
    let mut stamps = [8 + 3 * 8u32, 3].into_iter().flat_map(u32::to_le_bytes).collect::<Vec<_>>();
    stamps.extend([10.0f64, 70.5, 131.0].into_iter().flat_map(f64::to_le_bytes));
    let mut data = 1i32.to_le_bytes().to_vec();
    data.resize(256, 0);
    let mut attachment = b"A1".to_vec();
    attachment.resize(12, 0);
    attachment.extend((attachments + 32 + 256 + 128).to_le_bytes());
    attachment.resize(40, 0);
    attachment.extend(b"CZTIMS\0\0TimeStamps");
    attachment.resize(128, 0);
    data.extend(attachment);
    file.extend(segment("ZISRAWATTDIR", &data));
    let mut data = (stamps.len() as u64).to_le_bytes().to_vec();
    data.resize(256, 0);
    data.extend(stamps);
    file.extend(segment("ZISRAWATTACH", &data));
    let mut head = vec![1, 0, 0, 0];
    head.resize(52, 0);
    head.extend(directory.to_le_bytes());
    head.extend(metadata.to_le_bytes());
    head.extend([0; 4]);
    head.extend(attachments.to_le_bytes());
    head.resize(512, 0);
    file[..544].copy_from_slice(&segment("ZISRAWFILE", &head));
    file
}

/// Two scenes of different sizes, three frames, two channels.
fn scenes() -> Vec<Piece> {
    let places = (0..2).flat_map(|s| (0..3).flat_map(move |t| (0..2).map(move |c| (s, t, c))));
    let piece = |(s, t, c): (i32, i32, i32)| {
        let (width, height) = (5 + s, 4);
        let pixels = (0..width * height)
            .flat_map(|pixel| ((1000 * s + 100 * t + 50 * c + pixel) as u16).to_le_bytes());
        let dimensions = vec![("X", 100 * s, width), ("Y", 7, height), ("S", s, 1), ("T", t, 1), ("C", c, 1)];
        Piece { dimensions, pixels: pixels.collect() }
    };
    places.map(piece).collect()
}

#[test]
fn czi_scenes_are_positions_with_their_own_sizes_and_times() {
    let folder = tempfile::tempdir().unwrap();
    let stack = open_bytes(folder.path(), "plate.czi", &czi(&scenes())).unwrap();
    assert_eq!(stack.channels(), ["EGFP", "phase"]);
    assert_eq!(stack.positions().iter().map(|position| position.width).collect::<Vec<_>>(), [5, 6]);
    for (number, position) in stack.positions().iter().enumerate() {
        assert_eq!((position.frames, position.height), (3, 4));
        let [x, y] = position.pixel_size_um.unwrap();
        assert!((x - 0.65).abs() < 1e-9 && (y - 0.65).abs() < 1e-9);
        assert_eq!(position.times_ms.as_deref(), Some([0.0, 60_500.0, 121_000.0].as_slice()));
        for (frame, channel) in (0..3).flat_map(|t| (0..2).map(move |c| (t, c))) {
            let first = 1000 * number + 100 * frame + 50 * channel;
            let expected: Vec<_> = (first..first + position.width * 4).map(|value| value as f64).collect();
            assert_eq!(values(&stack, number, channel, frame, 0), expected);
        }
    }
}

#[test]
fn czi_files_that_would_be_read_wrongly_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |change: fn(&mut Vec<Piece>)| {
        let mut pieces = scenes();
        change(&mut pieces);
        let error = open_bytes(folder.path(), "plate.czi", &czi(&pieces)).unwrap_err();
        assert!(matches!(&error, StackError::Source { .. }), "{error}");
        error.to_string()
    };
    assert!(refusal(|pieces| drop(pieces.pop())).contains("11 of 12 planes"));
    let phases = |pieces: &mut Vec<Piece>| {
        for (number, piece) in pieces.iter_mut().enumerate() {
            piece.dimensions.push(("H", number as i32 % 2, 1));
        }
    };
    assert!(refusal(phases).contains("dimension H"));
    assert!(refusal(|pieces| pieces[0].dimensions[0].2 = 2_000_000_000).contains("2000000000 x 4"));
    assert!(refusal(Vec::clear).contains("no picture"));
    let bytes = czi(&scenes());
    let needed = bytes.len() - 32 - 256 - 32 - 32 - 256 - 128;
    for length in (64..needed).step_by(97) {
        assert!(open_bytes(folder.path(), "plate.czi", &bytes[..length]).is_err(), "cut at {length}");
    }
}
