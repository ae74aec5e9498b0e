//! Files that are put on servers.

use std::fs;

use serde_json::{Value, json};

use super::fetching::LOOPBACK;
use super::server::{Does, Server};
use super::support::{add, picture, refused, shop, upscale, wait_for, wait_until_over};
use crate::support::messages::listen;
use crate::support::wait_until;
use ocellus::types::sha256;

fn upload(url: &str) -> Value {
    json!({ "kind": "upload", "parameters": { "picture": "photo.png", "urls": [url] } })
}

#[test]
fn a_file_is_put_to_a_presigned_url_and_again_where_the_answer_was_lost() {
    let place = shop(LOOPBACK);
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 300, 1);
    let bytes = fs::read(place.fixture.path("shop/photo.png")).unwrap();
    let server = Server::start(|_, number| match number {
        // It has the whole file, and goes before it says so.
        0 => Does::LosesAnswer,
        _ => Does::Answers(201, Vec::new(), b"<ok/>".to_vec()),
    });
    let watcher = listen(place.broker.port);
    let id = add(&client, upload(&server.url("/bucket/photo.png?X-Amz-Signature=geheim")));
    let over = wait_for(&client, id, "completed");
    assert_eq!(over["tries"], 2, "{over}");
    let received = server.received();
    assert_eq!(received.len(), 2);
    for request in &received {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("PUT", "/bucket/photo.png?X-Amz-Signature=geheim")
        );
        assert_eq!(request.header("content-length"), Some(bytes.len().to_string().as_str()));
        assert_eq!(
            (request.header("content-type"), request.header("transfer-encoding")),
            (Some("image/png"), None)
        );
        assert!(request.body == bytes, "other bytes than the file has");
    }
    let file = &over["result"]["uploaded"][0];
    assert_eq!(
        (&file["status"], &file["bytes"], &file["sha256"]),
        (&json!(201), &json!(bytes.len()), &json!(sha256(&bytes)))
    );
    assert_eq!(file["to"], server.url("/bucket/photo.png"));
    let end = watcher.wait_for(&format!("box1/jobs/{id}"), |message| message["state"] == "completed");
    for shown in [over.to_string(), end.to_string(), place.service.log(), client.get("/api/v1/audit").text()]
    {
        assert!(!shown.contains("geheim"), "{shown}");
    }
    place.end();
}

#[test]
fn a_server_that_takes_nothing_does_not_hold_the_job() {
    let place = shop(&format!("{LOOPBACK}stall_s = 1\n"));
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 300, 2);
    let server = Server::start(|_, _| Does::Stalls);
    let mut job = upload(&server.url("/stalls"));
    job["max_attempts"] = json!(1);
    let over = wait_until_over(&client, add(&client, job));
    assert!(over["reason"].as_str().unwrap_or_default().contains("nothing for 1 s"), "{over}");
    place.end();
}

#[test]
fn a_server_that_refuses_a_file_ends_the_job_and_what_is_no_picture_is_not_sent() {
    let place = shop(&format!("{LOOPBACK}max_mib = 4\n"));
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 300, 2);
    fs::write(place.fixture.path("shop/large.png"), vec![0; 5 << 20]).unwrap();
    let server = Server::start(|request, _| match request.target.as_str() {
        "/expired" => Does::Answers(403, Vec::new(), b"geheim".to_vec()),
        "/moved" => Does::redirects("/elsewhere"),
        "/kept" => Does::Answers(307, vec![("Location", "/there".into())], Vec::new()),
        _ => Does::ok(b""),
    });
    for (path, cause) in
        [("/expired", "whether a presigned URL has expired"), ("/moved", "it would become another request")]
    {
        let mut job = upload(&server.url(path));
        job["max_attempts"] = json!(1);
        let over = wait_until_over(&client, add(&client, job));
        let reason = over["reason"].as_str().unwrap_or_default();
        assert!(reason.contains(cause) && !reason.contains("geheim"), "{path}: {over}");
    }
    let kept = wait_for(&client, add(&client, upload(&server.url("/kept"))), "completed");
    assert_eq!(kept["result"]["uploaded"][0]["to"], server.url("/there"));
    let [first, second] = ["/kept", "/there"]
        .map(|path| server.received().into_iter().find(|request| request.target == path).unwrap().body);
    assert!(first == second && !second.is_empty());
    let mut large = upload(&server.url("/there"));
    large["parameters"]["picture"] = json!("large.png");
    let over = wait_until_over(&client, add(&client, large));
    assert!(over["reason"].as_str().unwrap().contains("at most 4194304 are sent"), "{over}");
    // Neither a file that is no picture, nor one that a link leads to, leaves the box.
    fs::write(place.fixture.path("shop/key.png"), "a private key").unwrap();
    let mut other = upload(&server.url("/key"));
    other["parameters"]["picture"] = json!("key.png");
    let over = wait_until_over(&client, add(&client, other.clone()));
    assert!(over["reason"].as_str().unwrap().contains("is no picture"), "{over}");
    picture(&place.fixture.path("outside.png"), 20, 3);
    std::os::unix::fs::symlink(place.fixture.path("outside.png"), place.fixture.path("shop/link.png"))
        .unwrap();
    other["parameters"]["picture"] = json!("link.png");
    assert_eq!(refused(&client, &other).code(), "not_allowed");
    for (urls, code) in [
        (json!([]), "bad_job"),
        (json!(["https://{name}/x"]), "bad_url"),
        (json!(["https://h{sha256}/x"]), "bad_url"),
        (json!(["ftp://h/x"]), "bad_url"),
    ] {
        let bad = json!({ "kind": "upload", "parameters": { "picture": "photo.png", "urls": urls } });
        assert_eq!(client.post("/api/v1/jobs", bad).code(), code);
    }
    place.end();
}

#[test]
fn what_other_jobs_made_is_put_under_names_or_to_a_url_for_each_file() {
    let place = shop(LOOPBACK);
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), 20, 3);
    let server = Server::start(|_, _| Does::ok(b""));
    let made = wait_for(&client, add(&client, upscale("photo.png")), "completed");
    let path = made["result"]["file"]["path"].as_str().unwrap();
    let name = path.rsplit('/').next().unwrap();
    let after = made["id"].to_string();
    let to = server.url("/shop/{name}");
    let said = place.fixture.command(&["jobs", "add", "upload", "--after", &after, "--to", &to]);
    assert!(said.status.success(), "{said:?}");
    wait_until("the server has the file", || server.received().len() == 1);
    assert_eq!(server.received()[0].target, format!("/shop/{name}"));
    assert!(server.received()[0].body == fs::read(path).unwrap());

    let count = json!({ "kind": "upload", "parameters": { "from_jobs": true, "urls": [server.url("/1"), server.url("/2")] },
        "after": [{ "job": made["id"] }] });
    let over = wait_until_over(&client, add(&client, count));
    assert!(over["reason"].as_str().unwrap().contains("there are 1 files and 2 URLs"), "{over}");
    let none = json!({ "kind": "upload", "parameters": { "from_jobs": true, "urls": [server.url("/1")] } });
    let over = wait_until_over(&client, add(&client, none));
    assert!(over["reason"].as_str().unwrap().contains("made no file"), "{over}");
    assert_eq!(server.received().len(), 1);
    place.end();
}
