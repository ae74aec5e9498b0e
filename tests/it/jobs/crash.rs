//! What survives: power cuts, stops, and a job that takes the process with it.

use serde_json::json;

use super::support::{
    SIDE, add, again, job, picture, queue, shop_with, slow_model, upscale, wait_for, wait_under_way,
};
use crate::support::messages::listen;

const SLOW: &str = "upscale_model = \"slow\"\nthreads = 1\nworkers = 1\n";

#[test]
fn what_ran_at_a_power_cut_is_due_again_at_once_and_nothing_that_waited_is_lost() {
    let mut place = shop_with(SLOW, |fixture| slow_model(fixture, 30_000));
    let client = place.client();
    picture(&place.fixture.path("shop/large.png"), SIDE, 1);
    picture(&place.fixture.path("shop/small.png"), 30, 2);
    let large = add(&client, upscale("large.png"));
    wait_under_way(&client, large);
    let small = add(&client, upscale("small.png"));
    place.service.kill();

    let client = again(&mut place);
    let over = wait_for(&client, large, "completed");
    let ends: Vec<_> =
        over["attempts"].as_array().unwrap().iter().map(|attempt| attempt["end"].clone()).collect();
    assert_eq!(ends, [json!("killed"), json!("completed")], "{over}");
    wait_for(&client, small, "completed");
    assert_eq!(queue(&client)["totals"]["killed"], 1);
    // What was under way at the cut is gone: one file for each job.
    let files: Vec<_> = std::fs::read_dir(place.fixture.state_dir.join("jobs")).unwrap().flatten().collect();
    assert_eq!(files.len(), 2, "{files:?}");
    place.end();
}

#[test]
fn a_job_that_ran_at_two_deaths_of_the_process_is_set_aside_until_somebody_tries_it_again() {
    let mut place = shop_with(SLOW, |fixture| slow_model(fixture, 30_000));
    let client = place.client();
    picture(&place.fixture.path("shop/large.png"), SIDE, 1);
    picture(&place.fixture.path("shop/small.png"), 30, 2);
    let poison = add(&client, upscale("large.png"));
    wait_under_way(&client, poison);
    place.service.kill();
    let client = again(&mut place);
    wait_under_way(&client, poison);
    let other = add(&client, upscale("small.png"));
    let watcher = listen(place.broker.port);
    place.service.kill();

    let client = again(&mut place);
    let aside = wait_for(&client, poison, "quarantined");
    // The start decided it, and it is published like every other end.
    watcher.wait_for(&format!("box1/jobs/{poison}"), |message| message["state"] == "quarantined");
    let reason = aside["reason"].as_str().unwrap();
    assert!(reason.contains("the process died 2 times"), "{reason}");
    // The others go on.
    wait_for(&client, other, "completed");
    let health = client.get("/api/v1/status/queue/health").json();
    assert!(health["problems"][0].as_str().unwrap().contains("1 job is set aside"), "{health}");
    assert_eq!(client.post(&format!("/api/v1/jobs/{poison}/retry"), json!({})).status, 200);
    wait_for(&client, poison, "completed");
    watcher.wait_for(&format!("box1/jobs/{poison}"), |message| message["state"] == "completed");
    place.end();
}

#[test]
fn a_stop_gives_a_running_job_back_without_counting_it_as_an_attempt() {
    let mut place = shop_with(SLOW, |fixture| slow_model(fixture, 30_000));
    let client = place.client();
    picture(&place.fixture.path("shop/large.png"), SIDE, 1);
    let id = add(&client, upscale("large.png"));
    wait_under_way(&client, id);
    assert_eq!(place.service.stop(), Some(0), "{}", place.service.log());
    let client = again(&mut place);
    let over = wait_for(&client, id, "completed");
    assert_eq!((&over["tries"], &over["attempts"][0]["end"]), (&json!(1), &json!("released")), "{over}");
    place.end();
}

#[test]
fn an_attempt_that_takes_too_long_is_stopped_and_tried_again() {
    let place = shop_with(SLOW, |fixture| slow_model(fixture, 30_000));
    let client = place.client();
    picture(&place.fixture.path("shop/large.png"), SIDE, 1);
    let request = json!({
        "kind": "upscale", "parameters": { "picture": "large.png" }, "time_limit_s": 1, "max_attempts": 2
    });
    let id = add(&client, request);
    let over = wait_for(&client, id, "failed");
    assert_eq!(over["reason"], "took longer than its limit of 1 s", "{over}");
    assert_eq!(over["attempts"].as_array().unwrap().len(), 2, "{over}");
    assert_eq!(queue(&client)["totals"]["timed_out"], 2);
    assert_eq!(job(&client, id)["tries"], 2);
    place.end();
}

#[test]
fn the_end_of_a_job_is_published_when_the_broker_comes_back_also_after_a_power_cut() {
    let mut place = shop_with("", |_| String::new());
    let client = place.client();
    picture(&place.fixture.path("shop/small.png"), 30, 2);
    let watcher = listen(place.broker.port);
    place.broker.stop();
    let id = add(&client, upscale("small.png"));
    wait_for(&client, id, "completed");
    place.service.kill();
    again(&mut place);
    place.broker.restart();
    let end = watcher.wait_for(&format!("box1/jobs/{id}"), |message| message["state"] == "completed");
    assert_eq!(end["result"]["file"]["width"], 60, "{end}");
    place.end();
}
