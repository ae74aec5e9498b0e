//! The built-in scene as a source: makes its painter from the camera's configuration.

pub use ocellus_scene::*;

use super::{Painter, PainterError};
use crate::config::Source;

/// The options of a `scene:` source; `None` for other sources.
pub fn options(source: &Source) -> Option<SceneOptions> {
    match source {
        Source::Scene { options, .. } => Some(*options),
        _ => None,
    }
}

/// The painter of a `scene:` source.
///
/// # Errors
/// The source is of another kind, or its size or rate is out of bounds.
pub fn painter(source: &Source) -> Result<Box<dyn Painter>, PainterError> {
    let Some(options) = options(source) else {
        return Err(PainterError { cause: "the source is not scene:".into() });
    };
    let scene = Scene::new(options);
    Ok(Box::new(scene.map_err(|error| PainterError { cause: error.to_string() })?))
}

impl Painter for Scene {
    fn size(&self) -> (usize, usize) {
        let SceneOptions { width, height, .. } = Scene::options(self);
        (width as usize, height as usize)
    }

    fn fps(&self) -> u32 {
        Scene::options(self).fps
    }

    fn paint(&mut self, n: u64, out: &mut [u8]) {
        Scene::paint(self, n, out);
    }
}
