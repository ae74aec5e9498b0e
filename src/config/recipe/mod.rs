//! Recipes: one TOML file for each product, read and checked as the configuration is.

mod check;
mod folder;
mod sections;
#[cfg(test)]
mod tests;

pub use folder::{find, products};
pub use sections::{Align, Check, Expect, Outline, Recipe, Roi, Unit};
