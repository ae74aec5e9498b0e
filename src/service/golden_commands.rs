//! Golden commands while the service runs: it holds the store, so the command line sends them here.

use serde_json::{Value, json};

use super::{App, lock};
use crate::image::{Cutter, RotatedRect};
use crate::store::{GoldenEntry, GoldenError, GoldenSet};
use crate::types::{Channels, Frame, Patch, Pose, Rect, Refusal, Reply, rfc3339};

impl App {
    /// `golden`: `{"action": …, "product", …}`. A product that is selected somewhere is learned anew at once.
    ///
    /// Of one product (by default the selected one): `list` (or its `revision`), `revisions`, `add` (`entries`, or the
    /// newest frame of `camera`, with `rois`), `remove` (`picture`), `rollback` (`to`), `learn` (its recipe's file has
    /// changed). Of all: `sets`, `verify`, `prune` (`keep`: so many revisions). Of a camera: `keep` (its newest frame,
    /// put on disk and not taught).
    pub(super) fn golden_command(&self, request: &Value) -> Reply {
        let action = request["action"].as_str().unwrap_or_default();
        match action {
            "keep" => return Ok(json!({ "entries": self.entries(request)? })),
            "sets" | "verify" | "prune" => return self.all_goldens(action, request).map_err(refused),
            _ => {}
        }
        let product = match request["product"].as_str() {
            Some(product) => product.to_owned(),
            None => self.product_of(request)?,
        };
        match action {
            "list" | "revisions" => self.goldens_response(action, &product, request).map_err(refused),
            "learn" => Ok(json!({ "selected": self.learn_again(&product) })),
            _ => self.change_goldens(action, &product, request),
        }
    }

    fn all_goldens(&self, action: &str, request: &Value) -> Result<Value, GoldenError> {
        let goldens = self.store.goldens();
        Ok(match action {
            "sets" => all(&goldens.sets()?),
            "verify" => {
                let faults: Vec<_> = goldens.verify()?.iter().map(ToString::to_string).collect();
                json!({ "faults": faults })
            }
            _ => {
                let pruned = goldens.prune(request["keep"].as_u64())?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                json!({ "revisions": revisions, "files": files, "bytes": pruned.bytes })
            }
        })
    }

    fn goldens_response(&self, action: &str, product: &str, request: &Value) -> Result<Value, GoldenError> {
        let goldens = self.store.goldens();
        Ok(match request["revision"].as_u64() {
            _ if action == "revisions" => all(&goldens.revisions(product)?),
            Some(revision) => response(&goldens.revision(product, revision)?),
            None => json!(goldens.current(product)?.as_ref().map(response)),
        })
    }

    fn change_goldens(&self, action: &str, product: &str, request: &Value) -> Reply {
        let goldens = self.store.goldens();
        let set = match action {
            "add" => goldens.add(product, self.entries(request)?),
            "remove" => {
                let sha = request["picture"].as_str().ok_or("say which: {\"picture\": SHA256}")?;
                goldens.remove(product, sha)
            }
            "rollback" => goldens.rollback(product, request["to"].as_u64()),
            _ => {
                let known = "list, revisions, add, keep, remove, rollback, learn, sets, verify or prune";
                return Err(format!("say what: {{\"action\": …}}, one of {known}").into());
            }
        };
        let mut answer = response(&set.map_err(refused)?);
        answer["selected"] = self.learn_again(product);
        Ok(answer)
    }

    /// Pictures that the command line has already written to disk, or the newest frame of a camera.
    fn entries(&self, request: &Value) -> Result<Vec<GoldenEntry>, Refusal> {
        if let Some(entries) = request.get("entries") {
            return serde_json::from_value(entries.clone())
                .map_err(|error| format!("entries: {error}").into());
        }
        let camera = self.inspecting_camera(request)?;
        let frame = camera.ring.newest().ok_or("the camera has not given a frame yet")?;
        let name =
            format!("{}, frame {}, {}", camera.settings.name, frame.seq, rfc3339(frame.captured.wall_ns));
        let rois = request.get("rois").and_then(|rois| serde_json::from_value(rois.clone()).ok());
        let entry = self.store.goldens().keep(&whole(&frame)?, &name, rois).map_err(refused)?;
        Ok(vec![entry])
    }

    /// Selects `product` again wherever it is selected, or was requested and is not ready; returns the
    /// outcomes.
    fn learn_again(&self, product: &str) -> Value {
        let cameras = lock(&self.cameras).clone();
        let mut response = serde_json::Map::new();
        for camera in cameras {
            let Some(parts) = &camera.parts else { continue };
            if parts.meant() == product {
                let outcome = self.select(&camera, product);
                response.insert(
                    camera.settings.name.clone(),
                    json!(outcome.err().unwrap_or_else(|| "ready".into())),
                );
            }
        }
        Value::Object(response)
    }

    fn product_of(&self, request: &Value) -> Result<String, Refusal> {
        let camera = self.inspecting_camera(request)?;
        let parts = camera.parts.as_ref().ok_or("the camera does not inspect")?;
        Ok(parts.meant())
    }
}

fn refused(error: GoldenError) -> Refusal {
    error.to_string().into()
}

fn all(sets: &[GoldenSet]) -> Value {
    json!({ "sets": sets.iter().map(response).collect::<Vec<_>>() })
}

/// The set as the store keeps it, with its hash and its time as text.
fn response(set: &GoldenSet) -> Value {
    let mut response = json!(set);
    response["hash"] = set.hash().into();
    response["created"] = rfc3339(set.created_ns).into();
    response
}

/// The whole frame as a colour picture.
fn whole(frame: &Frame) -> Result<Patch, String> {
    let rect = Rect { x: 0.0, y: 0.0, w: frame.width as f32, h: frame.height as f32 };
    let mut picture = Patch::default();
    let region = RotatedRect::upright(rect);
    Cutter::new()
        .cut(&frame.planes(), &region, &Pose::default(), Channels::Rgb, &mut picture)
        .map_err(|error| error.to_string())?;
    Ok(picture)
}
