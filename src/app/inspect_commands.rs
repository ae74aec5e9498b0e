//! What the box is asked about inspection: pull a trigger, select a product. Golden pictures are next door.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::rig::Rig;
use super::{App, lock};
use crate::sinks::mqtt::InspectionOut;
<<<<<<< HEAD
use crate::types::{Asker, Clock, Command, Ended, Inspection, Responder, SystemClock, Trigger, TriggerKind};
=======
use crate::store::{GoldenEntry, GoldenSet};
use crate::types::{
    Asker, Channels, Command, Ended, Frame, Inspection, Patch, Pose, Rect, Responder, Trigger, TriggerKind,
    rfc3339,
};
>>>>>>> e2e

impl App {
    /// `trigger`: `{"camera", "text"}`. Answered at the end of the acquisition, with its whole record.
    pub(super) fn pull_for(&self, command: Command) {
        let rig = match self.inspecting_rig(&command.payload) {
            Ok(rig) => rig,
            Err(reason) => return command.reply.failed(reason),
        };
        let Some(parts) = &rig.parts else { return };
        let at = command.at;
        let kind = match command.asker {
            Asker::Mqtt => TriggerKind::Mqtt,
            Asker::Cli => TriggerKind::Cli,
        };
        let text = command.payload["text"].as_str().map(Into::into);
        let trigger = Trigger { kind, name: command.id.as_str().into(), at, text };
        let ended = Arc::new(Waiter(Mutex::new(Some(command.reply))));
        parts.lane.pull(trigger, at, Some(ended));
    }

    /// `product`: `{"camera", "product"}`; without `product` it tells which is selected.
    pub(super) fn product_command(&self, wish: &Value) -> Result<Value, String> {
        let rig = self.inspecting_rig(wish)?;
        if let Some(product) = wish["product"].as_str() {
            self.select(&rig, product)?;
        }
        let product = rig.parts.as_ref().and_then(|parts| parts.product());
        let product = product.ok_or("no product is ready; the alarm product-CAMERA says why")?;
        Ok(json!({
            "camera": rig.settings.name,
            "product": &*product.name,
            "recipe_revision": product.recipe_revision,
            "golden_revision": product.golden_revision,
        }))
    }

<<<<<<< HEAD
=======
    /// `golden`: `{"action": …, "product", …}`. A product that is selected somewhere is learned anew at once.
    ///
    /// Of one product: `list` (or its `revision`), `revisions`, `add` (`entries`, or the newest frame of `camera`, with
    /// `rois`), `keep` (the same frame, put on disk and not taught), `remove` (`picture`), `rollback` (`to`), `learn`
    /// (its recipe's file has changed). Of all: `sets`, `verify`, `prune` (`keep`: so many revisions).
    pub(super) fn golden_command(&self, wish: &Value) -> Result<Value, String> {
        let goldens = self.store.goldens();
        let fail = |error: crate::store::GoldenError| error.to_string();
        let number = |key: &str| wish[key].as_u64();
        let action = wish["action"].as_str().unwrap_or_default();
        let all = |sets: Vec<GoldenSet>| json!({ "sets": sets.iter().map(told).collect::<Vec<_>>() });
        match action {
            "sets" => return goldens.sets().map(all).map_err(fail),
            "keep" => return Ok(json!({ "entries": self.entries(wish)? })),
            "prune" => {
                let pruned = goldens.prune(number("keep")).map_err(fail)?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                return Ok(json!({ "revisions": revisions, "files": files, "bytes": pruned.bytes }));
            }
            "verify" => {
                let faults = goldens.verify().map_err(fail)?;
                let faults: Vec<_> = faults.iter().map(ToString::to_string).collect();
                return Ok(json!({ "faults": faults }));
            }
            _ => {}
        }
        let product = match wish["product"].as_str() {
            Some(product) => product.to_owned(),
            None => self.product_of(wish)?,
        };
        let set = match action {
            "list" => {
                let set = match number("revision") {
                    Some(revision) => goldens.revision(&product, revision).map(Some),
                    None => goldens.current(&product),
                };
                return set.map(|set| json!(set.as_ref().map(told))).map_err(fail);
            }
            "revisions" => return goldens.revisions(&product).map(all).map_err(fail),
            "learn" => return Ok(json!({ "selected": self.learn_again(&product) })),
            "add" => {
                let entries = self.entries(wish)?;
                goldens.add(&product, entries).map_err(fail)?
            }
            "remove" => {
                let sha = wish["picture"].as_str().ok_or("say which: {\"picture\": SHA256}")?;
                goldens.remove(&product, sha).map_err(fail)?
            }
            "rollback" => goldens.rollback(&product, number("to")).map_err(fail)?,
            _ => {
                return Err(
                    "say what: {\"action\": \"list\", \"revisions\", \"add\", \"keep\", \"remove\", \
                            \"rollback\", \"learn\", \"sets\", \"verify\" or \"prune\"}"
                        .into(),
                );
            }
        };
        let mut answer = told(&set);
        answer["selected"] = self.learn_again(&product);
        Ok(answer)
    }

