//! The painter and launch lines.

use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use ocellus::camera::scene::SceneOptions;
use ocellus::camera::{Health, SessionEnd};
use ocellus::config::{LaunchLine, Pace, Source};
use ocellus::types::PixelFormat;

use crate::camera::support::{DEADLINE, camera, packed, start, start_with};

fn scene(frames: Option<u64>) -> Source {
    let options = SceneOptions { seed: 1, width: 61, height: 35, fps: 100, line: None };
    Source::Scene { options, frames, barrier: None }
}

#[test]
fn a_painted_frame_arrives_as_it_was_painted_also_at_odd_sizes() {
    let (tell, reported) = std::sync::mpsc::channel();
    let (_, none) = std::sync::mpsc::channel();
    let mut running = start_with(camera(scene(Some(50))), none, move |frame| {
        tell.send((frame.seq, frame.format, packed(frame))).unwrap();
        ocellus::camera::Committed::Taken
    });
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    let seen: Vec<_> = reported.try_iter().collect();
    assert_eq!(seen.len(), 50);
    for (n, (seq, format, bytes)) in seen.iter().enumerate() {
        assert_eq!((*seq, *format, bytes.len()), (n as u64, PixelFormat::I420, 61 * 35 + 2 * 31 * 18));
        assert!(bytes.iter().all(|byte| *byte == n as u8), "frame {n}");
    }
}

#[test]
fn a_scene_without_an_end_runs_at_its_own_rate_until_it_is_stopped() {
    let live = ocellus::config::CameraConfig { pace: Pace::Live, ..camera(scene(None)) };
    let mut running = start(live);
    assert_eq!(running.frame().pts_ns, Some(0));
    assert_eq!(running.frame().pts_ns, Some(10_000_000));
    running.stop.stop();
    assert_eq!(running.end().unwrap(), SessionEnd::Stopped);
}

#[test]
fn a_source_whose_readers_are_slow_lives_as_long_as_frames_come_and_stops_while_one_waits() {
    let (tell, reported) = channel();
    let (go_on, held) = channel();
    let stop = std::sync::Arc::new(std::sync::OnceLock::<ocellus::supervisor::Stop>::new());
    let asked = stop.clone();
    let mut running = start_with(camera(scene(None)), channel().1, move |frame| {
        tell.send(frame.seq).unwrap();
        let stopped = || asked.get().is_some_and(|stop| stop.is_stopped());
        while held.recv_timeout(Duration::from_millis(5)).is_err() && !stopped() {}
        ocellus::camera::Committed::Taken
    });
    stop.set(running.stop.clone()).unwrap();
    // Somebody holds a frame back whenever the capture thread looks, and still frames come.
    let (begun, mut n) = (Instant::now(), 0);
    while running.beat.count() < 10 {
        assert!(begun.elapsed() < DEADLINE, "{} beats for {n} frames", running.beat.count());
        assert_eq!(reported.recv_timeout(DEADLINE).unwrap(), n);
        std::thread::sleep(Duration::from_millis(2));
        go_on.send(()).unwrap();
        n += 1;
    }
    reported.recv_timeout(DEADLINE).unwrap();
    running.stop.stop();
    assert_eq!(running.end().unwrap(), SessionEnd::Stopped);
}

#[test]
#[should_panic(expected = "no panic")]
fn a_panic_of_the_sink_is_heard_by_who_runs_the_capture() {
    let (_, none) = channel();
    let _ = start_with(camera(scene(Some(5))), none, |_| panic!("the sink fell")).end();
}

#[test]
fn a_launch_line_delivers_each_of_the_seven_formats_as_it_is() {
    for format in PixelFormat::ALL {
        let caps = format!("video/x-raw,format={},width=63,height=37", format.caps_name());
        let line = format!("videotestsrc num-buffers=6 ! {caps}");
        let mut running = start(camera(Source::Launch(LaunchLine::new(line))));
        assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
        let seen = running.all();
        assert_eq!(seen.len(), 6);
        assert!(seen.iter().all(|frame| frame.format == format && frame.size == (63, 37)));
    }
}

#[test]
fn a_format_that_is_none_of_the_seven_is_converted() {
    let line = "videotestsrc num-buffers=6 ! video/x-raw,format=UYVY,width=64,height=48";
    let mut running = start(camera(Source::Launch(LaunchLine::new(line))));
    assert_eq!(running.end().unwrap(), SessionEnd::EndOfStream);
    assert_eq!(running.all().len(), 6);
}

#[test]
fn a_wrong_launch_line_is_refused_with_its_elements_and_without_a_property() {
    for (line, words) in [
        ("videotestsrc ! nosuchelement", ["videotestsrc ! nosuchelement", "no element nosuchelement"]),
        ("videotestsrc pattern=SECRET ! fakesink", ["videotestsrc ! fakesink", "does not fit"]),
        ("videotestsrc SECRET=SECRET", ["`videotestsrc`", "no property"]),
        ("videotestsrc name=two SECRET ! identity", ["videotestsrc ! identity", "quote values"]),
        ("videotestsrc name=SECRET ! fakesink", ["videotestsrc ! fakesink", "wrong"]),
        ("!", ["``", "wrong"]),
    ] {
        let mut running = start(camera(Source::Launch(LaunchLine::new(line))));
        let error = running.end().expect_err("an error");
        let shown = format!("{error} {error:?}");
        assert!(words.iter().all(|word| shown.contains(word)) && !shown.contains("SECRET"), "{shown}");
    }
}

#[test]
fn a_live_launch_line_that_ends_is_started_again_and_its_frame_numbers_go_on() {
    let line = "videotestsrc is-live=true num-buffers=3 ! video/x-raw,width=64,height=48,framerate=100/1";
    let running = start(camera(Source::Launch(LaunchLine::new(line))));
    let numbers: Vec<_> = (0..7).map(|_| running.frame().seq).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6]);
    running.until_offline("ended the stream");
    running.until_online();
}

#[test]
fn a_camera_is_reported_online_with_its_shape() {
    let line = "videotestsrc ! video/x-raw,format=NV12,width=64,height=48,framerate=25/1";
    let running = start(camera(Source::Launch(LaunchLine::new(line))));
    running.frame();
    let online = Health::Online { width: 64, height: 48, format: PixelFormat::Nv12, fps: Some(25.0) };
    running.until("online with its shape", |health| *health == online);
}
