//! The content of a backup inside its encryption: a gzipped tar file.
//!
//! ```text
//! header.json │ store/NAME.entries… │ state/… │ config/… │ manifest.json (SHA-256 of each part)
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::sealed::{SealError, SealedReader, SealedWriter};
use crate::types::hex;

/// The version of this layout.
const FORMAT: u32 = 1;
const HEADER: &str = "header.json";
const MANIFEST: &str = "manifest.json";
/// The two lists are read into memory.
const MOST_JSON: u64 = 64 << 20;

/// What a backup says of itself first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct BackupHeader {
    pub(super) format: u32,
    /// The version of the program that wrote it.
    pub(super) version: String,
    /// The schema of the store's entries.
    pub(super) store_schema: u32,
    pub(super) device: String,
    /// When it was written, RFC 3339 in UTC.
    pub(super) created_at: String,
    /// Whether pictures of inspected parts are in it.
    pub(super) evidence: bool,
}

impl BackupHeader {
    pub(super) fn new(store_schema: u32, device: &str, created_at: String, evidence: bool) -> BackupHeader {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        BackupHeader { format: FORMAT, version, store_schema, device: device.into(), created_at, evidence }
    }
}

/// One part as the manifest lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct ArchivePart {
    bytes: u64,
    sha256: String,
}

