//! Planes that do not come from TIFF: what a reader of another format has to give.

use std::error::Error;
use std::fmt::Debug;

use super::{PlaneAddress, Position};
use crate::Plane;

/// What went wrong, in words for a person: what, where, why, and what to do next.
pub type SourceError = Box<dyn Error + Send + Sync>;

/// A file of another format, with every header read and checked, for instance a video or a microscope's own file.
///
/// The product implements it for videos, which need GStreamer; this crate knows no decoder of them.
pub trait PlaneSource: Debug + Send + Sync {
    /// The format's name, for instance "ND2".
    fn format(&self) -> &str;

    /// The fields of view. Times are as in [`Position::times_ms`].
    fn positions(&self) -> &[Position];

    /// The names of the channels, the same for every position; a channel without a name has its number.
    fn channels(&self) -> &[String];

    /// The kind of its pixels, for instance "16 bit".
    fn pixels(&self) -> &str;

    /// Guesses that a person should know of, one sentence each.
    fn assumptions(&self) -> Vec<String> {
        Vec::new()
    }

    /// A reader with files of its own, for one thread.
    ///
    /// # Errors
    /// The file is no longer there, or has changed.
    fn reader(&self) -> Result<Box<dyn PlaneReader>, SourceError>;
}

/// Reads planes of one source.
pub trait PlaneReader: Debug + Send {
    /// Reads one plane into `plane`, whose memory is used again. The address lies in the source.
    ///
    /// # Errors
    /// The file ends early or is damaged.
    fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), SourceError>;
}
