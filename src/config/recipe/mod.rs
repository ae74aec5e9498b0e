//! Recipes: one TOML file for each product, read and checked as the configuration is.

mod check;
mod folder;
mod sections;
#[cfg(test)]
mod tests;

pub use check::BARCODE_FORMATS;
pub use folder::{find, products};
pub use sections::{Align, Check, Edge, Expect, Outline, Pixels, Polarity, Recipe, Roi, Unit};
