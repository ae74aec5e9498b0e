//! Pictures enlarged by a super-resolution model, tile by tile, or by Lanczos.

mod lanczos;
mod model;
mod stage;

use crate::files::{PictureWriter, SavedPicture, Target};
use crate::{Picture, RowSink, StudioError, Watch};

use lanczos::AlphaMerger;
use stage::Stages;

pub use model::Upscaler;

/// What is given where no model can enlarge a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fallback {
    /// The picture enlarged by Lanczos-3.
    #[default]
    Lanczos,
    /// The picture as it was.
    Original,
    /// No picture: the error is returned.
    None,
}

/// How a picture is enlarged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpscaleOptions {
    /// 2 or 4. With a model of ×2, 4 takes two passes.
    pub factor: usize,
    /// Px of its neighbours that a tile sees on each side, 0 to a quarter of the tile. From the model's receptive field
    /// on (15 px for EDSR f32b5) the result does not depend on it.
    pub context: usize,
    /// What [`upscale_to_file`] does without a model, or where the model fails.
    pub fallback: Fallback,
    /// The most pixels that a result may have.
    pub max_px: u64,
}

impl Default for UpscaleOptions {
    fn default() -> UpscaleOptions {
        UpscaleOptions { factor: 2, context: 16, fallback: Fallback::Lanczos, max_px: 300_000_000 }
    }
}

/// How a picture was really enlarged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Method {
    /// By the super-resolution model.
    Model {
        /// SHA-256 of the model's file.
        sha256: String,
        /// How often the picture went through the model.
        passes: usize,
        /// Tiles that were computed.
        tiles: usize,
    },
    /// By Lanczos-3, without a model.
    Lanczos,
    /// Not at all: the original.
    Original,
}

/// An enlarged picture that was written, and how it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upscaled {
    /// The file that was written.
    pub file: SavedPicture,
    /// How the picture was enlarged.
    pub method: Method,
    /// Why it was not done as asked; `None` where it was.
    pub fell_back: Option<String>,
}

/// The size of the result; refuses factors and results that are not allowed.
fn checked_size(picture: &Picture, options: &UpscaleOptions) -> Result<[usize; 2], StudioError> {
    let factor = options.factor;
    if !matches!(factor, 2 | 4) {
        return Err(StudioError::Option { option: "factor", value: factor as f64, allowed: "2 or 4" });
    }
    let (width, height) = (picture.width() * factor, picture.height() * factor);
    if (width as u64).saturating_mul(height as u64) > options.max_px {
        return Err(StudioError::TooLarge { width, height, max_px: options.max_px });
    }
    Ok([width, height])
}

/// Enlarges `picture` by `upscaler` (by Lanczos where there is none) and gives the rows to `sink`: RGB, or RGBA where the
/// picture has alpha, which is enlarged on its own by Lanczos. Needs a row of tiles beside the picture for each pass.
///
/// # Errors
/// Options outside their range, a result that is too large, a model that fails, what the sink refuses, cancelled. Rows that
/// were given to the sink before an error stay there.
pub fn upscale(
    picture: &Picture,
    upscaler: Option<&mut Upscaler>,
    options: &UpscaleOptions,
    watch: &Watch<'_>,
    sink: &mut dyn RowSink,
) -> Result<Method, StudioError> {
    let size = checked_size(picture, options)?;
    let mut merger = AlphaMerger::new(picture, size, sink);
    let Some(upscaler) = upscaler else {
        lanczos::enlarge(picture, size, watch, &mut merger)?;
        return Ok(Method::Lanczos);
    };
    let passes = upscaler.passes(options.factor)?;
    let mut stages = Stages::new(upscaler, picture, passes, options.context)?;
    for y in 0..picture.height() {
        watch.check()?;
        stages.push(picture.row(y), watch, &mut merger)?;
    }
    Ok(Method::Model { tiles: stages.tiles_done(), sha256: upscaler.sha256().into(), passes })
}

/// Enlarges `picture` into a file. Where the model is missing ([`StudioError::NoModel`], or whatever kept it from being
/// opened) or fails, does what `options.fallback` says, and says so in the result.
///
/// # Errors
/// As [`upscale`], where there is no fallback; what cannot be written, or was cancelled, in any case.
pub fn upscale_to_file(
    picture: &Picture,
    upscaler: Result<&mut Upscaler, StudioError>,
    options: &UpscaleOptions,
    target: &Target<'_>,
    watch: &Watch<'_>,
) -> Result<Upscaled, StudioError> {
    let failed = match upscaler {
        Ok(upscaler) => match attempt(picture, Some(upscaler), options, target, watch) {
            Err(error) if is_ours(&error) => error,
            done => return done.map(|(file, method)| Upscaled { file, method, fell_back: None }),
        },
        Err(error) => error,
    };
    if options.fallback == Fallback::None {
        return Err(failed);
    }
    let too_large = matches!(failed, StudioError::TooLarge { .. });
    let fell_back = Some(failed.to_string());
    if options.fallback == Fallback::Lanczos && !too_large {
        match attempt(picture, None, options, target, watch) {
            // The original is left.
            Err(StudioError::TooLarge { .. }) => {}
            done => return done.map(|(file, method)| Upscaled { file, method, fell_back }),
        }
    }
    let file = crate::files::save(picture, target, watch)?;
    Ok(Upscaled { file, method: Method::Original, fell_back })
}

/// Whether another way of enlarging could still give a result.
fn is_ours(error: &StudioError) -> bool {
    matches!(
        error,
        StudioError::Run(_)
            | StudioError::Engine(_)
            | StudioError::Model { .. }
            | StudioError::TooLarge { .. }
    )
}

fn attempt(
    picture: &Picture,
    upscaler: Option<&mut Upscaler>,
    options: &UpscaleOptions,
    target: &Target<'_>,
    watch: &Watch<'_>,
) -> Result<(SavedPicture, Method), StudioError> {
    let size = checked_size(picture, options)?;
    let mut writer = PictureWriter::create(target, size, picture.channels())?;
    let method = upscale(picture, upscaler, options, watch, &mut writer)?;
    Ok((writer.finish()?, method))
}
