//! Opening a file without ever waiting for it, and recognising what was read of it.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use super::notice::Refusal;

/// Bytes at the beginning that a file is recognised by.
const HEAD_BYTES: u64 = 1024;

/// Bytes before the offset that a file is recognised by.
const TAIL_BYTES: u64 = 256;

/// Up to here the whole of what was read is compared where a settled file changed.
const COMPARED_BYTES: u64 = 1024 * 1024;

/// Bytes at either end by which two files are compared.
const WINDOW_BYTES: usize = 4096;

/// The offset basis of the 64-bit FNV-1a hash.
const FNV_BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// The prime of the 64-bit FNV-1a hash.
const FNV_PRIME: u64 = 0x100_0000_01b3;

/// What the file system says of a file. The numbers of device and inode are hints: on SMB and over remounts they change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    pub(super) dev: u64,
    pub(super) ino: u64,
    pub(super) size: u64,
    pub(super) mtime_ns: i64,
    /// It has other names as well (hard links).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) has_names: bool,
}

impl Stat {
    /// What is known of a regular file, or why an entry is not one.
    pub(super) fn of(metadata: &Metadata) -> Result<Stat, Refusal> {
        let kind = metadata.file_type();
        if kind.is_file() {
            let mtime_ns =
                metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec());
            let has_names = metadata.nlink() > 1;
            return Ok(Stat {
                dev: metadata.dev(),
                ino: metadata.ino(),
                size: metadata.len(),
                mtime_ns,
                has_names,
            });
        }
        Err(if kind.is_dir() {
            Refusal::Folder
        } else if kind.is_symlink() {
            Refusal::Link
        } else if kind.is_fifo() {
            Refusal::Pipe
        } else if kind.is_socket() {
            Refusal::Socket
        } else {
            Refusal::Device
        })
    }

    pub(super) fn is_inode_of(&self, other: &Stat) -> bool {
        self.ino == other.ino && self.dev == other.dev
    }
}

/// Hashes (64-bit FNV-1a) of what was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fingerprint {
    /// Of the first 1,024 bytes, or of fewer that were read.
    head: u64,
    /// Of the 256 bytes before the offset.
    tail: u64,
    /// Of all bytes before the offset.
    full: u64,
}

impl Default for Fingerprint {
    fn default() -> Fingerprint {
        Fingerprint { head: FNV_BASIS, tail: FNV_BASIS, full: FNV_BASIS }
    }
}

impl Fingerprint {
    /// The fingerprint of the first `offset` bytes.
    pub(super) fn of(file: &File, offset: u64) -> io::Result<Fingerprint> {
        let (head, tail) = ends(file, offset)?;
        Ok(Fingerprint { head, tail, full: hash_range(file, 0, offset.min(COMPARED_BYTES))? })
    }

    /// The fingerprint after `bytes` more were read up to `offset`.
    pub(super) fn after(&self, file: &File, offset: u64, bytes: &[u8]) -> io::Result<Fingerprint> {
        let (head, tail) = ends(file, offset)?;
        Ok(Fingerprint { head, tail, full: hash(self.full, bytes) })
    }
}

/// Opens a regular file for reading. A pipe does not block, a link is not followed.
pub(super) fn open(path: &Path) -> Result<(File, Stat), Refusal> {
    let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::NOCTTY | OFlags::CLOEXEC;
    let flags = i32::try_from(flags.bits()).unwrap_or_default();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(refusal)?;
    let stat = Stat::of(&file.metadata().map_err(refusal)?)?;
    Ok((file, stat))
}

/// An error of the system as the reason of a refusal.
pub(super) fn refusal(error: io::Error) -> Refusal {
    match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::LOOP.raw_os_error() => Refusal::Link,
        _ => Refusal::System(error.to_string()),
    }
}

/// Whether the file still begins with what was read of it. `is_thorough` compares all of it, where it is not long.
pub(super) fn holds(
    file: &File,
    stat: &Stat,
    offset: u64,
    print: &Fingerprint,
    is_thorough: bool,
) -> io::Result<bool> {
    if stat.size < offset {
        return Ok(false);
    }
    if is_thorough && offset <= COMPARED_BYTES {
        return Ok(hash_range(file, 0, offset)? == print.full);
    }
    Ok(ends(file, offset)? == (print.head, print.tail))
}

/// Whether two files have the same first `length` bytes, as far as windows at both ends of them show.
pub(super) fn is_start(a: &File, b: &File, length: u64) -> io::Result<bool> {
    let window = usize::try_from(length).unwrap_or(usize::MAX).min(WINDOW_BYTES);
    let (mut left, mut right) = (vec![0; window], vec![0; window]);
    for from in [0, length - window as u64] {
        a.read_exact_at(&mut left, from)?;
        b.read_exact_at(&mut right, from)?;
        if left != right {
            return Ok(false);
        }
    }
    Ok(true)
}

fn ends(file: &File, offset: u64) -> io::Result<(u64, u64)> {
    let head = hash_range(file, 0, offset.min(HEAD_BYTES))?;
    let tail = hash_range(file, offset.saturating_sub(TAIL_BYTES), offset)?;
    Ok((head, tail))
}

/// The hash of a range of bytes; of a file that is shorter it is another one.
fn hash_range(file: &File, mut from: u64, to: u64) -> io::Result<u64> {
    let mut buffer = [0; 4096];
    let mut state = FNV_BASIS;
    while from < to {
        let wanted = buffer.len().min(usize::try_from(to - from).unwrap_or(usize::MAX));
        let read = read_at(file, &mut buffer[..wanted], from)?;
        if read == 0 {
            return Ok(!state);
        }
        state = hash(state, &buffer[..read]);
        from += read as u64;
    }
    Ok(state)
}

/// Reads what there is at `from`, and again where a signal interrupted it.
pub(super) fn read_at(file: &File, buffer: &mut [u8], from: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, from) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

fn hash(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |state, byte| (state ^ u64::from(*byte)).wrapping_mul(FNV_PRIME))
}
