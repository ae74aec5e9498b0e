//! The commands `trigger` and `product`. Golden pictures are in `golden_commands`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::camera::Camera;
use super::{App, lock};
use crate::commands::inspection::{self, ProductOut};
use crate::commands::{CommandAnswer, InspectionRecord};
use crate::config::recipe;
use crate::types::{Inspection, OnComplete, Origin, Refusal, Responder, Stamp, Trigger, TriggerKind};

impl App {
    /// The command `trigger`. Answered at the end of the acquisition, with its whole record. `name` is the
    /// requester's id.
    pub(super) fn pull_for(
        &self,
        asked: inspection::TriggerRequest,
        (origin, at, name): (Origin, Stamp, &str),
        reply: Responder<CommandAnswer>,
    ) {
        let camera = match self.inspecting_camera(asked.camera.as_deref()) {
            Ok(camera) => camera,
            Err(reason) => return reply.failed(reason),
        };
        let Some(parts) = &camera.parts else { return };
        let kind = match origin {
            Origin::Mqtt => TriggerKind::Mqtt,
            Origin::Cli { .. } => TriggerKind::Cli,
            Origin::Serial => TriggerKind::Serial,
            Origin::Web => TriggerKind::Http,
        };
        let trigger = Trigger { kind, name: name.into(), at, text: asked.text.map(Into::into) };
        let on_complete = Arc::new(Waiter(Mutex::new(Some(reply))));
        parts.lane.pull(trigger, at, Some(on_complete));
    }

    /// The command `product`: shows or selects the product of a camera.
    pub(super) fn product_command(&self, asked: &inspection::ProductRequest) -> Result<ProductOut, Refusal> {
        let camera = self.inspecting_camera(asked.camera.as_deref())?;
        if let (Some(product), Some(parts)) = (&asked.product, &camera.parts) {
            // A product without a recipe is a mistake in the request: it is refused, and nothing changes.
            recipe::find(&parts.settings.recipes, product)
                .map_err(|faults| Refusal::new("unknown_product", faults.to_string(), ""))?;
            self.select(&camera, product)?;
        }
        let product = camera.parts.as_ref().and_then(|parts| parts.product());
        let product = product
            .ok_or_else(|| Refusal::from("no product is ready; the alarm product-CAMERA gives the reason"))?;
        Ok(ProductOut {
            camera: camera.settings.name.clone(),
            product: product.name.to_string(),
            recipe_revision: product.recipe_revision,
            golden_revision: product.golden_revision,
        })
    }

    /// The camera of this name among those that inspect; the only one, if none is named.
    pub(super) fn inspecting_camera(&self, named: Option<&str>) -> Result<Arc<Camera>, Refusal> {
        let cameras = lock(&self.cameras);
        let inspecting: Vec<_> = cameras.iter().filter(|camera| camera.parts.is_some()).collect();
        let known =
            || inspecting.iter().map(|camera| camera.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        match (named, &inspecting[..]) {
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

/// The request for a trigger, until the acquisition has ended.
struct Waiter(Mutex<Option<Responder<CommandAnswer>>>);

impl OnComplete for Waiter {
    fn completed(&self, inspection: &Arc<Inspection>) {
        if let Some(reply) = lock(&self.0).take() {
            reply.successful(InspectionRecord(inspection.clone()).into());
        }
    }
}
