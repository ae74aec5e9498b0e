//! What the queue does not take, over each interface: with its reason, at once, and without a trace.

use std::time::Instant;

use serde_json::{Value, json};

use super::support::{
    SIDE, add, picture, queue, refused, shop, shop_with, slow_model, upscale, wait_under_way,
};
use crate::support::complaint;
use crate::support::messages::listen;

#[test]
fn a_full_queue_refuses_at_once_and_says_when_to_try_again() {
    let place =
        shop_with("upscale_model = \"slow\"\nthreads = 1\nworkers = 1\nmax_queue_size = 3\n", |fixture| {
            slow_model(fixture, 100_000)
        });
    let (client, fixture) = (place.client(), &place.fixture);
    picture(&fixture.path("shop/large.png"), SIDE, 1);
    let running = add(&client, upscale("large.png"));
    wait_under_way(&client, running);
    for _ in 0..3 {
        add(&client, upscale("large.png"));
    }

    let asked = Instant::now();
    let refused = client.post("/api/v1/jobs", upscale("large.png"));
    assert_eq!((refused.status, refused.code().as_str()), (429, "queue_full"), "{}", refused.text());
    let retry: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3_600).contains(&retry), "{retry}");
    assert_eq!(
        (&refused.json()["waiting"], &refused.json()["max"]),
        (&json!(3), &json!(3)),
        "{}",
        refused.text()
    );
    let watcher = listen(place.broker.port);
    let request = json!({ "action": "add", "kind": "upscale", "parameters": { "picture": "large.png" } });
    watcher.publish("ocellus/box1/cmd/jobs/1", false, request.to_string());
    let answer = watcher.wait_for("cmd/jobs/1", |message| message["status"] == "failed");
    assert!(answer["reason"].as_str().unwrap().contains("the queue is full: 3 jobs wait"), "{answer}");
    let output = fixture.command(&["jobs", "add", "upscale", "large.png"]);
    assert_eq!(output.status.code(), Some(16), "{output:?}");
    assert!(complaint(&output).contains("try again in"), "{output:?}");
    // None of the three waited for a place: the job that runs takes ten seconds.
    assert_eq!(super::support::job(&client, running)["state"], "running", "{:?}", asked.elapsed());
    assert_eq!(queue(&client)["totals"]["refused"], 3);
    assert_eq!(client.get("/api/v1/status/queue/health").json()["healthy"], false);
    place.end();
}

