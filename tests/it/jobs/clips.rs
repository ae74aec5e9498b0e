//! Clips of pictures, read back by GStreamer.

use std::fs;
use std::path::Path;

use gstreamer::prelude::*;
use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use super::fetching::made;
use super::support::{add, picture, shop, upscale, wait_for, wait_until_over};

/// A film as a player sees it.
struct Played {
    format: String,
    size: [i32; 2],
    frames: Vec<RgbImage>,
    /// When the last frame ends, in ms.
    length_ms: u64,
}

fn play(path: &Path) -> Played {
    gstreamer::init().unwrap();
    let line = format!(
        "filesrc location={} ! decodebin ! identity name=raw ! videoconvert ! video/x-raw,format=RGB ! \
         appsink name=out sync=false",
        path.display()
    );
    let pipeline = gstreamer::parse::launch(&line).unwrap().downcast::<gstreamer::Pipeline>().unwrap();
    let out = pipeline.by_name("out").unwrap().downcast::<gstreamer_app::AppSink>().unwrap();
    pipeline.set_state(gstreamer::State::Playing).unwrap();
    let mut played = Played { format: String::new(), size: [0; 2], frames: Vec::new(), length_ms: 0 };
    while let Some(sample) = out.try_pull_sample(gstreamer::ClockTime::from_seconds(60)) {
        let info = gstreamer_video::VideoInfo::from_caps(sample.caps().unwrap()).unwrap();
        let buffer = sample.buffer().unwrap();
        let end = buffer.pts().unwrap() + buffer.duration().unwrap_or_default();
        played.length_ms = end.mseconds();
        let map = buffer.map_readable().unwrap();
        let (width, height) = (info.width() as usize, info.height() as usize);
        let rows = map.chunks(info.stride()[0] as usize).take(height);
        let pixels: Vec<u8> = rows.flat_map(|row| row[..width * 3].to_vec()).collect();
        played.frames.push(RgbImage::from_raw(info.width(), info.height(), pixels).unwrap());
        played.size = [info.width() as i32, info.height() as i32];
    }
    let raw = pipeline.by_name("raw").unwrap().static_pad("sink").unwrap().current_caps().unwrap();
    played.format = raw.structure(0).unwrap().get::<String>("format").unwrap();
    pipeline.set_state(gstreamer::State::Null).unwrap();
    played
}

/// The mean colour of the middle half.
fn mean(frame: &RgbImage) -> [f64; 3] {
    let (width, height) = frame.dimensions();
    let inside =
        |x: u32, y: u32| (width / 4..width * 3 / 4).contains(&x) && (height / 4..height * 3 / 4).contains(&y);
    let pixels: Vec<&Rgb<u8>> =
        frame.enumerate_pixels().filter(|(x, y, _)| inside(*x, *y)).map(|(_, _, pixel)| pixel).collect();
    [0, 1, 2].map(|channel| {
        pixels.iter().map(|pixel| f64::from(pixel.0[channel])).sum::<f64>() / pixels.len() as f64
    })
}

fn near(found: [f64; 3], expected: [u8; 3], tolerance: f64) -> bool {
    found.iter().zip(expected).all(|(found, expected)| (found - f64::from(expected)).abs() <= tolerance)
}

const COLOURS: [[u8; 3]; 3] = [[200, 40, 40], [40, 180, 60], [50, 60, 210]];

/// Plain pictures of different shapes in the shop.
fn colours(shop: &Path) {
    for (colour, (name, width, height)) in
        COLOURS.iter().zip([("a", 200, 150), ("b", 90, 300), ("c", 640, 480)])
    {
        RgbImage::from_pixel(width, height, Rgb(*colour)).save(shop.join(format!("{name}.png"))).unwrap();
    }
}

fn clip(parameters: Value) -> Value {
    let mut whole =
        json!({ "pictures": ["a.png", "b.png", "c.png"], "seconds": 0.8, "fade_s": 0.4, "frames_per_s": 10 });
    whole.as_object_mut().unwrap().extend(parameters.as_object().unwrap().clone());
    json!({ "kind": "clip", "parameters": whole })
}

#[test]
fn a_clip_shows_each_picture_as_long_as_asked_for_in_any_coding() {
    let place = shop("");
    let client = place.client();
    colours(&place.fixture.path("shop"));
    for (encoding, ending, formats) in [("auto", "mp4", ["I420", "NV12"]), ("mjpeg", "mkv", ["I420", "Y420"])]
    {
        let asked = clip(json!({ "encoding": encoding, "width": 162, "height": 122 }));
        let over = wait_for(&client, add(&client, asked.clone()), "completed");
        let made = &over["result"];
        assert_eq!(
            (&made["frames"], &made["pictures"], &made["seconds"]),
            (&json!(24), &json!(3), &json!(2.4)),
            "{over}"
        );
        let path = made["clip"]["path"].as_str().unwrap();
        assert!(path.ends_with(ending), "this machine has an encoder of H.264: {made}");
        let played = play(Path::new(path));
        assert_eq!(
            (played.size, played.frames.len(), played.length_ms),
            ([162, 122], 24, 2_400),
            "{encoding}"
        );
        assert!(formats.contains(&played.format.as_str()), "{encoding}: {}", played.format);
        for (frame, colour) in [(0, 0), (3, 0), (10, 1), (23, 2)] {
            let found = mean(&played.frames[frame]);
            assert!(near(found, COLOURS[colour], 12.0), "{encoding}, frame {frame}: {found:?}");
        }
        // In the middle of a fade both are seen.
        let [red, green, _] = mean(&played.frames[5]);
        assert!((60.0..180.0).contains(&red) && (60.0..160.0).contains(&green), "{red} {green}");
        let again = wait_for(&client, add(&client, asked), "completed");
        assert_eq!((&again["cached_from"], &again["result"]), (&over["id"], made));
        let file = client.get(&format!("/api/v1/jobs/{}/files/1", over["id"]));
        let kind = if ending == "mp4" { "video/mp4" } else { "video/x-matroska" };
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)));
        assert!(file.body == fs::read(path).unwrap());
    }
    place.end();
}

