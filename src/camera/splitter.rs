//! Finds JPEG pictures in a byte stream by their own markers, and skips boundaries, part headers and text
//! between them. Pure: bytes in, pictures out.
//!
//! A picture is `SOI`, segments with a length each, one or more scans, `EOI` (ISO/IEC 10918-1, B.1.1).
//! Segments are skipped by their lengths, so that a thumbnail inside one does not end the picture.

/// Limit of a picture in bytes, so that false starts cannot exhaust memory; a larger picture is dropped.
pub const MAX_BYTES: usize = 32 << 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SplitState {
    /// Between pictures; the number of bytes of FF D8 FF that have come.
    Outside(u8),
    /// After the FF of a marker; in a scan or before the first.
    Marker { scan: bool },
    /// After the marker of a segment: the high byte of its length.
    Length { scan: bool },
    /// The low byte of a segment's length comes next.
    LengthLow { scan: bool, high: u8 },
    /// Inside a segment of which `left` bytes are missing; `scan`: a scan follows.
    Segment { scan: bool, left: usize },
    /// After a segment: the FF of the next marker.
    Between,
    /// Inside the entropy-coded data of a scan.
    Scan,
}

/// Finds pictures. Allocates one buffer for each picture, which the caller receives with it.
#[derive(Debug)]
pub struct Splitter {
    state: SplitState,
    picture: Vec<u8>,
    /// Bytes of the last picture, as the estimate for the next.
    usual: usize,
    damaged: u64,
}

impl Splitter {
    /// A splitter that has seen no bytes.
    pub fn new() -> Splitter {
        Splitter { state: SplitState::Outside(0), picture: Vec::new(), usual: 0, damaged: 0 }
    }

    /// Pictures that began and were dropped: truncated, damaged or too large.
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// Takes the next bytes, and passes each picture that ends in them to `give`.
    pub fn push(&mut self, bytes: &[u8], mut give: impl FnMut(Vec<u8>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = self.take(rest, &mut give);
            rest = &rest[taken..];
            if self.picture.len() > MAX_BYTES {
                self.give_up();
            }
        }
    }

    /// Consumes at least one byte of `rest`, and returns how many.
    fn take(&mut self, rest: &[u8], give: &mut impl FnMut(Vec<u8>)) -> usize {
        let to_marker = || rest.iter().position(|byte| *byte == 0xFF).map_or(rest.len(), |at| at + 1);
        match self.state {
            SplitState::Segment { scan, left } => {
                let taken = left.min(rest.len());
                self.picture.extend_from_slice(&rest[..taken]);
                self.state = match left - taken {
                    0 if scan => SplitState::Scan,
                    0 => SplitState::Between,
                    left => SplitState::Segment { scan, left },
                };
                taken
            }
            SplitState::Scan => {
                let taken = to_marker();
                self.picture.extend_from_slice(&rest[..taken]);
                if rest[taken - 1] == 0xFF {
                    self.state = SplitState::Marker { scan: true };
                }
                taken
            }
            SplitState::Outside(0) => {
                let taken = to_marker();
                self.state = SplitState::Outside(u8::from(rest[taken - 1] == 0xFF));
                taken
            }
            SplitState::Outside(seen) => {
                self.outside(seen, rest[0]);
                1
            }
            _ => {
                self.inside(rest[0], give);
                1
            }
        }
    }

    fn outside(&mut self, seen: u8, byte: u8) {
        self.state = match (seen, byte) {
            (1, 0xD8) => SplitState::Outside(2),
            (1, 0xFF) => SplitState::Outside(1),
            (2, 0xFF) => {
                self.picture.reserve(self.usual + self.usual / 8);
                self.picture.extend_from_slice(&[0xFF, 0xD8, 0xFF]);
                SplitState::Marker { scan: false }
            }
            _ => SplitState::Outside(0),
        };
    }

