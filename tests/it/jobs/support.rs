//! A box with a queue of jobs, and pictures for it.

use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::fixture::Fixture;
pub use crate::support::studio::slow_model;
use crate::support::wait_until;
use crate::web::client::{Client, Place, Reply, SCENE, address, prepared};

/// The side of a shop's picture in px. A slow model computes 100 tiles of it.
pub const SIDE: u32 = 320;

/// A box whose queue has these further lines in `[jobs]`, with the folder of pictures `shop`.
pub fn shop(jobs: &str) -> Place {
    shop_with(jobs, |_| String::new())
}

/// The same with further sections of the configuration.
pub fn shop_with(jobs: &str, more: impl FnOnce(&Fixture) -> String) -> Place {
    prepared("", "", |fixture| configure(fixture, jobs, more))
}

/// Starts the service again, and gives somebody who asks it.
pub fn again(place: &mut Place) -> Client {
    place.service = place.fixture.run();
    place.at = address(&place.service, 1);
    place.client()
}

/// Adds the queue to the configuration of `fixture`, and makes its folder of pictures.
pub fn configure(fixture: &Fixture, jobs: &str, more: impl FnOnce(&Fixture) -> String) {
    fs::create_dir_all(fixture.path("shop")).unwrap();
    let text = fs::read_to_string(fixture.config_path()).unwrap();
    let text = text.replace("\"status\", \"alarm\"", "\"status\", \"alarm\", \"jobs\"");
    let more = more(fixture);
    let text = format!(
        "{text}{more}\n[jobs]\nenabled = true\npictures = \"shop\"\nbackoff_ms = 10\n{jobs}\n\n{SCENE}"
    );
    fs::write(fixture.config_path(), text).unwrap();
}

/// Writes a picture of `side` px whose colours depend on `seed`.
pub fn picture(path: &Path, side: u32, seed: u32) {
    let colour = |x: u32, y: u32| {
        let wave = |c: u32| ((x * (3 + c) + y * (5 + seed % 7) + seed * 31) % 256) as u8;
        Rgb([wave(0), wave(1), wave(2)])
    };
    RgbImage::from_fn(side, side, colour).save(path).unwrap();
}

/// The request for a picture of the shop twice as large.
pub fn upscale(name: &str) -> Value {
    json!({ "kind": "upscale", "parameters": { "picture": name } })
}

/// Adds a job, and gives its number.
pub fn add(client: &Client, job: Value) -> u64 {
    let reply = client.post("/api/v1/jobs", job);
    assert_eq!(reply.status, 202, "{}", reply.text());
    reply.json()["job"]["id"].as_u64().unwrap()
}

/// The refusal of a job. Where a busy disk takes longer to answer than a request waits, a picture that is absent is accepted at
/// first.
pub fn refused(client: &Client, job: &Value) -> Reply {
    let mut reply = client.post("/api/v1/jobs", job.clone());
    wait_until(&format!("{job} is refused"), || {
        if reply.status == 202 {
            reply = client.post("/api/v1/jobs", job.clone());
        }
        reply.status != 202
    });
    reply
}

/// The job `id`.
pub fn job(client: &Client, id: u64) -> Value {
    let reply = client.get(&format!("/api/v1/jobs/{id}"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()
}

/// Waits until the job `id` is in `state`.
pub fn wait_for(client: &Client, id: u64, state: &str) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("job {id} is {state}"), || {
        found = job(client, id);
        found["state"] == state
    });
    found
}

/// Waits until the job `id` has ended, however it does.
pub fn wait_until_over(client: &Client, id: u64) -> Value {
    let mut found = Value::Null;
    wait_until(&format!("job {id} is over"), || {
        found = job(client, id);
        found["state"] != "pending" && found["state"] != "running"
    });
    found
}

/// Waits until the job `id` has made some progress.
pub fn wait_under_way(client: &Client, id: u64) {
    wait_until(&format!("job {id} is under way"), || {
        let job = job(client, id);
        job["state"] == "running" && job["progress"].as_f64() > Some(0.06)
    });
}

/// The queue.
pub fn queue(client: &Client) -> Value {
    client.get("/api/v1/status/queue").json()
}
