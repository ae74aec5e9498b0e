//! How outbox values are stored on disk.
//!
//! ```text
//! ┌─────────┬──────┬──────────┬────────────┬────────┬──────────────────────────────┐
//! │ version │ kind │ seq (BE) │ length(BE) │ stream │ payload, or `to` of a gap(BE)│
//! │ 1 byte  │ 1    │ 8        │ 2          │ n      │ rest                         │
//! └─────────┴──────┴──────────┴────────────┴────────┴──────────────────────────────┘
//! ```

use std::sync::Arc;

use super::Body;

const VERSION: u8 = 1;
const MESSAGE: u8 = 0;
const GAP: u8 = 1;
const ERASED: u8 = 2;
const REFUSED: u8 = 3;
const LOST: u8 = 4;
const HEAD: usize = 12;

/// The stream and body of a value; `None` if the bytes are not a record.
pub(super) fn decode(bytes: &[u8]) -> Option<(Arc<str>, Body)> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let seq = u64::from_be_bytes(head[2..10].try_into().ok()?);
    let (stream, tail) = rest.split_at_checked(u16::from_be_bytes([head[10], head[11]]) as usize)?;
    let stream = std::str::from_utf8(stream).ok()?.into();
    match (head[0], head[1]) {
        (VERSION, MESSAGE) => Some((stream, Body::Message { seq, payload: tail.into() })),
        (VERSION, GAP) => {
            let to = u64::from_be_bytes(tail.try_into().ok()?);
            Some((stream, Body::Gap { from: seq, to }))
        }
        (VERSION, ERASED) => {
            let to = u64::from_be_bytes(tail.try_into().ok()?);
            Some((stream, Body::Erased { from: seq, to }))
        }
        (VERSION, REFUSED) => {
            let to = u64::from_be_bytes(tail.try_into().ok()?);
            Some((stream, Body::Refused { from: seq, to }))
        }
        (VERSION, LOST) => {
            let to = u64::from_be_bytes(tail.try_into().ok()?);
            Some((stream, Body::Lost { from: seq, to }))
        }
        _ => None,
    }
}

/// The bytes of a record.
pub(super) fn encode(stream: &str, body: &Body) -> Vec<u8> {
    let to_bytes;
    let (kind, seq, tail): (u8, u64, &[u8]) = match body {
        Body::Message { seq, payload } => (MESSAGE, *seq, payload),
        Body::Gap { from, to } => {
            to_bytes = to.to_be_bytes();
            (GAP, *from, &to_bytes)
        }
        Body::Erased { from, to } => {
            to_bytes = to.to_be_bytes();
            (ERASED, *from, &to_bytes)
        }
        Body::Refused { from, to } => {
            to_bytes = to.to_be_bytes();
            (REFUSED, *from, &to_bytes)
        }
        Body::Lost { from, to } => {
            to_bytes = to.to_be_bytes();
            (LOST, *from, &to_bytes)
        }
    };
    let mut bytes = Vec::with_capacity(HEAD + stream.len() + tail.len());
    bytes.extend_from_slice(&[VERSION, kind]);
    bytes.extend_from_slice(&seq.to_be_bytes());
    bytes.extend_from_slice(&(stream.len() as u16).to_be_bytes());
    bytes.extend_from_slice(stream.as_bytes());
    bytes.extend_from_slice(tail);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_back(stream in "[a-z/]{0,40}", seq: u64, payload: Vec<u8>, to: u64, kind in 0..5) {
            let body = match kind {
                0 => Body::Gap { from: seq, to },
                1 => Body::Erased { from: seq, to },
                2 => Body::Refused { from: seq, to },
                3 => Body::Lost { from: seq, to },
                _ => Body::Message { seq, payload: payload.into() },
            };
            let (read_stream, read) = decode(&encode(&stream, &body)).unwrap();
            prop_assert_eq!((&*read_stream, read), (&*stream, body));
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = decode(&bytes);
        }
    }
}
