//! Settings of `[batch]`.

use std::path::PathBuf;

/// `[batch]`: the microscopy recipes that the service may run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BatchConfig {
    /// Folder of the recipes, `NAME.toml`; `None`: the service runs none.
    pub recipes: Option<PathBuf>,
    /// Most threads of a run; `None`: as many as the recipe says.
    pub workers: Option<usize>,
}
