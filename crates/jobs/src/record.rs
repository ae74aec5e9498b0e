//! What is stored, and how it is written: keys, records, versions, checksums.
//!
//! A record: version (1 byte), CRC-32 of all that follows (4, little endian), length of the header (4), the header as JSON,
//! the rest as bytes (payload or result).

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::job::{Facts, JobId, Spec, State};
use crate::report::Totals;

/// The version that is written; older ones are read.
pub const VERSION: u8 = 1;

const PREFIX: usize = 9;

/// The key of a record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Of the queue itself: the next number, totals, whether it is paused.
    Queue,
    /// What was asked for.
    Spec(JobId),
    /// What became of it.
    Facts(JobId),
    /// A record that could not be read, under the key that it had.
    SetAside(Box<[u8]>),
    /// None that this program writes; only ever removed.
    Unknown(Box<[u8]>),
}

impl Key {
    /// The key as bytes; keys of jobs sort by their numbers.
    pub fn encode(&self) -> Vec<u8> {
        let numbered = |letter: u8, id: &JobId| {
            let mut key = vec![letter];
            key.extend_from_slice(&id.0.to_be_bytes());
            key
        };
        match self {
            Key::Queue => b"q".to_vec(),
            Key::Spec(id) => numbered(b'p', id),
            Key::Facts(id) => numbered(b's', id),
            Key::Unknown(key) => key.to_vec(),
            Key::SetAside(key) => [b"d", &key[..]].concat(),
        }
    }

    /// The key that `bytes` are, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<Key> {
        let (letter, rest) = bytes.split_first()?;
        let id = || rest.try_into().ok().map(|bytes| JobId(u64::from_be_bytes(bytes)));
        match letter {
            b'q' => rest.is_empty().then_some(Key::Queue),
            b'p' => id().map(Key::Spec),
            b's' => id().map(Key::Facts),
            b'd' => Some(Key::SetAside(rest.into())),
            _ => None,
        }
    }
}

/// One write of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The key of the record.
    pub key: Key,
    /// Its new bytes; `None` removes it.
    pub value: Option<Vec<u8>>,
}

/// A stored record that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Written by a newer program.
    #[error(
        "it has version {found}, and this program knows {known}: it was written by a newer program, which can read it"
    )]
    Version {
        /// The version that was stored.
        found: u8,
        /// The version of this program.
        known: u8,
    },
    /// Fewer bytes than it says.
    #[error("it is cut: {bytes} bytes")]
    Short {
        /// Bytes that are there.
        bytes: usize,
    },
    /// Bytes have changed since they were written.
    #[error("its checksum is wrong: bytes have changed since it was written")]
    Checksum,
    /// Not what a program of this version wrote.
    #[error("its header is not understood: {0}")]
    Header(#[from] serde_json::Error),
    /// A key that no program of ours wrote.
    #[error("its key is none of a queue")]
    Key,
    /// What was asked for is gone, and only what became of it is there.
    #[error("the record of what was asked for is missing or damaged")]
    Orphan,
}

/// The queue's own record.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub next_id: u64,
    #[serde(default)]
    pub is_paused: bool,
    /// The latest time of the wall clock at which a job ended.
    #[serde(default)]
    pub latest_ms: i64,
    #[serde(default)]
    pub totals: Totals,
}

pub(crate) fn encode_meta(meta: &Meta) -> Vec<u8> {
    encode(meta, &[])
}

pub(crate) fn decode_meta(bytes: &[u8]) -> Result<Meta, RecordError> {
    decode(bytes).map(|(meta, _)| meta)
}

pub(crate) fn encode_spec(spec: &Spec) -> Vec<u8> {
    encode(spec, &spec.payload)
}

pub(crate) fn decode_spec(bytes: &[u8]) -> Result<Spec, RecordError> {
    let (spec, rest): (Spec, _) = decode(bytes)?;
    Ok(Spec { payload: rest.into(), ..spec })
}

pub(crate) fn encode_facts(facts: &Facts) -> Vec<u8> {
    encode(facts, facts.result.as_deref().unwrap_or_default())
}

pub(crate) fn decode_facts(bytes: &[u8]) -> Result<Facts, RecordError> {
    let (facts, rest): (Facts, _) = decode(bytes)?;
    let result = (facts.state == State::Completed).then(|| rest.into());
    Ok(Facts { result, ..facts })
}

fn encode(header: &impl Serialize, rest: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(512 + rest.len());
    bytes.resize(PREFIX, 0);
    // Nothing that is stored has maps with other keys than text, or numbers that JSON lacks.
    let written = serde_json::to_writer(&mut bytes, header);
    debug_assert!(written.is_ok(), "{written:?}");
    let length = (bytes.len() - PREFIX) as u32;
    bytes.extend_from_slice(rest);
    bytes[5..PREFIX].copy_from_slice(&length.to_le_bytes());
    bytes[0] = VERSION;
    let sum = crc32fast::hash(&bytes[5..]);
    bytes[1..5].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, &[u8]), RecordError> {
    let short = RecordError::Short { bytes: bytes.len() };
    let Some((&version, after)) = bytes.split_first() else { return Err(short) };
    // A version decides how the rest is read; there is one so far, and what was added to it has defaults.
    if version > VERSION {
        return Err(RecordError::Version { found: version, known: VERSION });
    }
    let (Some((sum, summed)), true) = (after.split_first_chunk::<4>(), version != 0) else {
        return Err(short);
    };
    if crc32fast::hash(summed) != u32::from_le_bytes(*sum) {
        return Err(RecordError::Checksum);
    }
    let Some((length, rest)) = summed.split_first_chunk::<4>() else { return Err(short) };
    let length = u32::from_le_bytes(*length) as usize;
    let (Some(header), Some(rest)) = (rest.get(..length), rest.get(length..)) else { return Err(short) };
    Ok((serde_json::from_slice(header)?, rest))
}
