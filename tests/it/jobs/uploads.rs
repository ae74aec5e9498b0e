//! Pictures that come with requests, and how results leave the box.

use std::fs;
use std::io::{Cursor, Read, Write};
use std::path::PathBuf;

use serde_json::{Value, json};

use super::support::{add, picture, queue, refused, shop, upscale, wait_for};
use crate::support::wait_until;
use crate::web::client::{Client, Place, Reply};

/// `text` as a value of a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// Sends `bytes` as a picture.
fn send(client: &Client, path: &str, bytes: &[u8]) -> Reply {
    client.clone().with("content-type", "image/png").ask("POST", path, Some(bytes))
}

/// The files that came with requests.
fn inbox(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.fixture.state_dir.join("jobs-in")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn bytes_of(place: &Place, side: u32, seed: u32) -> Vec<u8> {
    let path = place.fixture.path("own.png");
    picture(&path, side, seed);
    fs::read(path).unwrap()
}

#[test]
fn a_picture_in_the_request_is_enlarged_and_its_result_is_fetched_by_name_and_as_zip() {
    let place = shop("");
    let client = place.client();
    let bytes = bytes_of(&place, 40, 1);
    let request = json!({ "kind": "upscale", "parameters": { "factor": 4 } }).to_string();
    let path = format!("/api/v1/jobs?name=own.png&request={}", encoded(&request));
    let reply = send(&client, &path, &bytes);
    assert_eq!(reply.status, 202, "{}", reply.text());
    let id = reply.json()["job"]["id"].as_u64().unwrap();
    let over = wait_for(&client, id, "completed");
    assert_eq!((&over["name"], &over["result"]["file"]["width"]), (&json!("own.png"), &json!(160)), "{over}");
    assert_eq!(inbox(&place).len(), 1);
    assert!(fs::read(&inbox(&place)[0]).unwrap() == bytes, "other bytes came");

    let made = PathBuf::from(over["result"]["file"]["path"].as_str().unwrap());
    let name = made.file_name().unwrap().to_str().unwrap();
    let file = client.get(&format!("/api/v1/jobs/{id}/files/{name}"));
    assert_eq!((file.status, file.header("content-type")), (200, Some("image/png")), "{}", file.text());
    assert!(file.body == fs::read(&made).unwrap(), "the client gets other bytes");
    for other in ["0", "2", "own.png", "..%2Fstore"] {
        assert_eq!(client.get(&format!("/api/v1/jobs/{id}/files/{other}")).code(), "unknown_file", "{other}");
    }
    let zip = client.get(&format!("/api/v1/jobs/{id}/zip"));
    assert_eq!(zip.header("content-type"), Some("application/zip"));
    assert!(zip.header("content-disposition").unwrap().contains(&format!("job-{id}.zip")));
    let mut zip = zip::ZipArchive::new(Cursor::new(zip.body)).unwrap();
    assert_eq!(zip.len(), 1);
    let mut inside = Vec::new();
    zip.by_name(name).unwrap().read_to_end(&mut inside).unwrap();
    assert!(inside == fs::read(&made).unwrap(), "the ZIP has other bytes");
    place.end();
}

#[test]
fn a_picture_that_was_sent_first_serves_a_workflow_whose_files_are_one_zip() {
    let place = shop("");
    let client = place.client();
    let reply = send(&client, "/api/v1/jobs/pictures?name=..%2Fup%20there.png", &bytes_of(&place, 30, 2));
    assert_eq!(reply.status, 201, "{}", reply.text());
    let sent = reply.json()["picture"].as_str().unwrap().to_owned();
    assert!(sent.starts_with("upload:up there-") && sent.ends_with(".png"), "{sent}");
    let step = |label: &str, factor: u8| {
        let parameters = json!({ "picture": sent, "factor": factor });
        json!({ "label": label, "kind": "upscale", "parameters": parameters })
    };
    let table = json!({ "label": "table", "kind": "report", "follows": ["two", "four"] });
    let reply = client.post("/api/v1/workflows", json!({ "jobs": [step("two", 2), step("four", 4), table] }));
    assert_eq!(reply.status, 202, "{}", reply.text());
    let id = reply.json()["id"].as_u64().unwrap();
    wait_until("the workflow is completed", || {
        client.get(&format!("/api/v1/workflows/{id}")).json()["state"] == "completed"
    });
    let zip = client.get(&format!("/api/v1/workflows/{id}/zip"));
    let zip = zip::ZipArchive::new(Cursor::new(zip.body)).unwrap();
    let mut endings: Vec<&str> = zip.file_names().filter_map(|name| name.rsplit('.').next()).collect();
    endings.sort_unstable();
    assert_eq!(endings, ["png", "png", "xlsx"]);
    // The same reference over MQTT or by hand reaches no other file.
    for name in ["upload:../store", "upload:absent.png", "upload:"] {
        let code = refused(&client, &upscale(name)).code();
        assert!(["bad_name", "unknown_picture"].contains(&code.as_str()), "{name}: {code}");
    }
    place.end();
}

#[test]
fn what_is_no_picture_or_too_large_is_refused_and_leaves_nothing() {
    let place = shop("upload_mib = 1\n");
    let client = place.client();
    let path = format!("/api/v1/jobs?request={}", encoded(&upscale("").to_string()));
    for bytes in [&b"<svg/>, not a picture"[..], b"", b"\x89P"] {
        let reply = send(&client, &path, bytes);
        assert_eq!(reply.code(), "picture_unreadable", "{bytes:?}: {}", reply.text());
        assert!(!reply.json()["error"]["remedy"].as_str().unwrap().is_empty(), "{}", reply.text());
    }
    // The beginning of a request, and as much of its body as `bytes`.
    let begin = |header: &str, bytes: &[u8]| {
        let mut stream = client.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-type: image/png\r\n",
            client.at
        );
        stream.write_all(format!("{head}{header}\r\n\r\n").as_bytes()).unwrap();
        // The service may refuse before all of it has come.
        let _ = stream.write_all(bytes);
        stream
    };
    let answer = |mut stream: std::net::TcpStream| {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    // Announced as too large: refused at once.
    assert!(answer(begin("content-length: 2097152", b"\x89PNG")).contains("body_too_large"));
    // One of unknown length is cut where it becomes too large.
    let mut large = b"\x89PNG".to_vec();
    large.resize((1 << 20) + 10, 0);
    let chunk = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    assert!(answer(begin("transfer-encoding: chunked", &chunk)).contains("picture_too_large"));
    // One that breaks off leaves nothing either.
    drop(begin("content-length: 100000", &large[..1_000]));
    wait_until("nothing is left", || inbox(&place).is_empty());
    assert_eq!(queue(&client)["totals"]["added"], 0);
    place.end();
}

#[test]
fn files_leave_with_the_last_job_that_uses_them_and_no_other_file_does() {
    let place = shop("history_count = 2\n");
    let client = place.client();
    let out = place.fixture.state_dir.join("jobs");
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("mine.png"), "not the queue's").unwrap();
    let upload = |seed: u32| -> String {
        let reply = send(&client, "/api/v1/jobs/pictures?name=a.png", &bytes_of(&place, 20, seed));
        reply.json()["picture"].as_str().unwrap().to_owned()
    };
    let made = |job: &Value| PathBuf::from(job["result"]["file"]["path"].as_str().unwrap());
    let first = upload(1);
    let one = wait_for(&client, add(&client, upscale(&first)), "completed");
    // Older than any tolerance for clocks of file systems: only that a job uses it keeps it.
    let earlier = std::time::SystemTime::now() - std::time::Duration::from_secs(10);
    fs::File::options().write(true).open(made(&one)).unwrap().set_modified(earlier).unwrap();
    let two = wait_for(&client, add(&client, upscale(&upload(2))), "completed");
    // The first picture once more: its answer is kept, and so is its file when the first job has left.
    let three = wait_for(&client, add(&client, upscale(&first)), "completed");
    assert_eq!((made(&three), &three["cached_from"]), (made(&one), &one["id"]));
    let four = wait_for(&client, add(&client, upscale(&upload(4))), "completed");
    let is_there = |path: PathBuf| path.exists();
    wait_until("the file of the second job is gone", || !is_there(made(&two)));
    wait_until("its picture is gone", || inbox(&place).len() == 2);
    assert!(is_there(made(&three)) && is_there(made(&four)) && is_there(out.join("mine.png")));
    assert_eq!(client.get(&format!("/api/v1/jobs/{}", two["id"])).code(), "unknown_job");
    place.end();
}

