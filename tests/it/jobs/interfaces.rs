//! One queue over REST, MQTT, the command line, events and figures.

use serde_json::{Value, json};

use super::support::{
    SIDE, add, job, picture, queue, shop, shop_with, slow_model, upscale, wait_for, wait_under_way,
};
use crate::support::messages::{assert_valid, listen};
use crate::support::{complaint, wait_until};
use crate::web::client::{next_event, stream};

fn words(output: std::process::Output) -> String {
    assert!(output.status.success(), "{}", complaint(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_interface_adds_jobs_and_sees_the_same_queue() {
    let place = shop("");
    let (client, fixture) = (place.client(), &place.fixture);
    for seed in 0..3 {
        picture(&fixture.path("shop").join(format!("photo{seed}.png")), 40, seed);
    }
    picture(&fixture.path("own.png"), 30, 9);
    assert_eq!(client.get("/api/v1/status").json()["features"]["jobs"], true);
    let watcher = listen(place.broker.port);
    let mut events = stream(&client, "/api/v1/events");

    // REST.
    let rest = add(&client, upscale("photo0.png"));
    let over = wait_for(&client, rest, "completed");
    let file = &over["result"]["file"];
    assert_eq!((&file["width"], &over["result"]["method"]), (&json!(80), &json!("lanczos")), "{over}");
    let path = file["path"].as_str().unwrap();
    assert!(path.contains("/state/jobs/photo0-x2-") && path.ends_with(".png"), "{path}");
    assert_eq!(image::open(path).unwrap().width(), 80);
    let file = client.get(&format!("/api/v1/jobs/{rest}/files/1"));
    assert_eq!((file.status, file.header("content-type")), (200, Some("image/png")), "{}", file.text());
    assert!(file.body == std::fs::read(path).unwrap(), "the client gets other bytes");
    for other in [0, 2] {
        assert_eq!(client.get(&format!("/api/v1/jobs/{rest}/files/{other}")).code(), "unknown_file");
    }
    assert!(
        over["processing_times"]["total"].as_f64() >= over["processing_times"]["enlarge"].as_f64(),
        "{over}"
    );

    // MQTT: the request's own answer, and the end of the job on its own topic.
    let request = json!({ "action": "add", "kind": "upscale", "parameters": { "picture": "photo1.png" } });
    watcher.publish("ocellus/box1/cmd/jobs/7", false, request.to_string());
    let answer = watcher.wait_for("cmd/jobs/7", |message| message["status"] == "successful");
    assert_eq!(answer["result"]["added"], "new", "{answer}");
    let mqtt = answer["result"]["job"]["id"].as_u64().unwrap();
    let end = watcher.wait_for(&format!("box1/jobs/{mqtt}"), |message| message["state"] == "completed");
    assert_eq!((&end["schema"], &end["name"]), (&json!("ocellus.job/1"), &json!("photo1.png")), "{end}");

    // The command line, which may also name files outside of the folder.
    let own = fixture.path("own.png").display().to_string();
    let said =
        words(fixture.command(&["jobs", "add", "upscale", &own, "--factor", "4", "--name", "own picture"]));
    assert!(said.contains("upscale own picture"), "{said}");
    let cli = mqtt + 1;
    let over = wait_for(&client, cli, "completed");
    assert_eq!(over["result"]["file"]["width"], 120, "{over}");
    let shown = words(fixture.command(&["jobs", "show", &cli.to_string()]));
    assert!(shown.contains("completed") && shown.contains("enlarged by: lanczos"), "{shown}");
    let listed = words(fixture.command(&["jobs", "list", "--state", "completed"]));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let watched = words(fixture.command(&["jobs", "watch", "--until-idle"]));
    assert!(watched.contains("0 of 100 places taken") && watched.contains("own picture"), "{watched}");

    // All of them know the same.
    let status = queue(&client);
    assert_eq!((&status["completed_tasks"], &status["queue_size"]), (&json!(3), &json!(0)), "{status}");
    assert_eq!((&status["max_queue_size"], &status["max_workers"]), (&json!(100), &json!(2)), "{status}");
    watcher.publish("ocellus/box1/cmd/jobs/8", false, "{}");
    let answer = watcher.wait_for("cmd/jobs/8", |message| message["status"] == "successful");
    assert_eq!(answer["result"]["completed_tasks"], 3, "{answer}");
    let mut said: Value =
        serde_json::from_str(&words(fixture.command(&["jobs", "status", "--json"]))).unwrap();
    assert_eq!(said["ok"].take(), true);
    said.as_object_mut().unwrap().remove("ok");
    assert_eq!(said["totals"], queue(&client)["totals"]);
    wait_until("the telemetry counts the jobs", || {
        client.get("/metrics").text().contains("ocellus_jobs_completed_total 3")
    });
    let job = loop {
        let (kind, data) = next_event(&mut events);
        if kind == "job" && data["state"] == "completed" {
            break data;
        }
    };
    assert_eq!((&job["id"], &job["topic"]), (&json!(rest), &json!(format!("jobs/{rest}"))));
    assert!(words(fixture.command(&["jobs", "health"])).contains("does its work"));
    assert_valid(&watcher);
    let audit = client.get("/api/v1/audit").json();
    let noted = |action: &str| audit.as_array().unwrap().iter().any(|entry| entry["action"] == action);
    assert!(noted("POST /api/v1/jobs") && noted("jobs add"), "{audit}");
    place.end();
}

#[test]
fn a_running_job_reports_progress_and_is_cancelled_in_mid_work() {
    let place = shop_with("upscale_model = \"slow\"\nthreads = 1\n", |fixture| slow_model(fixture, 50_000));
    let client = place.client();
    picture(&place.fixture.path("shop/large.png"), SIDE, 1);
    let watcher = listen(place.broker.port);
    let id = add(&client, upscale("large.png"));
    wait_under_way(&client, id);
    let progress = watcher.wait_for("jobs/progress", |message| message["progress"].as_f64() > Some(0.0));
    assert_eq!((&progress["id"], &progress["step"]), (&json!(id), &json!("enlarge")), "{progress}");
    let next = add(
        &client,
        json!({ "kind": "upscale", "parameters": { "picture": "large.png" }, "after": [{ "job": id }] }),
    );
    assert_eq!(job(&client, next)["waits_for"], format!("job {id}"));

    let asked = std::time::Instant::now();
    let stopping = client.post(&format!("/api/v1/jobs/{id}/cancel"), json!({}));
    assert_eq!(
        (stopping.status, &stopping.json()["is_stopping"]),
        (200, &json!(true)),
        "{}",
        stopping.text()
    );
    let over = wait_for(&client, id, "cancelled");
    eprintln!("cancelled after {:?}", asked.elapsed());
    assert!(over["progress"].as_f64() < Some(0.9), "{over}");
    // What needs it is cancelled too, and says why.
    let child = wait_for(&client, next, "cancelled");
    assert!(child["reason"].as_str().unwrap().contains(&format!("needs job {id}")), "{child}");
    watcher.wait_for(&format!("box1/jobs/{id}"), |message| message["state"] == "cancelled");
    let again = client.post(&format!("/api/v1/jobs/{id}/cancel"), json!({}));
    assert_eq!((again.status, again.code().as_str()), (409, "not_possible"), "{}", again.text());
    let folder = place.fixture.state_dir.join("jobs");
    let left: Vec<_> = std::fs::read_dir(&folder).map(|dir| dir.flatten().collect()).unwrap_or_default();
    assert!(left.is_empty(), "{left:?}");
    place.end();
}

#[test]
fn a_workflow_is_cancelled_by_its_one_number() {
    let place = shop_with("upscale_model = \"slow\"\nthreads = 1\nworkers = 1\n", |fixture| {
        slow_model(fixture, 50_000)
    });
    let (client, fixture) = (place.client(), &place.fixture);
    picture(&fixture.path("shop/large.png"), SIDE, 1);
    let step = |label: &str| json!({ "label": label, "kind": "upscale", "parameters": { "picture": "large.png" }, "max_attempts": 1 });
    let start = || {
        let table = json!({ "label": "table", "kind": "report", "follows": ["a", "b"] });
        let jobs = json!({ "jobs": [step("a"), step("b"), table] });
        let reply = client.post("/api/v1/workflows", jobs);
        assert_eq!(reply.status, 202, "{}", reply.text());
        let id = reply.json()["id"].as_u64().unwrap();
        wait_under_way(&client, id);
        id
    };
    let is_over = |id: u64| {
        wait_until("all jobs of the workflow are cancelled", || {
            let found = client.get(&format!("/api/v1/workflows/{id}")).json();
            found["state"] == "cancelled"
                && found["jobs"].as_array().unwrap().iter().all(|job| job["state"] == "cancelled")
        });
    };
    let id = start();
    let reply = client.post(&format!("/api/v1/workflows/{id}/cancel"), json!({}));
    assert_eq!((reply.status, &reply.json()["id"]), (200, &json!(id)), "{}", reply.text());
    is_over(id);
    let id = start();
    words(fixture.command(&["jobs", "cancel", &id.to_string(), "--workflow"]));
    is_over(id);
    let unknown = client.post("/api/v1/workflows/99/cancel", json!({}));
    assert_eq!((unknown.status, unknown.code().as_str()), (404, "unknown_workflow"));
    place.end();
}

#[test]
fn a_paused_queue_starts_nothing_and_a_drained_one_takes_nothing() {
    let place = shop("");
    let (client, fixture) = (place.client(), &place.fixture);
    picture(&fixture.path("shop/photo.png"), 40, 1);
    let control = |action: &str| client.post(&format!("/api/v1/status/queue/{action}"), json!({}));
    assert_eq!(control("pause").json()["is_running"], false);
    let id = add(&client, upscale("photo.png"));
    let health = fixture.command(&["jobs", "health"]);
    assert_eq!(health.status.code(), Some(15));
    assert!(String::from_utf8_lossy(&health.stdout).contains("paused"));
    assert_eq!(job(&client, id)["state"], "pending");
    assert_eq!(control("resume").json()["is_running"], true);
    wait_for(&client, id, "completed");
    assert_eq!(control("drain").json()["is_draining"], true);
    let refused = client.post("/api/v1/jobs", upscale("photo.png"));
    assert_eq!((refused.status, refused.code().as_str()), (503, "draining"), "{}", refused.text());
    assert_eq!(control("halt").status, 404);
    place.end();
}
