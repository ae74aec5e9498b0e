//! Where `ocellus golden` reads and writes sets: in the store, or through the service that holds it.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{GoldenCommon, GoldenFault};
use crate::cli::output;
use crate::cli::store_owner::{StoreOwner, store_owner};
use crate::commands::Command;
use crate::commands::inspection::{
    Golden, GoldenChangedOut, GoldenFaultsOut, GoldenKeptOut, GoldenLearnedOut, GoldenPrunedOut,
    GoldenSetOut, GoldenSetsOut, Selected, Selection,
};
use crate::config::Config;
use crate::config::recipe::{self, Recipe};
use crate::control::{AskError, ask_for};
use crate::store::{GoldenEntry, GoldenFiles, GoldenSet, Goldens, StoreError};

/// The configuration, and the golden pictures of its state directory.
pub(super) struct GoldenClient {
    pub config: Config,
    /// The picture files, which are read and written here even if a service holds the store.
    pub files: GoldenFiles,
    sets: Sets,
}

/// The owner of the sets.
enum Sets {
    /// This process, which holds the store while it works.
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
            Sets::Service(dir) => Ok(sets_of(ask_golden(dir, Golden::Sets)?)),
        }
    }

    /// The set in force; `None` if the product was never taught.
    pub fn current(&self, product: &str) -> anyhow::Result<Option<GoldenSet>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.current(product)?),
            Sets::Service(dir) => {
                let list = Golden::List { of: Selection::product(product), revision: None };
                Ok(ask_golden::<Option<GoldenSetOut>>(dir, list)?.map(|out| out.set))
            }
        }
    }

    /// The set of one revision of `product`.
    pub fn revision(&self, product: &str, revision: u64) -> anyhow::Result<GoldenSet> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.revision(product, revision)?),
            Sets::Service(dir) => {
                let list = Golden::List { of: Selection::product(product), revision: Some(revision) };
                Ok(ask_golden::<GoldenSetOut>(dir, list)?.set)
            }
        }
    }

    /// Every revision, oldest first.
    pub fn revisions(&self, product: &str) -> anyhow::Result<Vec<GoldenSet>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.revisions(product)?),
            Sets::Service(dir) => {
                Ok(sets_of(ask_golden(dir, Golden::Revisions { of: Selection::product(product) })?))
            }
        }
    }

    /// Adds stored pictures as one new revision.
    pub fn add(&self, product: &str, entries: Vec<GoldenEntry>) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.add(product, entries)?)),
            Sets::Service(dir) => {
                let of = Selection::product(product);
                Changed::asked(dir, Golden::Add { of, entries: Some(entries), rois: None })
            }
        }
    }

    /// Removes a picture from the set.
    pub fn remove(&self, product: &str, sha: &str) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.remove(product, sha)?)),
            Sets::Service(dir) => {
                let of = Selection::product(product);
                Changed::asked(dir, Golden::Remove { of, picture: sha.to_owned() })
            }
        }
    }

    /// Restores an earlier revision's pictures.
    pub fn rollback(&self, product: &str, to: Option<u64>) -> anyhow::Result<Changed> {
        match &self.sets {
            Sets::Store(goldens) => Ok(Changed::alone(goldens.rollback(product, to)?)),
            Sets::Service(dir) => {
                Changed::asked(dir, Golden::Rollback { of: Selection::product(product), to })
            }
        }
    }

    /// Pictures and records that are missing or were changed.
    pub fn verify(&self) -> anyhow::Result<Vec<String>> {
        match &self.sets {
            Sets::Store(goldens) => Ok(goldens.verify()?.iter().map(ToString::to_string).collect()),
            Sets::Service(dir) => Ok(ask_golden::<GoldenFaultsOut>(dir, Golden::Verify)?.faults),
        }
    }

    /// Frees space; returns the removed `revisions`, `files` and `bytes`.
    pub fn prune(&self, keep: Option<u64>) -> anyhow::Result<GoldenPrunedOut> {
        match &self.sets {
            Sets::Store(goldens) => {
                let pruned = goldens.prune(keep)?;
                let (revisions, files) = (pruned.revisions, pruned.pictures);
                Ok(GoldenPrunedOut { revisions, files, bytes: pruned.bytes })
            }
            Sets::Service(dir) => Ok(ask_golden(dir, Golden::Prune { keep })?),
        }
    }

    /// Stores the newest frame of a camera as a picture that no set names yet.
    pub fn shoot(&self, camera: &str, rois: Option<&[String]>) -> anyhow::Result<Vec<GoldenEntry>> {
        let Sets::Service(dir) = &self.sets else {
            return Err(GoldenFault::NoCamera { camera: camera.to_owned() }.into());
        };
        let keep = Golden::Keep { camera: Some(camera.to_owned()), rois: rois.map(<[_]>::to_vec) };
        let GoldenKeptOut { mut entries } = ask_golden(dir, keep)?;
        entries.iter_mut().for_each(|entry| entry.rois = rois.map(<[_]>::to_vec));
        Ok(entries)
    }

    /// Has the cameras load the product again after its recipe's file has changed; returns the outcomes.
    pub fn learn(&self, product: &str) -> anyhow::Result<Selected> {
        match &self.sets {
            Sets::Store(_) => Ok(Selected::new()),
            Sets::Service(dir) => {
                let learn = Golden::Learn { of: Selection::product(product) };
                Ok(ask_golden::<GoldenLearnedOut>(dir, learn)?.selected)
            }
        }
    }

    /// The folders of the cameras' recipes, without repetition.
    pub fn folders(&self) -> Vec<&PathBuf> {
        let mut folders: Vec<_> =
            self.config.cameras.iter().filter_map(|camera| Some(&camera.inspect.as_ref()?.recipes)).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// The recipes of `product`, one from each folder that has one. Errors: there is none, or it has faults.
    pub fn recipes(&self, product: &str) -> anyhow::Result<Vec<Recipe>> {
        let paths = self.paths(product)?;
        let recipes = paths.into_iter().map(|path| Recipe::load(&path, &self.config.models));
        Ok(recipes.collect::<Result<_, _>>()?)
    }

    /// The file of the product's only recipe. Errors: there is none, or several.
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
    /// Opens the store of the state directory `dir`, or finds the service that holds it.
    fn open(dir: &Path) -> anyhow::Result<Sets> {
        match store_owner(dir) {
            Ok(StoreOwner::Nobody(store)) => Ok(Sets::Store(store.goldens())),
            Ok(StoreOwner::Service) => Ok(Sets::Service(dir.to_owned())),
            Err(StoreError::Locked { path }) => Err(GoldenFault::Held { path }.into()),
            Err(other) => Err(other.into()),
        }
    }
}

/// A set that was changed, and how the cameras reacted.
pub(super) struct Changed {
    pub set: GoldenSet,
    /// For each camera `ready`, or why it is not; empty if no service runs.
    pub selected: Selected,
}

impl Changed {
    fn alone(set: GoldenSet) -> Changed {
        Changed { set, selected: Selected::new() }
    }

    fn asked(dir: &Path, command: Golden) -> anyhow::Result<Changed> {
        let GoldenChangedOut { set, selected } = ask_golden(dir, command)?;
        Ok(Changed { set: set.set, selected })
    }
}

fn ask_golden<T: DeserializeOwned>(dir: &Path, command: Golden) -> Result<T, AskError> {
    output::asked(ask_for(dir, &Command::Golden(command)))
}

fn sets_of(sets: GoldenSetsOut) -> Vec<GoldenSet> {
    sets.sets.into_iter().map(|out| out.set).collect()
}
