//! Viewers come, look, stall and go; the camera does not notice.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ocellus::preview::Preview;
use ocellus::ring::{Bell, Ring};
use ocellus::types::{Layer, LiveView};

use super::studio::{OBJECT, SIZE, Setting, Studio, Viewer, checksum, decode, settings, wait_until};

/// Commits frames until `seen`, each once the one before was seen or passed over.
fn play(studio: &Studio, from: u64, seen: impl Fn() -> bool) -> u64 {
    let mut writer = studio.ring.writer().unwrap();
    let mut seq = from;
    wait_until("the frames to be seen", || {
        studio.commit(&mut writer, seq);
        seq += 1;
        std::thread::sleep(Duration::from_millis(5));
        seen()
    });
    seq
}

#[test]
fn while_nobody_looks_nothing_is_encoded_and_no_frame_is_held() {
    for detects in [false, true] {
        let studio = Studio::new(Setting { detects, ..Setting::default() });
        let mut writer = studio.ring.writer().unwrap();
        for seq in 0..50 {
            studio.commit(&mut writer, seq);
            std::thread::sleep(Duration::from_millis(1));
        }
        if let Some(lane) = &studio.lane {
            wait_until("detection to end", || lane.counters.reported.get() == lane.counters.taken.get());
        }
        assert_eq!(studio.preview.counters().encoded.get(), 0);
        wait_until("every slot to be free", || studio.ring.leased() == 0);
    }
}

#[test]
fn fifty_viewers_share_one_encoding_of_each_frame() {
    let studio = Studio::new(Setting::default());
    let viewers: Vec<Viewer> = (0..50).map(|_| studio.viewer(Layer::Drawn)).collect();
    assert_eq!(studio.hub.viewers(), 50);
    let mut writer = studio.ring.writer().unwrap();
    for seq in 0..20 {
        studio.commit(&mut writer, seq);
        wait_until("all to see the frame", || viewers.iter().all(|viewer| viewer.newest() == Some(seq)));
    }
    assert_eq!(studio.preview.counters().encoded.get(), 20, "twenty frames");
    assert!(viewers.iter().all(|viewer| viewer.count() == 20));
    let pointers: Vec<_> =
        viewers.iter().map(|viewer| viewer.seen.lock().unwrap().last().unwrap().jpeg.as_ptr()).collect();
    assert!(pointers.iter().all(|at| *at == pointers[0]), "all of them the same bytes");
}

