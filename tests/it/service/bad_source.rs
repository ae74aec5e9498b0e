//! Sources that are broken, empty, or not there yet.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use crate::support::broker::{Broker, free_port};
use crate::support::data::data;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{assert_valid, listen, numbers};
use crate::support::wait_until;

fn tape(fixture: &Fixture, file: &str) -> String {
    let path = fixture.path(file);
    format!(
        "[[camera]]\nname = \"tape\"\nsource = \"file://{}\"\npace = \"max\"\ndetect = {{ model = \"m\" }}\n",
        path.display()
    )
}

/// Runs the file to its end, which must be exit code 6 with all of `words` in one sentence; gives the frames reported.
fn played(file: &str, bytes: &[u8], words: &[&str]) -> Vec<u64> {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fs::write(fixture.path(file), bytes).unwrap();
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + &tape(&fixture, file)));
    let mut service = fixture.run();
    assert_eq!(service.exit_within(Duration::from_secs(60)), Some(6), "{}", service.log());
    let log = service.log();
    let last = log.lines().last().unwrap_or_default();
    for word in words.iter().chain(&[file]) {
        assert!(last.contains(word), "\"{word}\" is missing in the last sentence: {last}");
    }
    let reported = watcher
        .wait_for("tape/status", |reported| reported["cause"].as_str().is_some_and(|c| c.contains(words[0])));
    assert_eq!(reported["state"], "offline");
    watcher.wait_for("box1/status", |reported| reported["state"] == "offline");
    numbers(&watcher, "tape/detections", "frame")
}

#[test]
fn a_video_that_is_empty_or_no_video_ends_with_a_sentence_about_it() {
    assert!(played("empty.mp4", b"", &["empty", "record it again"]).is_empty());
    assert!(played("text.mp4", &b"this is a letter, no video\n".repeat(500), &["not a video"]).is_empty());
}

#[test]
fn a_truncated_video_ends_with_a_sentence_after_every_frame_before_the_damage_was_reported() {
    let Some(data) = data(&["video/asl_again.mkv"]) else { return };
    let bytes = fs::read(data.join("video/asl_again.mkv")).unwrap();
    let frames = played("cut.mkv", &bytes[..bytes.len() * 6 / 10], &["truncated", "missing"]);
    assert!(frames.len() > 20, "only {} frames", frames.len());
    assert_eq!(frames, (0..frames.len() as u64).collect::<Vec<_>>());
}

#[test]
fn one_broken_file_does_not_stop_another_camera() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fs::write(fixture.path("empty.mp4"), b"").unwrap();
    let live = "[[camera]]\nname = \"live\"\nsource = \"scene:\"\ndetect = { model = \"m\" }\n";
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + &tape(&fixture, "empty.mp4") + live));
    let mut service = fixture.run();
    watcher.wait_for("box1/status", |status| {
        status["state"] == "degraded" && status["reasons"].to_string().contains("empty.mp4")
    });
    let before = watcher.json("live/detections").len();
    wait_until("more frames", || watcher.json("live/detections").len() > before + 10);
    assert_eq!(service.stop(), Some(0));
}

/// A raw grey picture in the framing of `tcp://` sources.
fn picture(pts_ns: u64) -> Vec<u8> {
    use ocellus::camera::tcp::FrameHeader;
    use ocellus::types::PixelFormat;
    let header = FrameHeader::raw(PixelFormat::Gray8, 64, 48, Some(pts_ns)).unwrap();
    let mut bytes = header.to_bytes().to_vec();
    bytes.resize(bytes.len() + 64 * 48, 90);
    bytes
}