#[test]
fn bad_requests_are_refused_with_their_reason_and_leave_nothing_behind() {
    let place = shop("");
    let (client, fixture) = (place.client(), &place.fixture);
    picture(&fixture.path("shop/photo.png"), 20, 1);
    picture(&fixture.path("secret.png"), 20, 1);
    let with = |parameters: Value| json!({ "kind": "upscale", "parameters": parameters });
    let named =
        |name: &str| json!({ "kind": "upscale", "parameters": { "picture": "photo.png" }, "name": name });
    let secret = fixture.path("secret.png").display().to_string();
    for (request, status, code, word) in [
        (json!({ "kind": "paint" }), 422, "bad_kind", "upscale"),
        (
            json!({ "kind": "batch", "parameters": { "recipe": "movie" } }),
            422,
            "bad_kind",
            "there are: upscale, variations, clip, report, fetch, upload",
        ),
        (json!({}), 400, "bad_request", "kind"),
        (with(json!({})), 422, "bad_job", "picture"),
        (with(json!({ "picture": "photo.png", "faktor": 2 })), 422, "bad_job", "faktor"),
        (with(json!({ "picture": "photo.png", "factor": 3 })), 422, "bad_job", "2 or 4"),
        (with(json!({ "picture": "../secret.png" })), 422, "bad_name", "outside"),
        (with(json!({ "picture": secret })), 422, "bad_name", "outside"),
        (with(json!({ "picture": "photo\u{7}.png" })), 422, "bad_name", "control"),
        (with(json!({ "picture": "absent.png" })), 404, "unknown_picture", "absent.png"),
        (named("../up"), 422, "bad_name", "not allowed"),
        (named("a\u{202E}b"), 422, "bad_name", "U+202E"),
        (
            json!({ "kind": "upscale", "parameters": { "picture": "photo.png" }, "after": [{ "job": 99 }] }),
            404,
            "unknown_job",
            "job 99",
        ),
        (
            json!({ "kind": "upscale", "parameters": { "picture": "photo.png" }, "run_at": "soon" }),
            422,
            "bad_job",
            "RFC 3339",
        ),
        (
            json!({ "kind": "upscale", "parameters": { "picture": "photo.png" }, "time_limit_s": 0 }),
            422,
            "bad_job",
            "time_limit_ms",
        ),
    ] {
        let reply = refused(&client, &request);
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{request}: {}", reply.text());
        assert!(reply.text().contains(word), "{request}: {}", reply.text());
    }
    let step = |label: &str, needs: &[&str]| json!({ "label": label, "needs": needs, "kind": "upscale", "parameters": { "picture": "photo.png" } });
    for (jobs, word) in [
        (json!([step("a", &["c"]), step("b", &["a"]), step("c", &["b"])]), "circle"),
        (json!([step("a", &["z"])]), "which do not exist"),
        (json!([step("a", &[]), step("a", &[])]), "two jobs"),
        (json!([]), "no jobs"),
    ] {
        let reply = client.post("/api/v1/workflows", json!({ "jobs": jobs }));
        assert!(reply.status >= 400 && reply.text().contains(word), "{}", reply.text());
    }
    for (path, code) in [("jobs/7", "unknown_job"), ("workflows/7", "unknown_workflow")] {
        let reply = client.get(&format!("/api/v1/{path}"));
        assert_eq!((reply.status, reply.code().as_str()), (404, code), "{}", reply.text());
    }
    assert_eq!(client.get("/api/v1/jobs").json()["jobs"], json!([]));
    assert_eq!(queue(&client)["totals"]["added"], 0);
    place.end();
}

#[test]
fn a_workflow_runs_in_its_order_and_is_one_answer() {
    let place = shop("");
    let client = place.client();
    (0..3).for_each(|seed| picture(&place.fixture.path(&format!("shop/{seed}.png")), 30, seed));
    let step = |label: &str, needs: &[&str]| {
        let parameters = json!({ "picture": format!("{label}.png") });
        json!({ "label": label, "needs": needs, "kind": "upscale", "parameters": parameters })
    };
    // Written from the last to the first: the order is that of the needs.
    let jobs = json!([step("2", &["1"]), step("1", &["0"]), step("0", &[])]);
    let reply = client.post("/api/v1/workflows", json!({ "jobs": jobs }));
    assert_eq!(reply.status, 202, "{}", reply.text());
    let id = reply.json()["id"].as_u64().unwrap();
    let mut found = Value::Null;
    crate::support::wait_until("the workflow is completed", || {
        found = client.get(&format!("/api/v1/workflows/{id}")).json();
        found["state"] == "completed"
    });
    let jobs = found["jobs"].as_array().unwrap();
    let begun = |name: &str| {
        let job = jobs.iter().find(|job| job["name"] == name).unwrap();
        let attempt = &job["attempts"][0];
        (attempt["started"].as_str().unwrap().to_owned(), attempt["ended"].as_str().unwrap().to_owned())
    };
    let [first, second, third] = ["0.png", "1.png", "2.png"].map(begun);
    assert!(first.1 <= second.0 && second.1 <= third.0, "{found}");
    assert!(jobs.iter().all(|job| job["workflow"] == id && job["result"]["file"]["width"] == 60), "{found}");
    assert!(found["processing_times"]["enlarge"].as_f64() > Some(0.0), "{found}");
    place.end();
}
