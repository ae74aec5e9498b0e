//! Inspection commands: pull a trigger, select a product. `golden_commands` holds those of golden pictures.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::camera::Camera;
use super::{App, lock};
use crate::config::recipe;
use crate::contract::InspectionOut;
use crate::types::{
    Command, Inspection, OnComplete, Origin, Refusal, Reply, Responder, Trigger, TriggerKind,
};

impl App {
    /// `trigger`: `{"camera", "text"}`. Answered at the end of the acquisition, with its whole record.
    pub(super) fn pull_for(&self, command: Command) {
        let camera = match self.inspecting_camera(&command.payload) {
            Ok(camera) => camera,
            Err(reason) => return command.reply.failed(reason),
        };
        let Some(parts) = &camera.parts else { return };
        let at = command.at;
        let kind = match command.origin {
            Origin::Mqtt => TriggerKind::Mqtt,
            Origin::Cli { .. } => TriggerKind::Cli,
            Origin::Serial => TriggerKind::Serial,
            Origin::Web => TriggerKind::Http,
        };
        let text = command.payload["text"].as_str().map(Into::into);
        let trigger = Trigger { kind, name: command.id.as_str().into(), at, text };
        let on_complete = Arc::new(Waiter(Mutex::new(Some(command.reply))));
        parts.lane.pull(trigger, at, Some(on_complete));
    }

    /// `product`: `{"camera", "product"}`; without `product` the answer names the selected one.
    pub(super) fn product_command(&self, request: &Value) -> Reply {
        let camera = self.inspecting_camera(request)?;
        if let (Some(product), Some(parts)) = (request["product"].as_str(), &camera.parts) {
            // An unknown name is a mistake in the request: it is refused, and nothing changes.
            recipe::find(&parts.settings.recipes, product)
                .map_err(|faults| Refusal::new("unknown_product", faults.to_string(), ""))?;
            self.select(&camera, product)?;
        }
        let product = camera.parts.as_ref().and_then(|parts| parts.product());
        let product =
            product.ok_or_else(|| Refusal::from("no product is ready; the alarm product-CAMERA says why"))?;
        Ok(json!({
            "camera": camera.settings.name,
            "product": &*product.name,
            "recipe_revision": product.recipe_revision,
            "golden_revision": product.golden_revision,
        }))
    }

    /// The camera that `request` names among those that inspect; the only one, if it names none.
    pub(super) fn inspecting_camera(&self, request: &Value) -> Result<Arc<Camera>, Refusal> {
        let cameras = lock(&self.cameras);
        let inspecting: Vec<_> = cameras.iter().filter(|camera| camera.parts.is_some()).collect();
        let known =
            || inspecting.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        match (request["camera"].as_str(), &inspecting[..]) {
            (_, []) => Err("no camera inspects; give one an `inspect` section".into()),
            (None, [one]) => Ok((*one).clone()),
            (None, _) => Err(which_camera(&known())),
            (Some(name), _) => {
                let found = inspecting.iter().find(|camera| camera.settings.name == name);
                found.map(|camera| (*camera).clone()).ok_or_else(|| {
                    let message =
                        format!("there is no camera {name:?} that inspects; there are: {}", known());
                    Refusal::new("unknown_camera", message, "")
                })
            }
        }
    }
}

/// The refusal of a request that could mean several cameras.
pub(super) fn which_camera(known: &str) -> Refusal {
    let message = format!("several cameras may be meant: {known}");
    Refusal::new("which_camera", message, "say which, as {\"camera\": NAME}")
}

/// The requester of a trigger, until its acquisition has ended.
struct Waiter(Mutex<Option<Responder>>);

impl OnComplete for Waiter {
    fn completed(&self, inspection: &Arc<Inspection>) {
        if let Some(reply) = lock(&self.0).take() {
            let response = serde_json::to_value(InspectionOut::from(&**inspection));
            reply.answer(response.map_err(|error| error.to_string().into()));
        }
    }
}
