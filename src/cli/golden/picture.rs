//! A picture file that somebody wants to teach: JPEG, PNG or BMP, of the size that the recipe tells.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

// Ours is called `image` too.
use ::image::{DynamicImage, ImageReader};

use super::{GoldenFault, told};
use crate::config::recipe::Recipe;
use crate::types::{Channels, Patch};

/// Errors: no picture, or one of another size. Reads no more than the file's head.
pub(super) fn fits(file: &Path, recipe: &Recipe) -> Result<(), GoldenFault> {
    let found = open(file)?.into_dimensions().map_err(|error| unfit(file, error))?;
    if [found.0, found.1] == recipe.size {
        return Ok(());
    }
    Err(GoldenFault::Size {
        file: file.to_owned(),
        found: told::size([found.0, found.1]),
        recipe: recipe.path.clone(),
        wanted: told::size(recipe.size),
    })
}

/// The picture in `file`, grey or RGB as it is there. Errors: damaged, of more than 8 bits, or see-through.
pub(super) fn read(file: &Path) -> Result<Patch, GoldenFault> {
    let decoded = open(file)?.decode().map_err(|error| unfit(file, error))?;
    let (width, height) = (decoded.width() as usize, decoded.height() as usize);
    let (channels, data) = match decoded {
        DynamicImage::ImageLuma8(grey) => (Channels::Gray, grey.into_raw()),
        DynamicImage::ImageRgb8(rgb) => (Channels::Rgb, rgb.into_raw()),
        DynamicImage::ImageLumaA8(grey) => (Channels::Gray, opaque::<2>(file, &grey)?),
        DynamicImage::ImageRgba8(rgb) => (Channels::Rgb, opaque::<4>(file, &rgb)?),
        other => {
            let cause = format!("its samples are {:?}; save it with 8 bits a channel", other.color());
            return Err(GoldenFault::Picture { file: file.to_owned(), cause });
        }
    };
    Ok(Patch { width, height, channels, data })
}

fn open(file: &Path) -> Result<ImageReader<BufReader<File>>, GoldenFault> {
    let fault = |cause| GoldenFault::Picture { file: file.to_owned(), cause };
    let opened = File::open(file).map_err(|error| fault(format!("{error}; correct the path")))?;
    // By what is in it, not by what it is called.
    let reader = ImageReader::new(BufReader::new(opened)).with_guessed_format();
    let reader = reader.map_err(|error| fault(error.to_string()))?;
    match reader.format() {
        Some(_) => Ok(reader),
        None => Err(fault("it is no picture that is known here; save it as PNG, JPEG or BMP".into())),
    }
}

/// The samples without alpha (the last of `N`), where nothing can be seen through.
fn opaque<const N: usize>(file: &Path, samples: &[u8]) -> Result<Vec<u8>, GoldenFault> {
    let (pixels, _) = samples.as_chunks::<N>();
    if pixels.iter().all(|pixel| pixel[N - 1] == 255) {
        return Ok(pixels.iter().flat_map(|pixel| &pixel[..N - 1]).copied().collect());
    }
    let cause = "parts of it are see-through, which no camera sees; save it without transparency".into();
    Err(GoldenFault::Picture { file: file.to_owned(), cause })
}

fn unfit(file: &Path, error: ::image::ImageError) -> GoldenFault {
    let cause = format!("{error}; save it as PNG, JPEG or BMP and try again");
    GoldenFault::Picture { file: file.to_owned(), cause }
}
