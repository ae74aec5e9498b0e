//! Pictures that a remote service makes: one that works, and one that fails, stalls and refuses.

use std::fs;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fetching::{LOOPBACK, made};
use super::server::{Does, Server};
use super::support::{add, picture, queue, shop, wait_for, wait_until_over};
use crate::support::fixture::program;
use crate::support::messages::listen;
use crate::support::wait_until;
use crate::web::client::Place;

/// A box that uses `server`, with these further lines in the section of the service.
fn studio(server: &Server, more: &str) -> Place {
    let url = server.url("/v1/{model}/images?size={size}");
    let request = r#"{"prompt": "{prompt}", "options": {"seed": "{seed}", "safe": true}}"#;
    let more =
        if more.contains("request") { more.to_owned() } else { format!("request = '{request}'\n{more}") };
    shop(&format!(
        "workers = 4\n{LOOPBACK}\n[jobs.generate]\nurl = \"{url}\"\nanswer = \"/data/0/image\"\n{more}"
    ))
}

fn generate(model: &str) -> Value {
    let values = json!({ "model": model, "size": "1:1", "prompt": "a \"red\" {seed} shoe", "seed": 7 });
    json!({ "kind": "generate", "parameters": { "values": values } })
}

fn answer(image: &str) -> Does {
    Does::Answers(
        200,
        vec![("Content-Type", "application/json".into())],
        json!({ "data": [{ "image": image }] }).to_string().into_bytes(),
    )
}

#[test]
fn a_request_is_mapped_to_the_service_and_its_answer_to_pictures() {
    let bytes = {
        let dir = tempfile::tempdir().unwrap();
        picture(&dir.path().join("a.png"), 24, 1);
        fs::read(dir.path().join("a.png")).unwrap()
    };
    let body = bytes.clone();
    let server = Server::start(move |request, _| {
        let host = request.header("host").unwrap();
        match request.target.split('?').next().unwrap() {
            "/v1/plain/images" => answer(&STANDARD.encode(&body)),
            "/v1/data/images" => answer(&format!("data:image/png;base64,{}", STANDARD.encode(&body))),
            "/v1/a%2Fb/images" => answer(&format!("http://{host}/made.png")),
            _ => Does::ok(&body),
        }
    });
    let place = studio(&server, "");
    let client = place.client();
    for model in ["plain", "data", "a/b"] {
        let over = wait_for(&client, add(&client, generate(model)), "completed");
        let made = &over["result"]["generated"];
        assert_eq!((made.as_array().unwrap().len(), &made[0]["width"]), (1, &json!(24)), "{over}");
        assert!(fs::read(made[0]["path"].as_str().unwrap()).unwrap() == bytes);
        assert_eq!(over["result"]["service"], server.at.to_string());
    }
    let first = &server.received()[0];
    assert_eq!((first.method.as_str(), first.target.as_str()), ("POST", "/v1/plain/images?size=1%3A1"));
    assert_eq!(first.header("content-type"), Some("application/json"));
    let sent: Value = serde_json::from_slice(&first.body).unwrap();
    assert_eq!(sent, json!({ "prompt": "a \"red\" {seed} shoe", "options": { "seed": 7, "safe": true } }));

    for (change, message) in [
        (json!({ "values": { "model": "a", "size": "1", "prompt": "x" } }), "the value seed is missing"),
        (
            json!({ "values": { "model": "a", "size": "1", "prompt": "x", "seed": 1, "steps": 9 } }),
            "no value \\\"steps\\\"",
        ),
        (json!({ "values": {}, "picture": "photo.png" }), "takes no picture"),
    ] {
        let reply = client.post("/api/v1/jobs", json!({ "kind": "generate", "parameters": change }));
        assert!(reply.code() == "bad_job" && reply.text().contains(message), "{}", reply.text());
    }
    let arguments = [
        "jobs",
        "add",
        "generate",
        "--set",
        "model=plain",
        "--set",
        "size=2",
        "--set",
        "prompt=hat",
        "--set",
        "seed=8",
    ];
    let said = place.fixture.command(&arguments);
    assert!(said.status.success(), "{said:?}");
    wait_until("the service is asked", || server.received().len() == 5);
    let sent: Value = serde_json::from_slice(&server.received()[4].body).unwrap();
    assert_eq!((&sent["prompt"], &sent["options"]["seed"]), (&json!("hat"), &json!(8)));
    place.end();
}

