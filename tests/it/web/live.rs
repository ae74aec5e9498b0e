//! The live view: pictures that decode, viewers that are bounded, and one who does not take what it asked for.

use std::io::BufRead;

use crate::support::wait_until;
use crate::web::client::{place, stream};

const CAMERA: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=1280&height=720&fps=30\"\n";
const LIVE: &str = "/api/v1/cameras/a/live";

/// The next picture: its bytes and its frame's number.
fn next(stream: &mut impl BufRead) -> (Vec<u8>, u64) {
    let (mut length, mut frame, mut inside) = (0, 0, false);
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        let line = line.trim_end();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("x-frame", value)) => frame = value.parse().unwrap(),
            Some(_) => {}
            None if line == "--picture" => inside = true,
            None if line.is_empty() && inside && length > 0 => break,
            None => {}
        }
    }
    let mut jpeg = vec![0; length];
    stream.read_exact(&mut jpeg).unwrap();
    (jpeg, frame)
}

#[test]
fn live_pictures_decode_and_are_newer_each_time() {
    let place = place("", CAMERA);
    let mut live = stream(&place.client(), LIVE);
    let mut last = None;
    for _ in 0..10 {
        let (jpeg, frame) = next(&mut live);
        let picture = image::load_from_memory_with_format(&jpeg, image::ImageFormat::Jpeg).unwrap();
        assert_eq!(picture.width() * 9, picture.height() * 16, "the camera's own shape");
        assert!(last.is_none_or(|last| frame > last), "{frame} after {last:?}");
        last = Some(frame);
    }
    for path in ["/api/v1/cameras/a/picture", "/api/v1/cameras/a/picture?raw=1"] {
        let reply = place.client().get(path);
        assert_eq!(
            (reply.status, reply.header("content-type")),
            (200, Some("image/jpeg")),
            "{}",
            reply.text()
        );
        image::load_from_memory(&reply.body).unwrap();
    }
    let raw = image::load_from_memory(&place.client().get("/api/v1/cameras/a/picture?raw=1").body).unwrap();
    assert_eq!((raw.width(), raw.height()), (1280, 720));
    let unknown = place.client().get("/api/v1/cameras/b/live");
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_camera"));
    assert!(unknown.text().contains("there are: a"));
    place.end();
}

#[test]
fn a_stalled_viewer_is_let_go_and_stops_nobody_meanwhile() {
    let place = place("", CAMERA);
    let client = place.client();
    // They ask, and never read.
    let stalled: Vec<_> = (0..3).map(|_| client.begin("GET", LIVE, None)).collect();
    let mut live = stream(&client, LIVE);
    let figure = |name: &str| -> f64 {
        let text = client.get("/metrics").text();
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| line.split(' ').nth(1)?.parse().ok()).unwrap_or(-1.0)
    };
    wait_until("four viewers", || figure("ocellus_web_viewers ") == 4.0);
    let mut pictures = 0;
    wait_until("the stalled ones are let go", || {
        let (jpeg, _) = next(&mut live);
        assert!(jpeg.starts_with(&[0xff, 0xd8]) && jpeg.ends_with(&[0xff, 0xd9]));
        pictures += 1;
        pictures % 10 == 0 && figure("ocellus_web_connections_stalled_total ") >= 3.0
    });
    assert!(pictures > 10, "{pictures}");
    wait_until("one viewer is left", || {
        next(&mut live);
        figure("ocellus_web_viewers ") == 1.0
    });
    drop(stalled);
    place.end();
}

#[test]
fn no_more_look_at_one_time_than_may() {
    let place = place("max_viewers = 2", CAMERA);
    let client = place.client();
    let mut views = [stream(&client, LIVE), stream(&client, LIVE)];
    views.iter_mut().for_each(|view| assert!(!next(view).0.is_empty()));
    let reply = client.get(LIVE);
    assert_eq!((reply.status, reply.code().as_str()), (503, "busy"));
    assert!(reply.text().contains("web.max_viewers"), "{}", reply.text());
    drop(views);
    wait_until("a free place", || crate::web::client::head(&mut client.begin("GET", LIVE, None)).0 == 200);
    place.end();
}
