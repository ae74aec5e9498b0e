//! A region of a part, wherever the part lies in the frame, as an upright patch in recipe px.

use super::{Channels, ImageError, Patch, RotatedRect};
use crate::types::{Planes, Pose};

/// Cuts regions into patches. One a worker; once its patch is large enough it allocates nothing.
#[derive(Debug)]
pub struct Cutter;

impl Default for Cutter {
    fn default() -> Cutter {
        Cutter::new()
    }
}

impl Cutter {
    /// A cutter for pictures of any format and size.
    pub fn new() -> Cutter {
        Cutter
    }

    /// Fills `out` with `region` of the part that lies at `pose`: `region.size()` px at scale 1, bilinear, the
    /// picture's edge px going on outside. Where the patch's px lie on whole px of the frame (to within
    /// 1/1000 px) nothing is interpolated, and grey is the luma plane itself (range expanded).
    /// The same bits on every machine, within 1 count of the [`Preprocessor`](super::Preprocessor)'s.
    ///
    /// # Errors
    /// Planes that do not hold their rows; a region or pose that no patch can hold.
    pub fn cut(
        &mut self,
        _planes: &Planes<'_>,
        _region: &RotatedRect,
        _pose: &Pose,
        _channels: Channels,
        _out: &mut Patch,
    ) -> Result<(), ImageError> {
        unimplemented!("in the making")
    }
}
