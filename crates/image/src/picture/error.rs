//! Errors of reading a picture file, each with what is wrong and what to do.

/// Why a picture could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The operating system cannot read the file.
    #[error("{0}; check the path and that it may be read")]
    Io(#[from] std::io::Error),
    /// The file has no bytes.
    #[error("it has no bytes; save it again and try again")]
    Empty,
    /// The file is not a picture, or of a kind that is not supported.
    #[error("it is no picture that is known here ({looks_like}); save it as PNG, JPEG or BMP")]
    Unknown {
        /// What the first bytes suggest.
        looks_like: &'static str,
    },
    /// The file ends before the picture does.
    #[error("it is cut off ({what}); save it again and try again")]
    Truncated {
        /// Which part of the file is missing.
        what: String,
    },
    /// The content of the file contradicts itself.
    #[error("it is damaged ({what}); save it again and try again")]
    Damaged {
        /// The contradiction that was found, and where.
        what: String,
    },
    /// A variant of JPEG, PNG or BMP that is not supported.
    #[error("it is {what}, which is not read; save it as an ordinary 8-bit PNG or JPEG")]
    Unsupported {
        /// The kind of file that it is.
        what: String,
    },
    /// The picture has more pixels than allowed.
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
    /// The file is longer than allowed.
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
