//! V4L2 as far as a machine without a camera allows: what is not there, and what is no camera.

use std::path::PathBuf;

use ocellus::camera::SessionEnd;
use ocellus::config::Source;

use crate::camera::support::{camera, start};

fn offline_twice(device: &str) -> String {
    let mut running = start(camera(Source::V4l2(PathBuf::from(device))));
    let cause = running.until_offline(device);
    running.until_offline(device);
    running.stop.stop();
    assert_eq!(running.end().unwrap(), SessionEnd::Stopped);
    cause
}

#[test]
fn an_unplugged_camera_is_offline_and_looked_for_again_and_again() {
    let cause = offline_twice("/dev/video-that-is-not-there");
    assert!(cause.contains("plugged in"), "{cause}");
}

#[test]
fn a_device_that_is_no_camera_is_offline_with_its_name() {
    let cause = offline_twice("/dev/null");
    assert!(cause.contains("not a video device"), "{cause}");
}

#[test]
fn the_heart_beats_while_a_camera_is_away_so_that_the_watchdog_leaves_the_box_alone() {
    let running = start(camera(Source::V4l2(PathBuf::from("/dev/video-that-is-not-there"))));
    for _ in 0..3 {
        let before = running.beat.count();
        let begun = std::time::Instant::now();
        while running.beat.count() == before {
            assert!(begun.elapsed() < crate::camera::support::DEADLINE, "no beat");
            std::thread::park_timeout(std::time::Duration::from_millis(5));
        }
    }
}
