//! The framing of frames over TCP: a header of 28 bytes, then the payload. Pure: it parses bytes and does no
//! I/O.
//!
//! ```text
//!  0      4      5        8        12       16             24         28
//!  ┌──────┬──────┬────────┬────────┬────────┬──────────────┬──────────┬─────────┐
//!  │ OCF1 │format│ 0 0 0  │ width  │ height │ time stamp   │ length   │ payload │   integers: big endian
//!  │      │ u8   │        │ u32 px │ u32 px │ u64 ns       │ u32 bytes│         │
//!  └──────┴──────┴────────┴────────┴────────┴──────────────┴──────────┴─────────┘
//! ```
//!
//! `format`: 0 NV12, 1 I420, 2 YUY2, 3 GRAY8, 4 RGB, 5 BGR, 6 RGBA: planes without padding, one after the
//! other, chroma of odd sizes rounded up; 16 JPEG, whose width and height are zero because the picture
//! contains them. A time stamp of all ones means that the sender has none. One sender sends at a time; frames
//! follow one another without an answer. Any violation of the framing closes the connection.
//!
//! A connection may begin with a secret: a header of format 255, width and height zero, whose payload of 1 to
//! 1024 bytes is the secret. Where none is required it is read and ignored, so a sender may always send it.
//!
//! The other framing, `length32`, has no header but a length of 4 bytes, and JPEG pictures only. Its first message is the
//! secret where one is required, and a picture otherwise. As four bytes of anything are some length, its first picture is
//! recognised by the three bytes with which every JPEG begins.

use super::TcpError;
use crate::config::Framing;
use crate::types::PixelFormat;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 28;
/// Bytes of the length in front of each message of the framing `length32`.
pub const LENGTH_BYTES: usize = 4;
const MAGIC: [u8; 4] = *b"OCF1";
const JPEG: u8 = 16;
const SECRET: u8 = 255;
/// Most bytes of a secret.
pub const MAX_SECRET_BYTES: usize = 1_024;

/// The bytes with which every JPEG begins: start of image, and the first byte of the next marker (T.81, B.2.1).
pub const JPEG_START: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// What the bytes at the start of a message are so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Head {
    /// Too few to know: so many are wanted in all.
    Wants(usize),
    /// A header, behind which come so many bytes that belong to the payload.
    Whole {
        /// The header that was read.
        header: FrameHeader,
        /// Bytes of the payload that were read with it.
        ahead: usize,
    },
}

/// Which message of a connection a header begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Position {
    /// The first one, where a secret is required.
    Secret,
    /// The first picture of a connection.
    First,
    /// One after the first picture.
    Later,
}

impl Head {
    /// Reads the start of a message. Errors: it cannot begin one of at most `max_bytes`.
    pub fn read(framing: Framing, bytes: &[u8], at: Position, max_bytes: usize) -> Result<Head, TcpError> {
        match framing {
            Framing::Ocf1 => match bytes.first_chunk() {
                None => Ok(Head::Wants(HEADER_BYTES)),
                Some(head) => {
                    FrameHeader::parse(head, max_bytes).map(|header| Head::Whole { header, ahead: 0 })
                }
            },
            Framing::Length32 => Head::of_length32(bytes, at, max_bytes),
        }
    }

    fn of_length32(bytes: &[u8], at: Position, max_bytes: usize) -> Result<Head, TcpError> {
        let Some(length) = bytes.first_chunk().map(|length| u32::from_be_bytes(*length)) else {
            return Ok(Head::Wants(LENGTH_BYTES));
        };
        let max_bytes = if at == Position::Secret { MAX_SECRET_BYTES } else { max_bytes };
        if length == 0 || length as usize > max_bytes {
            return Err(TcpError::Length { bytes: length.into(), max_bytes });
        }
        let start = &bytes[LENGTH_BYTES..];
        match at {
            Position::Secret => Ok(Head::Whole { header: FrameHeader::secret(length), ahead: 0 }),
            Position::Later => {
                Ok(Head::Whole { header: FrameHeader::jpeg(length, None), ahead: start.len() })
            }
            // Of a payload that is too short for a JPEG all is read, so that the error can show it.
            Position::First => match start.len() < JPEG_START.len().min(length as usize) {
                true => Ok(Head::Wants(LENGTH_BYTES + JPEG_START.len().min(length as usize))),
                false if *start == JPEG_START => {
                    Ok(Head::Whole { header: FrameHeader::jpeg(length, None), ahead: start.len() })
                }
                false => Err(TcpError::NotJpeg { got: start.to_vec(), bytes: length }),
            },
        }
    }
}

