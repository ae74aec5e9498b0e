//! A video as an image stack, through the real binary: the same pixels, times and tables as from a TIFF.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSrc;
use ocellus::timelapse::stack::{
    PixelKind, PlaneAddress, PlanePixels, Stack, StackOptions, StackWriter, WriteSettings,
};
use ocellus::timelapse::{Pixels, Plane};

use super::support::{batch, names, results, same_tree, shared};

/// A file, by the launch line that makes it. Nothing is left running.
fn make(line: &str) -> gst::Pipeline {
    gst::init().unwrap();
    let pipeline = gst::parse::launch(line).unwrap().downcast::<gst::Pipeline>().unwrap();
    pipeline.set_state(gst::State::Playing).unwrap();
    pipeline
}

fn end(pipeline: &gst::Pipeline) {
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().unwrap().timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    assert!(end.as_ref().is_some_and(|end| end.type_() == gst::MessageType::Eos), "{end:?}");
    pipeline.set_state(gst::State::Null).unwrap();
}

/// Writes frames, each with its time in milliseconds, through the elements of `line`.
fn write(
    path: &Path,
    format: &str,
    (width, height): (usize, usize),
    line: &str,
    frames: impl Iterator<Item = (u64, Vec<u8>)>,
) {
    let caps = format!("video/x-raw,format={format},width={width},height={height},framerate=1/1");
    let pipeline = make(&format!(
        "appsrc name=source format=time caps={caps} ! {line} ! filesink location={}",
        path.display()
    ));
    let source = pipeline.by_name("source").unwrap().downcast::<AppSrc>().unwrap();
    for (time, pixels) in frames {
        let mut buffer = gst::Buffer::from_slice(pixels);
        buffer.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(time));
        source.push_buffer(buffer).unwrap();
    }
    source.end_of_stream().unwrap();
    end(&pipeline);
}

/// The pixels of every plane, frame by frame and channel by channel, and the times.
fn read(path: &Path) -> (Vec<Vec<u16>>, Vec<f64>) {
    let stack = Stack::open(&[path.to_owned()], &StackOptions::default()).unwrap();
    let (mut reader, mut plane) = (stack.reader().unwrap(), Plane::empty());
    let position = stack.positions()[0].clone();
    let mut planes = Vec::new();
    for frame in 0..position.frames {
        for channel in 0..stack.channels().len() {
            reader.read(PlaneAddress { position: 0, channel, frame, z: 0 }, &mut plane).unwrap();
            let Pixels::U16(pixels) = &plane.pixels else { panic!("floating point") };
            planes.push(pixels.clone());
        }
    }
    (planes, position.times_ms.unwrap())
}

/// Frames of the cell movie, each pixel twice each way: 8 bits.
fn cells() -> ((usize, usize), Vec<Vec<u8>>) {
    let movie = Stack::open(&[shared("mitocheck_movie")], &StackOptions::default()).unwrap();
    let (mut reader, mut plane) = (movie.reader().unwrap(), Plane::empty());
    let position = &movie.positions()[0];
    let (width, height) = (position.width * 2, position.height * 2);
    let frames = (0..30).map(|frame| {
        reader.read(PlaneAddress { position: 0, channel: 0, frame, z: 0 }, &mut plane).unwrap();
        let Pixels::U16(pixels) = &plane.pixels else { panic!("floating point") };
        let pixel = |at: usize| pixels[at / width / 2 * position.width + at % width / 2] as u8;
        (0..width * height).map(pixel).collect()
    });
    ((width, height), frames.collect())
}

