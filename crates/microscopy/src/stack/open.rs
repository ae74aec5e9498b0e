//! Files, opened and checked: their bytes are looked at, not their names.

use std::collections::HashMap;
use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::series::{Content, StackFile};
use super::source::PlaneSource;
use super::{StackError, tiff};

/// The error for a file that the operating system does not give.
pub(super) fn unreadable(path: &Path, source: std::io::Error) -> StackError {
    match source.kind() {
        ErrorKind::NotFound => StackError::NotFound { path: path.to_owned() },
        _ => StackError::Unreadable { path: path.to_owned(), source },
    }
}

/// Opens a file for reading and gives what is known of it.
pub(super) fn open_file(path: &Path) -> Result<(File, std::fs::Metadata), StackError> {
    let failed = |source| unreadable(path, source);
    // Asked before it is opened: opening a pipe would wait for somebody to write into it.
    let metadata = std::fs::metadata(path).map_err(failed)?;
    if metadata.is_dir() {
        return Err(StackError::FolderAsFile { path: path.to_owned(), named: String::new() });
    }
    if !metadata.is_file() {
        return Err(StackError::NotAnImage {
            path: path.to_owned(),
            found: "it is a device or a pipe".to_owned(),
        });
    }
    Ok((File::open(path).map_err(failed)?, metadata))
}

/// Opens a stack's file and reads its headers.
pub(super) fn load(path: &Path) -> Result<StackFile, StackError> {
    let (file, metadata) = open_file(path)?;
    let len = metadata.len();
    if len == 0 {
        return Err(StackError::EmptyFile { path: path.to_owned() });
    }
    let mut magic = [0; 16];
    let length = usize::try_from(len).unwrap_or(usize::MAX).min(magic.len());
    let read = file.read_exact_at(&mut magic[..length], 0);
    read.map_err(|source| StackError::Unreadable { path: path.to_owned(), source })?;
    let content = match &magic {
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => {
            Content::Tiff(tiff::scan(path, &file, len)?)
        }
        other => of_a_vendor(path, &file, len, &other[..length])?,
    };
    Ok(StackFile { path: path.to_owned(), len, modified: metadata.modified().ok(), content })
}

/// A file of a microscope's own program, if this build reads it.
#[cfg(feature = "nd2-czi")]
fn of_a_vendor(path: &Path, file: &File, len: u64, magic: &[u8]) -> Result<Content, StackError> {
    super::vendor::open(path, file, len, magic)
        .unwrap_or_else(|| Err(not_tiff(path, magic)))
        .map(Content::Source)
}

#[cfg(not(feature = "nd2-czi"))]
fn of_a_vendor(path: &Path, _: &File, _: u64, magic: &[u8]) -> Result<Content, StackError> {
    Err(not_tiff(path, magic))
}

/// The error for a file whose first bytes are not those of TIFF.
fn not_tiff(path: &Path, magic: &[u8]) -> StackError {
    let unsupported = |format, why: &str, remedy| StackError::Unsupported {
        path: path.to_owned(),
        format,
        why: why.to_owned(),
        remedy,
    };
    let export = "export it as OME-TIFF, with the microscope's program or with bfconvert";
    match magic {
        [0xda, 0xce, 0xbe, 0x0a, ..] => unsupported("ND2", "this program was built without it", export),
        [b'Z', b'I', b'S', b'R', b'A', b'W', ..] => {
            unsupported("CZI", "this program was built without it", export)
        }
        [_, _, _, _, b'f', b't', b'y', b'p', ..]
        | [b'R', b'I', b'F', b'F', _, _, _, _, b'A', b'V', b'I', ..]
        | [0x1a, 0x45, 0xdf, 0xa3, ..]
        | [b'O', b'g', b'g', b'S', ..] => unsupported(
            "video",
            "a video is opened by the program, not as a stack of files",
            "give it alone as the input",
        ),
        [0x89, b'P', b'N', b'G', ..] => {
            unsupported("PNG", "it has neither times nor channels", "convert it to TIFF")
        }
        [0xff, 0xd8, 0xff, ..] => {
            unsupported("JPEG", "its pixels are not what was measured", "export the pictures as TIFF")
        }
        [0x89, b'H', b'D', b'F', ..] => unsupported("HDF5", "there is no reader for it", export),
        [b'P', b'K', ..] => unsupported("ZIP", "it is an archive", "unpack it first"),
        _ => {
            let bytes: Vec<_> = magic.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            StackError::NotAnImage {
                path: path.to_owned(),
                found: format!("it begins with the bytes {}", bytes.join(" ")),
            }
        }
    }
}

/// The files that were opened so far.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub list: Vec<StackFile>,
    known: HashMap<PathBuf, u32>,
}

impl Files {
    /// The index of `path`, which is opened unless it is known.
    pub(super) fn load(&mut self, path: &Path) -> Result<u32, StackError> {
        if let Some(known) = self.known.get(path) {
            return Ok(*known);
        }
        let file = self.list.len() as u32;
        self.list.push(load(path)?);
        self.known.insert(path.to_owned(), file);
        Ok(file)
    }

    /// Adds a file whose source the caller has opened.
    pub(super) fn add_source(
        &mut self,
        path: &Path,
        source: Box<dyn PlaneSource>,
    ) -> Result<u32, StackError> {
        let (_, metadata) = open_file(path)?;
        let file = self.list.len() as u32;
        let modified = metadata.modified().ok();
        self.list.push(StackFile {
            path: path.to_owned(),
            len: metadata.len(),
            modified,
            content: Content::Source(source),
        });
        Ok(file)
    }

    pub(super) fn path(&self, file: u32) -> PathBuf {
        self.list.get(file as usize).map(|file| file.path.clone()).unwrap_or_default()
    }
}
