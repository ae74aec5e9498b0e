//! Why a step was refused.

/// Most pixels of a frame: 16,384 × 16,384. It bounds the scratch memory, which is asked for in advance.
pub const MAX_PIXELS: usize = 1 << 28;

/// Why a step could not be carried out.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CellsError {
    /// A setting is out of its limits.
    #[error("{setting} is {value}, and {limits} is possible; change it, or leave it out for {default}")]
    Setting {
        /// Its name, for instance `segment.window`.
        setting: &'static str,
        /// The value that was given.
        value: String,
        /// What is possible, as the middle of the sentence above.
        limits: &'static str,
        /// The value that stands where none is given.
        default: &'static str,
    },
    /// The least area is above the greatest.
    #[error(
        "track.min_area is {min} and track.max_area is {max}: no cell can have such an area; exchange them"
    )]
    AreaLimits {
        /// Least area of a cell, pixels.
        min: usize,
        /// Greatest area of a cell, pixels.
        max: usize,
    },
    /// A frame has no pixels.
    #[error("the frame is {width} × {height} pixels, which is empty; check the stack's axes")]
    EmptyFrame {
        /// Pixels in a row.
        width: usize,
        /// Rows of the frame.
        height: usize,
    },
    /// A frame has more pixels than scratch memory is asked for.
    #[error(
        "the frame is {width} × {height} pixels, more than {MAX_PIXELS} in all; check the axes, or cut it into positions"
    )]
    LargeFrame {
        /// Pixels in a row.
        width: usize,
        /// Rows of the frame.
        height: usize,
    },
    /// Something has another size than the frames of this run.
    #[error("the {what} is {} × {} pixels, and {} × {} are expected; all frames of a position need one size", found.0, found.1, expected.0, expected.1)]
    Size {
        /// What differs: picture, mask, labels.
        what: &'static str,
        /// Width and height as they should be.
        expected: (usize, usize),
        /// Width and height as they are.
        found: (usize, usize),
    },
    /// Something has not as many values as pixels.
    #[error(
        "the {what} has {found} values for {expected} pixels; it was cut off or belongs to another frame"
    )]
    Length {
        /// What differs: picture, mask, labels, background.
        what: &'static str,
        /// Values that it should have.
        expected: usize,
        /// Values that it has.
        found: usize,
    },
    /// Labels have 16 bits.
    #[error("frame {frame} has more cells than labels can number, which end at {MAX_CELLS}; set track.min_area, or track.late_cells = false", MAX_CELLS = u16::MAX)]
    TooManyCells {
        /// The frame, from 0.
        frame: usize,
    },
}

/// Refuses an empty frame, and one whose scratch memory would be too large.
pub(super) fn check_frame(width: usize, height: usize) -> Result<(), CellsError> {
    match width.checked_mul(height) {
        Some(0) => Err(CellsError::EmptyFrame { width, height }),
        Some(pixels) if pixels <= MAX_PIXELS => Ok(()),
        _ => Err(CellsError::LargeFrame { width, height }),
    }
}

/// Refuses what has another size than `expected`, or not as many values as its size says.
pub(super) fn check_size(
    what: &'static str,
    expected: (usize, usize),
    found: (usize, usize),
    values: usize,
) -> Result<(), CellsError> {
    if expected != found {
        return Err(CellsError::Size { what, expected, found });
    }
    let expected = expected.0 * expected.1;
    if values != expected {
        return Err(CellsError::Length { what, expected, found: values });
    }
    Ok(())
}
