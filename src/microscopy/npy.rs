//! NumPy's `.npy` files, frame by frame: the stacks that PyAMA's viewer opens.
//!
//! A file's size follows from its shape, so frames are written at their place, in any order and by several
//! threads. The format: numpy.org/doc/stable/reference/generated/numpy.lib.format.html, version 1.0.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// Header and padding are a multiple of this, bytes.
const ALIGNMENT: usize = 64;
/// Longest header that is read, bytes.
const MAX_HEADER: usize = 4096;

/// What an element is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// A byte, 0 or 1.
    Bool,
    /// 16 bits without sign, little end first.
    U16,
    /// 32-bit floating point, little end first.
    F32,
}

impl Dtype {
    fn descriptor(self) -> &'static str {
        match self {
            Dtype::Bool => "|b1",
            Dtype::U16 => "<u2",
            Dtype::F32 => "<f4",
        }
    }

    /// Bytes of an element.
    pub fn bytes(self) -> u64 {
        match self {
            Dtype::Bool => 1,
            Dtype::U16 => 2,
            Dtype::F32 => 4,
        }
    }
}

/// The kind and the shape of a file: frames, rows, pixels in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// What an element is.
    pub dtype: Dtype,
    /// Number of frames in time.
    pub frames: usize,
    /// Rows of a frame.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
}

impl Shape {
    /// Bytes of one frame.
    pub fn frame_bytes(&self) -> u64 {
        self.dtype.bytes() * self.height as u64 * self.width as u64
    }

    fn header(&self) -> Vec<u8> {
        let Shape { dtype, frames, height, width } = self;
        let text = format!(
            "{{'descr': '{}', 'fortran_order': False, 'shape': ({frames}, {height}, {width}), }}",
            dtype.descriptor()
        );
        // Magic, version and length take 10 bytes, the line feed at the end one.
        let padding = (ALIGNMENT - (text.len() + 11) % ALIGNMENT) % ALIGNMENT;
        let length = (text.len() + padding + 1) as u16;
        let mut header = b"\x93NUMPY\x01\x00".to_vec();
        header.extend(length.to_le_bytes());
        header.extend(text.bytes());
        header.extend(std::iter::repeat_n(b' ', padding));
        header.push(b'\n');
        header
    }
}

/// An open `.npy` file.
#[derive(Debug)]
pub struct NpyFile {
    file: File,
    path: PathBuf,
    header: u64,
    shape: Shape,
}

impl NpyFile {
    /// Makes a file of its final size, whose frames are zeros.
    ///
    /// # Errors
    /// Those of the system: no space, no right to write.
    pub fn create(path: &Path, shape: Shape) -> io::Result<NpyFile> {
        let header = shape.header();
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        let bytes = header.len() as u64 + shape.frame_bytes() * shape.frames as u64;
        file.set_len(bytes)?;
        file.write_all_at(&header, 0)?;
        Ok(NpyFile { file, path: path.to_owned(), header: header.len() as u64, shape })
    }

    /// Opens a file that was finished earlier.
    ///
    /// # Errors
    /// It is missing, or it is not of this kind and shape.
    pub fn open(path: &Path, shape: Shape) -> io::Result<NpyFile> {
        let mut file = File::open(path)?;
        let wanted = shape.header();
        let mut found = vec![0; wanted.len().min(MAX_HEADER)];
        file.read_exact(&mut found)?;
        let bytes = wanted.len() as u64 + shape.frame_bytes() * shape.frames as u64;
        if found != wanted || file.metadata()?.len() != bytes {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file has another shape"));
        }
        Ok(NpyFile { file, path: path.to_owned(), header: wanted.len() as u64, shape })
    }

    /// Writes the bytes of one frame.
    ///
    /// # Errors
    /// Those of the system; the bytes are not those of a frame.
    pub fn write(&self, frame: usize, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, self.place(frame, bytes.len())?)
    }

    /// Reads the bytes of one frame into `bytes`.
    ///
    /// # Errors
    /// Those of the system; `bytes` has not the length of a frame.
    pub fn read(&self, frame: usize, bytes: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(bytes, self.place(frame, bytes.len())?)
    }

    fn place(&self, frame: usize, bytes: usize) -> io::Result<u64> {
        if frame >= self.shape.frames || bytes as u64 != self.shape.frame_bytes() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a frame of another size"));
        }
        Ok(self.header + self.shape.frame_bytes() * frame as u64)
    }

    /// Writes everything to disk.
    ///
    /// # Errors
    /// Those of the system.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    /// The path under which it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_numpys_header_and_gives_its_frames_back() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.npy");
        let shape = Shape { dtype: Dtype::U16, frames: 2, height: 2, width: 3 };
        let file = NpyFile::create(&path, shape).expect("a file");
        file.write(1, &[1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1]).expect("a frame is written");
        assert!(file.write(2, &[0; 12]).is_err(), "there is no third frame");
        drop(file);
        let bytes = std::fs::read(&path).expect("the file");
        assert_eq!(bytes.len(), 128 + 24);
        assert_eq!(&bytes[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let header = String::from_utf8_lossy(&bytes[10..128]);
        assert!(header.starts_with("{'descr': '<u2', 'fortran_order': False, 'shape': (2, 2, 3), }"));
        let file = NpyFile::open(&path, shape).expect("the same shape");
        let mut frame = [0; 12];
        file.read(1, &mut frame).expect("a frame is read");
        assert_eq!(frame, [1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6, 1]);
        assert!(NpyFile::open(&path, Shape { frames: 3, ..shape }).is_err(), "another shape");
    }
}
