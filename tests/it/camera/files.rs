//! Video files: bit-exact, once, and with a clear word about damage.

use std::fs;
use std::path::{Path, PathBuf};

use ocellus::camera::{Committed, Health, SessionEnd};
use ocellus::config::{Pace, Source};
use ocellus::types::PixelFormat;

use crate::camera::support::{Running, allocations, camera, data, start, start_with};

fn play(path: &Path) -> Running {
    start(camera(Source::File(path.into())))
}

/// MD5s of FFmpeg's own decoding.
fn reference(name: &str) -> Vec<String> {
    let text = fs::read_to_string(data(&format!("video/ref/{name}.framemd5")).unwrap()).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit(',').next().unwrap().trim().to_owned()).collect()
}

fn assert_bit_exact(name: &str) {
    let Some(path) = data(&format!("video/{name}")) else { return };
    let mut running = play(&path);
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    let (seen, expected) = (running.all(), reference(name));
    assert_eq!(seen.len(), expected.len());
    for (n, (frame, md5)) in seen.iter().zip(&expected).enumerate() {
        assert_eq!((frame.seq, frame.format, &frame.md5), (n as u64, PixelFormat::I420, md5), "frame {n}");
    }
    running.until("ended", |health| *health == Health::Ended);
}

#[test]
fn every_frame_of_an_mp4_is_delivered_once_in_order_and_bit_exact() {
    assert_bit_exact("one-by-one-person-detection.mp4");
}

#[test]
fn every_frame_of_matroska_files_is_delivered_once_in_order_and_bit_exact() {
    for name in ["asl_again.mkv", "asl_bird.mkv", "asl_book.mkv"] {
        assert_bit_exact(name);
    }
}

/// The first `share` of a file, under a new name.
fn cut(name: &str, share: f64, folder: &Path) -> Option<PathBuf> {
    let bytes = fs::read(data(&format!("video/{name}"))?).unwrap();
    let path = folder.join(format!("cut-{name}"));
    fs::write(&path, &bytes[..(bytes.len() as f64 * share) as usize]).unwrap();
    Some(path)
}

#[test]
fn a_truncated_matroska_delivers_what_is_there_and_says_how_much_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = cut("asl_bird.mkv", 0.6, folder.path()) else { return };
    let mut running = play(&path);
    let error = running.error();
    let (seen, expected) = (running.all(), reference("asl_bird.mkv"));
    assert!(seen.len() > 10 && seen.len() < expected.len(), "{} frames", seen.len());
    assert!(error.contains("truncated") && error.contains(&format!("{} frames", seen.len())), "{error}");
    assert!(error.contains("cut-asl_bird.mkv") && error.contains("bytes are missing"), "{error}");
    assert!(seen.iter().zip(&expected).take(10).all(|(frame, md5)| frame.md5 == *md5));
}

#[test]
fn a_truncated_mp4_is_reported_as_truncated() {
    let folder = tempfile::tempdir().unwrap();
    let Some(path) = cut("one-by-one-person-detection.mp4", 0.5, folder.path()) else { return };
    let mut running = play(&path);
    let error = running.error();
    let frames = running.all().len();
    assert!(error.contains("truncated") && error.contains(&format!("the {frames} frames")), "{error}");
}

#[test]
fn a_file_that_is_missing_empty_a_folder_or_no_video_is_refused_with_its_name_and_the_next_step() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("empty.mp4"), b"").unwrap();
    fs::write(at("letter.mp4"), "Dear camera, this is a letter and not a video.\n".repeat(200)).unwrap();
    fs::write(at("noise.bin"), (0..60_000u32).map(|n| ((n * n) >> 7) as u8).collect::<Vec<_>>()).unwrap();
    fs::write(at("head.mp4"), b"\0\0\0\x18ftypisom\0\0\0\0isomiso2").unwrap();
    for (name, words) in [
        ("absent.mp4", ["cannot be read", "check the path"]),
        ("empty.mp4", ["is empty", "record it again"]),
        ("", ["cannot be read", "check the path"]),
        ("letter.mp4", ["not a video", "MP4 or Matroska"]),
        ("noise.bin", ["not a video", "MP4 or Matroska"]),
        ("head.mp4", ["not a video", "MP4 or Matroska"]),
    ] {
        let error = play(&at(name)).error();
        assert!(error.contains(&*at(name).to_string_lossy()), "{error}");
        assert!(words.iter().all(|word| error.contains(word)), "{name}: {error}");
    }
}

#[test]
fn a_video_is_repeated_until_it_is_stopped_and_its_frame_numbers_go_on() {
    let Some(path) = data("video/asl_bird.mkv") else { return };
    let count = reference("asl_bird.mkv").len();
    let mut running = start(ocellus::config::CameraConfig { repeat: true, ..camera(Source::File(path)) });
    let seen: Vec<_> = (0..count * 2 + 3).map(|_| running.frame()).collect();
    assert!(seen.iter().enumerate().all(|(n, frame)| frame.seq == n as u64));
    assert_eq!(seen[0].md5, seen[count * 2].md5);
    running.stop.stop();
    assert_eq!(running.end().unwrap(), SessionEnd::Stopped);
}

