//! Opens video files before they are played, so that damage gets a precise error and the right demuxer is
//! chosen at once.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use gstreamer::prelude::*;

use super::bus::FaultKind;
use super::matroska::{self, vint};
use super::pipeline::{Build, CapturePipeline};
use super::{CaptureError, chain};

/// A file that could be opened.
pub struct Video {
    /// The path of the file.
    pub path: PathBuf,
    container: Container,
    /// Bytes that are missing at the end, by the file's own structure.
    pub missing_bytes: u64,
    /// How frames must be turned, where GStreamer's demuxer does not report it.
    turn: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Container {
    /// ISO 14496-12 (MP4, MOV).
    Iso,
    /// Matroska or WebM (RFC 9559).
    Matroska,
    /// Any other container, which GStreamer's typefinders must recognise.
    Other,
}

/// Opens the file, and finds out its container and whether it is complete.
pub fn look(path: &Path) -> Result<Video, CaptureError> {
    let unreadable = |source| CaptureError::Unreadable { path: path.into(), source };
    let mut file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if meta.is_dir() {
        return Err(unreadable(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    if meta.is_file() && meta.len() == 0 {
        return Err(CaptureError::Empty { path: path.into(), cause: "it has no bytes" });
    }
    let (container, end) = structure(&mut file).map_err(unreadable)?;
    let turn = match container {
        Container::Matroska => turn_of(&mut file).map_err(unreadable)?,
        _ => None,
    };
    Ok(Video { path: path.into(), container, missing_bytes: end.saturating_sub(meta.len()), turn })
}

fn turn_of(file: &mut (impl Read + Seek)) -> io::Result<Option<&'static str>> {
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.by_ref().take(matroska::HEAD).read_to_end(&mut head)?;
    Ok(matroska::turn(&head))
}

/// The container, and the offset at which its last box or element ends by its own header (0 where it has
/// none).
fn structure(file: &mut (impl Read + Seek)) -> io::Result<(Container, u64)> {
    let mut head = Vec::with_capacity(64);
    file.by_ref().take(64).read_to_end(&mut head)?;
    if head.get(4..8) == Some(b"ftyp") {
        return Ok((Container::Iso, iso_end(file)?));
    }
    if head.starts_with(&[0x1A, 0x45, 0xDF, 0xA3]) {
        return Ok((Container::Matroska, matroska_end(&head).unwrap_or(0)));
    }
    Ok((Container::Other, 0))
}

/// Walks the top-level boxes (ISO 14496-12, 4.2: 32-bit size and type; size 1: 64-bit size follows; 0: to the
/// end).
fn iso_end(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    let mut at = 0u64;
    loop {
        file.seek(SeekFrom::Start(at))?;
        let mut head = Vec::with_capacity(16);
        file.by_ref().take(16).read_to_end(&mut head)?;
        let Some(&[a, b, c, d]) = head.get(..4) else { return Ok(at) };
        let size = match u64::from(u32::from_be_bytes([a, b, c, d])) {
            1 => head.get(8..16).map_or(0, |long| long.iter().fold(0, |n, byte| n << 8 | u64::from(*byte))),
            short => short,
        };
        // A size of 0 reaches to the end; anything else below a header's size is not a box, so the walk ends.
        if size < 8 {
            return Ok(at);
        }
        at = at.saturating_add(size);
    }
}

/// Where the Segment ends (RFC 8794 variable-size integers; RFC 9559: EBML head, then Segment 0x18538067).
fn matroska_end(head: &[u8]) -> Option<u64> {
    let (size, at) = vint(head, 4)?;
    let segment = at + usize::try_from(size?).ok()?;
    if head.get(segment..segment + 4)? != [0x18, 0x53, 0x80, 0x67] {
        return None;
    }
    let (size, at) = vint(head, segment + 4)?;
    size.map(|size| size.saturating_add(at as u64))
}

/// Builds filesrc, the demuxer, and the decoder that its video pad turns out to need.
pub fn line(video: &Video, build: Build<'_>) -> Result<CapturePipeline, CaptureError> {
    let mut line = CapturePipeline::new(build)?;
    line.turn = video.turn.or(line.turn);
    chain::set_decoder_threads(&line.pipeline, build.sync);
    let source = chain::element("filesrc")?;
    source.set_property("location", &video.path);
    let demuxer = chain::element(match video.container {
        Container::Iso => "qtdemux",
        Container::Matroska => "matroskademux",
        Container::Other => "decodebin",
    })?;
    line.chain(&[&source, &demuxer], false)?;
    line.link_when_shown(&demuxer, build.variant.convert);
    Ok(line)
}

impl Video {
    /// Explains an error of the pipeline for this file, after `frames` frames.
    pub fn explain(&self, error: CaptureError, frames: u64) -> CaptureError {
        let path = self.path.clone();
        match error {
            CaptureError::Stream(_) if self.missing_bytes > 0 => self.truncated(frames),
            CaptureError::Stream(fault) if frames == 0 => {
                let cause = match fault.kind {
                    FaultKind::UnknownType => "it contains no video".into(),
                    _ => fault.cause,
                };
                CaptureError::NotVideo { path, cause }
            }
            CaptureError::Stream(source) => CaptureError::Damaged { path, frames, source },
            other => other,
        }
    }

    /// Checks that the stream ended where the video does. Errors: the file is truncated or has no frame.
    pub fn check_end(&self, frames: u64) -> Result<(), CaptureError> {
        if self.missing_bytes > 0 {
            return Err(self.truncated(frames));
        }
        if frames == 0 {
            return Err(CaptureError::Empty { path: self.path.clone(), cause: "there is no frame in it" });
        }
        Ok(())
    }

    fn truncated(&self, frames: u64) -> CaptureError {
        let missing_bytes = self.missing_bytes;
        CaptureError::Truncated { path: self.path.clone(), missing_bytes, frames }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn boxes_of_an_mp4_say_where_it_should_end() {
        let mut bytes = Vec::new();
        bytes.extend([0, 0, 0, 16]);
        bytes.extend(b"ftypisom\0\0\0\0");
        bytes.extend([0, 0, 1, 0]);
        bytes.extend(b"mdat");
        bytes.extend([0; 20]);
        assert_eq!(structure(&mut Cursor::new(&bytes)).unwrap(), (Container::Iso, 16 + 256));
    }

    #[test]
    fn a_box_with_a_64_bit_size_is_followed_and_one_to_the_end_is_whole() {
        let mut bytes = vec![0, 0, 0, 16];
        bytes.extend(b"ftypisom\0\0\0\0");
        bytes.extend([0, 0, 0, 1]);
        bytes.extend(b"mdat");
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 24]);
        bytes.extend([7; 8]);
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(b"mdat");
        assert_eq!(structure(&mut Cursor::new(&bytes)).unwrap(), (Container::Iso, 40));
    }

    #[test]
    fn a_matroska_segment_says_its_size_or_that_it_does_not_know() {
        let mut bytes = vec![0x1A, 0x45, 0xDF, 0xA3, 0x82, 0xEE, 0xEE];
        bytes.extend([0x18, 0x53, 0x80, 0x67, 0x41, 0x00]);
        assert_eq!(structure(&mut Cursor::new(&bytes)).unwrap(), (Container::Matroska, 13 + 256));
        bytes.truncate(11);
        bytes.push(0xFF);
        assert_eq!(structure(&mut Cursor::new(&bytes)).unwrap(), (Container::Matroska, 0));
    }
}
