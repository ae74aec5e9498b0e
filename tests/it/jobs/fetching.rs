//! Pictures that are fetched from servers, which may do anything.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Does, Server};
use super::support::{add, job, picture, shop, shop_with, wait_for, wait_until_over};
use crate::support::certs::Certs;
use crate::support::wait_until;
use crate::web::client::Place;

/// Lines that let jobs reach the servers of the test.
pub const LOOPBACK: &str = "\n[jobs.http]\nallow = [\"127.0.0.1\"]\nrequests_per_s = 1000\n";

/// The request for what is at `url`.
fn fetch(url: &str) -> Value {
    json!({ "kind": "fetch", "parameters": { "url": url } })
}

/// The same with one attempt.
fn once(url: &str) -> Value {
    json!({ "kind": "fetch", "parameters": { "url": url }, "max_attempts": 1 })
}

/// The bytes of a small picture.
pub fn png(place: &Place, seed: u32) -> Vec<u8> {
    let path = place.fixture.path("small.png");
    picture(&path, 24, seed);
    fs::read(path).unwrap()
}

/// The files that jobs have made, and what is left of those that they could not make.
pub fn made(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.fixture.state_dir.join("jobs")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn a_picture_is_fetched_over_redirects_named_by_its_content_and_taken_up_by_the_next_job() {
    let place = shop(LOOPBACK);
    let client = place.client();
    let bytes = png(&place, 1);
    let body = bytes.clone();
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/a/start?key=geheim" => Does::redirects("../a/photo%20one.png?sig=geheim"),
        _ => Does::ok(&body),
    });
    let workflow = json!({ "jobs": [
        { "label": "fetched", "kind": "fetch", "parameters": { "url": server.url("/a/start?key=geheim") } },
        { "label": "large", "kind": "upscale", "parameters": { "from_jobs": true }, "needs": ["fetched"] },
        { "label": "table", "kind": "report", "parameters": { "format": "csv" }, "follows": ["fetched", "large"] },
    ] });
    let reply = client.post("/api/v1/workflows", workflow);
    assert_eq!(reply.status, 202, "{}", reply.text());
    let id = reply.json()["id"].as_u64().unwrap();
    let mut found = Value::Null;
    wait_until("the workflow is over", || {
        found = client.get(&format!("/api/v1/workflows/{id}")).json();
        found["state"] == "completed"
    });
    let result = |kind: &str| {
        let jobs = found["jobs"].as_array().unwrap();
        jobs.iter().find(|job| job["kind"] == kind).unwrap()["result"].clone()
    };
    let fetched = result("fetch");
    let file = &fetched["fetched"];
    assert_eq!(
        (&file["width"], &file["bytes"], &fetched["redirects"]),
        (&json!(24), &json!(bytes.len()), &json!(1))
    );
    let path = file["path"].as_str().unwrap();
    let digest = file["sha256"].as_str().unwrap();
    assert!(path.ends_with(&format!("/jobs/start-{}.png", &digest[..16])), "{path}");
    assert!(fs::read(path).unwrap() == bytes, "other bytes than the server sent");
    assert_eq!(fetched["from"], server.url("/a/photo%20one.png"));
    assert_eq!(result("upscale")["enlarged"][0]["file"]["width"], 48, "{found}");
    assert_eq!(result("report")["rows"], 2, "{found}");
    assert!(!found.to_string().contains("geheim"), "{found}");
    // Connections are kept for further requests and jobs. One is free again a moment after its answer, so that the redirect may
    // need a second one.
    let again = wait_for(&client, add(&client, fetch(&server.url("/again.png"))), "completed");
    assert_eq!(again["result"]["fetched"]["sha256"], digest);
    assert_eq!(server.received().len(), 3);
    assert!(server.connections() < 3, "a connection for each request");
    let agent = server.received()[0].header("user-agent").unwrap().to_owned();
    assert!(agent.starts_with("ocellus/"), "{agent}");

    let said =
        place.fixture.command(&["jobs", "add", "fetch", &server.url("/b.png"), "--sha256", &"0".repeat(64)]);
    assert!(said.status.success(), "{said:?}");
    let other = wait_until_over(&client, again["id"].as_u64().unwrap() + 1);
    assert!(other["reason"].as_str().unwrap().contains("SHA-256"), "{other}");
    place.end();
}

