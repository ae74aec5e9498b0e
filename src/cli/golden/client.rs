//! The desk of `ocellus golden`: the sets of the store, or of the service that holds it, and the recipes.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{GoldenCommon, GoldenFault};
use crate::cli::output;
use crate::cli::store_owner::{StoreOwner, store_owner};
use crate::config::Config;
use crate::config::recipe::{self, Recipe};
use crate::control::{AskError, ask};
use crate::store::{GoldenEntry, GoldenFiles, GoldenSet, Goldens, StoreError};

/// The configuration, and the golden pictures of its state directory.
pub(super) struct GoldenClient {
    pub config: Config,
    /// The pictures' files: read and written here, whoever holds the store.
    pub files: GoldenFiles,
    sets: Sets,
}

/// Who keeps the sets.
enum Sets {
    /// Nobody else: the store is ours while we work.
    Store(Goldens),
    /// The service that runs on this state directory.
    Service(PathBuf),
}

impl GoldenClient {
    pub fn open(common: &GoldenCommon) -> anyhow::Result<GoldenClient> {
        let config = common.configured.options().load()?;
        let files = GoldenFiles::of_state_dir(&config.device.state_dir);
        let sets = Sets::open(&config.device.state_dir)?;
        Ok(GoldenClient { config, files, sets })
    }

