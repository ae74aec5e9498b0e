//! The sections about inspection: the product at a camera, and which inspections are stored.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::ring::Pick;

/// `inspect = { … }`: a trigger takes a frame of this camera and judges the part on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspect {
    /// The product that is selected when the service starts; the name of a recipe.
    pub product: String,
    /// The folder of the recipes, one `PRODUCT.toml` for each product.
    pub recipes: PathBuf,
    /// Which frame a trigger selects.
    pub pick: Pick,
    /// Most acquisitions that may run at once; one more ends as `overrun`. At most `ring_slots` - 4.
    pub queue: usize,
    /// How long a trigger waits for its frame before it ends as `missed`.
    pub max_wait: Duration,
    /// Largest distance of a frame from the moment to be inspected, either way; beyond it the trigger ends as
    /// `missed`.
    pub tolerance: Duration,
}

/// `[evidence]`: which inspections are stored with their frames, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceConfig {
    /// Whether inspections are stored at all.
    pub enabled: bool,
    /// The folder; `None` means `evidence` in `device.state_dir`.
    pub dir: Option<PathBuf>,
    /// Whether every bad part is stored.
    pub keep_ng: bool,
    /// Whether every part is stored that could not be judged.
    pub keep_error: bool,
    /// Every n-th good part of a camera is stored; 0 means none.
    pub keep_ok_every: u32,
    /// Days after which a stored inspection is deleted; 0 means that age does not matter.
    pub max_days: u32,
    /// Most inspections that are stored; beyond it the oldest are deleted first, good parts before bad ones.
    pub max_count: u64,
    /// Most bytes of all stored inspections together.
    pub max_bytes: u64,
    /// Most frames that may wait in memory for the disk.
    pub queue: usize,
}

impl EvidenceConfig {
    /// The folder of all evidence, where `state_dir` is the state directory.
    pub fn root(&self, state_dir: &Path) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| state_dir.join("evidence"))
    }
}

impl Default for EvidenceConfig {
    fn default() -> EvidenceConfig {
        EvidenceConfig {
            enabled: true,
            dir: None,
            keep_ng: true,
            keep_error: true,
            keep_ok_every: 0,
            max_days: 30,
            max_count: 10_000,
            max_bytes: 4 << 30,
            queue: 16,
        }
    }
}
