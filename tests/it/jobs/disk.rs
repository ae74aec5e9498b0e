//! Full disks: that of the results, and that of the queue.

use serde_json::json;

use super::support::{
    SIDE, add, configure, job, picture, queue, shop, slow_model, upscale, wait_for, wait_under_way,
};
use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::fixture::Fixture;
use crate::support::messages::listen;
use crate::support::wait_until;
use crate::web::client::{Client, address};

#[test]
fn a_full_disk_of_the_results_fails_a_job_with_its_reason_and_it_can_be_tried_again() {
    let Some(disk) = SmallDisk::mount(2 << 20) else { return };
    let place = shop(&format!("out = \"{}\"\n", disk.path().display()));
    let client = place.client();
    picture(&place.fixture.path("shop/photo.png"), SIDE, 1);
    disk.fill();
    let id = add(&client, upscale("photo.png"));
    let over = wait_for(&client, id, "failed");
    assert!(over["reason"].as_str().unwrap().contains("No space left"), "{over}");
    assert_eq!(over["tries"], 4, "what may pass is tried again: {over}");
    disk.free();
    let left = std::fs::read_dir(disk.path()).unwrap().count();
    assert_eq!(left, 0, "nothing half-written stays");
    assert_eq!(client.post(&format!("/api/v1/jobs/{id}/retry"), json!({})).status, 200);
    wait_for(&client, id, "completed");
    place.end();
}

#[test]
fn a_full_disk_of_the_queue_refuses_changes_and_loses_neither_jobs_nor_what_was_done() {
    let Some(disk) = SmallDisk::mount(16 << 20) else { return };
    let broker = Broker::start();
    let mut fixture = Fixture::new();
    fixture.state_dir = disk.path().into();
    fixture.config(broker.port, "[web]\nbind = \"127.0.0.1:0\"\n");
    let out = fixture.path("made");
    let lines = format!(
        "upscale_model = \"slow\"\nthreads = 1\nworkers = 1\nmax_queue_size = 10000\nout = \"{}\"\n",
        out.display()
    );
    configure(&fixture, &lines, |fixture| slow_model(fixture, 40_000));
    picture(&fixture.path("shop/large.png"), SIDE, 1);
    picture(&fixture.path("shop/small.png"), 20, 2);
    let watcher = listen(broker.port);
    let mut service = fixture.run();
    let client = Client::new(address(&service, 1));
    let large = add(&client, upscale("large.png"));
    wait_under_way(&client, large);
    disk.fill();
    // The store has some space of its own left: it takes jobs until that is used up.
    let request =
        json!({ "kind": "upscale", "parameters": { "picture": "small.png" }, "name": "x".repeat(120) });
    let mut taken = 0;
    wait_until("a job is refused", || {
        let reply = client.post("/api/v1/jobs", request.clone());
        taken += u64::from(reply.status == 202);
        assert!([202, 503].contains(&reply.status), "{}", reply.text());
        reply.status == 503 && reply.code() == "not_stored"
    });
    let alarm = || client.get("/api/v1/alarms").text().contains("\"jobs\"");
    wait_until("the alarm", alarm);
    // Requests that only read write nothing, so they show nothing about the store: one alarm stands until a write succeeds.
    let raised = watcher.on("alarm/jobs").len();
    for _ in 0..20 {
        queue(&client);
        assert!(alarm(), "the alarm is over while the disk is full");
    }
    assert_eq!(watcher.on("alarm/jobs").len(), raised, "one fault is one alarm");
    disk.free();
    wait_until("the alarm is over", || !alarm());
    // What ran meanwhile is not done again, and every job that was answered with a number is there.
    let over = wait_for(&client, large, "completed");
    assert_eq!(over["attempts"].as_array().unwrap().len(), 1, "{over}");
    assert_eq!(queue(&client)["totals"]["added"], taken + 1);
    let last = add(&client, upscale("small.png"));
    assert_eq!(job(&client, last)["id"], last);
    wait_until("all jobs are done", || queue(&client)["completed_tasks"] == taken + 2);
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