/// Why a backup cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// The file cannot be opened with this passphrase.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A later version of this program wrote it.
    #[error(
        "version {version} wrote it (layout {format}, store {schema}), and this program knows layout {FORMAT} and store {known}; install that version"
    )]
    Newer {
        /// The version of the program that wrote it.
        version: String,
        /// The layout of the backup.
        format: u32,
        /// The schema of its store.
        schema: u32,
        /// The newest schema that this program knows.
        known: u32,
    },
    /// Its parts are not those that were written.
    #[error("it was altered: {0}")]
    Altered(String),
    /// A file of the box cannot be read or written.
    #[error("{}: {source}", .path.display())]
    File {
        /// The file on this box.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The backup itself cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Reads and counts what passes, for the manifest.
struct Hashing<R> {
    inner: R,
    hash: Sha256,
    bytes: u64,
}

impl<R> Hashing<R> {
    fn new(inner: R) -> Hashing<R> {
        Hashing { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn part(self) -> ArchivePart {
        ArchivePart { bytes: self.bytes, sha256: hex(self.hash.finalize()) }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(out)?;
        self.hash.update(&out[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

/// Writes a backup, part by part.
pub(super) struct BackupWriter<W: Write> {
    tar: tar::Builder<GzEncoder<SealedWriter<W>>>,
    parts: BTreeMap<String, ArchivePart>,
}

impl<W: Write> BackupWriter<W> {
    pub(super) fn begin(out: W, passphrase: &str, header: &BackupHeader) -> Result<Self, ArchiveError> {
        let sealed = SealedWriter::begin(out, passphrase)?;
        // Pictures are compressed already, and a box has other work.
        let tar = tar::Builder::new(GzEncoder::new(sealed, Compression::fast()));
        let mut writer = BackupWriter { tar, parts: BTreeMap::new() };
        let json = serde_json::to_vec(header).map_err(io::Error::other)?;
        writer.append(HEADER, json.len() as u64, &json[..])?;
        Ok(writer)
    }

    /// Adds the file at `path` as the part `name`. False where it was removed meanwhile.
    pub(super) fn add(&mut self, name: &str, path: &Path) -> Result<bool, ArchiveError> {
        let fail = |source| ArchiveError::File { path: path.to_owned(), source };
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            file => file.map_err(fail)?,
        };
        // A log may grow meanwhile; what it had is what counts.
        let bytes = file.metadata().map_err(fail)?.len();
        let part = self.append(name, bytes, file.take(bytes))?;
        if part.bytes != bytes {
            let changed = io::Error::other("it became shorter while it was read; try again");
            return Err(fail(changed));
        }
        self.parts.insert(name.to_owned(), part);
        Ok(true)
    }

    fn append(&mut self, name: &str, bytes: u64, from: impl Read) -> io::Result<ArchivePart> {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes);
        header.set_mode(0o600);
        header.set_entry_type(tar::EntryType::Regular);
        let mut from = Hashing::new(from);
        self.tar.append_data(&mut header, name, &mut from)?;
        Ok(from.part())
    }

    /// Writes the manifest and the end. Returns how many parts there are.
    pub(super) fn finish(mut self) -> Result<(W, usize), ArchiveError> {
        let json = serde_json::to_vec(&self.parts).map_err(io::Error::other)?;
        self.append(MANIFEST, json.len() as u64, &json[..])?;
        let out = self.tar.into_inner()?.finish()?.finish()?;
        Ok((out, self.parts.len()))
    }
}

/// Reads a backup whole: `place` says where the part of a name is written, `None` to leave it out. Every part is compared
/// with the manifest.
///
/// # Errors
/// [`ArchiveError`]; parts may have been written to their places already.
pub(super) fn extract(
    input: impl Read,
    passphrase: &str,
    known: u32,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<BackupHeader, ArchiveError> {
    let mut tar = tar::Archive::new(GzDecoder::new(SealedReader::open(input, passphrase)?));
    let (mut header, mut listed) = (None, None);
    let mut parts: BTreeMap<String, ArchivePart> = BTreeMap::new();
    for entry in tar.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.into_owned();
        let text = name.to_string_lossy().into_owned();
        let plain = name.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || entry.header().entry_type() != tar::EntryType::Regular {
            return Err(ArchiveError::Altered(format!("{text} is no plain file of a backup")));
        }
        match &*text {
            HEADER => header = Some(checked_header(&mut entry, known)?),
            MANIFEST => listed = Some(json::<BTreeMap<String, ArchivePart>>(&mut entry)?),
            _ if header.is_none() => return Err(ArchiveError::Altered("it has no header".into())),
            _ => drop(parts.insert(text, write_part(&mut entry, place(&name))?)),
        }
    }
    // To the last byte, which proves that nothing is cut off.
    let mut rest = tar.into_inner();
    io::copy(&mut rest, &mut io::sink())?;
    io::copy(rest.get_mut(), &mut io::sink())?;
    let (Some(header), Some(listed)) = (header, listed) else {
        return Err(ArchiveError::Altered("its header or its manifest is missing".into()));
    };
    if let Some((name, _)) = listed.iter().find(|(name, part)| parts.get(*name) != Some(part)) {
        return Err(ArchiveError::Altered(format!("{name} is not what its manifest says")));
    }
    match parts.keys().find(|name| !listed.contains_key(*name)) {
        Some(name) => Err(ArchiveError::Altered(format!("its manifest does not know {name}"))),
        None => Ok(header),
    }
}

fn checked_header(entry: &mut impl Read, known: u32) -> Result<BackupHeader, ArchiveError> {
    let header: BackupHeader = json(entry)?;
    if header.format > FORMAT || header.store_schema > known {
        let BackupHeader { version, format, store_schema: schema, .. } = header;
        return Err(ArchiveError::Newer { version, format, schema, known });
    }
    Ok(header)
}

fn json<T: serde::de::DeserializeOwned>(entry: &mut impl Read) -> Result<T, ArchiveError> {
    serde_json::from_reader(entry.take(MOST_JSON)).map_err(|error| ArchiveError::Altered(error.to_string()))
}

fn write_part(entry: &mut impl Read, to: Option<PathBuf>) -> Result<ArchivePart, ArchiveError> {
    let mut from = Hashing::new(entry);
    let Some(to) = to else {
        io::copy(&mut from, &mut io::sink())?;
        return Ok(from.part());
    };
    let fail = |source| ArchiveError::File { path: to.clone(), source };
    fs::create_dir_all(to.parent().unwrap_or(Path::new("/"))).map_err(fail)?;
    let mut file = File::create_new(&to).map_err(fail)?;
    let mut buffer = vec![0; 64 << 10];
    loop {
        // Read and written by hand, because errors of the backup and of the disk differ.
        let read = from.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        file.write_all(&buffer[..read]).map_err(fail)?;
    }
    file.sync_all().map_err(fail)?;
    Ok(from.part())
}
