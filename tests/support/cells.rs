//! A small movie of cells and its recipe, which a run computes in a second.

use std::path::Path;

use super::data::data;

const MOVIE: &str = "microscopy/cancer_cell_migration_48f.tif";

const RECIPE: &str = "\
[experiment]
input = \"MOVIE\"
out = \"results\"
phase = { channel = 0, features = [\"area\", \"circularity\"] }
[segment]
morphology = 3
iterations = 1
[filter]
border = 1
min_frames = 4
";

/// Writes the recipe into the file `recipe`; its results have cells that are kept and cells that are dropped.
pub fn write_recipe(recipe: &Path) {
    let movie = data(&[MOVIE]).expect("the shared data of microscopy is there").join(MOVIE);
    std::fs::write(recipe, RECIPE.replace("MOVIE", movie.to_str().unwrap())).unwrap();
}