#[test]
fn a_clip_takes_its_shape_from_its_first_picture_and_is_sharp() {
    let place = shop("");
    let client = place.client();
    // Odd sides, and a pattern that a wrong stride would shear.
    let bars =
        RgbImage::from_fn(
            321,
            199,
            |x, _| if x / 40 % 2 == 0 { Rgb([230, 230, 230]) } else { Rgb([20, 20, 20]) },
        );
    bars.save(place.fixture.path("shop/bars.png")).unwrap();
    let asked = json!({ "pictures": ["bars.png"], "seconds": 0.5, "frames_per_s": 10 });
    let over = wait_for(&client, add(&client, json!({ "kind": "clip", "parameters": asked })), "completed");
    let played = play(Path::new(over["result"]["clip"]["path"].as_str().unwrap()));
    assert_eq!((played.size, played.frames.len()), ([320, 198], 5));
    for (x, expected) in [(20, 230), (60, 20), (100, 230), (140, 20)] {
        for y in [20, 100, 180] {
            let found = played.frames[0].get_pixel(x, y).0;
            assert!(found.iter().all(|value| value.abs_diff(expected) < 25), "{x},{y}: {found:?}");
        }
    }
    // The picture comes closer: its bars grow.
    assert_ne!(played.frames[0], played.frames[4]);
    place.end();
}

#[test]
fn requests_for_clips_that_cannot_be_are_refused_and_bad_pictures_leave_nothing_behind() {
    let place = shop("");
    let client = place.client();
    colours(&place.fixture.path("shop"));
    for (wrong, message) in [
        (json!({ "pictures": [] }), "pictures are missing"),
        (json!({ "from_jobs": true }), "both given"),
        (json!({ "width": 160 }), "only one of width and height"),
        (json!({ "width": 161, "height": 120 }), "a side is 161"),
        (json!({ "width": 8, "height": 8000 }), "a side is 8"),
        (json!({ "seconds": 0 }), "seconds is 0"),
        (json!({ "seconds": 1, "fade_s": 0.6 }), "fade_s is 0.6"),
        (json!({ "frames_per_s": 1000 }), "frames_per_s is 1000"),
        (json!({ "encoding": "theora" }), "unknown variant"),
        (json!({ "pictures": ["../a.png"] }), "outside of the folder"),
    ] {
        let reply = client.post("/api/v1/jobs", clip(wrong));
        assert!(reply.status == 422 && reply.text().contains(message), "{message}: {}", reply.text());
    }
    fs::write(place.fixture.path("shop/b.png"), "no picture").unwrap();
    let over = wait_until_over(&client, add(&client, clip(json!({}))));
    assert!(over["state"] == "failed" && over["reason"].as_str().unwrap().contains("picture"), "{over}");
    let long = json!({ "pictures": vec!["a.png"; 60], "seconds": 60, "fade_s": 0.5, "frames_per_s": 60 });
    let over = wait_until_over(&client, add(&client, clip(long)));
    assert!(over["reason"].as_str().unwrap().contains("the number of frames"), "{over}");
    assert_eq!(made(&place), Vec::<String>::new());
    place.end();
}

#[test]
fn a_clip_that_is_cancelled_stops_at_once_and_leaves_nothing_behind() {
    let place = shop("");
    let client = place.client();
    picture(&place.fixture.path("shop/a.png"), 400, 1);
    let asked = json!({ "pictures": vec!["a.png"; 10], "seconds": 60, "width": 1920, "height": 1080 });
    let id = add(&client, json!({ "kind": "clip", "parameters": asked }));
    crate::support::wait_until("frames are encoded", || {
        super::support::job(&client, id)["progress"].as_f64() > Some(0.0)
    });
    client.post(&format!("/api/v1/jobs/{id}/cancel"), json!({}));
    wait_for(&client, id, "cancelled");
    let log = place.service.log();
    assert!(!log.contains("did not stop in time"), "{log}");
    assert_eq!(made(&place), Vec::<String>::new());
    place.end();
}

#[test]
fn a_clip_shows_what_other_jobs_made() {
    let place = shop("");
    let client = place.client();
    colours(&place.fixture.path("shop"));
    let first = add(&client, upscale("a.png"));
    let second = add(&client, upscale("c.png"));
    let arguments = [
        "jobs",
        "add",
        "clip",
        "--after",
        &first.to_string(),
        "--after",
        &second.to_string(),
        "--seconds",
        "0.4",
        "--size",
        "160x120",
    ];
    let said = place.fixture.command(&arguments);
    assert!(said.status.success(), "{said:?}");
    let over = wait_for(&client, second + 1, "completed");
    let played = play(Path::new(over["result"]["clip"]["path"].as_str().unwrap()));
    assert_eq!((played.size, played.frames.len()), ([160, 120], 20));
    assert!(
        near(mean(&played.frames[0]), COLOURS[0], 12.0) && near(mean(&played.frames[19]), COLOURS[2], 12.0)
    );
    place.end();
}
