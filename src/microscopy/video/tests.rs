use gstreamer as gst;
use gstreamer::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::timelapse::Pixels;

const FRAMES: usize = 60;

/// A moving picture of `FRAMES` frames, 64 × 48 px at 10 Hz, coded and packed by the elements `line`.
fn movie(format: &str, line: &str, name: &str) -> (TempDir, PathBuf) {
    gst::init().expect("GStreamer");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(name);
    let caps = format!("video/x-raw,format={format},width=64,height=48,framerate=10/1");
    let source = format!("videotestsrc pattern=ball num-buffers={FRAMES} ! {caps}");
    let text = format!("{source} ! {line} ! filesink location={}", path.display());
    let pipeline = gst::parse::launch(&text).expect("the elements are installed");
    pipeline.set_state(gst::State::Playing).expect("it starts");
    let ends = [gst::MessageType::Eos, gst::MessageType::Error];
    let end = pipeline.bus().expect("a bus").timed_pop_filtered(gst::ClockTime::from_seconds(60), &ends);
    assert_eq!(end.map(|end| end.type_()), Some(gst::MessageType::Eos), "{text}");
    pipeline.set_state(gst::State::Null).expect("it stops");
    (folder, path)
}

fn reader(video: &Video) -> VideoReader {
    VideoReader { path: video.path.clone(), film: video.film.clone(), decoding: None, seeks: true }
}

fn read(reader: &mut VideoReader, frame: usize) -> Vec<u16> {
    let mut plane = Plane::empty();
    let address = PlaneAddress { position: 0, channel: 0, frame, z: 0 };
    reader.read(address, &mut plane).unwrap_or_else(|error| panic!("frame {frame}: {error}"));
    match plane.pixels {
        Pixels::U16(pixels) => pixels,
        Pixels::F32(_) => panic!("floating point"),
    }
}

#[test]
fn a_frame_is_the_same_whichever_way_it_is_reached_and_by_whom() {
    for (format, line, name) in [
        ("GRAY8", "avenc_ffv1 ! matroskamux", "ffv1.mkv"),
        ("GRAY8", "avimux", "raw.avi"),
        ("I420", "avenc_mpeg4 max-bframes=2 gop-size=15 ! avimux", "b_frames.avi"),
        ("I420", "vp8enc keyframe-max-dist=20 ! webmmux", "vp8.webm"),
    ] {
        let (_folder, path) = movie(format, line, name);
        let video =
            Video::open(&path, &StackOptions::default()).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(video.positions[0].frames, FRAMES, "{name}");
        let times = video.positions[0].times_ms.clone().expect("time stamps");
        // AVI has no room for the order of B-frames: some get the time of another, and no seek would find them.
        let regular = times.windows(2).all(|pair| (pair[1] - pair[0] - 100.0).abs() < 2.0);
        let said = video.assumptions().iter().any(|line| line.contains("the same or earlier time stamps"));
        assert!(regular != said && said == (name == "b_frames.avi"), "{name}: {times:?}");
        let mut in_order = reader(&video);
        let frames: Vec<_> = (0..FRAMES).map(|frame| read(&mut in_order, frame)).collect();
        assert!(frames[0] != frames[20] && frames[20] != frames[40], "{name}: it moves");
        std::thread::scope(|scope| {
            for step in [37, 23] {
                let (video, frames) = (&video, &frames);
                scope.spawn(move || {
                    let mut jumping = reader(video);
                    for at in 0..FRAMES {
                        // Both steps and the number of frames have no common divisor: every frame, far apart.
                        let frame = (at * step + 50) % FRAMES;
                        assert!(read(&mut jumping, frame) == frames[frame], "{name}: frame {frame}");
                        assert!(read(&mut jumping, frame) == frames[frame], "{name}: frame {frame} again");
                    }
                    assert!(jumping.seeks, "{name}: seeks lead to the frame that is meant");
                });
            }
        });
    }
}

#[test]
fn frames_of_h264_with_b_frames_are_reached_by_seeks_too() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/video/asl_bird.mkv");
    let video = Video::open(&path, &StackOptions::default()).expect("a video");
    let frames = video.positions[0].frames;
    let (mut jumping, mut in_order) = (reader(&video), reader(&video));
    for frame in [frames - 1, 40, 3, 41, 0, frames / 2, frames / 2 + 1] {
        read(&mut jumping, frame);
    }
    assert!(jumping.seeks, "each seek led to the frame that is meant");
    assert!((0..frames).all(|frame| !read(&mut in_order, frame).is_empty()));
}

#[test]
fn a_decoder_that_hangs_is_an_error_after_the_deadline_and_holds_nobody_up() {
    let (_folder, path) = movie("GRAY8", "avenc_ffv1 ! matroskamux", "ffv1.mkv");
    let patience = Duration::from_millis(300);
    let options = decoder::DecoderOptions {
        channels: Channels::Luma,
        upright: false,
        threads: 1,
        is_noted: false,
        patience,
    };
    let mut decoder = Decoder::build(&path, &options).expect("a pipeline");
    // Nothing passes this pad, as if the decoder never came back.
    decoder.pad().add_probe(gst::PadProbeType::BLOCK_DOWNSTREAM, |_, _| gst::PadProbeReturn::Ok);
    decoder.play().expect("it starts");
    let error = decoder.next(0).expect_err("no frame comes").to_string();
    assert!(error.contains("frame 0 was not decoded within 0 s"), "{error}");
    drop(decoder);
}

#[test]
fn axes_of_a_video_name_its_brightness_or_its_colours() {
    let parse = |text: &str| VideoAxes::parse(text).map(|axes| (axes.frames, axes.channels));
    assert_eq!(parse("T").ok(), Some((None, Channels::Luma)));
    assert_eq!(parse("t12yx").ok(), Some((Some(12), Channels::Luma)));
    assert_eq!(parse("TC").ok(), Some((None, Channels::Colours)));
    assert_eq!(parse("T60C3").ok(), Some((Some(60), Channels::Colours)));
    for wrong in ["", "CT", "TC2", "TZ", "PT", "T-1"] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}
