//! Directories and their values, read with bounds.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Entries of a directory that are believed. Real ones have fewer than a hundred.
const MAX_ENTRIES: u64 = 4096;

/// A file of known length and byte order. What is read of it is counted: directories that overlap one another
/// would otherwise make a small file take hours.
pub(super) struct Fields<'a> {
    pub file: &'a File,
    pub len: u64,
    pub big_endian: bool,
    pub big_tiff: bool,
    /// Bytes that may still be read.
    pub budget: u64,
    /// What was read last: the values of a directory lie beside it, and each would be a call of its own.
    pub nearby: Nearby,
}

/// A piece of a file.
#[derive(Default)]
pub(super) struct Nearby {
    offset: u64,
    bytes: Vec<u8>,
}

/// Bytes that are read at once.
const NEARBY: usize = 8 << 10;

/// Why values could not be read.
pub(super) enum FieldError {
    /// They lie behind the end of the file.
    Behind { offset: u64, bytes: u64 },
    /// The values contradict one another.
    Damaged(String),
    /// The operating system's error.
    Io(io::Error),
}

/// One entry of a directory.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub tag: u16,
    kind: u16,
    pub count: u64,
    /// Where the values are.
    pub offset: u64,
}

/// A directory of a page.
pub(super) struct Directory {
    pub entries: Vec<Entry>,
    /// Where the next one is; 0 for none.
    pub next: u64,
}

impl Entry {
    /// Bytes of its only value, if that is one whole number.
    pub(super) fn number_bytes(&self) -> Option<u8> {
        match (self.kind, self.count) {
            (3, 1) => Some(2),
            (4, 1) => Some(4),
            (16, 1) => Some(8),
            _ => None,
        }
    }

    fn size(&self) -> Option<u64> {
        Some(match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => return None,
        })
    }
}

impl Nearby {
    fn get(&self, offset: u64, length: usize) -> Option<&[u8]> {
        let at = usize::try_from(offset.checked_sub(self.offset)?).ok()?;
        self.bytes.get(at..at.checked_add(length)?)
    }
}

impl Fields<'_> {
    pub(super) fn bytes(&mut self, offset: u64, bytes: u64) -> Result<Vec<u8>, FieldError> {
        if offset.checked_add(bytes).is_none_or(|end| end > self.len) {
            return Err(FieldError::Behind { offset, bytes });
        }
        self.budget = self.budget.checked_sub(bytes).ok_or_else(|| {
            FieldError::Damaged("its directories overlap one another many times".to_owned())
        })?;
        let length = usize::try_from(bytes).map_err(|_| FieldError::Behind { offset, bytes })?;
        if length > NEARBY {
            let mut buffer = vec![0; length];
            self.file.read_exact_at(&mut buffer, offset).map_err(FieldError::Io)?;
            return Ok(buffer);
        }
        if let Some(bytes) = self.nearby.get(offset, length) {
            return Ok(bytes.to_vec());
        }
        let read = usize::try_from(self.len - offset).unwrap_or(usize::MAX).min(NEARBY);
        self.nearby.offset = offset;
        self.nearby.bytes.resize(read, 0);
        self.file.read_exact_at(&mut self.nearby.bytes, offset).map_err(FieldError::Io)?;
        Ok(self.nearby.bytes[..length].to_vec())
    }

    pub(super) fn unsigned(&self, bytes: &[u8]) -> u64 {
        let join = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        if self.big_endian { bytes.iter().fold(0, join) } else { bytes.iter().rev().fold(0, join) }
    }

    pub(super) fn directory(&mut self, offset: u64) -> Result<Directory, FieldError> {
        let (head, size, pointer) = if self.big_tiff { (8, 20, 8) } else { (2, 12, 4) };
        let bytes = self.bytes(offset, head)?;
        let count = self.unsigned(&bytes);
        if count == 0 || count > MAX_ENTRIES {
            return Err(FieldError::Damaged(format!("a directory of {count} entries")));
        }
        let bytes = self.bytes(offset + head, count * size + pointer)?;
        let (table, next) = bytes.split_at((count * size) as usize);
        let entries = table.chunks_exact(size as usize).enumerate().map(|(number, entry)| {
            let count_end = 4 + pointer as usize;
            let mut entry = Entry {
                tag: self.unsigned(&entry[..2]) as u16,
                kind: self.unsigned(&entry[2..4]) as u16,
                count: self.unsigned(&entry[4..count_end]),
                offset: self.unsigned(&entry[count_end..]),
            };
            // Values that fit lie in the entry itself.
            if entry
                .size()
                .and_then(|size| size.checked_mul(entry.count))
                .is_some_and(|bytes| bytes <= pointer)
            {
                entry.offset = offset + head + number as u64 * size + count_end as u64;
            }
            entry
        });
        let next = self.unsigned(next);
        Ok(Directory { entries: entries.collect(), next })
    }

    /// The bytes of an entry's values.
    pub(super) fn raw(&mut self, entry: &Entry) -> Result<Vec<u8>, FieldError> {
        let size = entry.size().ok_or_else(|| FieldError::Damaged(unknown_kind(entry)))?;
        let bytes = size.checked_mul(entry.count);
        let bytes = bytes
            .ok_or_else(|| FieldError::Damaged(format!("{} values of tag {}", entry.count, entry.tag)))?;
        self.bytes(entry.offset, bytes)
    }

    /// The values of an entry of whole numbers.
    pub(super) fn numbers(&mut self, entry: &Entry) -> Result<Vec<u64>, FieldError> {
        if !matches!(entry.kind, 1 | 3 | 4 | 13 | 16 | 18) {
            return Err(FieldError::Damaged(unknown_kind(entry)));
        }
        let size = entry.size().unwrap_or(1) as usize;
        let bytes = self.raw(entry)?;
        Ok(bytes.chunks_exact(size).map(|value| self.unsigned(value)).collect())
    }

    /// The first value of an entry of ratios.
    pub(super) fn ratio(&mut self, entry: &Entry) -> Result<Option<f64>, FieldError> {
        if entry.kind != 5 {
            return Ok(None);
        }
        let bytes = self.raw(entry)?;
        let Some(bytes) = bytes.get(..8) else { return Ok(None) };
        let [top, bottom] = [&bytes[..4], &bytes[4..]].map(|half| self.unsigned(half) as f64);
        Ok((top > 0.0 && bottom > 0.0).then(|| top / bottom))
    }
}

fn unknown_kind(entry: &Entry) -> String {
    format!("tag {} has values of kind {}", entry.tag, entry.kind)
}

impl Directory {
    pub(super) fn find(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }
}
