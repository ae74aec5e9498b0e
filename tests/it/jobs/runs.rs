//! Microscopy runs as jobs.

use std::fs;

use serde_json::json;

use super::support::{add, configure, job, queue, wait_for};
use crate::microscopy::run::{RECIPE, stacks};
use crate::support::wait_until;
use crate::web::client::{Place, address, prepared};

/// A box with a queue and the recipe `movie` of one position.
fn lab(repeats: usize) -> Place {
    prepared("", "", |fixture| {
        let recipes = fixture.path("experiments");
        stacks(&recipes.join("stacks"), 1, repeats);
        fs::write(recipes.join("movie.toml"), RECIPE).unwrap();
        configure(fixture, "", |_| "[batch]\nrecipes = \"experiments\"\n".to_owned());
    })
}

#[test]
fn a_run_is_a_job_that_goes_on_after_a_power_cut() {
    let mut place = lab(4);
    let client = place.client();
    let request = json!({ "kind": "batch", "parameters": { "recipe": "movie" } });
    for (parameters, code) in [(json!({ "recipe": "../movie" }), "unknown_recipe"), (json!({}), "bad_job")] {
        let reply = client.post("/api/v1/jobs", json!({ "kind": "batch", "parameters": parameters }));
        assert_eq!(reply.code(), code, "{}", reply.text());
    }
    let id = add(&client, request);
    wait_until("the run is under way", || job(&client, id)["progress"].as_f64() > Some(0.0));
    let run = client.get("/api/v1/batch").json()["run"]["id"].clone();
    place.service.kill();
    place.service = place.fixture.run();
    place.at = address(&place.service, 1);
    let client = place.client();
    let over = wait_for(&client, id, "completed");
    assert_eq!((&over["result"]["run"], &over["result"]["fovs"]), (&run, &json!(1)), "{over}");
    assert_eq!(client.get("/api/v1/batch").json()["recipes"][0]["state"], "complete");
    assert_eq!(queue(&client)["totals"]["killed"], 1);
    place.end();
}

#[test]
fn a_run_is_cancelled_with_its_job_and_goes_on_when_that_is_tried_again() {
    let place = lab(4);
    let client = place.client();
    let id = add(&client, json!({ "kind": "batch", "parameters": { "recipe": "movie" } }));
    wait_until("the run is under way", || job(&client, id)["progress"].as_f64() > Some(0.0));
    assert_eq!(client.post(&format!("/api/v1/jobs/{id}/cancel"), json!({})).status, 200);
    wait_for(&client, id, "cancelled");
    let run = client.get("/api/v1/batch").json()["run"].clone();
    assert_eq!(run["state"], "cancelled", "{run}");
    assert_eq!(client.post(&format!("/api/v1/jobs/{id}/retry"), json!({})).status, 200);
    let over = wait_for(&client, id, "completed");
    assert_eq!(over["result"]["run"], run["id"], "{over}");
    place.end();
}
