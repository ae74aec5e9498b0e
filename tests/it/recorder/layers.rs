//! What is in the pictures: the camera's own JPEGs whichever way they come, and the verdicts on parts.

use std::fs;
use std::path::{Path, PathBuf};

use gstreamer::prelude::*;
use image::{Rgb, RgbImage};
use serde_json::Value;

use super::support::{files, json, noise, with_ending};
use crate::inspection::scenario::{Scenario, serial};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;
use crate::support::messages::{counter, listen};
use crate::support::wait_until;

/// Runs a launch line to its end; `feed` fills its source `in`, if it has one.
fn play(line: &str, feed: impl FnOnce(&gstreamer::Pipeline)) {
    gstreamer::init().unwrap();
    let pipeline = gstreamer::parse::launch(line).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    feed(&pipeline);
    let kinds = [gstreamer::MessageType::Eos, gstreamer::MessageType::Error];
    let bus = pipeline.bus().unwrap();
    let message = bus.timed_pop_filtered(gstreamer::ClockTime::from_seconds(30), &kinds).expect("its end");
    assert_eq!(message.type_(), gstreamer::MessageType::Eos, "{line}: {message:?}");
    pipeline.set_state(gstreamer::State::Null).unwrap();
}

/// Writes `pictures` to `mkv`, and from there to `avi`, as motion JPEG at 10 frames a second.
fn films(pictures: &[Vec<u8>], mkv: &Path, avi: &Path) {
    let line = format!(
        "appsrc name=in format=time caps=\"image/jpeg,width=48,height=48,framerate=10/1\" ! matroskamux ! \
         filesink location={}",
        mkv.display()
    );
    play(&line, |pipeline| {
        let source = pipeline.by_name("in").unwrap().downcast::<gstreamer_app::AppSrc>().unwrap();
        for (number, picture) in (0..).zip(pictures) {
            let mut buffer = gstreamer::Buffer::from_slice(picture.clone());
            let times = buffer.get_mut().unwrap();
            times.set_pts(gstreamer::ClockTime::from_mseconds(100 * number));
            times.set_duration(gstreamer::ClockTime::from_mseconds(100));
            source.push_buffer(buffer).unwrap();
        }
        source.end_of_stream().unwrap();
    });
    let (from, to) = (mkv.display(), avi.display());
    play(&format!("filesrc location={from} ! matroskademux ! avimux ! filesink location={to}"), |_| {});
}

#[test]
fn jpegs_of_films_and_of_launch_lines_are_recorded_as_they_came() {
    let mut pictures: Vec<Vec<u8>> = (1..=12).map(|seed| noise(48, seed)).collect();
    let dir = tempfile::tempdir().unwrap();
    let (mkv, avi) = (dir.path().join("film.mkv"), dir.path().join("film.avi"));
    films(&pictures, &mkv, &avi);
    // The encoder gives the same bytes for the same picture.
    let still = "video/x-raw,format=I420,width=48,height=48,framerate=10/1 ! jpegenc quality=95";
    let one = dir.path().join("one.jpg");
    play(
        &format!(
            "videotestsrc pattern=checkers-8 num-buffers=1 ! {still} ! filesink location={}",
            one.display()
        ),
        |_| {},
    );
    pictures.push(fs::read(one).unwrap());
    let launch = format!("launch:videotestsrc pattern=checkers-8 is-live=true ! {still} ! jpegdec");
    for source in [format!("file://{}", mkv.display()), format!("file://{}", avi.display()), launch] {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        let camera = format!(
            "[[camera]]\nname = \"lab\"\nsource = \"{source}\"\nrepeat = false\nring_slots = 16\npace = \"live\"\n\
             record = {{ as = \"jpeg\", sidecar = false, quality = 30 }}\n"
        );
        let camera = match source.starts_with("launch:") {
            true => camera.replace("repeat = false\n", ""),
            false => camera,
        };
        fixture.config(broker.port, &camera);
        let mut service = fixture.run();
        wait_until("frames are recorded", || {
            counter(&watcher, "lab/recorded").is_some_and(|count| count >= 8)
        });
        service.stop();
        let found = files(&fixture.state_dir.join("recordings"));
        let jpegs = with_ending(&found, ".jpg");
        assert!(jpegs.len() >= 8, "{source}: {found:?}");
        for jpeg in jpegs {
            assert!(
                pictures.contains(&fs::read(jpeg).unwrap()),
                "{source}: {} was encoded again",
                jpeg.display()
            );
        }
    }
}

/// The strongest red among the pixels of `picture` around the lower edge of the region in the test below.
fn red(picture: &RgbImage) -> i32 {
    let redness = |Rgb([r, g, b]): Rgb<u8>| i32::from(r) - i32::from(g.max(b));
    let around = (200..=204).map(|y| redness(*picture.get_pixel(200, y)));
    around.max().unwrap()
}

/// The picture of each layer and the frame's number, of a recording with this sidecar.
fn layers(sidecar: &Path) -> (u64, RgbImage, RgbImage) {
    let stem = sidecar.with_extension("").display().to_string();
    let open = |path: PathBuf| {
        image::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).to_rgb8()
    };
    let (raw, drawn) = (open(format!("{stem}.jpg").into()), open(format!("{stem}-annotated.jpg").into()));
    (json(sidecar)["frames"][0]["frame"].as_u64().unwrap(), raw, drawn)
}

#[test]
fn the_regions_of_a_bad_part_are_outlined_on_the_frame_that_was_judged_and_on_no_other() {
    let scenario = Scenario::new();
    let recipe = "size = [320, 240]\n[[roi]]\nname = \"all\"\nrect = [160, 160, 80, 42]\nkind = \"presence\"\nlow = 255\nmin_share = 1\n";
    scenario.recipe("large", recipe);
    let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240&fps=20&seed=3\"\nring_slots = 24\n\
        inspect = { product = \"large\", queue = 4 }\n\
        record = { as = \"jpeg\", mode = \"events\", on = [\"ng\"], layer = \"both\", pre_roll_ms = 200, post_roll_ms = 500 }\n";
    scenario.config(&(String::from(camera) + &serial(&scenario.fixture, "a", "plc")));
    let plc = scenario.plug("plc");
    let mut service = scenario.run();
    plc.write(b"TRIG one\n");
    let part = scenario.watcher.wait_for("camera/a/inspection", |part| part["verdict"] == "ng");
    let judged = part["frame"]["seq"].as_u64().unwrap_or_else(|| panic!("{part}"));
    let dir = scenario.fixture.state_dir.join("recordings");
    let mut seen: Vec<(u64, i32, i32)> = Vec::new();
    wait_until("frames after the one that was judged", || {
        let found = files(&dir);
        let whole = with_ending(&found, ".json").into_iter().map(|path| layers(path));
        seen = whole.map(|(frame, raw, drawn)| (frame, red(&raw), red(&drawn))).collect();
        seen.sort_unstable();
        seen.last().is_some_and(|(frame, ..)| *frame > judged + 3)
    });
    assert_eq!(service.stop(), Some(0), "{}", service.log());
    let outlined: Vec<u64> =
        seen.iter().filter(|(_, raw, drawn)| *drawn > 60 && *raw < 40).map(|(frame, ..)| *frame).collect();
    assert_eq!(outlined, [judged], "{seen:?}");
    let news: Vec<Value> = scenario.watcher.json("camera/a/recording");
    assert!(news.iter().all(|one| one["event"] != "stopped"), "{news:?}");
}
