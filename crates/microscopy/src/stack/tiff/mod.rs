//! TIFF and BigTIFF: which pages a file has, and their pixels.
//!
//! Directories are read here, because every value is held against the file's length before memory is taken, and
//! because a page must be found without reading those before it. Compressed and tiled pixels are decoded by the
//! crate `tiff`, which is shown one page at a time ([`view`]).

mod decode;
mod fields;
mod page;
mod parse;
mod scan;
mod view;

pub(super) use decode::{Scratch, Source};
pub(super) use page::{Page, Shape};
pub(super) use scan::{TiffIndex, scan};

/// Memory that a plane may take, bytes: 16,384 x 16,384 pixels of 16 bits.
pub(super) const MAX_PLANE_BYTES: u64 = 512 << 20;