    /// Pictures that the command line has put on disk already, or the newest frame of a camera.
    fn entries(&self, wish: &Value) -> Result<Vec<GoldenEntry>, String> {
        if let Some(entries) = wish.get("entries") {
            return serde_json::from_value(entries.clone()).map_err(|error| format!("entries: {error}"));
        }
        let rig = self.inspecting_rig(wish)?;
        let frame = rig.ring.newest().ok_or("the camera has not given a frame yet")?;
        let name = format!("{}, frame {}, {}", rig.settings.name, frame.seq, rfc3339(frame.captured.wall_ns));
        let rois = wish.get("rois").and_then(|rois| serde_json::from_value(rois.clone()).ok());
        let entry =
            self.store.goldens().keep(&whole(&frame)?, &name, rois).map_err(|error| error.to_string())?;
        Ok(vec![entry])
    }

    /// Selects `product` anew wherever it is selected, or was asked for and not ready; tells how that went.
    fn learn_again(&self, product: &str) -> Value {
        let rigs = lock(&self.rigs).clone();
        let mut told = serde_json::Map::new();
        for rig in rigs {
            let Some(parts) = &rig.parts else { continue };
            if parts.meant() == product {
                let outcome = self.select(&rig, product);
                told.insert(
                    rig.settings.name.clone(),
                    json!(outcome.err().unwrap_or_else(|| "ready".into())),
                );
            }
        }
        Value::Object(told)
    }

    fn product_of(&self, wish: &Value) -> Result<String, String> {
        let rig = self.inspecting_rig(wish)?;
        let parts = rig.parts.as_ref().ok_or("the camera does not inspect")?;
        Ok(parts.meant())
    }

>>>>>>> e2e
    /// The camera that `wish` names among those that inspect; the only one, if it names none.
    pub(super) fn inspecting_rig(&self, wish: &Value) -> Result<Arc<Rig>, String> {
        let rigs = lock(&self.rigs);
        let inspecting: Vec<_> = rigs.iter().filter(|rig| rig.parts.is_some()).collect();
        let known = || inspecting.iter().map(|rig| rig.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        match (wish["camera"].as_str(), &inspecting[..]) {
            (_, []) => Err("no camera inspects; give one an `inspect` section".into()),
            (None, [one]) => Ok((*one).clone()),
            (None, _) => Err(format!("say which camera, as {{\"camera\": NAME}}; there are: {}", known())),
            (Some(name), _) => {
                let found = inspecting.iter().find(|rig| rig.settings.name == name);
                found.map(|rig| (*rig).clone()).ok_or_else(|| {
                    format!("there is no camera {name:?} that inspects; there are: {}", known())
                })
            }
        }
    }
}

/// Whoever asked for a trigger, until it has ended.
struct Waiter(Mutex<Option<Responder>>);

impl Ended for Waiter {
    fn ended(&self, inspection: &Arc<Inspection>) {
        if let Some(reply) = lock(&self.0).take() {
            let told = serde_json::to_value(InspectionOut::from(&**inspection));
            reply.answer(told.map_err(|error| error.to_string()));
        }
    }
}
