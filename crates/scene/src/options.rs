//! The options of a scene, and the check of what can be painted.

use crate::Shape;

/// Side lengths in which the scene can be painted, px.
const SIZES: std::ops::RangeInclusive<u32> = 64..=8192;

/// The parameters that determine a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SceneOptions {
    /// Parts, defects, colours and light all follow from it.
    pub seed: u64,
    /// Frame width in px, 64 to 8192.
    pub width: u32,
    /// Frame height in px, 64 to 8192. Everything is drawn in proportion to it.
    pub height: u32,
    /// Frames a second; the belt crosses its own height in about four seconds whatever the rate.
    pub fps: u32,
    /// One product on one lane, the same for every part under a seed, instead of everything on two.
    pub line: Option<Shape>,
}

impl Default for SceneOptions {
    fn default() -> SceneOptions {
        SceneOptions { seed: 1, width: 640, height: 480, fps: 30, line: None }
    }
}

impl SceneOptions {
    /// Checks whether a scene can be made with these options.
    ///
    /// # Errors
    /// [`SceneError`] where a side or the rate is out of bounds.
    pub(crate) fn check(&self) -> Result<(), SceneError> {
        let SceneOptions { width, height, fps, .. } = *self;
        if !SIZES.contains(&width) || !SIZES.contains(&height) || width > 4 * height {
            return Err(SceneError::Size { width, height });
        }
        if !(1..=1000).contains(&fps) {
            return Err(SceneError::Rate(fps));
        }
        Ok(())
    }
}

/// A scene that cannot be painted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// The frame is too small, too large or too wide.
    #[error("{width} × {height} px: choose sides from 64 to 8192 px, at most four times as wide as high")]
    Size {
        /// The frame's width in px.
        width: u32,
        /// The frame's height in px.
        height: u32,
    },
    /// The rate is 0 or too high, in frames a second.
    #[error("{0} frames a second: choose 1 to 1000")]
    Rate(u32),
}