#[test]
fn a_service_that_does_not_answer_in_time_is_asked_again_under_the_same_key() {
    let bytes = {
        let dir = tempfile::tempdir().unwrap();
        picture(&dir.path().join("a.png"), 24, 1);
        STANDARD.encode(fs::read(dir.path().join("a.png")).unwrap())
    };
    let server = Server::start(move |_, number| match number {
        0 => Does::Stalls,
        _ => answer(&bytes),
    });
    // The stall begins with the answer: a service may take its time to make a picture.
    let place = shop(&format!(
        "max_attempts = 100\n{LOOPBACK}stall_s = 1\ntimeout_s = 4\n\n[jobs.generate]\nurl = \"{}\"\n\
         request = '{{\"p\": \"{{p}}\"}}'\nanswer = \"/data/0/image\"\n",
        server.url("/")
    ));
    let client = place.client();
    let job = json!({ "kind": "generate", "parameters": { "values": { "p": "x" } } });
    let id = add(&client, job);
    wait_until("the job says why it is tried again", || {
        client.get(&format!("/api/v1/jobs/{id}")).text().contains("longer than 4 s")
    });
    wait_for(&client, id, "completed");
    let received = server.received();
    let key = |at: usize| received[at].header("idempotency-key").unwrap();
    assert!(received.len() >= 2 && key(0) == key(1) && key(0).len() == 32);
    place.end();
}

#[test]
fn a_service_that_fails_and_asks_for_pauses_is_asked_again_under_the_same_key() {
    let bytes = {
        let dir = tempfile::tempdir().unwrap();
        picture(&dir.path().join("a.png"), 24, 1);
        STANDARD.encode(fs::read(dir.path().join("a.png")).unwrap())
    };
    let server = Server::start(move |_, number| match number {
        0 => Does::Answers(429, vec![("Retry-After", "1".into())], Vec::new()),
        1 => Does::Answers(500, Vec::new(), b"oops".to_vec()),
        2 => Does::LosesAnswer,
        _ => answer(&bytes),
    });
    let place = shop(&format!(
        "max_attempts = 4\n{LOOPBACK}\n[jobs.generate]\nurl = \"{}\"\nrequest = '{{\"p\": \"{{p}}\"}}'\n\
         answer = \"/data/0/image\"\n",
        server.url("/")
    ));
    let client = place.client();
    let job = json!({ "kind": "generate", "parameters": { "values": { "p": "x" } } });
    let over = wait_for(&client, add(&client, job.clone()), "completed");
    assert_eq!(over["tries"], 4, "{over}");
    let keys: Vec<String> = server
        .received()
        .iter()
        .map(|request| request.header("idempotency-key").unwrap().to_owned())
        .collect();
    assert!(keys.len() == 4 && keys.iter().all(|key| *key == keys[0] && key.len() == 32), "{keys:?}");
    wait_for(&client, add(&client, job), "completed");
    assert_ne!(server.received()[4].header("idempotency-key"), Some(keys[0].as_str()));
    place.end();
}

#[test]
fn answers_that_hold_no_picture_fail_the_job_without_being_repeated() {
    let server = Server::start(|request, _| {
        let host = request.header("host").unwrap();
        match request.target.split('/').nth(2).unwrap_or_default() {
            "page" => Does::ok(b"<html>geheim</html>"),
            "other" => Does::ok(b"{\"error\": \"geheim\"}"),
            "text" => answer("geheim, but not base64"),
            "nopicture" => answer(&STANDARD.encode("geheim")),
            "private" => answer("http://127.0.0.2:1/geheim"),
            "lost" => answer(&format!("http://{host}/v1/gone")),
            "long" => Does::BreaksOff(10_000_000_000, vec![b' '; 1000]),
            "endless" => Does::SendsForever(vec![b' '; 100_000]),
            "refused" => Does::Answers(401, Vec::new(), b"geheim".to_vec()),
            _ => Does::Answers(404, Vec::new(), Vec::new()),
        }
    });
    let place = studio(&server, "");
    let client = place.client();
    for (model, cause) in [
        ("page", "something else than JSON"),
        ("other", "no picture at \"/data/0/image\""),
        ("text", "no picture in base64"),
        ("nopicture", "picture"),
        ("private", "127.0.0.2 is not an address"),
        ("lost", "answers 404"),
        ("long", "announces 10000000000 bytes"),
        ("endless", "sends more than"),
        ("refused", "answers 401"),
    ] {
        let mut job = generate(model);
        job["max_attempts"] = json!(1);
        let over = wait_until_over(&client, add(&client, job));
        let reason = over["reason"].as_str().unwrap_or_default();
        assert!(over["state"] == "failed" && reason.contains(cause), "{model}: {over}");
        assert!(!reason.contains("geheim"), "{reason}");
    }
    assert_eq!(made(&place), Vec::<String>::new());
    place.end();
}

