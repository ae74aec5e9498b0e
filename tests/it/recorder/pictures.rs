//! Every frame as a picture: counted, named, with its data, and only as many as the limits allow.

use std::fs;
use std::time::Duration;

use super::support::{Sender, counts, files, json, noise, settled, tcp_camera, with_ending};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;
use crate::support::messages::{counter, listen};
use crate::support::{said, wait_until};

#[test]
fn every_frame_that_is_sent_is_recorded_as_it_came_or_counted_as_missed_and_no_name_is_used_twice() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let (port, camera) = tcp_camera("lab", "sidecar = true");
    fixture.config(broker.port, &camera);
    let mut service = fixture.run();
    // Without a pause: several frames come in one millisecond.
    let pictures = vec![noise(48, 1), noise(48, 2), noise(48, 3)];
    let sender = Sender::start(port, pictures.clone(), Duration::ZERO, 400);
    wait_until("all are sent", || sender.sent() == 400);
    let counted = settled(&watcher, "lab", 400);
    sender.end();
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&fixture.state_dir.join("recordings"));
    let (jpegs, sidecars) = (with_ending(&found, ".jpg"), with_ending(&found, ".json"));
    assert_eq!(
        jpegs.len() as u64,
        counted["recorded"],
        "each recorded frame has a file of its own: {counted:?}"
    );
    assert_eq!(sidecars.len(), jpegs.len());
    for jpeg in &jpegs {
        let bytes = fs::read(jpeg).unwrap();
        assert!(pictures.contains(&bytes), "{} is not what the camera sent", jpeg.display());
    }
    let mut frames: Vec<u64> =
        sidecars.iter().map(|path| json(path)["frames"][0]["frame"].as_u64().unwrap()).collect();
    frames.sort_unstable();
    frames.dedup();
    assert_eq!(frames.len(), jpegs.len(), "each frame once");
    let one = json(sidecars[0]);
    assert_eq!((one["camera"].as_str(), one["time_zone"].as_str()), (Some("lab"), Some("UTC")));
    assert_eq!((one["frames"][0]["width"].as_u64(), one["count"].as_u64()), (Some(48), Some(1)));
    assert!(found.keys().all(|name| name.starts_with("lab/") && name.contains('Z')), "{found:?}");
}

#[test]
fn a_camera_that_sends_films_is_recorded_as_pictures() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    // For GStreamer decodebin is a decoder of JPEGs, among others; here it gets something else.
    let film =
        "videotestsrc is-live=true ! video/x-raw,width=64,height=48,framerate=25/1 ! theoraenc ! decodebin";
    let camera =
        format!("[[camera]]\nname = \"lab\"\nsource = \"launch:{film}\"\nrecord = {{ sidecar = false }}\n");
    fixture.config(broker.port, &camera);
    let mut service = fixture.run();
    let dir = fixture.state_dir.join("recordings");
    wait_until("pictures are recorded", || with_ending(&files(&dir), ".jpg").len() >= 3);
    service.stop();
    let found = files(&dir);
    for path in with_ending(&found, ".jpg") {
        let picture = image::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!((picture.width(), picture.height()), (64, 48));
    }
}

#[test]
fn every_third_frame_is_recorded_with_drawings_and_without_under_the_name_that_the_pattern_gives() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let record = "every = 3, layer = \"both\", sidecar = false, width = 32, quality = 60, pattern = \"x/{experiment}-{frame}\"";
    let (port, camera) = tcp_camera("lab", record);
    fixture.config(broker.port, &camera);
    let mut service = fixture.run();
    let sender = Sender::start(port, vec![noise(48, 1)], Duration::from_millis(10), 31);
    wait_until("all are sent", || sender.sent() == 31);
    let counted = settled(&watcher, "lab", 31);
    sender.end();
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let found = files(&fixture.state_dir.join("recordings"));
    assert_eq!(counted["recorder_passed"], 20);
    assert_eq!(found.len() as u64, 2 * counted["recorded"]);
    for (name, path) in &found {
        let number = name.strip_prefix("x/none-").unwrap_or_else(|| panic!("{name}"));
        let frame: u64 = number[..8].parse().unwrap();
        assert_eq!(frame % 3, 0, "{name}");
        let picture = image::open(path).unwrap();
        assert_eq!(picture.width(), 32, "shrunk");
    }
}