#[test]
fn frames_are_passed_over_as_configured() {
    let Some(path) = data("video/asl_bird.mkv") else { return };
    let expected = reference("asl_bird.mkv");
    let mut running = start(ocellus::config::CameraConfig { skip_frames: 2, ..camera(Source::File(path)) });
    running.end().unwrap();
    let seen = running.all();
    assert_eq!(seen.len(), expected.len().div_ceil(3));
    assert!(seen.iter().zip(expected.iter().step_by(3)).all(|(frame, md5)| frame.md5 == *md5));
}

#[test]
fn a_closed_ring_ends_the_capture() {
    let Some(path) = data("video/asl_bird.mkv") else { return };
    let (_, none) = std::sync::mpsc::channel();
    let mut running = start_with(camera(Source::File(path)), none, |_| Committed::Closed);
    assert_eq!(running.end().unwrap(), SessionEnd::Closed);
}

#[test]
fn at_its_own_pace_a_video_takes_its_own_time() {
    let Some(path) = data("video/asl_bird.mkv") else { return };
    let (stamps, reported) = std::sync::mpsc::channel();
    let (_, none) = std::sync::mpsc::channel();
    let live = ocellus::config::CameraConfig { pace: Pace::Live, ..camera(Source::File(path)) };
    let mut running = start_with(live, none, move |frame| {
        stamps.send((frame.captured.mono_ns, frame.pts_ns.unwrap())).unwrap();
        Committed::Taken
    });
    running.end().unwrap();
    let seen: Vec<_> = reported.try_iter().collect();
    let ((first, first_pts), (last, last_pts)) = (seen[0], *seen.last().unwrap());
    // A frame may be late on a busy machine, never early: 100 ms allow for a late first frame.
    assert!(last - first + 100_000_000 >= last_pts - first_pts);
}

#[test]
fn nothing_is_allocated_between_appsink_and_ring() {
    let Some(path) = data("video/asl_book.mkv") else { return };
    let (counts, reported) = std::sync::mpsc::channel();
    let (_, none) = std::sync::mpsc::channel();
    let mut all = Vec::with_capacity(1_000);
    let mut running = start_with(camera(Source::File(path)), none, move |_| {
        all.push(allocations());
        if all.len() == 80 {
            let _ = counts.send(all[20..].to_vec());
        }
        Committed::Taken
    });
    running.end().unwrap();
    let counts = reported.try_recv().expect("80 frames");
    assert_eq!(counts.last().unwrap() - counts[0], 0, "{counts:?}");
}

/// The luma of a video's first frame, row by row.
fn first_rows(path: &Path) -> Vec<Vec<u8>> {
    let (tell, reported) = std::sync::mpsc::channel();
    let mut tell = Some(tell);
    let camera = camera(Source::File(path.into()));
    let mut running = start_with(camera, std::sync::mpsc::channel().1, move |frame| {
        let luma = frame.planes();
        let row = |y: usize| luma.data[0][y * luma.stride[0]..][..frame.width].to_vec();
        if let Some(tell) = tell.take() {
            tell.send((0..frame.height).map(row).collect()).unwrap();
        }
        Committed::Taken
    });
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    reported.recv().unwrap()
}

/// The video file with the display matrix of its first track turned by 90 degrees (ISO 14496-12, 8.3.2).
fn turned(name: &str) -> Option<Vec<u8>> {
    let mut bytes = fs::read(data(&format!("video/{name}"))?).unwrap();
    let at = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap() + 4;
    // Version 0: times of 32 bits; then two reserved words, layer, group, volume, and the matrix.
    assert_eq!(bytes[at], 0);
    let matrix: [i32; 9] = [0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30];
    for (n, value) in matrix.iter().enumerate() {
        bytes[at + 40 + 4 * n..at + 44 + 4 * n].copy_from_slice(&value.to_be_bytes());
    }
    Some(bytes)
}

#[test]
fn a_video_that_is_to_be_shown_turned_is_turned_and_every_frame_is_delivered() {
    let name = "one-by-one-person-detection.mp4";
    let Some(bytes) = turned(name) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("telephone.mp4");
    fs::write(&path, bytes).unwrap();
    let (lying, standing) = (first_rows(&data(&format!("video/{name}")).unwrap()), first_rows(&path));
    assert_eq!((standing.len(), standing[0].len()), (lying[0].len(), lying.len()));
    for (x, y) in [(0, 0), (5, 17), (100, 30)] {
        assert_eq!(standing[y][x], lying[lying.len() - 1 - x][y], "at ({x}, {y})");
    }
    let mut running = play(&path);
    running.end().unwrap();
    assert_eq!(running.all().len(), reference(name).len());
}

