//! Recipes: one TOML file for each product, read and checked as the configuration is.

mod sections;

pub use sections::{Align, Check, Edge, Expect, Outline, Pixels, Recipe, Roi, Unit};
