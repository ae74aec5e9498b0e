//! The requests and answers of the commands `trigger`, `product` and `golden`, shared by MQTT, REST and the command
//! line. Where several cameras inspect, a request names one of them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::store::{GoldenEntry, GoldenSet};
use crate::types::{answers, rfc3339};

/// The command `trigger`: inspect the part that is there now. Answered at the end of the acquisition, with its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TriggerRequest {
    /// The camera's name; the only one that inspects, by default.
    #[serde(default)]
    pub camera: Option<String>,
    /// What comes with it, such as the part's serial number.
    #[serde(default)]
    pub text: Option<String>,
}

/// The command `product`: select a product; without `product`, the one that is selected is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductRequest {
    /// The camera's name; the only one that inspects, by default.
    #[serde(default)]
    pub camera: Option<String>,
    /// The product, as its recipe's file is called.
    #[serde(default)]
    pub product: Option<String>,
}

/// The product that a camera inspects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductOut {
    /// The name of the camera.
    pub camera: String,
    /// The name of the product.
    pub product: String,
    /// The revision of the recipe.
    pub recipe_revision: u32,
    /// The revision of the golden pictures; 0 where the product has none.
    pub golden_revision: u64,
}

/// The command `golden`: pictures of good parts, taught, listed and taken back. The product is the selected one, by
/// default; a product that is selected somewhere is learned again at once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "lowercase")]
pub enum Golden {
    /// The set in force, or an earlier revision of it.
    List {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
        /// This revision instead of the one in force.
        #[serde(default)]
        revision: Option<u64>,
    },
    /// Every revision of a product's set, oldest first.
    Revisions {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
    },
    /// Teach `entries`, which are on disk already, or the newest frame of the camera.
    Add {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
        /// Pictures that the command line has put on disk.
        #[serde(default)]
        entries: Option<Vec<GoldenEntry>>,
        /// Compare only these ROIs with the frame.
        #[serde(default)]
        rois: Option<Vec<String>>,
    },
    /// Store the newest frame of the camera on disk, without teaching it.
    Keep {
        /// The camera's name; the only one that inspects, by default.
        #[serde(default)]
        camera: Option<String>,
        /// Compare only these ROIs with it.
        #[serde(default)]
        rois: Option<Vec<String>>,
    },
    /// Remove a picture from the set.
    Remove {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
        /// The first digits of the picture's SHA-256, 4 or more.
        picture: String,
    },
    /// Restore an earlier revision's pictures as a new revision.
    Rollback {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
        /// The revision; the one before, by default.
        #[serde(default)]
        to: Option<u64>,
    },
    /// The recipe's file has changed: learn the product again where it is selected.
    Learn {
        /// The product whose set is meant.
        #[serde(flatten)]
        of: Selection,
    },
    /// The set in force of every product.
    Sets,
    /// Read every picture that any revision names.
    Verify,
    /// Remove the pictures that no revision names.
    Prune {
        /// Keep only this many of the newest revisions of each product.
        #[serde(default)]
        keep: Option<u64>,
    },
}

/// Which product is meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Selection {
    /// The product, as its recipe's file is called; the one that the camera inspects, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// The camera's name; the only one that inspects, by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub camera: Option<String>,
}

impl Selection {
    /// Selects a product by its name.
    pub fn product(product: &str) -> Selection {
        Selection { product: Some(product.to_owned()), camera: None }
    }
}

impl Golden {
    /// The word of the action.
    pub fn action(&self) -> &'static str {
        match self {
            Golden::List { .. } => "list",
            Golden::Revisions { .. } => "revisions",
            Golden::Add { .. } => "add",
            Golden::Keep { .. } => "keep",
            Golden::Remove { .. } => "remove",
            Golden::Rollback { .. } => "rollback",
            Golden::Learn { .. } => "learn",
            Golden::Sets => "sets",
            Golden::Verify => "verify",
            Golden::Prune { .. } => "prune",
        }
    }

    /// The product that is named.
    pub fn product(&self) -> Option<&str> {
        match self {
            Golden::List { of, .. }
            | Golden::Revisions { of }
            | Golden::Add { of, .. }
            | Golden::Remove { of, .. }
            | Golden::Rollback { of, .. }
            | Golden::Learn { of } => of.product.as_deref(),
            Golden::Keep { .. } | Golden::Sets | Golden::Verify | Golden::Prune { .. } => None,
        }
    }

    /// Whether nothing is changed by it.
    pub fn only_reads(&self) -> bool {
        matches!(self, Golden::List { .. } | Golden::Revisions { .. } | Golden::Sets | Golden::Verify)
    }
}

answers! {
    /// The answer to a [`Golden`].
    pub enum GoldenAnswer {
        /// To `add`, `remove` and `rollback`.
        Changed(GoldenChangedOut),
        /// To `list` of a revision.
        Revision(GoldenSetOut),
        /// To `list`: nothing where the product was never taught.
        Current(Option<GoldenSetOut>),
        /// To `sets` and `revisions`.
        Sets(GoldenSetsOut),
        /// Answers `keep` with the new pictures.
        Kept(GoldenKeptOut),
        /// Answers `learn` for each camera.
        Learned(GoldenLearnedOut),
        /// Answers `verify` with the faults found.
        Verified(GoldenFaultsOut),
        /// Answers `prune` with the space that was freed.
        Pruned(GoldenPrunedOut),
    }
}

/// A set of golden pictures as the store keeps it, with its hash and its time in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenSetOut {
    /// The set of golden pictures.
    #[serde(flatten)]
    pub set: GoldenSet,
    /// SHA-256 over product, revision and pictures, hexadecimal.
    pub hash: String,
    /// When it was made, RFC 3339, UTC.
    pub created: String,
}

impl From<GoldenSet> for GoldenSetOut {
    fn from(set: GoldenSet) -> GoldenSetOut {
        GoldenSetOut { hash: set.hash(), created: rfc3339(set.created_ns), set }
    }
}

/// Several sets of golden pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenSetsOut {
    /// The sets: of one product oldest first.
    pub sets: Vec<GoldenSetOut>,
}

impl From<Vec<GoldenSet>> for GoldenSetsOut {
    fn from(sets: Vec<GoldenSet>) -> GoldenSetsOut {
        GoldenSetsOut { sets: sets.into_iter().map(GoldenSetOut::from).collect() }
    }
}

/// Camera by camera `ready`, or why the product is not.
pub type Selected = BTreeMap<String, String>;

/// A set after a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenChangedOut {
    /// The set after the change.
    #[serde(flatten)]
    pub set: GoldenSetOut,
    /// The result on each camera on which the product is selected.
    #[serde(default)]
    pub selected: Selected,
}

/// Pictures on disk that no set names yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenKeptOut {
    /// The pictures that were kept.
    pub entries: Vec<GoldenEntry>,
}

/// A product that was learned again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenLearnedOut {
    /// The result on each camera on which the product is selected.
    pub selected: Selected,
}

/// Pictures and records that are damaged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenFaultsOut {
    /// One text for each; empty where all are intact.
    pub faults: Vec<String>,
}

/// Space that was freed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GoldenPrunedOut {
    /// Revisions that were forgotten.
    pub revisions: u64,
    /// Files that were removed.
    pub files: u64,
    /// Bytes that were freed.
    pub bytes: u64,
}
