//! Facts of an ND2 file that the crate does not give: pixels, compression, times, names, sizes.
//!
//! An ND2 file of version 2 or 3 is a row of named chunks, with a map of them at its end. Values lie in them as a
//! kind, the length of the name, the name in UTF-16, and the value.

use std::collections::HashMap;
use std::fs::File;

use super::{VendorError, bytes_at, number};

const CHUNK_MAGIC: u32 = 0x0abe_ceda;
const MAP_SIGNATURE: &[u8] = b"ND2 CHUNK MAP SIGNATURE 0000001!";
/// Bytes of the map and of metadata that are read at most.
const MAX_CHUNK: u64 = 64 << 20;

const KIND_INT32: u8 = 2;
const KIND_UINT32: u8 = 3;
const KIND_DOUBLE: u8 = 6;
const KIND_STRING: u8 = 8;

/// What is known of an ND2 file without the crate.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Chunks of pixels: one for each moment, position and depth, with all channels.
    pub sequences: usize,
    pub bits: u32,
    /// Values of a pixel: one for each channel.
    pub components: u32,
    pub width: u32,
    pub height: u32,
    /// 0 lossless, 1 lossy, 2 none.
    pub compression: Option<u32>,
    /// Milliseconds of each chunk of pixels.
    pub times_ms: Option<Vec<f64>>,
    /// Micrometres of a pixel.
    pub calibration_um: Option<f64>,
    pub channels: Vec<String>,
}

/// Reads the facts of a file.
pub(super) fn facts(file: &File, len: u64) -> Result<Facts, VendorError> {
    let chunks = Chunks { file, len, places: map(file, len)? };
    let sequences = chunks.places.keys().filter(|name| name.starts_with(b"ImageDataSeq|")).count();
    let attributes = match chunks.read(b"ImageAttributesLV!")? {
        Some(attributes) => attributes,
        None => chunks.read(b"ImageAttributes!")?.unwrap_or_default(),
    };
    let count = |name: &str| {
        find(&attributes, &[KIND_INT32, KIND_UINT32], name)
            .and_then(|value| number(value, 0))
            .map(u32::from_le_bytes)
    };
    let needed = |name: &str| {
        count(name).ok_or_else(|| VendorError::Unsupported(format!("no {name} in its attributes")))
    };
    let metadata = chunks.read(b"ImageMetadataSeqLV|0!")?.unwrap_or_default();
    let calibration = find(&metadata, &[KIND_DOUBLE], "dCalibration")
        .and_then(|value| number(value, 0))
        .map(f64::from_le_bytes);
    let times = chunks.read(b"CustomData|AcqTimesCache!")?.map(|bytes| {
        bytes.as_chunks().0.iter().take(sequences).map(|value| f64::from_le_bytes(*value)).collect::<Vec<_>>()
    });
    Ok(Facts {
        sequences,
        bits: needed("uiBpcInMemory")?,
        components: needed("uiComp")?,
        width: needed("uiWidth")?,
        height: needed("uiHeight")?,
        compression: count("eCompression"),
        times_ms: times.filter(|times| times.len() == sequences && times.iter().all(|time| time.is_finite())),
        calibration_um: calibration.filter(|size| *size > 0.0 && size.is_finite()),
        // One for each channel, and an empty one of the whole.
        channels: texts(&metadata, "sDescription").into_iter().filter(|name| !name.is_empty()).collect(),
    })
}

/// Where each chunk is.
fn map(file: &File, len: u64) -> Result<HashMap<Vec<u8>, u64>, VendorError> {
    let end = bytes_at(file, len, len.saturating_sub(40), 40)?;
    let Some(offset) = end.strip_prefix(MAP_SIGNATURE).and_then(|rest| number(rest, 0)) else {
        return Err(VendorError::Damaged(
            "its end is missing, where the places of its pictures are".to_owned(),
        ));
    };
    let bytes = chunk(file, len, u64::from_le_bytes(offset))?;
    let mut places = HashMap::new();
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.iter().position(|byte| *byte == b'!') {
        let (name, after) = rest.split_at(end + 1);
        let Some(offset) = number(after, 0).filter(|_| name != MAP_SIGNATURE) else { break };
        places.insert(name.to_vec(), u64::from_le_bytes(offset));
        rest = after.get(16..).unwrap_or_default();
    }
    Ok(places)
}

/// The data of the chunk at `offset`.
fn chunk(file: &File, len: u64, offset: u64) -> Result<Vec<u8>, VendorError> {
    let head = bytes_at(file, len, offset, 16)?;
    let magic = number(&head, 0).map_or(0, u32::from_le_bytes);
    let name = number(&head, 4).map_or(0, u32::from_le_bytes);
    let bytes = number(&head, 8).map_or(0, u64::from_le_bytes);
    if magic != CHUNK_MAGIC || bytes > MAX_CHUNK {
        return Err(VendorError::Damaged(format!("the chunk at byte {offset}")));
    }
    bytes_at(file, len, offset.saturating_add(16 + u64::from(name)), bytes)
}

struct Chunks<'a> {
    file: &'a File,
    len: u64,
    places: HashMap<Vec<u8>, u64>,
}

impl Chunks<'_> {
    fn read(&self, name: &[u8]) -> Result<Option<Vec<u8>>, VendorError> {
        self.places.get(name).map(|offset| chunk(self.file, self.len, *offset)).transpose()
    }
}

/// The value of the first entry of this name and one of these kinds.
fn find<'a>(bytes: &'a [u8], kinds: &[u8], name: &str) -> Option<&'a [u8]> {
    kinds.iter().find_map(|kind| {
        let head = header(*kind, name);
        let at = bytes.windows(head.len()).position(|window| window == head)?;
        bytes.get(at + head.len()..)
    })
}

/// The texts of all entries of this name.
fn texts(bytes: &[u8], name: &str) -> Vec<String> {
    let head = header(KIND_STRING, name);
    let starts = bytes.windows(head.len()).enumerate().filter(|(_, window)| *window == head);
    let text = |at: usize| {
        let units = bytes[at..].as_chunks().0.iter().map(|unit| u16::from_le_bytes(*unit));
        String::from_utf16_lossy(&units.take_while(|unit| *unit != 0).collect::<Vec<_>>())
    };
    starts.map(|(at, _)| text(at + head.len())).collect()
}

fn header(kind: u8, name: &str) -> Vec<u8> {
    let units = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
    [kind, name.len() as u8 + 1].into_iter().chain(units).collect()
}