#[test]
fn a_run_on_a_lossless_video_is_the_run_on_its_frames_as_tiff() {
    let folder = tempfile::tempdir().unwrap();
    let (size, frames) = cells();
    // Blue, green, red and nothing: the cells are red, green is upside down, blue is darker.
    let coloured = frames.iter().map(|frame| {
        let last = frame.len() - 1;
        let pixel = |at: usize| [frame[at] / 2, frame[last - at], frame[at], 255];
        (0..frame.len()).flat_map(pixel).collect()
    });
    let timed = (0..).map(|frame| frame * 60_000).zip(coloured);
    write(&folder.path().join("movie.mkv"), "BGRA", size, "avenc_ffv1 ! matroskamux", timed);
    fs::create_dir(folder.path().join("tiff")).unwrap();
    let settings = WriteSettings {
        name: "0".into(),
        width: size.0,
        height: size.1,
        frames: frames.len(),
        depth: 1,
        channels: ["red", "green", "blue"].map(String::from).into(),
        pixels: PixelKind::U16,
        pixel_size_um: None,
        times_ms: Some((0..frames.len()).map(|frame| frame as f64 * 60e3).collect()),
        compress: false,
    };
    let out = File::create(folder.path().join("tiff/movie.ome.tif")).unwrap();
    let mut writer = StackWriter::new(BufWriter::new(out), settings).unwrap();
    for frame in &frames {
        let red: Vec<u16> = frame.iter().map(|pixel| u16::from(*pixel)).collect();
        let green: Vec<u16> = red.iter().rev().copied().collect();
        let blue: Vec<u16> = red.iter().map(|pixel| pixel / 2).collect();
        for pixels in [&red, &green, &blue] {
            writer.write(PlanePixels::U16(pixels)).unwrap();
        }
    }
    writer.finish().unwrap();

    let recipe = |input: &str| {
        let fluorescence =
            "fluorescence = [{ channel = 1 }]\n[filter]\nborder = 10\n[segment]\nmorphology = 5\n";
        let recipe = format!("[experiment]\ninput = \"{input}\"\nout = \"results\"\n{fluorescence}");
        fs::write(folder.path().join("experiment.toml"), recipe).unwrap();
    };
    recipe("movie.mkv");
    let video = batch(folder.path(), ["run", "experiment.toml", "--axes", "TC", "--out", "a"]);
    assert_eq!(video.code, 0, "{}", video.errors);
    for said in
        ["30 frames, 422 x 380 pixels", "0 to 1740 s", "3 (0 red, 1 green, 2 blue)", "the axes are TC"]
    {
        assert!(video.errors.contains(said), "{said}: {}", video.errors);
    }
    assert!(!video.words.contains(" 0 cells"), "{}", video.words);
    recipe("tiff/movie.ome.tif");
    assert_eq!(batch(folder.path(), ["run", "experiment.toml", "--out", "b"]).code, 0);
    let without_summary = |out: &str| {
        let mut tree = results(&folder.path().join(out));
        tree.retain(|(name, _)| name != "summary.json");
        tree
    };
    let ours = without_summary("a");
    assert!(ours.iter().any(|(name, _)| name == "fov_000/movie_fov_000_traces.csv"));
    same_tree(&ours, &without_summary("b"));
    // It is resumed like any other run: with what it was, and not with another. The name of the muxer is changed.
    recipe("movie.mkv");
    assert_eq!(batch(folder.path(), ["resume", "a"]).code, 0);
    let mut bytes = fs::read(folder.path().join("movie.mkv")).unwrap();
    let at = bytes.windows(9).position(|word| word == b"GStreamer").expect("a name");
    bytes[at] = b'g';
    fs::write(folder.path().join("movie.mkv"), bytes).unwrap();
    batch(folder.path(), ["resume", "a"]).fails(1, &["movie.mkv has changed since the run began: SHA-256"]);
}

#[test]
fn grey_videos_of_8_and_16_bits_keep_every_number_and_every_irregular_time() {
    let folder = tempfile::tempdir().unwrap();
    let size = (40, 30);
    let times = [0, 1_000, 1_500, 7_000, 7_040, 20_000];
    let plane = |frame: usize| (0..1_200).map(move |at| (at * 53 + frame * 1_000) as u16);
    for (format, bits) in [("GRAY8", 8), ("GRAY16_LE", 16)] {
        for (line, name) in [("avenc_ffv1 ! matroskamux", "ffv1.mkv"), ("matroskamux", "raw.mkv")] {
            if (bits, name) == (16, "raw.mkv") {
                continue;
            }
            let bytes = |frame: usize| -> Vec<u8> {
                let words = plane(frame);
                if bits == 8 {
                    words.map(|word| word as u8).collect()
                } else {
                    words.flat_map(u16::to_le_bytes).collect()
                }
            };
            let path = folder.path().join(format!("{format}-{name}"));
            write(
                &path,
                format,
                size,
                line,
                times.into_iter().enumerate().map(|(at, time)| (time, bytes(at))),
            );
            let out = path.with_extension("ome.tif");
            let convert = ["convert", path.to_str().unwrap(), "--out", out.to_str().unwrap()];
            let words = batch(folder.path(), convert).ok();
            assert!(words.contains(&format!("pixels: {bits} bit")), "{words}");
            assert!(!words.contains("assumed:"), "{words}");
            let (planes, read_times) = read(&out);
            for (frame, pixels) in planes.iter().enumerate() {
                let expected: Vec<u16> =
                    plane(frame).map(|word| if bits == 8 { word & 255 } else { word }).collect();
                assert!(*pixels == expected, "{format} {name}: frame {frame}");
            }
            assert_eq!(read_times, times.map(|time| time as f64), "{format} {name}");
        }
    }
}

/// A video of 12 frames, 64 × 48, by these elements.
fn small(folder: &Path, name: &str, format: &str, line: &str) -> PathBuf {
    let path = folder.join(name);
    let source =
        format!("videotestsrc num-buffers=12 ! video/x-raw,format={format},width=64,height=48,framerate=4/1");
    end(&make(&format!("{source} ! {line} ! filesink location={}", path.display())));
    path
}

