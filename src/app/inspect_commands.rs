//! What the box is asked about inspection: pull a trigger, select a product. Golden pictures are next door.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::rig::Rig;
use super::{App, lock};
use crate::contract::InspectionOut;
use crate::types::{Asker, Command, Ended, Inspection, Responder, Trigger, TriggerKind};

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
            Asker::Web => TriggerKind::Http,
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
            reply.answer(told.map_err(|error| error.to_string().into()));
        }
    }
}