#[test]
fn addresses_of_the_box_and_its_networks_are_refused_also_behind_names_and_redirects() {
    let inner = Server::start(|_, _| Does::ok(b"secret of the plant"));
    let place = shop("");
    let client = place.client();
    let port = inner.at.port();
    for host in
        ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "192.168.0.7", "169.254.169.254"]
    {
        let over = wait_until_over(&client, add(&client, fetch(&format!("http://{host}:{port}/x"))));
        let reason = over["reason"].as_str().unwrap();
        assert!(reason.contains("is not an address of the public internet"), "{host}: {over}");
        assert!(reason.contains("jobs.http.allow") && over["tries"] == 1, "{host}: {over}");
    }
    assert_eq!(inner.connections(), 0);
    place.end();

    // What is allowed may not lead to what is not.
    let place = shop(LOOPBACK);
    let client = place.client();
    let target = format!("http://127.0.0.2:{port}/x");
    let outer = Server::start(move |_, _| Does::redirects(target.clone()));
    let over = wait_until_over(&client, add(&client, fetch(&outer.url("/x"))));
    assert!(over["reason"].as_str().unwrap().contains("127.0.0.2 is not an address"), "{over}");
    assert_eq!((outer.connections(), inner.connections()), (1, 0));
    place.end();
}

#[test]
fn urls_that_are_none_are_refused_at_once_and_not_repeated() {
    let place = shop("");
    let client = place.client();
    for url in
        ["", "ftp://h/geheim", "file:///etc/passwd", "http://joe:geheim@h/", "https://h/\ngeheim", "h/geheim"]
    {
        let reply = client.post("/api/v1/jobs", fetch(url));
        assert_eq!((reply.status, reply.code().as_str()), (422, "bad_url"), "{url}: {}", reply.text());
        assert!(!reply.text().contains("geheim"), "{}", reply.text());
    }
    let bad = json!({ "kind": "fetch", "parameters": { "url": "https://h/x", "sha256": "12" } });
    assert_eq!(client.post("/api/v1/jobs", bad).code(), "bad_job");
    place.end();
}

#[test]
fn a_hostile_server_fails_the_job_with_its_cause_and_leaves_nothing_behind() {
    let place = shop(&format!("{LOOPBACK}max_mib = 1\nmax_redirects = 3\n"));
    let client = place.client();
    let whole = png(&place, 2);
    let half = whole[..whole.len() / 2].to_vec();
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/half" => Does::BreaksOff(whole.len() as u64, half.clone()),
        "/half-picture" => Does::ok(&half),
        "/circle" => Does::redirects("/circle"),
        "/announced" => Does::BreaksOff(10_000_000_000, vec![0; 100_000]),
        "/unannounced" => Does::SendsForever(vec![0; 100_000]),
        "/page" => Does::ok(b"<html>Please log in</html>"),
        "/empty" => Does::ok(b""),
        "/packed" => Does::Answers(200, vec![("Content-Encoding", "gzip".into())], whole.clone()),
        "/gone" => Does::Answers(404, Vec::new(), b"geheim".to_vec()),
        "/down" => Does::Answers(500, Vec::new(), Vec::new()),
        "/nowhere" => Does::Answers(302, Vec::new(), Vec::new()),
        "/file" => Does::redirects("file:///etc/passwd"),
        _ => Does::LosesAnswer,
    });
    for (path, cause) in [
        ("/half", "broke off in the middle"),
        ("/half-picture", "picture"),
        ("/circle", "after 3 redirects"),
        ("/announced", "announces 10000000000 bytes; at most 1048576"),
        ("/unannounced", "more than 1048576 bytes"),
        ("/page", "picture"),
        ("/empty", "an empty file"),
        ("/packed", "compressed"),
        ("/gone", "answers 404"),
        ("/down", "answers 500"),
        ("/nowhere", "does not say where to"),
        ("/file", "its target is no URL of a server"),
        ("/lost", "lost before its answer"),
    ] {
        let over = wait_until_over(&client, add(&client, once(&server.url(path))));
        let reason = over["reason"].as_str().unwrap_or_default();
        assert!(over["state"] == "failed" && reason.contains(cause), "{path}: {over}");
        assert!(!reason.contains("geheim"), "{reason}");
    }
    assert_eq!(made(&place), Vec::<String>::new());
    // What the sockets hold besides is some megabytes at most.
    assert!(server.sent() < 64 << 20, "{} bytes were taken", server.sent());
    // Nobody listens there.
    let port = crate::support::broker::free_port();
    let over = wait_until_over(&client, add(&client, once(&format!("http://127.0.0.1:{port}/x"))));
    assert!(over["reason"].as_str().unwrap().contains("takes no connection"), "{over}");
    place.end();
}