/// The kind of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PayloadKind {
    /// Packed planes without padding.
    Raw {
        /// Pixel layout of the planes.
        format: PixelFormat,
        /// Width of the frame in px.
        width: u32,
        /// Height of the frame in px.
        height: u32,
    },
    /// One complete JPEG picture.
    Jpeg,
    /// The secret, before the first frame.
    Secret,
}

/// The header in front of each payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHeader {
    /// The kind of the payload that follows.
    pub payload: PayloadKind,
    /// The sender's time stamp in nanoseconds.
    pub pts_ns: Option<u64>,
    /// Bytes of the payload.
    pub bytes: u32,
}

impl FrameHeader {
    /// The header of a packed frame; `None` where its length does not fit the field.
    pub fn raw(format: PixelFormat, width: u32, height: u32, pts_ns: Option<u64>) -> Option<FrameHeader> {
        let bytes = u32::try_from(packed_bytes(format, width, height)?).ok()?;
        Some(FrameHeader { payload: PayloadKind::Raw { format, width, height }, pts_ns, bytes })
    }

    /// The header of a JPEG picture of `bytes` bytes.
    pub fn jpeg(bytes: u32, pts_ns: Option<u64>) -> FrameHeader {
        FrameHeader { payload: PayloadKind::Jpeg, pts_ns, bytes }
    }

    /// The header of a secret of `bytes` bytes, which is sent before the first frame.
    pub fn secret(bytes: u32) -> FrameHeader {
        FrameHeader { payload: PayloadKind::Secret, pts_ns: None, bytes }
    }

    /// The header's bytes as they are sent.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let (code, width, height) = match self.payload {
            PayloadKind::Raw { format, width, height } => (code_of(format), width, height),
            PayloadKind::Jpeg => (JPEG, 0, 0),
            PayloadKind::Secret => (SECRET, 0, 0),
        };
        let mut out = [0; HEADER_BYTES];
        out[..4].copy_from_slice(&MAGIC);
        out[4] = code;
        out[8..12].copy_from_slice(&width.to_be_bytes());
        out[12..16].copy_from_slice(&height.to_be_bytes());
        out[16..24].copy_from_slice(&self.pts_ns.unwrap_or(u64::MAX).to_be_bytes());
        out[24..].copy_from_slice(&self.bytes.to_be_bytes());
        out
    }

    /// Parses a header. Errors: it cannot be a frame of at most `max_bytes`.
    pub fn parse(bytes: &[u8; HEADER_BYTES], max_bytes: usize) -> Result<FrameHeader, TcpError> {
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let magic = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if magic != MAGIC {
            return Err(TcpError::Magic { got: magic });
        }
        let (width, height, length) = (word(8), word(12), word(24));
        let max_bytes = if bytes[4] == SECRET { MAX_SECRET_BYTES } else { max_bytes };
        if length as usize > max_bytes || length == 0 {
            return Err(TcpError::Length { bytes: length.into(), max_bytes });
        }
        let stamp = u64::from(word(16)) << 32 | u64::from(word(20));
        let payload = match bytes[4] {
            JPEG => PayloadKind::Jpeg,
            SECRET => PayloadKind::Secret,
            code => {
                let format = usize::from(code);
                let format = *PixelFormat::ALL.get(format).ok_or(TcpError::Format { code })?;
                let expected = packed_bytes(format, width, height);
                if expected != Some(u64::from(length)) {
                    return Err(TcpError::Size { width, height, format, bytes: length, expected });
                }
                PayloadKind::Raw { format, width, height }
            }
        };
        Ok(FrameHeader { payload, pts_ns: (stamp != u64::MAX).then_some(stamp), bytes: length })
    }
}

fn code_of(format: PixelFormat) -> u8 {
    PixelFormat::ALL.iter().position(|known| *known == format).unwrap_or_default() as u8
}

