//! Files of microscopes' own programs: ND2 (Nikon) and CZI (Zeiss), by the crates of those names.
//!
//! Both crates are young. What they say is held against facts that are read here, and a file that they would read
//! wrongly is refused; a panic is an error. Against files made with ill intent they do not hold: a length in the
//! file is a length in memory, and that ends the process. Therefore the feature is not on by default, see
//! docs/decisions/2026-11-29-nd2-and-czi.md.

mod czi;
mod czi_directory;
mod nd2;
mod nd2_chunks;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use super::{PlaneSource, StackError};

/// Why such a file is refused.
#[derive(Debug, thiserror::Error)]
pub(super) enum VendorError {
    /// The crate for the format refuses it.
    #[error("it cannot be read ({0}); export it as OME-TIFF")]
    Crate(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The crate for the format failed.
    #[error("its reader failed while it was reading {0}; export the file as OME-TIFF")]
    Panic(&'static str),
    /// The file has something that is not read, or not read rightly.
    #[error("it has {0}, which is not read; export it as OME-TIFF")]
    Unsupported(String),
    /// The file contradicts itself.
    #[error("it is damaged ({0}); copy or export it again")]
    Damaged(String),
    /// The operating system's error.
    #[error("it cannot be read ({0}); check its permissions and that its disk or share is there")]
    Io(#[from] std::io::Error),
}

/// Opens an ND2 or a CZI file by its first bytes; None for other formats.
pub(super) fn open(
    path: &Path,
    file: &File,
    len: u64,
    magic: &[u8],
) -> Option<Result<Box<dyn PlaneSource>, StackError>> {
    let opened: Result<Box<dyn PlaneSource>, VendorError> = if magic.starts_with(&[0xda, 0xce, 0xbe, 0x0a]) {
        nd2::Nd2Source::open(path, file, len).map(|source| Box::new(source) as _)
    } else if magic.starts_with(b"ZISRAWFILE") {
        czi::CziSource::open(path, file, len).map(|source| Box::new(source) as _)
    } else {
        return None;
    };
    Some(opened.map_err(|source| StackError::Source { path: path.to_owned(), source: Box::new(source) }))
}

/// Calls a crate that may panic on damaged files.
fn guarded<T, E: std::error::Error + Send + Sync + 'static>(
    what: &'static str,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, VendorError> {
    // What the call has changed is not used after a panic: the reader is dropped.
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| VendorError::Crate(Box::new(error))),
        Err(_) => Err(VendorError::Panic(what)),
    }
}

/// Bytes of a file, if it has them.
fn bytes_at(file: &File, len: u64, offset: u64, count: u64) -> Result<Vec<u8>, VendorError> {
    let behind =
        || VendorError::Damaged(format!("{count} bytes at byte {offset} lie behind its end at byte {len}"));
    if offset.checked_add(count).is_none_or(|end| end > len) {
        return Err(behind());
    }
    let mut bytes = vec![0; usize::try_from(count).map_err(|_| behind())?];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut bytes, offset)?;
    Ok(bytes)
}

/// A number at a place in bytes, little endian; None behind their end.
fn number<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
