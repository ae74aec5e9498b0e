//! One request that does all of it: fetch, cut out, put on backgrounds, enlarge and show as a clip side by side, upload, list.

use std::fs;

use serde_json::{Value, json};

use super::fetching::LOOPBACK;
use super::server::{Does, Server};
use super::support::shop_with;
use crate::support::studio::{middle_model, square};
use crate::support::wait_until;
use crate::web::client::{Client, Place};

fn place() -> Place {
    shop_with(&format!("segment_model = \"middle\"\n{LOOPBACK}"), middle_model)
}

/// The workflow that the command `arguments` has added, when it is over.
fn added(place: &Place, client: &Client, arguments: &[&str]) -> Value {
    let said = place.fixture.command(arguments);
    let said: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{said:?}"));
    let id = said["id"].as_u64().unwrap();
    let mut found = Value::Null;
    wait_until("the workflow is over", || {
        found = client.get(&format!("/api/v1/workflows/{id}")).json();
        ["completed", "failed"].contains(&found["state"].as_str().unwrap())
    });
    found
}

fn of_kind<'a>(found: &'a Value, kind: &str) -> &'a Value {
    found["jobs"].as_array().unwrap().iter().find(|job| job["kind"] == kind).unwrap()
}

#[test]
fn one_request_fetches_a_picture_and_does_everything_with_it() {
    let place = place();
    let client = place.client();
    let photo = {
        square(&place.fixture.path("photo.png"), 128);
        fs::read(place.fixture.path("photo.png")).unwrap()
    };
    let server = Server::start(move |request, _| match request.method.as_str() {
        "GET" => Does::ok(&photo),
        _ => Does::Answers(201, Vec::new(), Vec::new()),
    });
    let (from, to) = (server.url("/shop/photo.png"), server.url("/made/{name}"));
    let arguments = [
        "jobs",
        "add",
        "variations",
        &from,
        "--backgrounds",
        "white,random:7",
        "--upscale",
        "2",
        "--clip",
        "--upload-to",
        &to,
        "--report=csv",
        "--json",
    ];
    let found = added(&place, &client, &arguments);
    assert_eq!(found["state"], "completed", "{found}");
    let number = |kind: &str| of_kind(&found, kind)["id"].as_u64().unwrap();
    let after = |kind: &str| of_kind(&found, kind)["after"].as_array().unwrap().clone();
    assert_eq!(after("variations"), [json!(number("fetch"))]);
    // Side by side: neither waits for the other.
    assert_eq!(
        (after("upscale"), after("clip")),
        (vec![json!(number("variations"))], vec![json!(number("variations"))])
    );
    assert_eq!(after("upload").len(), 4);
    assert_eq!(after("report").len(), 5);
    let clip = &of_kind(&found, "clip")["result"];
    assert_eq!((&clip["pictures"], &clip["frames"]), (&json!(2), &json!(150)), "{found}");
    // The picture, two variations, two of them enlarged, the clip.
    let uploaded = of_kind(&found, "upload")["result"]["uploaded"].as_array().unwrap().clone();
    assert_eq!(uploaded.len(), 6, "{found}");
    let puts = server.received().into_iter().filter(|request| request.method == "PUT");
    for (put, file) in puts.zip(&uploaded) {
        assert!(put.body == fs::read(file["path"].as_str().unwrap()).unwrap(), "{file}");
        assert!(file["to"].as_str().unwrap().ends_with(&put.target), "{file}");
    }
    let table = fs::read_to_string(of_kind(&found, "report")["result"]["path"].as_str().unwrap()).unwrap();
    assert_eq!(table.lines().count(), 1 + 1 + 2 + 2 + 1 + 6, "{table}");
    for step in ["fetch", "analysis", "generation", "enlarge", "encode", "upload", "write", "total"] {
        assert!(found["processing_times"][step].is_number(), "{step}: {found}");
    }
    let said = place.fixture.command(&["jobs", "follow", &found["id"].to_string()]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.lines().count() == 7 && said.contains("completed, 100 %"), "{said}");
    place.end();
}

#[test]
fn what_fails_takes_along_what_needs_it_and_the_table_says_why() {
    let place = place();
    let client = place.client();
    square(&place.fixture.path("shop/photo.png"), 128);
    let server = Server::start(|request, _| match request.method.as_str() {
        "GET" => Does::Answers(404, Vec::new(), Vec::new()),
        _ => Does::ok(b""),
    });
    let (from, to) = (server.url("/gone.png"), server.url("/{name}"));
    let arguments = [
        "jobs",
        "add",
        "variations",
        &from,
        "photo.png",
        "--backgrounds",
        "white",
        "--clip",
        "--upload-to",
        &to,
        "--report=csv",
        "--json",
    ];
    let found = added(&place, &client, &arguments);
    assert_eq!(found["state"], "failed", "{found}");
    let states: Vec<(&str, &str)> = found["jobs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|job| (job["kind"].as_str().unwrap(), job["state"].as_str().unwrap()))
        .collect();
    let count = |kind: &str, state: &str| states.iter().filter(|job| **job == (kind, state)).count();
    assert_eq!(
        (count("fetch", "failed"), count("variations", "failed"), count("clip", "failed")),
        (1, 1, 1),
        "{states:?}"
    );
    assert_eq!((count("variations", "completed"), count("clip", "completed")), (1, 1), "{states:?}");
    // What was made is there all the same: a variation and its clip.
    assert_eq!(of_kind(&found, "upload")["result"]["uploaded"].as_array().unwrap().len(), 2, "{found}");
    let table = fs::read_to_string(of_kind(&found, "report")["result"]["path"].as_str().unwrap()).unwrap();
    assert_eq!(table.matches("answers 404").count(), 3, "{table}");
    place.end();
}
