//! Recipes: one TOML file for each product, read and checked like the configuration.

mod check;
mod folder;
mod sections;
#[cfg(test)]
mod tests;

pub use folder::{find, products};
pub use sections::{Align, Check, Expect, LengthUnit, Outline, Recipe, Roi};
