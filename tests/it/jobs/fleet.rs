//! Three boxes that share jobs over one broker.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use super::support::{picture, slow_model};
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, program};
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// One box of the fleet, killed when dropped.
struct Member {
    config: PathBuf,
    log: PathBuf,
    child: Option<Child>,
}

impl Member {
    /// The box `name`, which takes its pictures from the folder that all boxes share.
    fn new(fixture: &Fixture, port: u16, name: &str, jobs: &str) -> Member {
        let home = fixture.path(name);
        let model = slow_model(fixture, 10_000);
        let model = model.replace("slow.stub", fixture.path("slow.stub").to_str().unwrap());
        fs::create_dir_all(&home).unwrap();
        let text = format!(
            "[device]\nname = \"{name}\"\nstate_dir = \"{}\"\n\n[mqtt]\nurl = \"mqtt://127.0.0.1:{port}\"\n\n\
             [runtime]\nkind = \"stub\"\n\n[web]\nenabled = false\n\n[jobs]\nenabled = true\nworkers = 1\nthreads = 1\n\
             pictures = \"{}\"\nfleet = {{ group = \"shop\", prefix = \"plant/shop\", max_inflight = 2 }}\n{jobs}\n{model}\n\
             [[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240&fps=1\"\n",
            home.join("state").display(),
            fixture.path("pictures").display()
        );
        let config = home.join("ocellus.toml");
        fs::write(&config, text).unwrap();
        let mut member = Member { config, log: home.join("log"), child: None };
        member.run();
        member
    }

    fn run(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log).unwrap();
        let mut command = Command::new(program());
        command
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env_remove("NOTIFY_SOCKET")
            .env_remove("JOURNAL_STREAM");
        command.args(["run", "--config"]).arg(&self.config);
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().expect("the program starts"));
    }

    fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn ask(&self, arguments: &[&str]) -> Value {
        let mut command = Command::new(program());
        command.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).arg("--config").arg(&self.config);
        let output = command.output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!(
                "--- the log of {}:\n{}---",
                self.config.display(),
                fs::read_to_string(&self.log).unwrap_or_default()
            );
        }
    }
}

/// The jobs that ended, by their ids, with the digests of what they made.
fn ended(watcher: &Subscriber) -> BTreeMap<String, BTreeSet<String>> {
    let mut ended: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in watcher.json("") {
        let Some(id) = message["unique_key"].as_str().and_then(|key| key.strip_prefix("fleet/")) else {
            continue;
        };
        assert_eq!(message["state"], "completed", "{message}");
        let sum = message["result"]["file"]["sha256"].as_str().unwrap().to_owned();
        ended.entry(id.to_owned()).or_default().insert(sum);
    }
    ended
}

#[test]
fn boxes_share_jobs_and_none_is_lost_when_one_is_killed() {
    const JOBS: usize = 45;
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let pictures = fixture.path("pictures");
    fs::create_dir_all(&pictures).unwrap();
    // A queue of three places: what a box has no place for stays at the broker.
    let mut boxes: Vec<Member> = ["north", "south", "west"]
        .map(|name| {
            Member::new(
                &fixture,
                broker.port,
                name,
                "max_queue_size = 3\nbackoff_ms = 10\nupscale_model = \"slow\"\n",
            )
        })
        .into();
    let watcher = Subscriber::start(broker.port, "fleet-watcher", "plant/shop/jobs/+");
    wait_until("all boxes are subscribed", || {
        boxes.iter().all(|member| {
            fs::read_to_string(&member.log).unwrap_or_default().contains("takes jobs of the fleet")
        })
    });
    for number in 0..JOBS {
        let name = format!("{number}.png");
        picture(&pictures.join(&name), 90 + number as u32 % 10, number as u32);
        let job =
            json!({ "id": format!("order-{number}"), "kind": "upscale", "parameters": { "picture": name } });
        watcher.publish("plant/shop/jobs/submit", false, job.to_string());
    }
    wait_until("some jobs are done", || ended(&watcher).len() >= 10);
    boxes[1].kill();
    wait_until("the others go on", || ended(&watcher).len() >= 20);
    boxes[1].run();
    wait_until("every job is done", || ended(&watcher).len() == JOBS);
    // Done once, or with equal outputs.
    let outputs = ended(&watcher);
    assert!(outputs.values().all(|sums| sums.len() == 1), "{outputs:?}");
    let shares: Vec<u64> = boxes
        .iter()
        .map(|member| member.ask(&["jobs", "status", "--json"])["completed_tasks"].as_u64().unwrap())
        .collect();
    assert!(shares.iter().all(|share| *share > 0), "each box does a part: {shares:?}");
    eprintln!("completed by each box: {shares:?}");

    // What no box will ever do is refused with its reason, and does not come again.
    let refused = json!({ "id": "bad-1", "kind": "paint" });
    watcher.publish("plant/shop/jobs/submit", false, refused.to_string());
    let answer = watcher.wait_for("jobs/bad-1", |message| message["status"] == "failed");
    assert!(answer["reason"].as_str().unwrap().contains("no kind of job"), "{answer}");
    watcher.publish("plant/shop/jobs/submit", false, "no JSON");
    watcher.publish("plant/shop/jobs/submit", false, json!({ "id": "../up", "kind": "upscale" }).to_string());
    wait_until("both are refused", || watcher.on("jobs/refused").len() == 2);
}