    /// The set in force of each product.
    pub fn sets(&self) -> anyhow::Result<Vec<GoldenSet>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.sets()?),
            Sets::Service(dir) => sets_of(&ask_golden(dir, json!({ "action": "sets" }))?),
        }
    }

    /// The set in force; `None` where the product was never taught.
    pub fn current(&self, product: &str) -> anyhow::Result<Option<GoldenSet>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.current(product)?),
            Sets::Service(dir) => {
                let view = ask_golden(dir, json!({ "action": "list", "product": product }))?;
                if view.is_null() { Ok(None) } else { set_of(&view).map(Some) }
            }
        }
    }

    /// The set of one revision of `product`.
    pub fn revision(&self, product: &str, revision: u64) -> anyhow::Result<GoldenSet> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.revision(product, revision)?),
            Sets::Service(dir) => {
                let request = json!({ "action": "list", "product": product, "revision": revision });
                set_of(&ask_golden(dir, request)?)
            }
        }
    }

    /// Every revision, oldest first.
    pub fn revisions(&self, product: &str) -> anyhow::Result<Vec<GoldenSet>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.revisions(product)?),
            Sets::Service(dir) => {
                sets_of(&ask_golden(dir, json!({ "action": "revisions", "product": product }))?)
            }
        }
    }

    /// Adds kept pictures as one new revision.
    pub fn add(&self, product: &str, entries: Vec<GoldenEntry>) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.add(product, entries)?)),
            Sets::Service(dir) => {
                Changed::view(dir, json!({ "action": "add", "product": product, "entries": entries }))
            }
        }
    }

    /// Takes a picture out.
    pub fn remove(&self, product: &str, sha: &str) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.remove(product, sha)?)),
            Sets::Service(dir) => {
                Changed::view(dir, json!({ "action": "remove", "product": product, "picture": sha }))
            }
        }
    }

    /// Takes an earlier revision's pictures back.
    pub fn rollback(&self, product: &str, to: Option<u64>) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.rollback(product, to)?)),
            Sets::Service(dir) => {
                Changed::view(dir, json!({ "action": "rollback", "product": product, "to": to }))
            }
        }
    }

    /// What is missing or was changed.
    pub fn verify(&self) -> anyhow::Result<Vec<String>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.verify()?.iter().map(ToString::to_string).collect()),
            Sets::Service(dir) => {
                let view = ask_golden(dir, json!({ "action": "verify" }))?;
                Ok(serde_json::from_value(view["faults"].clone())?)
            }
        }
    }

    /// Frees space: `revisions`, `files` and `bytes` that went.
    pub fn prune(&self, keep: Option<u64>) -> anyhow::Result<Value> {
        match &self.sets {
            Sets::Store(goldens) => {
                let pruned = goldens.prune(keep)?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                Ok(json!({ "revisions": revisions, "files": files, "bytes": pruned.bytes }))
            }
            Sets::Service(dir) => Ok(ask_golden(dir, json!({ "action": "prune", "keep": keep }))?),
        }
    }

    /// The newest frame of a camera as a picture on disk that no set names yet.
    pub fn shoot(&self, camera: &str, rois: Option<&[String]>) -> anyhow::Result<Vec<GoldenEntry>> {
        let Sets::Service(dir) = &self.sets else {
            return Err(GoldenFault::NoCamera { camera: camera.to_owned() }.into());
        };
        let view = ask_golden(dir, json!({ "action": "keep", "camera": camera, "rois": rois }))?;
        let mut entries: Vec<GoldenEntry> = serde_json::from_value(view["entries"].clone())?;
        entries.iter_mut().for_each(|entry| entry.rois = rois.map(<[_]>::to_vec));
        Ok(entries)
    }

    /// The recipe's file has changed: cameras on which the product is selected learn it anew. Tells how that went.
    pub fn learn(&self, product: &str) -> anyhow::Result<Value> {
        match &self.sets {
            Sets::Store(_) => Ok(json!({})),
            Sets::Service(dir) => {
                Ok(ask_golden(dir, json!({ "action": "learn", "product": product }))?["selected"].clone())
            }
        }
    }

    /// The folders in which the cameras' recipes lie, each once.
    pub fn folders(&self) -> Vec<&PathBuf> {
        let mut folders: Vec<_> =
            self.config.cameras.iter().filter_map(|camera| Some(&camera.inspect.as_ref()?.recipes)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// The recipes of `product`, one of each folder that has one. Errors: there is none, or it has faults.
    pub fn recipes(&self, product: &str) -> anyhow::Result<Vec<Recipe>> {
        let paths = self.paths(product)?;
        let recipes = paths.into_iter().map(|path| Recipe::load(&path, &self.config.models));
        Ok(recipes.collect::<Result<_, _>>()?)
    }

    /// The file of the product's one recipe. Errors: there is none, or several.
    pub fn path(&self, product: &str) -> anyhow::Result<PathBuf> {
        let mut paths = self.paths(product)?;
        if paths.len() > 1 {
            let list: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            return Err(GoldenFault::Several { product: product.to_owned(), list: list.join(", ") }.into());
        }
        Ok(paths.remove(0))
    }

    fn paths(&self, product: &str) -> anyhow::Result<Vec<PathBuf>> {
        let folders = self.folders();
        let found: Vec<_> = folders.iter().map(|folder| recipe::find(folder, product)).collect();
        if found.iter().all(Result::is_err) {
            return Err(match found.into_iter().find_map(Result::err) {
                Some(faults) => faults.into(),
                None => GoldenFault::NoInspection { product: product.to_owned() }.into(),
            });
        }
        Ok(found.into_iter().flatten().collect())
    }
}

impl Sets {
    /// The store of the state directory `dir`, or the service that has it.
    fn open(dir: &Path) -> anyhow::Result<Sets> {
        match store_owner(dir) {
            Ok(StoreOwner::Nobody(store)) => Ok(Sets::Store(store.goldens())),
            Ok(StoreOwner::Service) => Ok(Sets::Service(dir.to_owned())),
            Err(StoreError::Locked { path }) => Err(GoldenFault::Held { path }.into()),
            Err(other) => Err(other.into()),
        }
    }
}

/// A set that was changed, and what the cameras made of it.
pub(super) struct Changed {
    pub set: GoldenSet,
    /// Camera by camera `ready`, or why it is not; empty where no service runs.
    pub selected: Value,
}

impl Changed {
    fn alone(set: GoldenSet) -> Changed {
        Changed { set, selected: json!({}) }
    }

    fn view(dir: &Path, request: Value) -> anyhow::Result<Changed> {
        let view = ask_golden(dir, request)?;
        Ok(Changed { set: set_of(&view)?, selected: view["selected"].clone() })
    }
}

fn ask_golden(dir: &Path, request: Value) -> Result<Value, AskError> {
    output::asked(ask(dir, "golden", request))
}

fn set_of(view: &Value) -> anyhow::Result<GoldenSet> {
    Ok(serde_json::from_value(view.clone())?)
}

fn sets_of(view: &Value) -> anyhow::Result<Vec<GoldenSet>> {
    view["sets"].as_array().into_iter().flatten().map(set_of).collect()
}