#[test]
fn a_source_that_is_absent_at_start_is_offline_until_it_appears_and_again_when_it_goes() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let port = free_port();
    let camera = format!(
        "[[camera]]\nname = \"line\"\nsource = \"tcp://127.0.0.1:{port}\"\nreconnect_ms = 50\nreconnect_max_ms = 200\n\
         frozen_after_ms = 500\ndetect = {{ model = \"m\" }}\n"
    );
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + &camera));
    let mut service = fixture.run();
    let said = watcher.wait_for("line/status", |reported| {
        reported["cause"].as_str().is_some_and(|c| c.contains("no sender"))
    });
    assert_eq!(said["state"], "offline");
    watcher.wait_for("box1/status", |status| status["state"] == "degraded");

    let mut sender = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut sent = 0;
    let mut send = |sender: &mut TcpStream| {
        sender.write_all(&picture(sent * 40_000_000)).unwrap();
        sent += 1;
    };
    wait_until("online", || {
        send(&mut sender);
        watcher.json("line/status").last().unwrap()["state"] == "online"
    });
    watcher.wait_for("line/detections", |_| true);
    wait_until("frozen", || watcher.json("line/status").last().unwrap()["state"] == "frozen");
    drop(sender);
    wait_until("offline", || watcher.json("line/status").last().unwrap()["state"] == "offline");
    assert_eq!(service.stop(), Some(0));
}

#[test]
fn a_damaged_picture_of_a_folder_is_named_and_counted_and_every_other_one_is_reported_with_its_file() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    fs::create_dir(fixture.path("pictures")).unwrap();
    let at = |name: &str| fixture.path("pictures").join(name);
    for name in ["1.png", "3.png"] {
        image::RgbImage::from_pixel(64, 48, image::Rgb([9, 90, 200])).save(at(name)).unwrap();
    }
    image::RgbImage::from_pixel(32, 48, image::Rgb([9, 90, 200])).save(at("4.bmp")).unwrap();
    let whole = fs::read(at("1.png")).unwrap();
    fs::write(at("2.png"), &whole[..whole.len() / 2]).unwrap();
    let camera = format!(
        "[[camera]]\nname = \"tape\"\nsource = \"images://{}\"\npace = \"max\"\ndetect = {{ model = \"m\" }}\n",
        fixture.path("pictures").display()
    );
    fixture.config(broker.port, &(fixture.stub("m", &Stub::default()) + &camera));
    let mut service = fixture.run();
    assert_eq!(service.exit_within(Duration::from_secs(60)), Some(6), "{}", service.log());
    let log = service.log();
    let last = log.lines().last().unwrap_or_default();
    for words in ["1 of the 4 pictures", "2.png: it is cut off", "the other 3 were delivered"] {
        assert!(last.contains(words), "\"{words}\" is missing in the last sentence: {last}");
    }
    wait_until("three reports", || watcher.json("tape/detections").len() == 3);
    let reports = watcher.json("tape/detections");
    let files: Vec<_> = reports.iter().filter_map(|report| report["file"].as_str()).collect();
    assert_eq!(files, ["1.png", "3.png", "4.bmp"]);
    watcher.wait_for("tape/status", |reported| reported["drops"] == 1);
    assert_valid(&watcher);
}

#[test]
fn a_camera_that_stays_away_is_one_line_of_the_log_and_the_next_line_counts_the_tries() {
    use std::io::Read;
    use std::net::TcpListener;
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let camera = format!(
        "[[camera]]\nname = \"away\"\nsource = \"http://{}/video\"\nreconnect_ms = 10\nreconnect_max_ms = 20\n",
        listener.local_addr().unwrap()
    );
    fixture.config(broker.port, &camera);
    let mut service = fixture.run();
    for status in [503, 503, 503, 503, 503, 404, 404] {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
    }
    let second = service.wait_log(&["nothing at this path (404)"]);
    assert!(second.contains("(4 more tries had failed as before)"), "{second}");
    let log = service.log();
    // The alarm that the camera raises is a line of its own.
    let of = |word: &str| log.lines().filter(|line| line.contains(word) && line.contains("next try")).count();
    assert_eq!((of("(503)"), of("(404)")), (1, 1), "{log}");
    assert_eq!(service.stop(), Some(0));
}
