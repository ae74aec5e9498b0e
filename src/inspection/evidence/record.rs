//! Records what a verdict depends on besides the frame: the recipe, its golden pictures, the models.

use serde::{Deserialize, Serialize};

/// A prepared product: recorded once at each selection, and kept with every inspection.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductRecord {
    /// The name of the product.
    pub product: String,
    /// The revision of the recipe.
    pub recipe_revision: u32,
    /// The revision of its golden pictures; 0 where it has none.
    pub golden_revision: u64,
    /// The recipe file's text.
    pub recipe_text: String,
    /// SHA-256 of that text's bytes, hexadecimal.
    pub recipe_sha256: String,
    /// The golden pictures in the order in which they were used.
    pub goldens: Vec<GoldenRecord>,
    /// The models that its ROIs run.
    pub models: Vec<ModelRecord>,
}

/// One golden picture that a recipe learned from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldenRecord {
    /// SHA-256 by which the store knows it.
    pub sha256: String,
    /// The first digits of its hash, as messages show it.
    pub name: String,
    /// The ROIs that it was taught for; empty: all.
    pub rois: Vec<String>,
}

/// One model that the ROIs of a recipe run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRecord {
    /// Its name in the configuration.
    pub name: String,
    /// SHA-256 of the `.tflite` file.
    pub sha256: String,
    /// Where the file was.
    pub path: String,
    /// The runtime that ran it, with its version where it reports one.
    pub runtime: String,
}