#[test]
fn what_is_special_in_a_video_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let convert = |path: &Path, more: &[&str]| {
        let out = path.with_extension("ome.tif");
        let arguments = ["convert", path.to_str().unwrap(), "--out", out.to_str().unwrap(), "--force"];
        (batch(folder.path(), [&arguments[..], more].concat()), out)
    };
    let coloured = small(folder.path(), "colour.mov", "I420", "jpegenc ! qtmux");
    let (words, out) = convert(&coloured, &[]);
    let words = words.ok();
    assert!(
        words.contains("assumed: the video is in colour") && words.contains("--axes TC gives"),
        "{words}"
    );
    assert!(words.contains("channels: 1 (0 brightness)") && words.contains("12 frames"), "{words}");
    let (first, _) = read(&out);
    convert(&coloured, &["--axes", "T12C3"]).0.ok();
    assert_eq!(read(&out).0.len(), 36, "three channels");
    convert(&coloured, &["--axes", "T9"]).0.fails(1, &["colour.mov", "T9", "the video has 12 frames"]);
    convert(&coloured, &["--axes", "TZ"]).0.fails(1, &["TZ", "write T"]);
    convert(&coloured, &["--pattern", "a{t}.tif"]).0.fails(1, &["no name pattern"]);

    // The display matrix of the track (ISO 14496-12, 8.3.2; version 0) asks for a quarter turn.
    let turned = folder.path().join("turned.mov");
    let mut bytes = fs::read(&coloured).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap() + 4;
    let matrix: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30];
    let matrix: Vec<u8> = matrix.iter().flat_map(|value| value.to_be_bytes()).collect();
    bytes[at + 40..at + 76].copy_from_slice(&matrix);
    fs::write(&turned, bytes).unwrap();
    let (words, out) = convert(&turned, &[]);
    let words = words.ok();
    assert!(
        words.contains("turned as the video asks (rotate-90)") && words.contains("48 x 64 pixels"),
        "{words}"
    );
    let (standing, _) = read(&out);
    for (x, y) in [(0, 0), (10, 5), (63, 47)] {
        // A quarter clockwise: the left column becomes the top row.
        assert_eq!(standing[0][x * 48 + 47 - y], first[0][y * 64 + x], "at ({x}, {y})");
    }

    let double = folder.path().join("double.mkv");
    let stream = |pattern: &str| {
        format!(
            "videotestsrc pattern={pattern} num-buffers=3 ! video/x-raw,format=GRAY8,width=64,height=48 ! avenc_ffv1 ! mux."
        )
    };
    let mux = format!("matroskamux name=mux ! filesink location={}", double.display());
    end(&make(&format!("{} {} {mux}", stream("black"), stream("white"))));
    let words = convert(&double, &[]).0.ok();
    assert!(words.contains("assumed: the first of 2 video streams is read"), "{words}");

    let whole = small(folder.path(), "whole.mkv", "GRAY8", "avenc_ffv1 ! matroskamux");
    let bytes = fs::read(&whole).unwrap();
    let cut = folder.path().join("cut.mkv");
    fs::write(&cut, &bytes[..bytes.len() * 6 / 10]).unwrap();
    let words = convert(&cut, &[]).0.ok();
    assert!(
        words.contains("assumed: ")
            && (words.contains("breaks off after") || words.contains("it may be cut off")),
        "{words}"
    );
    assert!(!words.contains("12 frames"), "{words}");
}

#[test]
fn what_is_no_usable_video_is_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let convert = |name: &str| batch(folder.path(), ["convert", name, "--out", "out.ome.tif"]);
    let write = |name: &str, bytes: &[u8]| fs::write(folder.path().join(name), bytes).unwrap();
    end(&make(&format!(
        "audiotestsrc num-buffers=20 ! vorbisenc ! oggmux ! filesink location={}",
        folder.path().join("sound.ogv").display()
    )));
    convert("sound.ogv").fails(1, &["sound.ogv: it contains no video stream", "pictures"]);
    write("text.mp4", b"this is no video");
    convert("text.mp4").fails(1, &["text.mp4: this is no video", "check the file"]);
    write("empty.avi", b"");
    convert("empty.avi").fails(1, &["empty.avi: the file is empty"]);
    let whole = fs::read(small(folder.path(), "whole.mkv", "GRAY8", "avenc_ffv1 ! matroskamux")).unwrap();
    write("head.mkv", &whole[..600]);
    let head = convert("head.mkv");
    assert_eq!(head.code, 1, "{}{}", head.words, head.errors);
    assert!(head.errors.contains("head.mkv: "), "{}", head.errors);
    // Width and height in the header (RFC 9559: B0 and BA) say 65,535: no decoder gets to take the memory.
    let large = folder.path().join("large.mkv");
    let caps = "video/x-raw,format=GRAY8,width=512,height=256";
    end(&make(&format!(
        "videotestsrc num-buffers=2 ! {caps} ! avenc_ffv1 ! matroskamux ! filesink location={}",
        large.display()
    )));
    let mut bytes = fs::read(&large).unwrap();
    for size in [[0xB0, 0x82, 2, 0], [0xBA, 0x82, 1, 0]] {
        let at = bytes.windows(4).position(|bytes| bytes == size).expect("the size in the header");
        bytes[at + 2..at + 4].fill(0xFF);
    }
    fs::write(&large, bytes).unwrap();
    convert("large.mkv").fails(1, &["large.mkv: a frame has 65535 x 65535 pixels", "scale or crop"]);
    assert!(names(folder.path()).iter().all(|name| !name.contains("out.ome")), "{:?}", names(folder.path()));
}
