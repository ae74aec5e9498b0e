//! Variations of pictures: which files come out, and what they show.

use std::fs;

use image::RgbImage;
use serde_json::{Value, json};

use super::support::{add, picture, refused, shop, shop_with, wait_for};
use crate::support::studio::{middle_model, square};
use crate::web::client::Place;

fn variations(backgrounds: &[&str], more: &Value) -> Value {
    let mut parameters = json!({ "picture": "square.png", "backgrounds": backgrounds });
    parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({ "kind": "variations", "parameters": parameters })
}

fn open(variation: &Value) -> RgbImage {
    image::open(variation["file"]["path"].as_str().unwrap()).unwrap().to_rgb8()
}

fn place() -> Place {
    let place = shop_with("segment_model = \"middle\"\n", middle_model);
    square(&place.fixture.path("shop/square.png"), 128);
    place
}

#[test]
fn a_foreground_is_put_on_each_background_and_keeps_nothing_of_the_old_one() {
    let place = place();
    let client = place.client();
    RgbImage::from_pixel(40, 90, image::Rgb([10, 20, 230]))
        .save(place.fixture.path("shop/blue.png"))
        .unwrap();
    let backgrounds = ["white", "plain:#e8e8e8", "blue.png", "random", "random:7"];
    let over = wait_for(&client, add(&client, variations(&backgrounds, &json!({}))), "completed");
    let made = over["result"]["variations"].as_array().unwrap();
    let said: Vec<_> = made.iter().map(|one| one["background"].as_str().unwrap().to_owned()).collect();
    let blue = place.fixture.path("shop/blue.png").canonicalize().unwrap();
    assert_eq!(
        (&said[..2], &said[3..]),
        (&["white".into(), "plain:#e8e8e8".into()][..], &["random:3".into(), "random:7".into()][..])
    );
    assert_eq!(fs::canonicalize(&said[2]).unwrap(), blue);
    let pictures: Vec<RgbImage> = made.iter().map(open).collect();
    for (picture, corner) in pictures.iter().zip([[255; 3], [0xE8; 3], [10, 20, 230]]) {
        assert_eq!(picture.dimensions(), (128, 128));
        assert_eq!(picture.get_pixel(64, 64).0, [200, 30, 40], "the foreground is as it was");
        assert_eq!(picture.get_pixel(2, 2).0, corner);
        // No px of the rim is greener than red and the new background: nothing of the old one shines through.
        let halo = picture.pixels().filter(|px| px.0[1] > px.0[0].max(px.0[2]).saturating_add(20)).count();
        assert_eq!(halo, 0, "{corner:?}");
    }
    assert_ne!(pictures[3], pictures[4]);
    let share = over["result"]["foreground"].as_f64().unwrap();
    assert!((share - 0.25).abs() < 0.01, "{over}");
    for step in ["analysis", "cutout", "generation", "total"] {
        assert!(over["processing_times"][step].is_number(), "{step}: {over}");
    }
    place.end();
}

#[test]
fn the_same_request_gives_the_same_bytes_and_a_shadow_is_seen() {
    let place = place();
    let client = place.client();
    let plain = wait_for(&client, add(&client, variations(&["white", "random:7"], &json!({}))), "completed");
    let sums = |job: &Value| -> Vec<Value> {
        let made = job["result"]["variations"].as_array().unwrap();
        made.iter().map(|one| one["file"]["sha256"].clone()).collect()
    };
    // The files are removed, so that the work is done anew.
    for made in plain["result"]["variations"].as_array().unwrap() {
        fs::remove_file(made["file"]["path"].as_str().unwrap()).unwrap();
    }
    let anew = wait_for(&client, add(&client, variations(&["white", "random:7"], &json!({}))), "completed");
    assert_eq!((sums(&anew), &anew["cached_from"]), (sums(&plain), &json!(null)));
    let kept = wait_for(&client, add(&client, variations(&["white", "random:7"], &json!({}))), "completed");
    assert_eq!((sums(&kept), &kept["cached_from"]), (sums(&plain), &anew["id"]));

    let options = json!({ "shadow": true, "format": "jpeg", "quality": 95 });
    let shaded = wait_for(&client, add(&client, variations(&["white"], &options)), "completed");
    let made = &shaded["result"]["variations"][0];
    assert!(made["file"]["path"].as_str().unwrap().ends_with(".jpg"), "{made}");
    let (with, without) = (open(made), open(&anew["result"]["variations"][0]));
    let below = |picture: &RgbImage| picture.get_pixel(64, 98).0[1];
    assert!(below(&with) < 240 && below(&without) == 255, "{} {}", below(&with), below(&without));
    place.end();
}

#[test]
fn backgrounds_that_are_none_are_refused_and_one_that_cannot_be_read_fails_the_job_by_name() {
    let place = place();
    let client = place.client();
    fs::write(place.fixture.path("shop/bad.png"), "no picture").unwrap();
    for (backgrounds, code) in [
        (&[][..], "bad_job"),
        (&["plain"], "bad_job"),
        (&["plain:red"], "bad_job"),
        (&["random:x"], "bad_job"),
        (&["absent.png"], "unknown_picture"),
        (&["../square.png"], "bad_name"),
        (&["white"; 33], "bad_job"),
    ] {
        let reply = refused(&client, &variations(backgrounds, &json!({})));
        assert_eq!(reply.code(), code, "{backgrounds:?}: {}", reply.text());
    }
    let over = wait_for(&client, add(&client, variations(&["white", "bad.png"], &json!({}))), "failed");
    let reason = over["reason"].as_str().unwrap();
    assert!(reason.contains("background") && reason.contains("bad.png"), "{reason}");
    place.end();
}

