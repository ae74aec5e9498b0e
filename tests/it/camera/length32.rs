//! Pictures behind a length alone (`framing = "length32"`), from rightful senders and from hostile ones.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::mpsc::{channel, sync_channel};
use std::time::{Duration, Instant};

use ocellus::camera::Committed;
use ocellus::config::{CameraConfig, Framing, Source, TcpConfig};

use crate::camera::support::{DEADLINE, Running, SLOTS, camera, jpeg, see, start, start_with};
use crate::camera::tcp::{assert_closed, connect, unused, with_tcp};

/// A payload behind its length.
fn message(payload: &[u8]) -> Vec<u8> {
    [&(payload.len() as u32).to_be_bytes()[..], payload].concat()
}

fn settings(address: SocketAddr) -> CameraConfig {
    with_tcp(camera(Source::Tcp(address)), |tcp| TcpConfig { framing: Framing::Length32, ..tcp })
}

fn listening() -> (Running, SocketAddr) {
    let address = unused();
    (start(settings(address)), address)
}

/// Waits for what does not come as a message.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "{what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits until somebody was refused with these words.
fn refused(running: &Running, words: &str) {
    until(words, || running.senders.last_refusal().is_some_and(|last| last.contains(words)));
}

#[test]
fn pictures_arrive_in_order_whatever_pieces_they_come_in() {
    let (running, address) = listening();
    let mut sender = connect(address);
    sender.set_nodelay(true).unwrap();
    let bytes: Vec<u8> = [120, 60, 200].iter().flat_map(|grey| message(&jpeg(*grey))).collect();
    for piece in bytes.chunks(5) {
        sender.write_all(piece).unwrap();
    }
    for grey in [120u8, 60, 200] {
        let frame = running.frame();
        assert!(frame.first.abs_diff(grey) < 4 && frame.size == (64, 48), "{frame:?}");
    }
    assert_eq!(running.senders.sender().unwrap().ip(), address.ip());
    drop(sender);
    running.until_offline("closed the connection");
    assert_eq!((running.senders.sender(), running.senders.counters().broken.get()), (None, 0));
}

#[test]
fn each_wrong_beginning_is_distinguished_and_the_next_sender_is_served() {
    let (running, address) = listening();
    let good = |grey: u8| {
        let mut sender = connect(address);
        sender.write_all(&message(&jpeg(grey))).unwrap();
        assert!(running.frame().first.abs_diff(grey) < 4);
    };
    for (bytes, words) in [
        (&[0xFF; 4][..], "4294967295 bytes; 1 to 1000000 are allowed"),
        (&[0; 4], "a payload of 0 bytes"),
        (b"GET / HTTP/1.1\r\n\r\n", "1195725856 bytes"),
        (&message(b"\x89PNG\r\n\x1a\n....")[..], "not a JPEG (it begins with [89, 50, 4e]"),
        (&message(&[0xFF, 0xD8])[..], "2 bytes is not a JPEG"),
    ] {
        let mut stranger = connect(address);
        stranger.write_all(bytes).unwrap();
        refused(&running, words);
        assert_closed(&mut stranger);
    }
    good(120);
    // Half a length, and half a picture.
    connect(address).write_all(&[0, 0]).unwrap();
    refused(&running, "after 2 of 4 bytes");
    connect(address).write_all(&message(&jpeg(60))[..100]).unwrap();
    running.until_offline("closed the connection after 96 of");
    good(200);
    let counters = running.senders.counters();
    assert_eq!((counters.refused.get(), counters.broken.get()), (6, 1), "each is counted once");
}

#[test]
fn a_byte_now_and_then_is_no_camera_neither_in_the_length_nor_in_the_picture() {
    let (running, address) = listening();
    let trickle = |begin: &[u8], pause| {
        let mut slow = connect(address);
        slow.write_all(begin).unwrap();
        // Ends when the other side has closed.
        while slow.write_all(&[0]).is_ok() {
            std::thread::park_timeout(Duration::from_millis(pause));
        }
    };
    trickle(&[], 700);
    refused(&running, "stalled after 2 of 4 bytes");
    trickle(&message(&jpeg(60))[..60], 20);
    running.until_offline("stalled after");
    assert_eq!(running.senders.counters().broken.get(), 1);
    let mut sender = connect(address);
    sender.write_all(&message(&jpeg(120))).unwrap();
    assert!(running.frame().first.abs_diff(120) < 4);
}

#[test]
fn a_later_payload_that_is_no_jpeg_is_skipped_and_counted_and_the_connection_goes_on() {
    let (running, address) = listening();
    let mut sender = connect(address);
    let cut = jpeg(60);
    for payload in [&jpeg(120)[..], b"no picture", &cut[..cut.len() / 2], &jpeg(200)] {
        sender.write_all(&message(payload)).unwrap();
    }
    assert!(running.frame().first.abs_diff(120) < 4);
    assert!(running.frame().first.abs_diff(200) < 4);
    let counters = running.senders.counters();
    assert_eq!((counters.damaged.get(), counters.received.get(), counters.broken.get()), (2, 4, 0));
}

