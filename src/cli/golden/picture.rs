//! A picture file to teach: JPEG, PNG or BMP, of the recipe's size.

use std::path::Path;

use super::{GoldenFault, view};
use crate::config::recipe::Recipe;
use crate::image::picture::{self, DecodedPicture, Limits, PictureError};
use crate::types::Patch;

/// Errors: not a picture, or one of another size. Decodes nothing.
pub(super) fn fits(file: &Path, recipe: &Recipe) -> Result<(), GoldenFault> {
    let bytes = load(file)?;
    let head = picture::head(&bytes).map_err(|error| unfit(file, &error))?;
    if [head.width, head.height] == recipe.size {
        return Ok(());
    }
    Err(GoldenFault::Size {
        file: file.to_owned(),
        found: view::size([head.width, head.height]),
        recipe: recipe.path.clone(),
        wanted: view::size(recipe.size),
    })
}

/// The picture in `file`, upright, in grey or RGB as stored. Errors: damaged, too large, or with
/// transparency.
pub(super) fn read(file: &Path) -> Result<Patch, GoldenFault> {
    let DecodedPicture { patch, see_through, .. } =
        picture::read(&load(file)?, &Limits::USUAL).map_err(|error| unfit(file, &error))?;
    if see_through {
        let cause = "parts of it are see-through, which no camera sees; save it without transparency";
        return Err(GoldenFault::Picture { file: file.to_owned(), cause: cause.into() });
    }
    Ok(patch)
}

fn load(file: &Path) -> Result<Vec<u8>, GoldenFault> {
    picture::load(file, &Limits::USUAL).map_err(|error| unfit(file, &error))
}

fn unfit(file: &Path, error: &PictureError) -> GoldenFault {
    let cause = match error {
        PictureError::Io(error) => format!("{error}; correct the path"),
        other => other.to_string(),
    };
    GoldenFault::Picture { file: file.to_owned(), cause }
}