/// Bytes of a packed frame; `None` for sides of 0 or beyond 16384 px.
fn packed_bytes(format: PixelFormat, width: u32, height: u32) -> Option<u64> {
    let side = |px: u32| (1..=16_384).contains(&px).then_some(px as usize);
    let sizes = format.plane_sizes(side(width)?, side(height)?);
    Some(sizes.iter().map(|(row, rows)| (row * rows) as u64).sum())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_header_is_read_as_it_was_written(
            format in 0usize..7, width in 1u32..3_000, height in 1u32..3_000, pts in proptest::option::of(0u64..u64::MAX),
        ) {
            let header = FrameHeader::raw(PixelFormat::ALL[format], width, height, pts).unwrap();
            prop_assert_eq!(FrameHeader::parse(&header.to_bytes(), usize::MAX).unwrap(), header);
        }

        #[test]
        fn hostile_bytes_never_give_a_payload_over_the_limit(bytes: [u8; HEADER_BYTES], magic: bool) {
            let mut bytes = bytes;
            if magic { bytes[..4].copy_from_slice(&MAGIC); bytes[4] %= 20; }
            if let Ok(header) = FrameHeader::parse(&bytes, 1_000_000) {
                prop_assert!(header.bytes <= 1_000_000 && header.bytes > 0);
                if let PayloadKind::Raw { format, width, height } = header.payload {
                    prop_assert_eq!(packed_bytes(format, width, height), Some(u64::from(header.bytes)));
                }
            }
        }
    }

    #[test]
    fn a_length_alone_is_believed_only_within_its_bound_and_in_front_of_a_jpeg() {
        let read = |bytes: &[u8], at| Head::read(Framing::Length32, bytes, at, 1_000);
        let first = |bytes: &[u8]| read(bytes, Position::First);
        assert_eq!(first(&[0, 0, 1]).unwrap(), Head::Wants(4), "half a header");
        assert_eq!(first(&[0, 0, 1, 0]).unwrap(), Head::Wants(7));
        let picture = Head::Whole { header: FrameHeader::jpeg(256, None), ahead: 3 };
        assert_eq!(first(&[0, 0, 1, 0, 0xFF, 0xD8, 0xFF]).unwrap(), picture);
        for (bytes, is) in [([0xFF; 4], u64::from(u32::MAX)), ([0; 4], 0), (*b"GET ", 0x4745_5420)] {
            let refused = first(&bytes).unwrap_err();
            assert!(
                matches!(refused, TcpError::Length { bytes, max_bytes: 1_000 } if bytes == is),
                "{refused}"
            );
        }
        assert!(matches!(first(b"\0\0\x01\0\x89PN"), Err(TcpError::NotJpeg { bytes: 256, .. })));
        assert!(matches!(first(&[0, 0, 0, 2, 0xFF, 0xD8]), Err(TcpError::NotJpeg { bytes: 2, .. })));
        // Later pictures are looked at when they are whole: the connection is in step whatever they hold.
        let later = Head::Whole { header: FrameHeader::jpeg(256, None), ahead: 0 };
        assert_eq!(read(&[0, 0, 1, 0], Position::Later).unwrap(), later);
        let secret = Head::Whole { header: FrameHeader::secret(7), ahead: 0 };
        assert_eq!(read(&[0, 0, 0, 7], Position::Secret).unwrap(), secret);
        assert!(matches!(
            read(&[0, 0, 8, 0], Position::Secret),
            Err(TcpError::Length { max_bytes: 1_024, .. })
        ));
    }

    #[test]
    fn a_length_over_the_limit_a_wrong_size_and_an_unknown_format_are_distinguished() {
        let good = FrameHeader::raw(PixelFormat::Rgb, 4, 2, None).unwrap();
        let refused = |change: &dyn Fn(&mut [u8; HEADER_BYTES])| {
            let mut bytes = good.to_bytes();
            change(&mut bytes);
            FrameHeader::parse(&bytes, 100).unwrap_err()
        };
        assert!(matches!(refused(&|b| b[24] = 0xFF), TcpError::Length { max_bytes: 100, .. }));
        assert!(matches!(refused(&|b| b[27] = 25), TcpError::Size { expected: Some(24), .. }));
        assert!(matches!(refused(&|b| b[4] = 9), TcpError::Format { code: 9 }));
        assert!(matches!(refused(&|b| b[0] = b'G'), TcpError::Magic { .. }));
        let long = &mut FrameHeader::secret(1_025).to_bytes();
        assert!(matches!(
            FrameHeader::parse(long, usize::MAX),
            Err(TcpError::Length { max_bytes: 1_024, .. })
        ));
        let secret = FrameHeader::secret(7);
        assert_eq!(FrameHeader::parse(&secret.to_bytes(), 4).unwrap(), secret, "whatever a frame may have");
    }
}