#[test]
fn files_in_local_time_say_so_in_their_names() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let (port, camera) = tcp_camera("lab", "sidecar = false");
    fixture.config(broker.port, &format!("[recorder]\ntime_zone = \"Asia/Kolkata\"\n{camera}"));
    let mut service = fixture.run();
    let sender = Sender::start(port, vec![noise(32, 1)], Duration::from_millis(10), 3);
    let dir = fixture.state_dir.join("recordings");
    wait_until("a picture", || files(&dir).keys().any(|name| name.contains("+0530")));
    sender.end();
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn limits_delete_the_oldest_recordings_and_never_a_file_of_somebody_else() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let dir = fixture.path("shared");
    fs::create_dir_all(dir.join("lab")).unwrap();
    // What a person keeps in the same folder; one has the name that the first recording would get.
    fs::write(dir.join("lab/fixed.jpg"), b"holiday").unwrap();
    fs::write(dir.join("lab/notes.txt"), b"mine").unwrap();
    let (port, camera) = tcp_camera("lab", "sidecar = false, pattern = \"{camera}/fixed\"");
    fixture.config(broker.port, &format!("[recorder]\ndir = \"{}\"\nmax_count = 5\n{camera}", dir.display()));
    let mut service = fixture.run();
    let sender = Sender::start(port, vec![noise(48, 1)], Duration::from_millis(15), 6);
    let ours = || files(&dir).into_keys().filter(|name| name.starts_with("lab/fixed-")).count();
    wait_until("six frames", || sender.sent() == 6);
    settled(&watcher, "lab", 6);
    assert_eq!(ours(), 5, "{:?}", files(&dir).keys());
    sender.end();
    // Somebody replaces a recording by a file of his own.
    let (replaced, own) = (dir.join("lab/fixed-4.jpg"), dir.join("lab/own.tmp"));
    assert!(replaced.exists(), "{:?}", files(&dir).keys());
    fs::write(&own, b"another holiday").unwrap();
    fs::rename(&own, &replaced).unwrap();
    let sender = Sender::start(port, vec![noise(48, 2)], Duration::from_millis(15), 12);
    wait_until("the file that is not ours is noticed", || {
        counter(&watcher, "recorder/foreign").is_some_and(|count| count > 0)
    });
    wait_until("all are sent", || sender.sent() == 12);
    settled(&watcher, "lab", 18);
    sender.end();
    assert_eq!(fs::read(&replaced).unwrap(), b"another holiday");
    assert_eq!(fs::read(dir.join("lab/fixed.jpg")).unwrap(), b"holiday");
    assert_eq!(fs::read(dir.join("lab/notes.txt")).unwrap(), b"mine");
    assert_eq!(ours(), 6, "five recordings and the stranger: {:?}", files(&dir).keys());
    assert!(counts(&watcher, "lab")["recorded"] > 0);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}

#[test]
fn a_folder_in_which_limits_could_touch_other_files_and_a_pattern_that_leads_out_are_refused() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let (_, camera) = tcp_camera("lab", "pattern = \"../{time}\"");
    let evidence = fixture.state_dir.join("evidence/a");
    fixture.config(broker.port, &format!("[recorder]\ndir = \"{}\"\n{camera}", evidence.display()));
    let output = fixture.command(&["check"]);
    let text = said(&output);
    assert!(!output.status.success());
    assert!(text.contains("recorder.dir") && text.contains("evidence of inspections"), "{text}");
    assert!(text.contains("camera[0].record.pattern") && text.contains("stay below"), "{text}");
    // Where no folder is named, the usual one must be free, too.
    let (_, camera) = tcp_camera("lab", "sidecar = false");
    let evidence = fixture.state_dir.join("recordings/a");
    fixture.config(broker.port, &format!("[evidence]\ndir = \"{}\"\n{camera}", evidence.display()));
    let output = fixture.command(&["check"]);
    let text = said(&output);
    assert!(text.contains("evidence.dir") && text.contains("recorder.dir"), "{text}");
    let (_, camera) = tcp_camera("lab", "pattern = \"{when}\", on = [\"ng\"]");
    fixture.config(broker.port, &camera);
    let output = fixture.command(&["check"]);
    let text = said(&output);
    assert!(text.contains("{when}") && text.contains("{camera}"), "{text}");
    assert!(text.contains("mode = \"events\""), "{text}");
}
