//! What the box is asked about golden pictures while it runs: its command line does not need the store for it.

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
    pub(super) fn golden_command(&self, wish: &Value) -> Reply {
        let action = wish["action"].as_str().unwrap_or_default();
        match action {
            "keep" => return Ok(json!({ "entries": self.entries(wish)? })),
            "sets" | "verify" | "prune" => return self.all_goldens(action, wish).map_err(refused),
            _ => {}
        }
        let product = match wish["product"].as_str() {
            Some(product) => product.to_owned(),
            None => self.product_of(wish)?,
        };
        match action {
            "list" | "revisions" => self.told_goldens(action, &product, wish).map_err(refused),
            "learn" => Ok(json!({ "selected": self.learn_again(&product) })),
            _ => self.change_goldens(action, &product, wish),
        }
    }

    fn all_goldens(&self, action: &str, wish: &Value) -> Result<Value, GoldenError> {
        let goldens = self.store.goldens();
        Ok(match action {
            "sets" => all(&goldens.sets()?),
            "verify" => {
                let faults: Vec<_> = goldens.verify()?.iter().map(ToString::to_string).collect();
                json!({ "faults": faults })
            }
            _ => {
                let pruned = goldens.prune(wish["keep"].as_u64())?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                json!({ "revisions": revisions, "files": files, "bytes": pruned.bytes })
            }
        })
    }

    fn told_goldens(&self, action: &str, product: &str, wish: &Value) -> Result<Value, GoldenError> {
        let goldens = self.store.goldens();
        Ok(match wish["revision"].as_u64() {
            _ if action == "revisions" => all(&goldens.revisions(product)?),
            Some(revision) => told(&goldens.revision(product, revision)?),
            None => json!(goldens.current(product)?.as_ref().map(told)),
        })
    }

    fn change_goldens(&self, action: &str, product: &str, wish: &Value) -> Reply {
        let goldens = self.store.goldens();
        let set = match action {
            "add" => goldens.add(product, self.entries(wish)?),
            "remove" => {
                let sha = wish["picture"].as_str().ok_or("say which: {\"picture\": SHA256}")?;
                goldens.remove(product, sha)
            }
            "rollback" => goldens.rollback(product, wish["to"].as_u64()),
            _ => {
                let known = "list, revisions, add, keep, remove, rollback, learn, sets, verify or prune";
                return Err(format!("say what: {{\"action\": …}}, one of {known}").into());
            }
        };
        let mut answer = told(&set.map_err(refused)?);
        answer["selected"] = self.learn_again(product);
        Ok(answer)
    }

    /// Pictures that the command line has put on disk already, or the newest frame of a camera.
    fn entries(&self, wish: &Value) -> Result<Vec<GoldenEntry>, Refusal> {
        if let Some(entries) = wish.get("entries") {
            return serde_json::from_value(entries.clone())
                .map_err(|error| format!("entries: {error}").into());
        }
        let rig = self.inspecting_rig(wish)?;
        let frame = rig.ring.newest().ok_or("the camera has not given a frame yet")?;
        let name = format!("{}, frame {}, {}", rig.settings.name, frame.seq, rfc3339(frame.captured.wall_ns));
        let rois = wish.get("rois").and_then(|rois| serde_json::from_value(rois.clone()).ok());
        let entry = self.store.goldens().keep(&whole(&frame)?, &name, rois).map_err(refused)?;
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

    fn product_of(&self, wish: &Value) -> Result<String, Refusal> {
        let rig = self.inspecting_rig(wish)?;
        let parts = rig.parts.as_ref().ok_or("the camera does not inspect")?;
        Ok(parts.meant())
    }
}

fn refused(error: GoldenError) -> Refusal {
    error.to_string().into()
}

fn all(sets: &[GoldenSet]) -> Value {
    json!({ "sets": sets.iter().map(told).collect::<Vec<_>>() })
}

/// The set as the store keeps it, with its hash and its time in words.
fn told(set: &GoldenSet) -> Value {
    let mut told = json!(set);
    told["hash"] = set.hash().into();
    told["created"] = rfc3339(set.created_ns).into();
    told
}

/// The whole frame as a picture in colour.
fn whole(frame: &Frame) -> Result<Patch, String> {
    let rect = Rect { x: 0.0, y: 0.0, w: frame.width as f32, h: frame.height as f32 };
    let mut picture = Patch::default();
    let region = RotatedRect::upright(rect);
    Cutter::new()
        .cut(&frame.planes(), &region, &Pose::default(), Channels::Rgb, &mut picture)
        .map_err(|error| error.to_string())?;
    Ok(picture)
}
