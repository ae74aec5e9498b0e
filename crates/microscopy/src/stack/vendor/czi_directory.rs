//! Facts of a CZI file that the crate does not give: the size of each scene, which planes are there, and times.
//!
//! A CZI file is a row of segments: 16 bytes of name, then two lengths, then data. The directory has an entry for
//! each piece of a picture with its place along every dimension (Zeiss, "CZI file format", schema DV).

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use super::{VendorError, bytes_at, number};

/// Bytes of the directories that are read at most.
const MAX_DIRECTORY: u64 = 256 << 20;
/// Bytes of a segment's head.
const HEAD: u64 = 32;
/// Time stamps that are read at most.
const MAX_STAMPS: u64 = 1 << 24;

/// What is known of a CZI file without the crate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Left, top, right and bottom of each scene, pixels.
    pub scenes: BTreeMap<i32, [i64; 4]>,
    /// Scene, frame, channel and depth of each plane that has at least one piece.
    pub planes: BTreeSet<[i32; 4]>,
    /// Number of the kind of pixels.
    pub kinds: BTreeSet<i32>,
    /// Numbers of the compressions.
    pub compressions: BTreeSet<i32>,
    /// Dimensions along which there is more than one plane, besides those above.
    pub others: BTreeSet<String>,
    /// Seconds of each frame.
    pub times_s: Option<Vec<f64>>,
}

/// One piece of a picture.
#[derive(Default)]
struct Piece {
    kind: i32,
    compression: i32,
    x: [i64; 3],
    y: [i64; 3],
    place: [i32; 4],
    others: Vec<(String, i32)>,
    size: usize,
}

/// Reads the facts of a file.
pub(super) fn facts(file: &File, len: u64) -> Result<Facts, VendorError> {
    let head = bytes_at(file, len, HEAD, 80)?;
    let place = |at: usize| number(&head, at).map_or(0, u64::from_le_bytes);
    let (directory, attachments) = (place(52), place(72));
    let bytes = directory_bytes(file, len, directory, b"ZISRAWDIRECTORY")?;
    let count = number(&bytes, 0).map_or(0, u32::from_le_bytes);
    let mut rest = bytes.get(128..).unwrap_or_default();
    let mut facts = Facts::default();
    let mut seen: BTreeMap<String, i32> = BTreeMap::new();
    for entry in 0..count {
        let piece =
            piece(rest).ok_or_else(|| VendorError::Damaged(format!("entry {entry} of its directory")))?;
        rest = &rest[piece.size..];
        for (name, value) in &piece.others {
            if *seen.entry(name.clone()).or_insert(*value) != *value {
                facts.others.insert(name.clone());
            }
        }
        // Pieces that are stored smaller than they are belong to the pyramid.
        if piece.x[1] != piece.x[2] || piece.y[1] != piece.y[2] {
            continue;
        }
        facts.kinds.insert(piece.kind);
        facts.compressions.insert(piece.compression);
        let [x, y] = [piece.x, piece.y];
        let sides = [x[0], y[0], x[0] + x[1], y[0] + y[1]];
        let scene = facts.scenes.entry(piece.place[0]).or_insert(sides);
        *scene =
            [scene[0].min(sides[0]), scene[1].min(sides[1]), scene[2].max(sides[2]), scene[3].max(sides[3])];
        facts.planes.insert(piece.place);
    }
    facts.times_s = times(file, len, attachments).ok().flatten();
    Ok(facts)
}

/// The data of a directory's segment.
fn directory_bytes(file: &File, len: u64, offset: u64, name: &[u8]) -> Result<Vec<u8>, VendorError> {
    let head = bytes_at(file, len, offset, HEAD)?;
    let sizes = [24, 16].map(|at| number(&head, at).map_or(0, u64::from_le_bytes));
    let bytes = if sizes[0] > 0 { sizes[0] } else { sizes[1] };
    if !head.starts_with(name) || bytes > MAX_DIRECTORY {
        return Err(VendorError::Damaged(format!("no directory at byte {offset}")));
    }
    bytes_at(file, len, offset.saturating_add(HEAD), bytes)
}

/// The entry at the start of `bytes`.
fn piece(bytes: &[u8]) -> Option<Piece> {
    let int = |at: usize| number(bytes, at).map(i32::from_le_bytes);
    let dimensions = usize::try_from(int(28)?).ok().filter(|count| *count <= 64)?;
    let mut piece =
        Piece { kind: int(2)?, compression: int(18)?, size: 32 + 20 * dimensions, ..Piece::default() };
    if !bytes.starts_with(b"DV") || bytes.len() < piece.size {
        return None;
    }
    for dimension in 0..dimensions {
        let at = 32 + 20 * dimension;
        let (start, size, stored) = (int(at + 4)?, int(at + 8)?, int(at + 16)?);
        let name = String::from_utf8_lossy(&bytes[at..at + 4]);
        match name.trim_end_matches('\0').trim() {
            "X" => piece.x = [start, size, stored].map(i64::from),
            "Y" => piece.y = [start, size, stored].map(i64::from),
            "S" => piece.place[0] = start,
            "T" => piece.place[1] = start,
            "C" => piece.place[2] = start,
            "Z" => piece.place[3] = start,
            // Pieces of a mosaic lie side by side.
            "M" => {}
            other => piece.others.push((other.to_owned(), start)),
        }
    }
    let sides = [piece.x, piece.y];
    sides.iter().all(|[_, size, stored]| *size > 0 && *stored > 0).then_some(piece)
}

/// The time stamps of the attachment of kind CZTIMS.
fn times(file: &File, len: u64, attachments: u64) -> Result<Option<Vec<f64>>, VendorError> {
    if attachments == 0 {
        return Ok(None);
    }
    let bytes = directory_bytes(file, len, attachments, b"ZISRAWATTDIR")?;
    let mut entries = bytes.get(256..).unwrap_or_default().chunks_exact(128);
    let Some(entry) = entries.find(|entry| entry[40..48].starts_with(b"CZTIMS")) else { return Ok(None) };
    let offset = number(entry, 12).map_or(0, u64::from_le_bytes);
    // The data follow the segment's head and 256 bytes of its own: their length, how many there are, the stamps.
    let data = offset.saturating_add(HEAD + 256);
    let head = bytes_at(file, len, data, 8)?;
    let count = number(&head, 4).map_or(0, u32::from_le_bytes);
    if u64::from(count) > MAX_STAMPS {
        return Ok(None);
    }
    let bytes = bytes_at(file, len, data + 8, u64::from(count) * 8)?;
    Ok(Some(bytes.as_chunks().0.iter().map(|stamp| f64::from_le_bytes(*stamp)).collect()))
}
