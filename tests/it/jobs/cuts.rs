//! Many jobs over many power cuts: a scaled form for each run of the tests, and the full one by hand.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::{Value, json};

use super::support::{again, queue, shop};
use crate::support::wait_until;
use crate::web::client::Client;

/// Jobs of one request.
const GROUP: usize = 100;

/// A picture like no other, so that no answer is kept for it.
fn photo(path: &std::path::Path, number: u32) {
    let [_, a, b, c] = number.to_be_bytes();
    let colour = |x: u32, y: u32| match (x, y) {
        (0, 0) => image::Rgb([a, b, c]),
        _ => image::Rgb([(x * 9) as u8, (y * 9) as u8, 128]),
    };
    image::RgbImage::from_fn(24, 24, colour).save(path).unwrap();
}

/// All jobs that are kept, page by page.
fn all(client: &Client) -> Vec<Value> {
    let (mut jobs, mut before) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("/api/v1/jobs?limit=500{before}")).json();
        jobs.extend(page["jobs"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_u64() else { return jobs };
        before = format!("&before={next}");
    }
}

/// Adds `count` jobs, kills the service `cuts` times while it works, and looks at the journal of every job.
fn over_cuts(count: usize, cuts: u64) {
    let places = count.max(1_000);
    let mut place = shop(&format!("max_queue_size = {places}\nhistory_count = {places}\n"));
    let mut client = place.client();
    let shop = place.fixture.path("shop");
    let numbers: Vec<usize> = (0..count).collect();
    numbers.iter().for_each(|number| photo(&shop.join(format!("{number}.png")), *number as u32));
    let begun = Instant::now();
    for group in numbers.chunks(GROUP) {
        let job = |number: &usize| {
            let parameters = json!({ "picture": format!("{number}.png") });
            json!({ "label": number.to_string(), "kind": "upscale", "parameters": parameters })
        };
        let jobs: Vec<Value> = group.iter().map(job).collect();
        let reply = client.post("/api/v1/workflows", json!({ "jobs": jobs }));
        assert_eq!(reply.status, 202, "{}", reply.text());
    }
    // Each cut comes after some more jobs were done, wherever the others are then.
    let between = (count as u64 * 4 / 5) / cuts;
    for cut in 1..=cuts {
        wait_until("some more jobs are done", || {
            let queue = queue(&client);
            assert!(queue["queue_size"] != 0, "nothing is left for the cuts that follow: {queue}");
            queue["completed_tasks"].as_u64() >= Some(cut * between)
        });
        place.service.kill();
        client = again(&mut place);
    }
    let is_over = |client: &Client| {
        let queue = queue(client);
        queue["queue_size"] == 0 && queue["running_tasks"] == 0
    };
    wait_until("every job is over", || is_over(&client));
    // Two cuts may have met the same job: it is set aside, and not lost.
    let aside: Vec<Value> = all(&client).into_iter().filter(|job| job["state"] == "quarantined").collect();
    for job in &aside {
        assert_eq!(client.post(&format!("/api/v1/jobs/{}/retry", job["id"]), json!({})).status, 200, "{job}");
    }
    wait_until("those that were set aside are over", || is_over(&client));
    let jobs = all(&client);
    let (mut paths, mut attempts) = (BTreeSet::new(), 0);
    for over in &jobs {
        assert_eq!(over["state"], "completed", "{over}");
        let ends: Vec<&Value> = over["attempts"].as_array().unwrap().iter().map(|one| &one["end"]).collect();
        attempts += ends.len();
        assert_eq!(ends.iter().filter(|end| **end == "completed").count(), 1, "{over}");
        assert!(ends.iter().all(|end| [&json!("completed"), &json!("killed")].contains(end)), "{over}");
        paths.insert(over["result"]["file"]["path"].as_str().unwrap().to_owned());
    }
    let killed = queue(&client)["totals"]["killed"].clone();
    eprintln!(
        "{count} jobs, {cuts} cuts, {attempts} attempts, {killed} killed, {} set aside, {:?}",
        aside.len(),
        begun.elapsed()
    );
    assert!(killed.as_u64() > Some(0), "no cut met a job");
    let files = std::fs::read_dir(place.fixture.state_dir.join("jobs")).unwrap();
    let files = files.flatten().filter(|file| !file.file_name().to_string_lossy().starts_with('.')).count();
    assert_eq!((jobs.len(), paths.len(), files), (count, count, count));
    place.end();
}

#[test]
fn over_many_power_cuts_no_job_is_lost_and_each_completes_once() {
    over_cuts(300, 8);
}

#[test]
#[ignore = "the full form of the test above, which takes minutes"]
fn over_fifty_power_cuts_none_of_ten_thousand_jobs_is_lost_and_each_completes_once() {
    over_cuts(10_000, 50);
}