#[test]
fn the_oldest_results_leave_when_they_take_too_much_space_and_stay_where_that_is_wanted() {
    for (line, stays) in [("", false), ("remove_files = false\n", true), ("out = \"made\"\n", true)] {
        let place = shop(&format!("history_mib = 1\n{line}"));
        let client = place.client();
        let shop = place.fixture.path("shop");
        let made: Vec<PathBuf> = (0..4)
            .map(|seed| {
                let name = format!("photo{seed}.png");
                // Noise is not compressed: each result has about 600 KB.
                let noise =
                    |x: u32, y: u32| (x * 7_919 + y * 104_729 + seed * 31).wrapping_mul(2_654_435_761);
                let colour = |x, y| image::Rgb(noise(x, y).to_be_bytes()[..3].try_into().unwrap());
                image::RgbImage::from_fn(260, 260, colour).save(shop.join(&name)).unwrap();
                let over = wait_for(&client, add(&client, upscale(&name)), "completed");
                PathBuf::from(over["result"]["file"]["path"].as_str().unwrap())
            })
            .collect();
        assert!(made[3].metadata().unwrap().len() > 400 << 10, "the pictures are too small for this test");
        match stays {
            true => assert!(made.iter().all(|path| path.exists()) && queue(&client)["history_size"] == 4),
            false => {
                wait_until("the oldest are gone", || !made[0].exists() && !made[1].exists());
                assert!(made[3].exists(), "the newest stays");
            }
        }
        place.end();
    }
}
