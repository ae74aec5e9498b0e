//! The sections about inspection: what stands before a camera, and what is kept of its parts.

use std::path::PathBuf;
use std::time::Duration;

/// `inspect = { … }`: a trigger takes a frame of this camera and judges the part on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspect {
    /// The product that is selected when the service starts; the name of a recipe.
    pub product: String,
    /// The folder of the recipes, `PRODUCT.toml` each.
    pub recipes: PathBuf,
    /// Which frame a trigger means.
    pub pick: PickFrame,
    /// Most acquisitions under way at once; one more ends as `overrun`. At most `ring_slots` - 4.
    pub queue: usize,
    /// How long a trigger waits for its frame before it ends as `missed`.
    pub max_wait: Duration,
    /// How far a frame may be from the moment that is meant, either way; beyond it the trigger ends as `missed`.
    pub tolerance: Duration,
}

/// Which frame a trigger means, by its time stamp.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PickFrame {
    /// The nearest in time, before or after; the earlier of two equally near.
    #[default]
    Nearest,
    /// The first at or after the moment.
    Next,
    /// The last at or before the moment.
    Previous,
}

/// `[evidence]`: which inspections are kept with their frames, and how many.
#[derive(Clone, Debug, PartialEq)]
pub struct EvidenceConfig {
    /// Whether any is kept.
    pub enabled: bool,
    /// The folder; `None`: `evidence` in `device.state_dir`.
    pub dir: Option<PathBuf>,
    /// Every part that was bad.
    pub keep_ng: bool,
    /// Every part that could not be judged.
    pub keep_error: bool,
    /// Every n-th good part of a camera; 0: none.
    pub keep_ok_every: u32,
    /// Days after which it is removed; 0: never because of its age.
    pub max_days: u32,
    /// Most inspections kept.
    pub max_count: u64,
    /// Most bytes of all of them together.
    pub max_bytes: u64,
    /// Most frames that wait in memory for the disk.
    pub queue: usize,
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
