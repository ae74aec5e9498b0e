//! A box that inspects, its broker and its plant.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Service};
use crate::support::messages::{assert_valid, assert_without_holes, listen};
use crate::support::pty::Pty;
use crate::support::subscriber::Subscriber;
use crate::support::wait_until;

/// The verdicts.
pub const OUTCOMES: [&str; 5] = ["ok", "ng", "error", "missed", "overrun"];

/// A recipe of one region, whose kind has these keys.
pub fn recipe(kind: &str) -> String {
    format!("size = [64, 64]\n[[roi]]\nname = \"all\"\nrect = [8, 8, 16, 16]\nkind = {kind}\n")
}

/// A region that is good whatever it shows: something in it is not white.
pub fn good() -> String {
    recipe("\"presence\"\nhigh = 254\nmin_share = 0.01")
}

/// One that is always bad: all of it would have to be white.
pub fn bad() -> String {
    recipe("\"presence\"\nlow = 255\nmin_share = 1")
}

/// A camera called `a` that inspects, on a small scene: `source`'s query, and more of its section.
pub fn camera(query: &str, inspect: &str) -> String {
    format!(
        "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&{query}\"\nring_slots = 16\n\
         inspect = {{ product = \"good\", {inspect} }}\n"
    )
}

/// A serial trigger on the port `plc` beside the configuration, whose answer repeats the trigger's text.
pub fn serial(fixture: &Fixture, camera: &str, name: &str) -> String {
    let port = fixture.path(name);
    format!(
        "[[trigger]]\nname = \"{name}\"\ncamera = \"{camera}\"\nport = \"{}\"\nreopen_ms = 10\nreopen_max_ms = 20\n\
         answer = \"{{text}} {{OUTCOME}} {{id}}\\r\\n\"\n",
        port.display()
    )
}

/// A broker, a box and somebody who reads all that it says.
pub struct Scenario {
    pub broker: Broker,
    pub fixture: Fixture,
    pub watcher: Subscriber,
}

impl Scenario {
    /// With the recipes `good` and `bad`.
    pub fn new() -> Scenario {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        fs::create_dir(fixture.path("recipes")).unwrap();
        let scenario = Scenario { broker, fixture, watcher };
        scenario.recipe("good", &good());
        scenario.recipe("bad", &bad());
        scenario
    }

    pub fn recipe(&self, product: &str, text: &str) {
        fs::write(self.fixture.path(&format!("recipes/{product}.toml")), text).unwrap();
    }

    pub fn config(&self, rest: &str) {
        self.fixture.config(self.broker.port, rest);
    }

    /// Starts it; back when camera `a` says that the next trigger would be taken.
    pub fn run(&self) -> Service {
        let before = self.watcher.json("a/trigger").len();
        let service = self.fixture.run();
        wait_until("trigger ready", || {
            self.watcher.json("a/trigger").iter().skip(before).any(|reported| reported["ready"] == true)
        });
        service
    }

    /// Plugs a port in under `name`.
    pub fn plug(&self, name: &str) -> Pty {
        let (pty, link) = (Pty::new(), self.fixture.path(name));
        let _ = fs::remove_file(&link);
        symlink(pty.path(), link).unwrap();
        pty
    }

    /// Asks over MQTT and waits for the outcome.
    pub fn ask(&self, what: &str, payload: &Value) -> Value {
        self.tell(what, payload);
        self.answer(what)
    }

    /// Asks, and does not wait.
    pub fn tell(&self, what: &str, payload: &Value) {
        self.watcher.publish(&format!("ocellus/box1/cmd/{what}"), false, payload.to_string());
    }

    /// The outcome of what was asked.
    pub fn answer(&self, what: &str) -> Value {
        let done = |reported: &Value| reported["status"] == "successful" || reported["status"] == "failed";
        self.watcher.wait_for(&format!("cmd/{what}"), done)
    }

    /// What is said of camera `a`'s acquisitions so far, by number. Panics where one is told twice: only a message
    /// that is repeated as a whole, with the same `seq`, is the same message.
    pub fn inspections(&self, camera: &str) -> BTreeMap<u64, Value> {
        let mut by_id: BTreeMap<u64, Value> = BTreeMap::new();
        for reported in self.watcher.json(&format!("{camera}/inspection")) {
            let id = reported["acquisition"].as_u64().unwrap();
            if let Some(known) = by_id.get(&id) {
                assert_eq!(
                    known["seq"], reported["seq"],
                    "acquisition {id} was told twice: {known} and {reported}"
                );
                continue;
            }
            by_id.insert(id, reported);
        }
        by_id
    }

