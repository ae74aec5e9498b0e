//! A box with sources of telemetry, and what its instruments do.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::SystemTime;

use serde_json::Value;

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Service};
use crate::support::messages::listen;
use crate::support::subscriber::Subscriber;

/// A camera that needs no model, so that the box has something to look at.
const CAMERA: &str = "[[camera]]\nname = \"front\"\nsource = \"scene:?fps=5\"\n\n";

/// Seconds since 1970.
pub fn now_s() -> f64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64()
}

/// A box, its broker and a subscriber to everything.
pub struct Lab {
    pub service: Option<Service>,
    pub watcher: Subscriber,
    pub broker: Broker,
    pub fixture: Fixture,
}

impl Lab {
    /// A running box whose configuration ends with `intake`; `FOLDER` in it stands for a folder that exists.
    pub fn start(intake: &str) -> Lab {
        let mut lab = Lab::stopped(intake);
        lab.run();
        lab
    }

    /// The same, not started yet.
    pub fn stopped(intake: &str) -> Lab {
        let (broker, fixture) = (Broker::start(), Fixture::new());
        let watcher = listen(broker.port);
        let lab = Lab { service: None, watcher, broker, fixture };
        fs::create_dir(lab.folder()).unwrap();
        lab.configure(intake);
        lab
    }

    /// Writes another configuration.
    pub fn configure(&self, intake: &str) {
        let intake = intake.replace("FOLDER", &self.folder().display().to_string());
        self.fixture.config(self.broker.port, &format!("{CAMERA}{intake}"));
    }

    pub fn run(&mut self) {
        self.service = Some(self.fixture.run());
    }

    pub fn service(&mut self) -> &mut Service {
        self.service.as_mut().unwrap()
    }

    pub fn folder(&self) -> PathBuf {
        self.fixture.path("data")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder().join(name)
    }

    /// Writes a file as a careful writer does: aside, then renamed.
    pub fn put(&self, name: &str, text: impl AsRef<[u8]>) {
        let aside = self.fixture.path("aside");
        fs::write(&aside, text).unwrap();
        fs::rename(aside, self.path(name)).unwrap();
    }

    pub fn append(&self, name: &str, text: &str) {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Waits for a message of `source` after which it has taken `points` values.
    pub fn wait_points(&self, source: &str, points: u64) -> Value {
        self.watcher.wait_for(&format!("intake/{source}"), |message| message["points"] == points)
    }

    /// Waits for a message of `source` in which `channel` has `value`.
    pub fn wait_value(&self, source: &str, channel: &str, value: f64) -> Value {
        let is_it = |entry: &Value| entry["channel"] == channel && entry["value"] == value;
        let message = self.watcher.wait_for(&format!("intake/{source}"), |message| {
            message["channels"].as_array().is_some_and(|entries| entries.iter().any(is_it))
        });
        message["channels"].as_array().unwrap().iter().find(|entry| is_it(entry)).unwrap().clone()
    }
}