#[test]
fn a_stalled_viewer_stops_neither_the_others_nor_the_camera_and_costs_nothing() {
    let studio = Studio::new(Setting { detects: true, ..Setting::default() });
    let (release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let stalled = Viewer::with(studio.hub.watch(Layer::Drawn), move |_| {
        let _ = held.lock().unwrap().recv();
    });
    let stuck = Arc::new(AtomicBool::new(false));
    let mark = stuck.clone();
    let lively = Viewer::with(studio.hub.watch(Layer::Drawn), move |_| mark.store(true, Ordering::Relaxed));
    let next = play(&studio, 0, || lively.count() >= 30);
    assert!(stuck.load(Ordering::Relaxed));
    assert_eq!(stalled.count(), 0, "still at its first picture");
    let lane = studio.lane.as_ref().unwrap();
    wait_until("every frame that was taken to be reported", || {
        lane.counters.reported.get() == lane.counters.taken.get()
    });
    assert_eq!(lane.counters.dropped.get(), 0);
    // Once it goes on it has the newest picture, not thirty old ones.
    drop(release);
    play(&studio, next, || stalled.count() >= 2);
    assert!(stalled.seen.lock().unwrap()[1].frame_seq >= 20);
}

#[test]
fn when_all_viewers_stall_pictures_stop() {
    let studio = Studio::new(Setting { detects: true, ..Setting::default() });
    let (_release, held) = mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (got, first) = mpsc::channel();
    let _stalled = Viewer::with(studio.hub.watch(Layer::Drawn), move |_| {
        let _ = got.send(());
        let _ = held.lock().unwrap().recv();
    });
    play(&studio, 0, || first.try_recv().is_ok());
    let lane = studio.lane.as_ref().unwrap();
    let reported = lane.counters.reported.get();
    let encoded = studio.preview.counters().encoded.get();
    play(&studio, 1_000, || lane.counters.reported.get() >= reported + 40);
    // One may have been under way.
    assert!(studio.preview.counters().encoded.get() <= encoded + 1);
    wait_until("every slot to be free", || studio.ring.leased() == 0);
}

#[test]
fn what_was_found_is_drawn_into_the_picture_of_its_own_frame_and_not_into_the_frame() {
    let studio = Studio::new(Setting { detects: true, ..Setting::default() });
    let viewer = studio.viewer(Layer::Drawn);
    play(&studio, 0, || viewer.count() >= 5);
    let newest = studio.ring.newest().unwrap();
    assert_eq!(checksum(&newest), checksum(&super::studio::frame(newest.seq)), "untouched");
    let seen = viewer.seen.lock().unwrap();
    for picture in seen.iter().skip(1) {
        assert_eq!((picture.width as usize, picture.height as usize), SIZE);
        let image = decode(&picture.jpeg);
        let [r, g, b] = image.get_pixel(OBJECT.x as u32 + 1, OBJECT.y as u32 + 24).0;
        assert!(r.max(g).max(b) - r.min(g).min(b) > 60, "frame {}: {:?}", picture.frame_seq, [r, g, b]);
        // The frame's brightness is its number: the box lies on the frame that it was found on.
        let grey = image.get_pixel(300, 20).0[0];
        let expected = (60.0 + (picture.frame_seq % 100) as f32 - 16.0) * 255.0 / 219.0;
        assert!((f32::from(grey) - expected).abs() < 4.0, "frame {}: {grey}", picture.frame_seq);
    }
}

#[test]
fn the_plain_picture_has_nothing_drawn_in() {
    let studio = Studio::new(Setting { detects: true, ..Setting::default() });
    let viewer = studio.viewer(Layer::Plain);
    play(&studio, 0, || viewer.count() >= 3);
    for picture in viewer.seen.lock().unwrap().iter() {
        let image = decode(&picture.jpeg);
        assert!(image.pixels().all(|px| px.0[0].abs_diff(px.0[2]) < 6));
    }
}

#[test]
fn who_comes_to_a_camera_that_stands_still_sees_its_last_frame() {
    for detects in [false, true] {
        let studio = Studio::new(Setting { detects, ..Setting::default() });
        let mut writer = studio.ring.writer().unwrap();
        (0..3).for_each(|seq| studio.commit(&mut writer, seq));
        if let Some(lane) = &studio.lane {
            wait_until("detection to end", || studio.ring.leased() == 0 && lane.counters.taken.get() > 0);
        }
        for layer in [Layer::Drawn, Layer::Plain] {
            let viewer = studio.viewer(layer);
            wait_until("the picture of a still camera", || viewer.newest() == Some(2));
        }
    }
}

#[test]
fn who_comes_late_sees_the_picture_that_the_others_have() {
    let studio = Studio::new(Setting::default());
    let mut writer = studio.ring.writer().unwrap();
    let first = studio.viewer(Layer::Drawn);
    studio.commit(&mut writer, 0);
    wait_until("the first to see it", || first.newest() == Some(0));
    let second = studio.viewer(Layer::Drawn);
    wait_until("the second to see it", || second.newest() == Some(0));
    assert!(studio.preview.counters().encoded.get() <= 2);
}

#[test]
fn a_camera_that_is_configured_anew_keeps_its_viewers() {
    let studio = Studio::new(Setting::default());
    let viewer = studio.viewer(Layer::Drawn);
    play(&studio, 0, || viewer.count() >= 2);
    let before = viewer.count();
    // Another rig of the same camera: its own ring and preview, the same outlet; frames are numbered anew.
    let bell = studio.bell.clone();
    let ring = Ring::new(8, bell.clone());
    let preview = Preview::new(settings(Setting::default()), studio.hub.clone(), ring.clone(), bell);
    studio.annotate.attach(Arc::new(ocellus::preview::PreviewFeed(preview.clone())));
    let mut writer = ring.writer().unwrap();
    let mut seq = 0;
    wait_until("pictures of the new rig", || {
        let frame = super::studio::frame(seq);
        let _ = writer.commit(frame.captured.mono_ns, frame, &|| false);
        preview.frame_committed();
        seq += 1;
        std::thread::sleep(Duration::from_millis(5));
        viewer.count() > before + 3
    });
}

#[test]
fn a_camera_that_is_gone_tells_its_viewers() {
    let bell = Bell::new();
    let hub = ocellus::preview::PreviewHub::new(bell);
    let viewer = Viewer::of(hub.watch(Layer::Drawn));
    drop(hub);
    viewer.thread.join().unwrap();
}

#[test]
fn live_pictures_keep_to_their_rate() {
    let studio = Studio::new(Setting::default());
    let mut slow = settings(Setting::default());
    slow.fps = 1;
    let ring = Ring::new(4, studio.bell.clone());
    let hub = ocellus::preview::PreviewHub::new(studio.bell.clone());
    let preview = Preview::new(slow, hub.clone(), ring.clone(), studio.bell.clone());
    studio.annotate.attach(Arc::new(ocellus::preview::PreviewFeed(preview.clone())));
    let viewer = Viewer::of(hub.watch(Layer::Drawn));
    let mut writer = ring.writer().unwrap();
    let began = std::time::Instant::now();
    let mut committed = 0u64;
    wait_until("two pictures", || {
        let frame = super::studio::frame(committed);
        let _ = writer.commit(frame.captured.mono_ns, frame, &|| false);
        preview.frame_committed();
        committed += 1;
        std::thread::sleep(Duration::from_millis(2));
        viewer.count() >= 3
    });
    // The first comes at once; those after it a second apart.
    let seconds = began.elapsed().as_secs_f64();
    assert!(seconds >= 1.9, "three pictures in {seconds:.2} s");
    assert!(preview.counters().encoded.get() <= 4, "of {committed} frames");
}
