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

    /// Opens a file whose shape is not known: ours, or NumPy's of one of the kinds that PyAMA writes.
    ///
    /// # Errors
    /// It is missing, it holds something else, or it has not the length that its header says.
    pub fn open_any(path: &Path) -> io::Result<NpyFile> {
        let file = File::open(path)?;
        let mut found = Vec::new();
        (&file).take(MAX_HEADER as u64).read_to_end(&mut found)?;
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let (shape, header) = parse(&found)
            .ok_or_else(|| invalid("no .npy file of frames with pixels of kind |b1, <u2 or <f4"))?;
        let pixels = (shape.height as u64).checked_mul(shape.width as u64);
        let bytes = pixels.and_then(|pixels| pixels.checked_mul(shape.dtype.bytes()));
        let bytes = bytes.and_then(|bytes| bytes.checked_mul(shape.frames as u64)?.checked_add(header));
        match bytes == Some(file.metadata()?.len()) {
            true => Ok(NpyFile { file, path: path.to_owned(), header, shape }),
            false => Err(invalid("the file has not the length that its header says; is it cut off?")),
        }
    }

    /// The kind and the shape of the file.
    pub fn shape(&self) -> Shape {
        self.shape
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

/// The shape in the header of a file, and the header's length, bytes.
fn parse(file: &[u8]) -> Option<(Shape, u64)> {
    let version = file.strip_prefix(b"\x93NUMPY")?.first()?;
    let (begin, length): (usize, usize) = match version {
        1 => (10, usize::from(u16::from_le_bytes(file.get(8..10)?.try_into().ok()?))),
        _ => (12, usize::try_from(u32::from_le_bytes(file.get(8..12)?.try_into().ok()?)).ok()?),
    };
    let text = std::str::from_utf8(file.get(begin..begin.checked_add(length)?)?).ok()?;
    let after = |key: &str| text.split_once(key).map(|(_, rest)| rest.trim_start());
    let descriptor = after("'descr':")?.strip_prefix('\'')?.split_once('\'')?.0;
    let dtype =
        [Dtype::Bool, Dtype::U16, Dtype::F32].into_iter().find(|one| one.descriptor() == descriptor)?;
    after("'fortran_order':")?.strip_prefix("False")?;
    let sides = after("'shape':")?.strip_prefix('(')?.split_once(')')?.0;
    let sides = sides.split(',').map(str::trim).filter(|side| !side.is_empty());
    let sides: Vec<usize> = sides.map(|side| side.parse().ok()).collect::<Option<_>>()?;
    let [frames, height, width] = sides[..] else { return None };
    Some((Shape { dtype, frames, height, width }, (begin + length) as u64))
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
        assert_eq!(NpyFile::open_any(&path).expect("the shape is read").shape(), shape);
    }
    #[test]
    fn a_file_of_another_kind_or_length_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.npy");
        let refused = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("written");
            NpyFile::open_any(&path).expect_err("refused").to_string()
        };
        let header = Shape { dtype: Dtype::Bool, frames: 1, height: 2, width: 3 }.header();
        assert!(refused(&header).contains("cut off"));
        let replaced = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&header[10..]).replace(from, to);
            [&header[..10], text.as_bytes(), &[0; 6]].concat()
        };
        for other in [
            replaced("|b1", "<i8"),
            replaced("False", "True "),
            replaced("(1, 2, 3)", "(1, 23)  "),
            replaced("(1, 2, 3)", "(1, 2, x)"),
            b"\x93NUMPY".to_vec(),
            Vec::new(),
        ] {
            assert!(refused(&other).contains(".npy"));
        }
        assert!(refused(&replaced("(1, 2, 3), ", "(1, 99999999999999999999, 3), ")).contains(".npy"));
    }
}
