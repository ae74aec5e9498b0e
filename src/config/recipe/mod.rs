//! Recipes: one TOML file for each product, read and checked as the configuration is.

mod check;
mod folder;
mod sections;

pub use folder::{find, products};
pub use sections::{Align, Check, Edge, Expect, Outline, Pixels, Recipe, Roi, Unit};
