//! The size of a patch, as errors name it and slices are checked against it.

use std::fmt;

use super::CompareError;
use crate::{Channels, Patch};

/// Width, height and channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PatchShape {
    /// Width of the picture, px.
    pub width: usize,
    /// Height of the picture, px.
    pub height: usize,
    /// Grey, or colour in either order.
    pub channels: Channels,
}

impl PatchShape {
    /// The shape of a patch.
    pub fn of(patch: &Patch) -> PatchShape {
        PatchShape { width: patch.width, height: patch.height, channels: patch.channels }
    }

    /// Pixels of the picture: width × height.
    pub fn pixels(self) -> usize {
        self.width * self.height
    }

    /// Samples (bytes) of a packed row.
    pub fn row(self) -> usize {
        self.width * self.channels.count()
    }

    /// Whether `got` bytes hold every row.
    pub(super) fn check(self, got: usize, stride: usize) -> Result<(), CompareError> {
        let need = self.height.saturating_sub(1) * stride + self.row();
        if stride >= self.row() && got >= need {
            return Ok(());
        }
        Err(CompareError::Truncated { shape: self, stride, need, got })
    }
}

impl fmt::Display for PatchShape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let channels = if self.channels == Channels::Gray { "grey" } else { "colour" };
        write!(out, "{}x{} px {channels}", self.width, self.height)
    }
}