#[test]
fn without_a_model_variations_are_refused_with_what_is_missing() {
    let place = shop("");
    picture(&place.fixture.path("shop/square.png"), 32, 1);
    let reply = place.client().post("/api/v1/jobs", variations(&["white"], &json!({})));
    assert_eq!((reply.status, reply.code().as_str()), (501, "no_model"), "{}", reply.text());
    assert!(reply.text().contains("segment_model"), "{}", reply.text());
    place.end();
}

#[test]
fn one_request_makes_variations_enlarges_each_and_writes_a_table_about_all() {
    let place = place();
    let client = place.client();
    let arguments = [
        "jobs",
        "add",
        "variations",
        "square.png",
        "--backgrounds",
        "white,random:7",
        "--upscale",
        "2",
        "--report=csv",
        "--json",
    ];
    let said = place.fixture.command(&arguments);
    let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let id = said["id"].as_u64().unwrap();
    let mut found = Value::Null;
    crate::support::wait_until("the workflow is completed", || {
        found = client.get(&format!("/api/v1/workflows/{id}")).json();
        found["state"] == "completed"
    });
    let of_kind =
        |kind: &str| found["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == kind).unwrap();
    let enlarged = of_kind("upscale")["result"]["enlarged"].as_array().unwrap();
    assert!(enlarged.len() == 2 && enlarged.iter().all(|made| made["file"]["width"] == 256), "{found}");
    let table = &of_kind("report")["result"];
    assert_eq!(table["rows"], 4, "{found}");
    let table = fs::read_to_string(table["path"].as_str().unwrap()).unwrap();
    assert!(table.contains(",random:7,") && table.contains(",lanczos,"), "{table}");
    for step in ["analysis", "generation", "enlarge", "write", "total"] {
        assert!(found["processing_times"][step].is_number(), "{step}: {found}");
    }
    let alone =
        client.post("/api/v1/jobs", json!({ "kind": "upscale", "parameters": { "from_jobs": true } }));
    let over = wait_for(&client, alone.json()["job"]["id"].as_u64().unwrap(), "failed");
    assert!(over["reason"].as_str().unwrap().contains("made no picture"), "{over}");
    place.end();
}

#[test]
fn backgrounds_may_be_a_pattern_which_is_looked_for_when_the_job_runs() {
    let place = place();
    let client = place.client();
    let folder = place.fixture.path("shop/walls");
    fs::create_dir_all(folder.join("deep")).unwrap();
    let wall = |path: &str, blue: u8| {
        RgbImage::from_pixel(30, 30, image::Rgb([0, 0, blue])).save(folder.join(path)).unwrap();
    };
    wall("b.png", 20);
    wall("deep/c.png", 30);
    wall(".hidden.png", 40);
    client.post("/api/v1/status/queue/pause", json!({}));
    let id = add(&client, variations(&["walls/*.png", "white"], &json!({})));
    // This one comes after the request.
    wall("a.png", 10);
    client.post("/api/v1/status/queue/resume", json!({}));
    let over = wait_for(&client, id, "completed");
    let made = over["result"]["variations"].as_array().unwrap();
    let corners: Vec<u8> = made.iter().map(|one| open(one).get_pixel(1, 1).0[2]).collect();
    assert_eq!(corners, [10, 20, 255], "{over}");

    for (pattern, code) in [
        ("../*.png", "bad_name"),
        ("**/*.png", "bad_job"),
        ("walls/[a.png", "bad_job"),
        ("/*.png", "bad_name"),
        (".?/x*.png", "bad_job"),
        (".*/*.png", "bad_job"),
        ("walls/.?/.?/*", "bad_job"),
        ("walls/.*", "bad_job"),
        ("*/b.png", "bad_job"),
    ] {
        let reply = client.post("/api/v1/jobs", variations(&[pattern], &json!({})));
        assert_eq!(reply.code(), code, "{pattern}: {}", reply.text());
    }
    let over = wait_for(&client, add(&client, variations(&["walls/*.gif"], &json!({}))), "failed");
    assert!(over["reason"].as_str().unwrap().contains("no file matches"), "{over}");
    (0..40).for_each(|number| wall(&format!("more{number}.png"), number));
    let over = wait_for(&client, add(&client, variations(&["walls/*.png"], &json!({}))), "failed");
    assert!(over["reason"].as_str().unwrap().contains("more files than the 32"), "{over}");
    place.end();
}

#[test]
fn a_word_of_the_list_of_backgrounds_is_never_a_file_of_that_name() {
    let place = place();
    let client = place.client();
    // In the folder of the pictures, and in the one where the command runs.
    RgbImage::from_pixel(30, 30, image::Rgb([0, 0, 9]))
        .save_with_format(place.fixture.path("shop/white"), image::ImageFormat::Png)
        .unwrap();
    let mut command = std::process::Command::new(crate::support::fixture::program());
    command.current_dir(place.fixture.path("shop"));
    command.args(["jobs", "add", "variations", "square.png", "--backgrounds", "white", "--json", "--config"]);
    let said = command.arg(place.fixture.config_path()).output().unwrap();
    let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let over = wait_for(&client, said["jobs"][0]["job"]["id"].as_u64().unwrap(), "completed");
    let made = &over["result"]["variations"][0];
    assert_eq!((&made["background"], open(made).get_pixel(2, 2).0), (&json!("white"), [255; 3]));
    place.end();
}
