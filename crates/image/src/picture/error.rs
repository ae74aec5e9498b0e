//! Errors of reading a picture file, each with what is wrong and what to do.

use ocellus_text::Explanation;

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum PictureError {
    /// The operating system cannot read the file.
    Io(#[from] std::io::Error),
    /// The file has no bytes.
    Empty,
    /// The file is not a picture, or of a kind that is not supported.
    Unknown {
        /// What the first bytes suggest.
        looks_like: &'static str,
    },
    /// The file ends before the picture does.
    Truncated {
        /// Which part of the file is missing.
        what: String,
    },
    /// The content of the file contradicts itself.
    Damaged {
        /// The contradiction that was found, and where.
        what: String,
    },
    /// A variant of JPEG, PNG or BMP that is not supported.
    Unsupported {
        /// The kind of file that it is.
        what: String,
    },
    /// The picture has more pixels than allowed.
    TooManyPixels {
        /// Width of the picture, px.
        width: u32,
        /// Height of the picture, px.
        height: u32,
        /// Most pixels that are allowed.
        max_px: u64,
        /// Longest side that is allowed, px.
        max_side: u32,
    },
    /// Decoding it would take more memory than allowed.
    TooMuchMemory {
        /// Width of the picture, px.
        width: u32,
        /// Height of the picture, px.
        height: u32,
        /// Bytes that it would take.
        need: u64,
        /// Bytes that may be taken.
        most: u64,
    },
    /// The file is longer than allowed.
    TooLong {
        /// Length of the file, bytes.
        bytes: u64,
        /// Bytes that are read.
        most: u64,
    },
}

impl PictureError {
    /// What is wrong with the file, and what to do next.
    pub fn explanation(&self) -> Explanation {
        const MIB: u64 = 1 << 20;
        const AGAIN: &str = "save it again and try again";
        match self {
            PictureError::Io(error) => {
                Explanation::new(error.to_string(), "check the path and that it may be read")
            }
            PictureError::Empty => Explanation::new("it has no bytes", AGAIN),
            PictureError::Unknown { looks_like } => Explanation::new(
                format!("it is no picture that is known here ({looks_like})"),
                "save it as PNG, JPEG or BMP",
            ),
            PictureError::Truncated { what } => Explanation::new(format!("it is cut off ({what})"), AGAIN),
            PictureError::Damaged { what } => Explanation::new(format!("it is damaged ({what})"), AGAIN),
            PictureError::Unsupported { what } => Explanation::new(
                format!("it is {what}, which is not read"),
                "save it as an ordinary 8-bit PNG or JPEG",
            ),
            PictureError::TooManyPixels { width, height, max_px, max_side } => Explanation::new(
                format!("it has {width} x {height} px"),
                format!("scale it down: at most {} MP and {max_side} px a side are read", max_px / 1_000_000),
            ),
            PictureError::TooMuchMemory { width, height, need, most } => Explanation::new(
                format!("it has {width} x {height} px and would take {} MiB of memory", need.div_ceil(MIB)),
                format!(
                    "scale it down, or save it with 8 bits a channel: at most {} MiB are used for a picture",
                    most >> 20
                ),
            ),
            PictureError::TooLong { bytes, most } => Explanation::new(
                format!("the file has {} MiB", bytes.div_ceil(MIB)),
                format!("save it smaller: at most {} MiB are read", most >> 20),
            ),
        }
    }
}

impl PictureError {
    /// Whether the picture was refused only because of its size.
    pub fn is_size(&self) -> bool {
        matches!(
            self,
            PictureError::TooManyPixels { .. }
                | PictureError::TooMuchMemory { .. }
                | PictureError::TooLong { .. }
        )
    }
}
