//! Why an OME-TIFF could not be written.

/// Why an OME-TIFF could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The settings hold no plane, or more pixels than a TIFF can.
    #[error(
        "a stack of {frames} frames, {channels} channels and {depth} planes in depth of {width} x {height} pixels cannot be written; every number must be between 1 and 4,294,967,295"
    )]
    Shape {
        /// Pixels in a row.
        width: usize,
        /// Rows of the picture.
        height: usize,
        /// Number of moments in time.
        frames: usize,
        /// How many channels there are.
        channels: usize,
        /// Number of planes in depth.
        depth: usize,
    },
    /// There are more or fewer times than frames.
    #[error("{times} times for {frames} frames; each frame needs one, or none has one")]
    Times {
        /// How many times there are.
        times: usize,
        /// How many frames there are.
        frames: usize,
    },
    /// A plane has another size than the others.
    #[error("plane {plane} has {pixels} pixels, and {width} x {height} are needed")]
    Size {
        /// Number of the plane, from 0.
        plane: usize,
        /// How many pixels it has.
        pixels: usize,
        /// Pixels in a row by the settings.
        width: usize,
        /// Rows by the settings.
        height: usize,
    },
    /// A plane has another kind of pixels than the others.
    #[error("plane {plane} has pixels of {this}, and the file has {other}")]
    Kind {
        /// Number of the plane, from 0.
        plane: usize,
        /// The kind of its pixels.
        this: &'static str,
        /// The kind by the settings.
        other: &'static str,
    },
    /// More planes than the settings have.
    #[error("all {planes} planes are written already")]
    TooMany {
        /// Planes by the settings.
        planes: usize,
    },
    /// Planes were not written.
    #[error("{written} of {planes} planes were written")]
    Missing {
        /// Planes that were written.
        written: usize,
        /// Planes by the settings.
        planes: usize,
    },
    /// The file cannot be written.
    #[error("cannot be written ({0}); check the free space and the permissions of the folder")]
    Encode(#[from] tiff::TiffError),
}