    /// Handles one byte of a picture's structure.
    fn inside(&mut self, byte: u8, give: &mut impl FnMut(Vec<u8>)) {
        self.picture.push(byte);
        self.state = match (self.state, byte) {
            (SplitState::Between, 0xFF) => SplitState::Marker { scan: false },
            // Fill bytes before a marker (B.1.1.2).
            (SplitState::Marker { scan }, 0xFF) => SplitState::Marker { scan },
            // Inside a scan this is a data byte FF, or a restart marker.
            (SplitState::Marker { scan: true }, 0x00 | 0xD0..=0xD7) => SplitState::Scan,
            (SplitState::Marker { scan: true }, 0xD9) => {
                self.usual = self.picture.len();
                give(std::mem::take(&mut self.picture));
                SplitState::Outside(0)
            }
            // Another picture begins inside this one, which was therefore truncated.
            (SplitState::Marker { .. }, 0xD8) => {
                self.give_up();
                SplitState::Outside(2)
            }
            (SplitState::Marker { scan: false }, 0x00 | 0xD0..=0xD9) => return self.give_up(),
            (SplitState::Marker { .. }, marker) => SplitState::Length { scan: marker == 0xDA },
            (SplitState::Length { scan }, high) => SplitState::LengthLow { scan, high },
            // The length includes its own two bytes.
            (SplitState::LengthLow { scan, high }, low) => match usize::from(u16::from_be_bytes([high, low]))
            {
                0 | 1 => return self.give_up(),
                2 if scan => SplitState::Scan,
                2 => SplitState::Between,
                length => SplitState::Segment { scan, left: length - 2 },
            },
            _ => return self.give_up(),
        };
    }

    fn give_up(&mut self) {
        self.damaged += 1;
        self.picture.clear();
        self.state = SplitState::Outside(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of the given grey, with a thumbnail inside its application segment.
    fn jpeg(grey: u8, thumbnail: bool) -> Vec<u8> {
        let picture = image::GrayImage::from_pixel(64, 48, image::Luma([grey]));
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.write_to(&mut bytes, image::ImageFormat::Jpeg).unwrap();
        let mut bytes = bytes.into_inner();
        if thumbnail {
            let inner = jpeg(0, false);
            let mut segment = vec![0xFF, 0xE1];
            segment.extend(u16::try_from(inner.len() + 2).unwrap().to_be_bytes());
            segment.extend(inner);
            bytes.splice(2..2, segment);
        }
        bytes
    }

    fn split(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, u64) {
        let (mut splitter, mut pictures) = (Splitter::new(), Vec::new());
        stream.chunks(piece).for_each(|bytes| splitter.push(bytes, |picture| pictures.push(picture)));
        (pictures, splitter.damaged())
    }

    #[test]
    fn pictures_are_found_whatever_stands_between_them_and_in_whatever_pieces_they_come() {
        let pictures = [jpeg(10, false), jpeg(20, true), jpeg(30, false)];
        for between in [
            &b""[..],
            b"\r\n--frame\r\nContent-Type: image/jpeg\r\nContent-Length: 99999\r\n\r\n",
            b"--frame\r\n\r\n",
            b"\r\n--frame\r\nContent-Type: text/plain\r\n\r\nno motion\xFF\xFF\xD8\r\n--frame\r\n",
        ] {
            let mut stream = between.to_vec();
            for picture in &pictures {
                stream.extend(picture);
                stream.extend(between);
            }
            for piece in [1, 7, 4096, usize::MAX] {
                assert_eq!(split(&stream, piece), (pictures.to_vec(), 0), "{between:?} in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_picture_that_is_cut_off_is_counted_and_the_next_ones_are_found() {
        let (whole, boundary) = (jpeg(10, false), b"\r\n--frame\r\n\r\n");
        let cut = whole.len() - 40;
        let mut stream = [&whole[..cut], boundary, &whole[..], boundary].concat();
        assert_eq!(split(&stream, 100), (vec![whole.clone()], 1));
        stream = [&b"\xFF\xD8\xFF\xE0\0\0"[..], &whole].concat();
        assert_eq!(split(&stream, 3), (vec![whole], 1));
    }

    #[test]
    fn what_only_begins_like_a_picture_never_fills_the_memory() {
        let (mut splitter, mut pictures) = (Splitter::new(), 0);
        splitter.push(b"\xFF\xD8\xFF\xDA\0\x02", |_| pictures += 1);
        let block = vec![0; 1 << 20];
        for _ in 0..40 {
            splitter.push(&block, |_| pictures += 1);
            assert!(splitter.picture.len() <= MAX_BYTES + block.len());
        }
        assert_eq!((pictures, splitter.damaged()), (0, 1));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, piece in 1usize..9) {
            let mut stream = b"\xFF\xD8\xFF".to_vec();
            stream.extend(bytes);
            split(&stream, piece);
        }
    }
}