    /// Waits until `count` acquisitions of `camera` were told.
    pub fn wait_inspections(&self, camera: &str, count: usize) -> Vec<Value> {
        wait_until(&format!("{count} acquisitions of {camera}"), || {
            let heard = self.watcher.on(&format!("{camera}/inspection")).len();
            heard >= count && self.inspections(camera).len() >= count
        });
        self.inspections(camera).into_values().collect()
    }

    /// Holds every message against its schema, and the numbers of camera's acquisitions against one another; gives
    /// how often each verdict was told.
    pub fn account(&self, camera: &str) -> BTreeMap<String, u64> {
        assert_valid(&self.watcher);
        let reported = self.inspections(camera);
        let ids: Vec<u64> = reported.keys().copied().collect();
        assert_without_holes("acquisitions", &ids);
        let seqs: Vec<u64> = reported.values().map(|reported| reported["seq"].as_u64().unwrap()).collect();
        assert_without_holes("seq of inspections", &seqs);
        let mut sums: BTreeMap<String, u64> = OUTCOMES.map(|outcome| (outcome.to_owned(), 0)).into();
        for reported in reported.values() {
            *sums.get_mut(reported["verdict"].as_str().unwrap()).expect("one of the five") += 1;
        }
        sums
    }

    /// Waits until the handshake says that nothing is under way, and holds its counters against what was told.
    pub fn assert_sums(&self, camera: &str, triggers: u64) -> BTreeMap<String, u64> {
        self.wait_inspections(camera, triggers as usize);
        let handshake = self.watcher.wait_for(&format!("{camera}/trigger"), |reported| {
            reported["triggers"] == triggers && reported["in_flight"] == 0
        });
        let sums = self.account(camera);
        for outcome in OUTCOMES {
            assert_eq!(handshake[outcome], sums[outcome], "{outcome}: {handshake} against {sums:?}");
        }
        assert_eq!(sums.values().sum::<u64>(), triggers, "{sums:?}");
        sums
    }

    /// Waits until an alarm stands whose cause has all of these words; gives the cause.
    pub fn wait_alarm(&self, name: &str, words: &[&str]) -> String {
        let has = |reported: &Value| {
            words.iter().all(|word| reported["cause"].as_str().is_some_and(|text| text.contains(word)))
        };
        let reported = self.watcher.wait_for(&format!("alarm/{name}"), has);
        reported["cause"].as_str().unwrap().to_owned()
    }

    /// Waits until the alarm is over.
    pub fn wait_calm(&self, name: &str) {
        let suffix = format!("alarm/{name}");
        wait_until(&format!("the end of {name}"), || {
            self.watcher.json(&suffix).last().is_some_and(Value::is_null)
        });
    }

    /// Selects `product` for `camera` over MQTT.
    pub fn select(&self, id: &str, product: &str) -> Value {
        self.ask(&format!("product/{id}"), &json!({ "camera": "a", "product": product }))
    }
}

/// The outcome's word, the number and the text of an answered line `TEXT OUTCOME ID`.
pub fn answered(line: &str) -> Option<(String, String, u64)> {
    let mut words = line.rsplitn(3, ' ');
    let id = words.next()?.parse().ok()?;
    let outcome = words.next()?.to_ascii_lowercase();
    Some((words.next()?.to_owned(), outcome, id))
}

/// Holds answered lines against what MQTT said of the same numbers; gives the texts.
pub fn assert_answers(lines: &[String], reported: &BTreeMap<u64, Value>) -> Vec<String> {
    let answers = lines.iter().filter_map(|line| answered(line));
    let check = answers.map(|(text, outcome, id)| {
        let reported = reported.get(&id).unwrap_or_else(|| panic!("{id} is on the line and not on MQTT"));
        assert_eq!(
            (&reported["verdict"], &reported["trigger"]["text"]),
            (&json!(outcome), &json!(text)),
            "{reported}"
        );
        text
    });
    check.collect()
}

/// Copies the files of a folder, not its folders.
pub fn copy_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
