//! A file as if it had one page only.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;

/// Bytes that are read at once: a directory and its lists take one call.
const BUFFER: usize = 64 << 10;

/// Shows a file with some of its bytes replaced. The decoder finds the first page of a file by its header: with
/// another header any page is the first, and no other page needs to be read.
pub(super) struct View<'a> {
    file: &'a File,
    len: u64,
    position: u64,
    buffer: &'a mut Vec<u8>,
    /// Where in the file the buffer begins.
    start: u64,
    patches: [Patch; 4],
}

/// Bytes that are shown in place of those of the file.
#[derive(Clone, Copy)]
pub(super) struct Patch {
    pub offset: u64,
    pub bytes: [u8; 16],
    pub length: usize,
}

impl Patch {
    /// A patch that changes nothing.
    pub(super) const NONE: Patch = Patch { offset: 0, bytes: [0; 16], length: 0 };
}

impl<'a> View<'a> {
    pub(super) fn new(file: &'a File, len: u64, buffer: &'a mut Vec<u8>, patches: [Patch; 4]) -> View<'a> {
        buffer.clear();
        View { file, len, position: 0, buffer, start: 0, patches }
    }

    /// Reads at most `out.len()` bytes at `offset`, patched.
    fn read_patched(&self, out: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let length = out.len().min(left);
        let out = &mut out[..length];
        self.file.read_exact_at(out, offset)?;
        for patch in &self.patches {
            for (place, byte) in (patch.offset..).zip(&patch.bytes[..patch.length]) {
                let inside = place.checked_sub(offset).and_then(|at| usize::try_from(at).ok());
                if let Some(shown) = inside.and_then(|at| out.get_mut(at)) {
                    *shown = *byte;
                }
            }
        }
        Ok(length)
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut buffer = std::mem::take(self.buffer);
        buffer.resize(BUFFER, 0);
        let read = self.read_patched(&mut buffer, self.position);
        buffer.truncate(*read.as_ref().unwrap_or(&0));
        *self.buffer = buffer;
        self.start = self.position;
        read.map(|_| ())
    }
}

impl Read for View<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let inside = |view: &Self| {
            let at = usize::try_from(view.position.checked_sub(view.start)?).ok()?;
            (at < view.buffer.len()).then_some(at)
        };
        if inside(self).is_none() && out.len() >= BUFFER {
            let read = self.read_patched(out, self.position)?;
            self.position += read as u64;
            return Ok(read);
        }
        if inside(self).is_none() {
            self.fill()?;
        }
        let Some(at) = inside(self) else { return Ok(0) };
        let length = out.len().min(self.buffer.len() - at);
        out[..length].copy_from_slice(&self.buffer[at..at + length]);
        self.position += length as u64;
        Ok(length)
    }
}

impl Seek for View<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.len.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
