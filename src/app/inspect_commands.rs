//! What the box is asked about inspection: pull a trigger, select a product. Golden pictures are next door.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::rig::Rig;
use super::{App, lock};
use crate::config::recipe;
use crate::contract::InspectionOut;
use crate::types::{Asker, Command, Ended, Inspection, Refusal, Reply, Responder, Trigger, TriggerKind};

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
            Asker::Cli { .. } => TriggerKind::Cli,
            Asker::Serial => TriggerKind::Serial,
            Asker::Web => TriggerKind::Http,
        };
        let text = command.payload["text"].as_str().map(Into::into);
        let trigger = Trigger { kind, name: command.id.as_str().into(), at, text };
        let ended = Arc::new(Waiter(Mutex::new(Some(command.reply))));
        parts.lane.pull(trigger, at, Some(ended));
    }

    /// `product`: `{"camera", "product"}`; without `product` it tells which is selected.
    pub(super) fn product_command(&self, wish: &Value) -> Reply {
        let rig = self.inspecting_rig(wish)?;
        if let (Some(product), Some(parts)) = (wish["product"].as_str(), &rig.parts) {
            // A name that is nobody's is a slip of the request: it is refused, and nothing of the box has changed.
            recipe::find(&parts.settings.recipes, product)
                .map_err(|faults| Refusal::new("unknown_product", faults.to_string(), ""))?;
            self.select(&rig, product)?;
        }
        let product = rig.parts.as_ref().and_then(|parts| parts.product());
        let product =
            product.ok_or_else(|| Refusal::from("no product is ready; the alarm product-CAMERA says why"))?;
        Ok(json!({
            "camera": rig.settings.name,
            "product": &*product.name,
            "recipe_revision": product.recipe_revision,
            "golden_revision": product.golden_revision,
        }))
    }

    /// The camera that `wish` names among those that inspect; the only one, if it names none.
    pub(super) fn inspecting_rig(&self, wish: &Value) -> Result<Arc<Rig>, Refusal> {
        let rigs = lock(&self.rigs);
        let inspecting: Vec<_> = rigs.iter().filter(|rig| rig.parts.is_some()).collect();
        let known = || inspecting.iter().map(|rig| rig.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        match (wish["camera"].as_str(), &inspecting[..]) {
            (_, []) => Err("no camera inspects; give one an `inspect` section".into()),
            (None, [one]) => Ok((*one).clone()),
            (None, _) => Err(which_camera(&known())),
            (Some(name), _) => {
                let found = inspecting.iter().find(|rig| rig.settings.name == name);
                found.map(|rig| (*rig).clone()).ok_or_else(|| {
                    let message =
                        format!("there is no camera {name:?} that inspects; there are: {}", known());
                    Refusal::new("unknown_camera", message, "")
                })
            }
        }
    }
}

/// Several cameras may be meant.
pub(super) fn which_camera(known: &str) -> Refusal {
    let message = format!("several cameras may be meant: {known}");
    Refusal::new("which_camera", message, "say which, as {\"camera\": NAME}")
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