#[test]
fn the_service_gets_no_more_requests_at_once_than_it_allows() {
    let server = Server::start(|request, _| {
        // Long enough for a second one to come beside it.
        std::thread::sleep(std::time::Duration::from_millis(if request.method == "POST" { 50 } else { 0 }));
        Does::Answers(404, Vec::new(), Vec::new())
    });
    let place = studio(&server, "at_once = 1\n");
    let client = place.client();
    let jobs: Vec<u64> = (0..6).map(|_| add(&client, generate("x"))).collect();
    for id in jobs {
        wait_for(&client, id, "failed");
    }
    assert_eq!((server.received().len(), server.busiest()), (6, 1));
    assert_eq!(queue(&client)["failed_tasks"], 6);
    place.end();
}

#[test]
fn credentials_reach_their_server_alone_and_are_shown_nowhere() {
    let other = Server::start(|_, _| Does::ok(b"not for you"));
    let elsewhere = other.url("/taken");
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/moved" => Does::redirects(elsewhere.clone()),
        // Repeats what it was sent, as servers do.
        _ => Does::Answers(
            if request.header("authorization").is_some() { 418 } else { 401 },
            vec![("X-Seen", request.header("authorization").unwrap_or_default().to_owned())],
            format!("{request:?}").into_bytes(),
        ),
    });
    let (headers, service) =
        ("Authorization: Bearer geheim-files\n", "X-Api-Key: geheim-service\nAuthorization: x\n");
    let dir = tempfile::tempdir().unwrap();
    let (files, generates) = (dir.path().join("files.headers"), dir.path().join("service.headers"));
    fs::write(&files, headers).unwrap();
    fs::write(&generates, service).unwrap();
    let (origin, url) = (server.url(""), server.url("/v1"));
    let place = shop(&format!(
        "{LOOPBACK}credentials = [{{ origins = [\"{origin}\"], headers_file = \"{}\" }}]\n\
         [jobs.generate]\nurl = \"{url}\"\nrequest = '{{\"p\": \"{{p}}\"}}'\nanswer = \"/x\"\nheaders_file = \"{}\"\n",
        files.display(),
        generates.display()
    ));
    let client = place.client();
    let watcher = listen(place.broker.port);
    picture(&place.fixture.path("shop/photo.png"), 20, 1);
    let fetch =
        |path: &str| json!({ "kind": "fetch", "parameters": { "url": server.url(path) }, "max_attempts": 1 });
    let jobs = [
        fetch("/photo.png"),
        fetch("/moved"),
        json!({ "kind": "upload", "parameters": { "picture": "photo.png", "urls": [server.url("/put")] } }),
        json!({ "kind": "generate", "parameters": { "values": { "p": "x" } } }),
    ];
    let mut shown = String::new();
    for job in jobs {
        let id = add(&client, job);
        shown += &wait_until_over(&client, id).to_string();
        shown +=
            &watcher.wait_for(&format!("box1/jobs/{id}"), |message| message["state"] == "failed").to_string();
        shown += &String::from_utf8_lossy(&place.fixture.command(&["jobs", "show", &id.to_string()]).stdout);
    }
    let received = server.received();
    let of = |target: &str| received.iter().find(|request| request.target == target).unwrap();
    assert_eq!(of("/photo.png").header("authorization"), Some("Bearer geheim-files"));
    assert_eq!(of("/put").header("authorization"), Some("Bearer geheim-files"));
    assert_eq!(of("/v1").header("x-api-key"), Some("geheim-service"));
    let taken = other.received();
    assert!(taken.len() == 1 && !format!("{taken:?}").contains("geheim"), "{taken:?}");
    // A file that holds something else is not repeated either.
    fs::write(&files, "geheim").unwrap();
    let over = wait_until_over(&client, add(&client, fetch("/photo.png")));
    assert!(over["reason"].as_str().unwrap().contains("line 1 of"), "{over}");
    shown += &over.to_string();

    for path in ["/api/v1/jobs", "/api/v1/config", "/api/v1/audit", "/api/v1/status", "/metrics"] {
        shown += &client.get(path).text();
    }
    let (archive, log) = (dir.path().join("bundle.tar.gz"), dir.path().join("log"));
    fs::write(&log, place.service.log()).unwrap();
    let made = Command::new(program())
        .args(["doctor", "--bundle"])
        .arg(&archive)
        .arg("--log")
        .arg(&log)
        .arg("--config")
        .arg(place.fixture.config_path())
        .output()
        .unwrap();
    assert!(archive.exists(), "{made:?}");
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(fs::File::open(&archive).unwrap()));
    for entry in tar.entries().unwrap() {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry.unwrap(), &mut bytes).unwrap();
        shown += &String::from_utf8_lossy(&bytes);
    }
    shown += &place.service.log();
    assert!(shown.len() > 10_000, "something was looked through");
    let at = shown.find("geheim");
    assert!(at.is_none(), "…{}…", &shown[at.unwrap_or(0).saturating_sub(200)..][..400]);
    place.end();
}