#[test]
fn with_a_secret_the_first_message_is_the_secret_and_a_picture_in_its_place_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "open sesame\n").unwrap();
    let (address, path) = (unused(), Some(file.path().to_path_buf()));
    let running = start(with_tcp(settings(address), |tcp| TcpConfig { secret_file: path, ..tcp }));
    let mut without = connect(address);
    without.write_all(&message(&[jpeg(60), vec![0; 2_000]].concat())).unwrap();
    running.until_offline("did not send the secret");
    let mut wrong = connect(address);
    wrong.write_all(&[message(b"sesame"), message(&jpeg(60))].concat()).unwrap();
    running.until_offline("a wrong secret");
    let mut right = connect(address);
    right.write_all(&[message(b"open sesame"), message(&jpeg(120))].concat()).unwrap();
    assert!(running.frame().first.abs_diff(120) < 4);
}

#[test]
fn a_second_sender_is_refused_by_name_and_its_pictures_are_never_mixed_in() {
    let (running, address) = listening();
    let mut first = connect(address);
    first.write_all(&message(&jpeg(120))).unwrap();
    running.frame();
    let mut second = connect(address);
    second.write_all(&message(&jpeg(10))).unwrap();
    until("the second sender is refused", || {
        first.write_all(&message(&jpeg(120))).unwrap();
        assert!(running.frame().first.abs_diff(120) < 4, "a picture of the second sender");
        running.senders.counters().refused.get() > 0
    });
    assert_closed(&mut second);
    assert_eq!(running.senders.last_refusal().unwrap(), "127.0.0.1: 127.0.0.1 is sending");
}

#[test]
fn skipped_frames_are_not_decoded_and_all_are_accounted_for() {
    let address = unused();
    let running = start(CameraConfig { skip_frames: 2, ..settings(address) });
    let mut sender = connect(address);
    for grey in [10, 20, 30, 40, 50, 60, 70] {
        sender.write_all(&message(&jpeg(grey))).unwrap();
    }
    for grey in [10u8, 40, 70] {
        assert!(running.frame().first.abs_diff(grey) < 4);
    }
    let counters = running.senders.counters();
    assert_eq!((counters.received.get(), counters.skipped.get()), (7, 4));
}

#[test]
fn a_sender_is_not_slowed_by_what_comes_behind_and_what_is_too_much_is_dropped_and_counted() {
    let address = unused();
    let config = with_tcp(settings(address), |tcp| TcpConfig { queue: 3, ..tcp });
    let (frames, seen) = channel();
    let (go_on, gate) = sync_channel::<()>(0);
    let running = start_with(config, seen, move |frame| {
        let _ = frames.send(see(frame));
        // Held until the test lets it go; then no more.
        let _ = gate.recv();
        Committed::Taken
    });
    const SENT: u64 = 60;
    let mut sender = connect(address);
    for _ in 0..SENT {
        sender.write_all(&message(&jpeg(120))).unwrap();
    }
    let counters = running.senders.counters();
    until("all are received while the first is held", || counters.received.get() == SENT);
    assert_eq!(running.senders.waiting(), 3, "the queue is full");
    let dropped = counters.queue_dropped.get();
    assert!(dropped >= SENT - 3 - 2 * SLOTS as u64, "{dropped}");
    drop(go_on);
    until("what waited is decoded", || running.senders.waiting() == 0);
    let mut delivered = 0;
    while running.frames.recv_timeout(Duration::from_millis(500)).is_ok() {
        delivered += 1;
    }
    assert_eq!(delivered + dropped, SENT);
}

#[test]
fn frames_are_discarded_while_stopped_and_the_camera_is_neither_frozen_nor_offline() {
    let (running, address) = listening();
    let mut sender = connect(address);
    sender.write_all(&message(&jpeg(120))).unwrap();
    running.frame();
    running.until_online();
    running.senders.set_stopped(true);
    let counters = running.senders.counters();
    sender.write_all(&message(&jpeg(60))).unwrap();
    until("discarded", || counters.discarded.get() == 1);
    running.until("stopped", |health| *health == ocellus::camera::Health::Stopped);
    // Longer than frozen_after, because it must not become frozen.
    until("more are discarded", || {
        sender.write_all(&message(&jpeg(60))).unwrap();
        std::thread::park_timeout(Duration::from_millis(50));
        counters.discarded.get() > 25
    });
    running.senders.set_stopped(false);
    sender.write_all(&message(&jpeg(200))).unwrap();
    assert!(running.frame().first.abs_diff(200) < 4, "none of those that were discarded");
    let next = running.health.recv_timeout(DEADLINE).unwrap();
    assert!(matches!(next, ocellus::camera::Health::Online { .. }), "{next:?}");
    running.until_frozen();
}

#[test]
fn a_jpeg_with_rubbish_inside_costs_that_picture_and_no_other() {
    let (running, address) = listening();
    let mut sender = connect(address);
    let mut rubbish = jpeg(60);
    let middle = rubbish.len() / 4..rubbish.len() - 2;
    rubbish[middle].fill(0xAA);
    let headless = [&[0xFF, 0xD8, 0xFF][..], &[0x11; 300], &[0xFF, 0xD9]].concat();
    for payload in [&jpeg(120)[..], &rubbish, &headless, &jpeg(200), &jpeg(201), &jpeg(202)] {
        sender.write_all(&message(payload)).unwrap();
    }
    let mut last = running.frame();
    while last.first.abs_diff(202) >= 3 {
        last = running.frame();
    }
    sender.write_all(&message(&jpeg(30))).unwrap();
    while last.first.abs_diff(30) >= 4 {
        last = running.frame();
    }
}
