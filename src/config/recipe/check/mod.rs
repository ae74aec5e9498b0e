//! From a file to a checked [`Recipe`]: every section is read, every fault is collected, nothing is guessed.

use std::path::Path;

use super::Recipe;
use crate::config::{Faults, Model};

impl Recipe {
    /// The annotated recipe that documents every key.
    pub fn sample_text() -> &'static str {
        unimplemented!()
    }

    /// Reads and checks the recipe at `path`, whose name without its ending is the product. `models` are those that
    /// an ROI may name. Errors: every fault, each with its place and its remedy.
    pub fn load(path: &Path, models: &[Model]) -> Result<Recipe, Faults> {
        unimplemented!("{} {models:?}", path.display())
    }

    /// Checks `text` as if it stood in `file`.
    pub fn parse(text: &str, file: &Path, models: &[Model]) -> Result<Recipe, Faults> {
        unimplemented!("{text} {} {models:?}", file.display())
    }
}