#[test]
fn a_server_that_stalls_fails_the_job_and_leaves_nothing_behind() {
    let place = shop(&format!("{LOOPBACK}stall_s = 1\n"));
    let client = place.client();
    let server = Server::start(|_, _| Does::Stalls);
    let over = wait_until_over(&client, add(&client, once(&server.url("/stalls"))));
    let reason = over["reason"].as_str().unwrap_or_default();
    assert!(over["state"] == "failed" && reason.contains("nothing for 1 s"), "{over}");
    assert_eq!(made(&place), Vec::<String>::new());
    place.end();
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_and_what_may_pass_is_tried_again() {
    let place = shop(LOOPBACK);
    let client = place.client();
    let bytes = png(&place, 3);
    let server = Server::start(move |_, number| match number {
        0 => Does::Answers(429, vec![("Retry-After", "1".into())], Vec::new()),
        1 => Does::LosesAnswer,
        2 => Does::Answers(503, Vec::new(), Vec::new()),
        _ => Does::ok(&bytes),
    });
    let id = add(&client, fetch(&server.url("/photo.png")));
    wait_until("the job pauses", || {
        job(&client, id)["waits_for"].as_str().is_some_and(|what| what.contains("pause"))
    });
    let over = wait_for(&client, id, "completed");
    assert_eq!(over["tries"], 4, "{over}");
    let received = server.received();
    assert!(
        received[1].at - received[0].at >= Duration::from_secs(1),
        "{:?}",
        received[1].at - received[0].at
    );
    place.end();
}

#[test]
fn a_request_that_stands_still_is_cancelled_and_the_worker_goes_on() {
    // Only the cancelling ends the request: it may stand still for longer than this test takes.
    let place = shop(&format!("workers = 1\n{LOOPBACK}stall_s = 3000\ntimeout_s = 3000\n"));
    let client = place.client();
    let bytes = png(&place, 4);
    let server = Server::start(move |request, _| match request.target.as_str() {
        "/stalls" => Does::Stalls,
        _ => Does::ok(&bytes),
    });
    let id = add(&client, fetch(&server.url("/stalls")));
    wait_until("the server has the request", || server.received().len() == 1);
    client.post(&format!("/api/v1/jobs/{id}/cancel"), json!({}));
    wait_for(&client, id, "cancelled");
    wait_for(&client, add(&client, fetch(&server.url("/photo.png"))), "completed");
    let log = place.service.log();
    assert!(!log.contains("did not stop in time"), "{log}");
    // A stop of the service gives the job back.
    let id = add(&client, fetch(&server.url("/stalls")));
    wait_until("the server has it", || server.received().len() == 3);
    assert_eq!(job(&client, id)["state"], "running");
    place.end();
}

#[test]
fn requests_to_one_host_keep_their_distance() {
    let place = shop("\n[jobs.http]\nallow = [\"127.0.0.1\"]\nrequests_per_s = 4\n");
    let client = place.client();
    let bytes = png(&place, 5);
    let server = Server::start(move |_, _| Does::ok(&bytes));
    let jobs: Vec<u64> = (0..8).map(|n| add(&client, fetch(&server.url(&format!("/{n}.png"))))).collect();
    for id in jobs {
        wait_for(&client, id, "completed");
    }
    let received = server.received();
    // They are sent no closer; on the way they may come together.
    let all = received[7].at - received[0].at;
    assert!(all >= Duration::from_millis(1_200), "{all:?} where 1.75 s lie between the first and the last");
    place.end();
}

#[test]
fn a_server_has_to_prove_who_it_is() {
    let (certs, strangers) = (Certs::make(), Certs::make());
    let bytes = {
        let path = certs.file("small.png");
        picture(&path, 24, 6);
        fs::read(path).unwrap()
    };
    let body = bytes.clone();
    let server = Server::with_tls(&certs, move |_, _| Does::ok(&body));
    let stranger = Server::with_tls(&strangers, move |_, _| Does::ok(&bytes));
    let plain = Server::start(|_, _| Does::ok(b"no TLS"));
    let ca = certs.file("ca.crt").display().to_string();
    let place = shop_with(&format!("{LOOPBACK}ca_file = \"{ca}\"\n"), |_| String::new());
    let client = place.client();
    let https = |server: &Server| format!("https://{}/photo.png", server.at);
    wait_for(&client, add(&client, fetch(&https(&server))), "completed");
    let over = wait_until_over(&client, add(&client, fetch(&https(&stranger))));
    let reason = over["reason"].as_str().unwrap();
    assert!(reason.contains("does not prove who it is") && reason.contains("ca_file"), "{over}");
    assert_eq!((&over["tries"], stranger.received().len()), (&json!(1), 0), "{over}");
    let over = wait_until_over(&client, add(&client, once(&https(&plain))));
    assert!(over["reason"].as_str().unwrap().contains("TLS failed"), "{over}");
    place.end();

    certs.expire("server");
    let expired = Server::with_tls(&certs, |_, _| Does::ok(b""));
    let place = shop_with(&format!("{LOOPBACK}ca_file = \"{ca}\"\n"), |_| String::new());
    let client = place.client();
    let over = wait_until_over(&client, add(&client, fetch(&https(&expired))));
    assert!(over["reason"].as_str().unwrap().contains("does not prove who it is"), "{over}");
    place.end();
}
