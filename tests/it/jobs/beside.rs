//! Inspection beside a full queue of jobs: what the jobs cost it.
//! `cargo nextest run --test it --run-ignored all -- a_full_queue_costs` (some minutes, on a machine that is idle).

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};

use super::support::picture;
use crate::inspection::scenario::Scenario;
use crate::support::wait_until;
use crate::web::client::{Client, address};

/// Parts of one round, and rounds with and without jobs in turn.
const PARTS: usize = 200;
const ROUNDS: usize = 5;
/// Jobs that wait all the time.
const JOBS: usize = 400;
/// The time between two parts. A line has a pace of its own: the next part does not wait for the verdict.
const PACE: Duration = Duration::from_millis(40);

/// The latencies of one round in microseconds, sorted.
fn round(scenario: &Scenario, first: usize) -> Vec<u64> {
    for part in first..first + PARTS {
        scenario.tell(&format!("trigger/{part}"), &json!({}));
        std::thread::sleep(PACE);
    }
    let all = scenario.wait_inspections("a", first + PARTS);
    let mut took: Vec<u64> = all[first..]
        .iter()
        .map(|part| {
            assert_eq!(part["verdict"], "ok", "{part}");
            // The wait for the camera's frame is that of the camera.
            part["latency"]["total_us"].as_u64().unwrap() - part["latency"]["frame_us"].as_u64().unwrap()
        })
        .collect();
    took.sort_unstable();
    took
}

#[test]
#[ignore = "a measurement, not a check"]
fn a_full_queue_costs_inspection() {
    let scenario = Scenario::new();
    let roi = |at: usize| {
        let (x, y) = (at % 4 * 300 + 20, at / 4 * 330 + 20);
        format!(
            "[[roi]]\nname = \"r{at}\"\nrect = [{x}, {y}, 280, 300]\nkind = \"presence\"\nhigh = 254\nmin_share = 0.01\n"
        )
    };
    let rois: String = (0..8).map(roi).collect();
    scenario.recipe("good", &format!("size = [1280, 720]\n{rois}"));
    let pictures = scenario.fixture.path("shop");
    fs::create_dir_all(&pictures).unwrap();
    (0..JOBS as u32).for_each(|seed| picture(&pictures.join(format!("{seed}.png")), 900, seed));
    scenario.config(
        "[web]\nbind = \"127.0.0.1:0\"\n[jobs]\nenabled = true\nworkers = 2\npictures = \"shop\"\nmax_queue_size = 1000\n\
         [[camera]]\nname = \"a\"\nsource = \"scene:?width=1280&height=720&fps=30\"\nring_slots = 16\n\
         inspect = { product = \"good\", queue = 8 }\n",
    );
    let mut service = scenario.run();
    let client = Client::new(address(&service, 1));
    let switch = |action: &str| {
        assert_eq!(client.post(&format!("/api/v1/status/queue/{action}"), json!({})).status, 200);
    };
    let fill = || {
        for number in 0..JOBS {
            let parameters = json!({ "picture": format!("{number}.png"), "factor": 2 });
            let reply = client.post("/api/v1/jobs", json!({ "kind": "upscale", "parameters": parameters }));
            assert_eq!(reply.status, 202, "{}", reply.text());
        }
    };
    switch("pause");
    fill();
    let [mut alone, mut beside]: [Vec<u64>; 2] = Default::default();
    round(&scenario, 0);
    for turn in 0..ROUNDS {
        let first = PARTS * (1 + 2 * turn);
        alone.extend(round(&scenario, first));
        switch("resume");
        let running = || client.get("/api/v1/status/queue").json();
        wait_until("both workers are busy", || running()["running_tasks"] == 2);
        beside.extend(round(&scenario, first + PARTS));
        let queue: Value = running();
        assert!(queue["running_tasks"] == 2, "the jobs were done too early: {queue}");
        switch("pause");
        wait_until("no job runs", || running()["running_tasks"] == 0);
    }
    let at = |times: &mut Vec<u64>, percent: usize| {
        times.sort_unstable();
        times[(times.len() * percent).div_ceil(100) - 1]
    };
    for percent in [50, 95, 99] {
        let (alone, beside) = (at(&mut alone, percent), at(&mut beside, percent));
        println!(
            "p{percent}: alone {alone} us, beside a full queue {beside} us, ratio {:.3}",
            beside as f64 / alone as f64
        );
    }
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