/// A small film coded by `encoder`, in a container that knows the codec.
fn film(encoder: &str, muxer: &str, folder: &Path) -> PathBuf {
    use gstreamer::prelude::*;
    gstreamer::init().unwrap();
    let path = folder.join(format!("{}.{muxer}", encoder.split_whitespace().next().unwrap()));
    let line = format!(
        "videotestsrc num-buffers=8 pattern=ball ! video/x-raw,width=128,height=96,framerate=25/1 ! videoconvert \
         ! {encoder} ! {muxer} ! filesink location={}",
        path.display()
    );
    let pipeline = gstreamer::parse::launch(&line).unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let kinds = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let patience = gstreamer::ClockTime::from_seconds(60);
    let message = pipeline.bus().unwrap().timed_pop_filtered(patience, &kinds).expect("it ends");
    assert_eq!(message.type_(), gstreamer::MessageType::Eos, "{encoder}: {message:?}");
    pipeline.set_state(gstreamer::State::Null).unwrap();
    path
}

#[test]
fn every_codec_that_gstreamer_plays_is_played() {
    let folder = tempfile::tempdir().unwrap();
    for (encoder, muxer) in [
        ("avenc_ffv1", "matroskamux"),
        ("avenc_prores", "qtmux"),
        ("avenc_mpeg4", "qtmux"),
        ("mpeg2enc ! mpegvideoparse", "mpegtsmux"),
        ("theoraenc", "oggmux"),
        ("jpegenc", "avimux"),
        ("av1enc cpu-used=8 usage-profile=realtime ! av1parse", "matroskamux"),
        ("openh264enc ! h264parse", "qtmux"),
    ] {
        let mut running = play(&film(encoder, muxer, folder.path()));
        assert_eq!(running.end().expect(encoder), SessionEnd::EndOfStream);
        let seen = running.all();
        assert!(seen.len() >= 7 && seen[0].size == (128, 96), "{encoder}: {seen:?}");
    }
}

#[test]
fn a_vp9_film_is_played_with_the_decoder_that_is_installed() {
    let Some(path) = data("faults/video-vp9/a.webm") else { return };
    let mut running = play(&path);
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    assert!(!running.all().is_empty());
}

/// The end of the element that begins at `at`, where its size stands, and where its body does (RFC 8794).
fn element(bytes: &[u8], at: usize) -> (usize, std::ops::Range<usize>) {
    let id = bytes[at].leading_zeros() as usize + 1;
    let length = bytes[at + id].leading_zeros() as usize + 1;
    let size = at + id..at + id + length;
    let unknown = bytes[size.clone()].iter().skip(1).all(|byte| *byte == 255);
    let value = bytes[size.clone()]
        .iter()
        .skip(1)
        .fold(u64::from(bytes[size.start]) & (0xFF >> length), |n, byte| n << 8 | u64::from(*byte));
    let end = if unknown && length > 1 { bytes.len() } else { size.end + value as usize };
    (end, size)
}

/// Adds a projection with this roll to the first video track.
fn with_roll(mut bytes: Vec<u8>, degrees: f32) -> Vec<u8> {
    let path: [&[u8]; 4] = [&[0x18, 0x53, 0x80, 0x67], &[0x16, 0x54, 0xAE, 0x6B], &[0xAE], &[0xE0]];
    let (mut at, mut sizes, mut end) = (0, Vec::new(), bytes.len());
    for id in path {
        while !bytes[at..].starts_with(id) {
            at = element(&bytes, at).0;
            assert!(at < end, "no element {id:x?}");
        }
        let size;
        (end, size) = element(&bytes, at);
        at = size.end;
        sizes.push(size);
    }
    let roll = [&[0x76, 0x75, 0x84][..], &degrees.to_be_bytes()].concat();
    let projection = [&[0x76, 0x70, 0x80 | roll.len() as u8][..], &roll].concat();
    bytes.splice(end..end, projection.iter().copied());
    // All but the segment, which ends with the file and may be of unknown size.
    for size in &sizes[1..] {
        let mut more = projection.len();
        for byte in bytes[size.clone()].iter_mut().rev() {
            more += usize::from(*byte);
            *byte = more as u8;
            more >>= 8;
        }
    }
    bytes
}

#[test]
fn a_matroska_file_with_a_turned_projection_is_turned() {
    use gstreamer::prelude::*;
    gstreamer::init().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (lying, standing) = (folder.path().join("lying.mkv"), folder.path().join("standing.mkv"));
    let line = format!(
        "videotestsrc num-buffers=3 ! video/x-raw,format=I420,width=64,height=32 ! jpegenc ! \
         matroskamux streamable=true ! filesink location={}",
        lying.display()
    );
    let pipeline = gstreamer::parse::launch(&line).unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let ends = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let end =
        pipeline.bus().unwrap().timed_pop_filtered(gstreamer::ClockTime::from_seconds(60), &ends).unwrap();
    assert_eq!(end.type_(), gstreamer::MessageType::Eos);
    pipeline.set_state(gstreamer::State::Null).unwrap();
    fs::write(&standing, with_roll(fs::read(&lying).unwrap(), 90.0)).unwrap();
    let (lying, standing) = (first_rows(&lying), first_rows(&standing));
    assert_eq!((standing.len(), standing[0].len()), (64, 32));
    for (x, y) in [(0, 0), (5, 17), (31, 60)] {
        assert_eq!(standing[y][x], lying[x][63 - y], "at ({x}, {y}): turned against the clock");
    }
}
