//! Why a file gave no picture: what is wrong, then what to do.

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The operating system cannot read the file.
    #[error("{0}; check the path and that it may be read")]
    Io(#[from] std::io::Error),
    /// The file has no bytes.
    #[error("it has no bytes; save it again and try again")]
    Empty,
    /// No picture, or one of a kind that is not read.
    #[error("it is no picture that is known here ({looks_like}); save it as PNG, JPEG or BMP")]
    Unknown {
        /// What the first bytes suggest.
        looks_like: &'static str,
    },
    /// It ends before its end.
    #[error("it is cut off ({what}); save it again and try again")]
    Truncated {
        /// Which part of the file is missing.
        what: String,
    },
    /// Its bytes contradict themselves.
    #[error("it is damaged ({what}); save it again and try again")]
    Damaged {
        /// The contradiction that was found, and where.
        what: String,
    },
    /// A sort of JPEG, PNG or BMP that nothing here reads.
    #[error("it is {what}, which is not read; save it as an ordinary 8-bit PNG or JPEG")]
    Unsupported {
        /// The kind of file that it is.
        what: String,
    },
    /// More pixels than allowed.
    #[error(
        "it has {width} x {height} px; scale it down: at most {} MP and {max_side} px a side are read",
        max_px / 1_000_000
    )]
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
    #[error(
        "it has {width} x {height} px and would take {} MiB of memory; scale it down, or save it with 8 bits a channel: \
         at most {} MiB are used for a picture",
        need.div_ceil(1 << 20), most >> 20
    )]
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
    /// The file is too long to be looked at.
    #[error(
        "the file has {} MiB; save it smaller: at most {} MiB are read",
        bytes.div_ceil(1 << 20), most >> 20
    )]
    TooLong {
        /// Length of the file, bytes.
        bytes: u64,
        /// Bytes that are read.
        most: u64,
    },
}

impl PictureError {
    /// Whether it was refused for its size alone.
    pub fn is_size(&self) -> bool {
        matches!(
            self,
            PictureError::TooManyPixels { .. }
                | PictureError::TooMuchMemory { .. }
                | PictureError::TooLong { .. }
        )
    }
}
