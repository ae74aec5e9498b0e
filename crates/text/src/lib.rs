//! The reader of every text file that people write: configuration, recipes, cards, labels, users, passwords, samples.
//!
//! Editors add invisible characters: a byte order mark, other line ends, spaces that do not break. They
//! are removed here; bytes that are not UTF-8 are refused with their place, because a guess would be wrong later.

mod digest;
mod explanation;

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

pub use digest::{hex, sha256, sha256_of};
pub use explanation::Explanation;

/// Limit for text that people write, bytes; a larger file is of another kind.
pub const MAX_BYTES: u64 = 1 << 20;
/// Limit for PEM files, bytes: enough for the certificates of every public authority.
const MAX_PEM_BYTES: u64 = 8 << 20;

/// Why bytes were refused as text.
#[derive(Debug, thiserror::Error)]
pub enum TextFault {
    /// The system refuses to read it.
    #[error("cannot be read: {0}")]
    Read(#[source] io::Error),
    /// The file is larger than allowed; none of it was read.
    #[error("is too large: {bytes} bytes, at most {most} are read")]
    TooLarge {
        /// How many there are at least.
        bytes: u64,
        /// How many are allowed.
        most: u64,
    },
    /// The bytes are in another encoding of Unicode.
    #[error("is {0}, not UTF-8")]
    Wide(&'static str),
    /// The bytes are not UTF-8, and have no mark of another encoding.
    #[error("is not UTF-8: byte 0x{byte:02X} at offset {offset}, line {line}")]
    NotUtf8 {
        /// The first byte that does not fit.
        byte: u8,
        /// Its place in the file, from 0.
        offset: usize,
        /// Its line, from 1.
        line: usize,
        /// Its column in that line, in characters from 1.
        column: usize,
    },
    /// The bytes hold a zero byte, which text does not.
    #[error("is not text: a zero byte at offset {offset}, line {line}")]
    Zero {
        /// Its place in the file, from 0.
        offset: usize,
        /// Its line, from 1.
        line: usize,
        /// Its column in that line, in characters from 1.
        column: usize,
    },
}

impl TextFault {
    /// What to do next.
    pub fn remedy(&self) -> &'static str {
        match self {
            TextFault::Read(error) if error.kind() == io::ErrorKind::NotFound => {
                "correct the path, or put the file there"
            }
            TextFault::Read(error) if error.kind() == io::ErrorKind::IsADirectory => {
                "name a file, not a folder"
            }
            TextFault::Read(_) => "name a file that the service's user may read",
            TextFault::TooLarge { .. } => "name the text file that is meant here",
            TextFault::Wide(_) => {
                "save it as UTF-8 (Notepad: Save as, Encoding), or convert it with iconv -t UTF-8"
            }
            TextFault::NotUtf8 { .. } => {
                "save it as UTF-8 (Notepad: Save as, Encoding), or convert it with iconv -f WINDOWS-1252 -t UTF-8"
            }
            TextFault::Zero { .. } => "name the text file that is meant here, or save it as UTF-8",
        }
    }

    /// Line and column of the fault, from 1; both 0 where it has no place.
    pub fn place(&self) -> (usize, usize) {
        match self {
            TextFault::NotUtf8 { line, column, .. } | TextFault::Zero { line, column, .. } => {
                (*line, *column)
            }
            _ => (0, 0),
        }
    }
}

/// A [`TextFault`] with the file it was found in.
#[derive(Debug, thiserror::Error)]
#[error("{} {fault}; {}", .path.display(), .fault.remedy())]
pub struct TextFileError {
    /// The file that was to be read.
    pub path: PathBuf,
    /// What is wrong with it.
    pub fault: TextFault,
}

impl TextFileError {
    /// Whether the file does not exist.
    pub fn is_missing(&self) -> bool {
        matches!(&self.fault, TextFault::Read(error) if error.kind() == io::ErrorKind::NotFound)
    }
}

/// The text of the file at `path`, of at most [`MAX_BYTES`] bytes: without a byte order mark, every line ended by `\n`.
///
/// # Errors
/// [`TextFileError`]: it cannot be read, is too large, or is not UTF-8.
pub fn read(path: &Path) -> Result<String, TextFileError> {
    let fault = |fault| TextFileError { path: path.to_owned(), fault };
    bounded(path, MAX_BYTES).and_then(|bytes| decode(&bytes)).map_err(fault)
}

/// The bytes of a PEM file without a byte order mark, for a parser that knows lines by how they begin. Comments between
/// the certificates may be in any encoding.
///
/// # Errors
/// [`TextFileError`]: it cannot be read, is too large, or is UTF-16.
pub fn read_pem(path: &Path) -> Result<Vec<u8>, TextFileError> {
    let fault = |fault| TextFileError { path: path.to_owned(), fault };
    let bytes = bounded(path, MAX_PEM_BYTES).map_err(fault)?;
    match wide(&bytes) {
        Some(name) => Err(fault(TextFault::Wide(name))),
        None => Ok(without_mark(&bytes).to_vec()),
    }
}

/// `bytes` as text: without a byte order mark, every line ended by `\n`.
///
/// # Errors
/// [`TextFault`]: they are not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<String, TextFault> {
    if let Some(name) = wide(bytes) {
        return Err(TextFault::Wide(name));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let (line, column) = place_of(bytes, offset);
        TextFault::NotUtf8 { byte: bytes[offset], offset, line, column }
    })?;
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        let (line, column) = place_of(bytes, offset);
        return Err(TextFault::Zero { offset, line, column });
    }
    let text = text.trim_start_matches('\u{feff}');
    Ok(match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n"),
        false => text.to_owned(),
    })
}

/// The lines of a file that need not fit into memory, read one by one as [`read`] would read them.
pub struct TextLines {
    path: PathBuf,
    input: BufReader<File>,
    most: usize,
    /// Where the next line begins, from 0.
    offset: usize,
    /// Lines that were given.
    line: usize,
}

impl TextLines {
    /// The lines of the file at `path`, each of at most `most` bytes.
    ///
    /// # Errors
    /// [`TextFileError`]: it cannot be opened.
    pub fn open(path: &Path, most: usize) -> Result<TextLines, TextFileError> {
        let path = path.to_owned();
        match File::open(&path) {
            Ok(file) => Ok(TextLines { path, input: BufReader::new(file), most, offset: 0, line: 0 }),
            Err(error) => Err(TextFileError { path, fault: TextFault::Read(error) }),
        }
    }

    /// The bytes up to the next line's end, without it; `None` at the end of the file.
    fn take_line(&mut self) -> Result<Option<Vec<u8>>, TextFault> {
        let (mut line, mut length) = (Vec::new(), 0);
        loop {
            let buffer = self.input.fill_buf().map_err(TextFault::Read)?;
            let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (upto, is_return) =
                (end.unwrap_or(buffer.len()), end.is_some_and(|end| buffer[end] == b'\r'));
            line.extend_from_slice(&buffer[..upto]);
            let (taken, at_end) = (upto + usize::from(end.is_some()), buffer.is_empty());
            self.input.consume(taken);
            length += taken;
            if line.len() > self.most {
                return Err(TextFault::TooLarge { bytes: line.len() as u64, most: self.most as u64 });
            }
            if is_return && self.input.fill_buf().map_err(TextFault::Read)?.first() == Some(&b'\n') {
                self.input.consume(1);
                length += 1;
            }
            if end.is_some() || at_end {
                self.offset += length;
                return Ok(Some(line).filter(|_| length > 0));
            }
        }
    }
}

impl Iterator for TextLines {
    type Item = Result<String, TextFileError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (start, line) = (self.offset, self.line + 1);
        self.line = line;
        let text = self.take_line().transpose()?.and_then(|bytes| decode(&bytes));
        Some(text.map_err(|mut fault| {
            if let TextFault::NotUtf8 { offset, line: at, .. } | TextFault::Zero { offset, line: at, .. } =
                &mut fault
            {
                (*offset, *at) = (*offset + start, line);
            }
            TextFileError { path: self.path.clone(), fault }
        }))
    }
}

/// The first line of `text`, which is a secret: everything but the line's end belongs to it.
pub fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// The labels in `text`, one on each line; empty lines at the end are ignored.
pub fn labels(text: &str) -> Vec<String> {
    text.trim_end_matches(is_unseen).lines().map(|line| label(line).into_owned()).collect()
}

/// A name that is compared with others: without what surrounds it unseen, and with plain spaces for those that do not
/// break, so that what looks alike is alike.
pub fn label(text: &str) -> Cow<'_, str> {
    let text = trimmed(text);
    let fixed = |c: char| matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}');
    match text.contains(|c| fixed(c) || is_widthless(c)) {
        true => {
            let kept = text.chars().filter(|c| !is_widthless(*c));
            kept.map(|c| if fixed(c) { ' ' } else { c }).collect::<String>().into()
        }
        false => text.into(),
    }
}

/// The first invisible or space-like character (other than a plain space) in the line of TOML around the byte
/// `at`, with its place. Characters in texts and comments are skipped, since they may be intended there.
pub fn unseen_in_line(text: &str, at: usize) -> Option<(usize, char)> {
    let start = text.get(..at)?.rfind('\n').map_or(0, |end| end + 1);
    let mut quote = None;
    for (offset, c) in text[start..].lines().next()?.char_indices() {
        match (c, quote) {
            ('"' | '\'', None) => quote = Some(c),
            (_, Some(open)) if c == open => quote = None,
            ('#', None) => return None,
            (_, None) if is_unseen(c) && !matches!(c, ' ' | '\t') => return Some((start + offset, c)),
            _ => {}
        }
    }
    None
}

/// Without white space and marks of no width around it.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(is_unseen)
}

/// White space, and what shows nothing at an end: joiners shape the letters between which they stand.
fn is_unseen(c: char) -> bool {
    c.is_whitespace() || is_widthless(c) || matches!(c, '\u{200c}'..='\u{200f}')
}

/// Marks that show nothing and join nothing.
fn is_widthless(c: char) -> bool {
    matches!(c, '\u{200b}' | '\u{2060}' | '\u{feff}')
}

/// Reads the file's bytes. Checks its length first, and counts bytes while reading, because a device has no
/// length.
fn bounded(path: &Path, most: u64) -> Result<Vec<u8>, TextFault> {
    let mut file = File::open(path).map_err(TextFault::Read)?;
    let metadata = file.metadata().map_err(TextFault::Read)?;
    if metadata.is_dir() {
        return Err(TextFault::Read(io::ErrorKind::IsADirectory.into()));
    }
    if metadata.len() > most {
        return Err(TextFault::TooLarge { bytes: metadata.len(), most });
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
    file.by_ref().take(most + 1).read_to_end(&mut bytes).map_err(TextFault::Read)?;
    match bytes.len() as u64 > most {
        true => Err(TextFault::TooLarge { bytes: bytes.len() as u64, most }),
        false => Ok(bytes),
    }
}

/// The encoding of `bytes` where it is one of two or four bytes a character: by its mark, or by the zero beside the
/// first letter.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    match *bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32 text"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16 text"),
        [0, b, ..] | [b, 0, ..] if b != 0 && b.is_ascii() => Some("UTF-16 text"),
        _ => None,
    }
}

fn without_mark(mut bytes: &[u8]) -> &[u8] {
    while let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf") {
        bytes = rest;
    }
    bytes
}

/// Line and column of the byte at `offset`, both from 1, by every kind of line end.
fn place_of(bytes: &[u8], offset: usize) -> (usize, usize) {
    let is_end = |at: &usize| match bytes[*at] {
        b'\n' => true,
        b'\r' => bytes.get(at + 1) != Some(&b'\n'),
        _ => false,
    };
    let start = (0..offset).rfind(is_end).map_or(0, |end| end + 1);
    // The bytes before the first one that does not fit are text.
    let before = std::str::from_utf8(without_mark(&bytes[start..offset])).unwrap_or_default();
    ((0..offset).filter(is_end).count() + 1, before.chars().count() + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_editor_adds_is_taken_off_and_nothing_else() {
        for (bytes, text) in [
            (&b"\xef\xbb\xbfa\r\nb\r\n"[..], "a\nb\n"),
            (b"\xef\xbb\xbf\xef\xbb\xbfa", "a"),
            (b"a\rb\r\r\nc", "a\nb\n\nc"),
            (b"", ""),
            (b"\xef\xbb\xbf", ""),
            (b"a \xc2\xa0\n\tb ", "a \u{a0}\n\tb "),
            ("a\u{feff}b".as_bytes(), "a\u{feff}b"),
        ] {
            assert_eq!(decode(bytes).unwrap(), text, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_named_with_its_place() {
        for (bytes, words) in [
            (&b"washer\r\ngear\rK\xf6rper\n"[..], "byte 0xF6 at offset 14, line 3"),
            (b"\xef\xbb\xbfa\n\xe2\x82", "byte 0xE2 at offset 5, line 2"),
            (b"\xff\xfea\0b\0", "UTF-16"),
            (b"\xfe\xff\0a\0b", "UTF-16"),
            (b"a\0b\0", "UTF-16"),
            (b"\0a\0b", "UTF-16"),
            (b"\xff\xfe\0\0a\0\0\0", "UTF-32"),
            (b"one\ntwo\0", "a zero byte at offset 7, line 2"),
        ] {
            let fault = decode(bytes).unwrap_err();
            assert!(fault.to_string().contains(words), "{fault}");
            assert!(fault.remedy().contains("UTF-8"), "{}", fault.remedy());
        }
    }

    #[test]
    fn lines_are_given_one_by_one_as_the_whole_file_would_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("people.jsonl");
        let lines = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            let lines = TextLines::open(&path, 10_000).unwrap();
            lines.map(|line| line.map_err(|error| error.to_string())).collect::<Vec<_>>()
        };
        let long = "x".repeat(9_000);
        let text = format!("\u{feff}one\r\n{long}\r\n\rthree\n\nfive");
        let whole: Vec<_> =
            decode(text.as_bytes()).unwrap().lines().map(|line| Ok(line.to_owned())).collect();
        assert_eq!(lines(text.as_bytes()), whole);
        assert_eq!(lines(b""), []);
        let faulty = lines(b"one\r\nK\xf6rper\nthree\n");
        assert!(faulty[1].as_ref().unwrap_err().contains("byte 0xF6 at offset 6, line 2"), "{faulty:?}");
        let faulty = lines(b"\xff\xfe{\0\n\0");
        assert!(faulty[0].as_ref().unwrap_err().contains("UTF-16"), "{faulty:?}");
        let faulty = lines("x".repeat(10_001).as_bytes());
        assert!(faulty[0].as_ref().unwrap_err().contains("too large"), "{faulty:?}");
    }

    #[test]
    fn labels_that_look_alike_are_alike() {
        assert_eq!(
            labels("washer\u{a0}\n\u{200b}gear\t\n\nsafety\u{a0}vest\n \u{2060}\n\n"),
            ["washer", "gear", "", "safety vest"]
        );
        // A joiner inside a word is part of how it is written.
        assert_eq!(label("می\u{200c}خواهم\u{200c}"), "می\u{200c}خواهم");
        assert_eq!(first_line("pass word \u{a0}\nsecond"), "pass word \u{a0}");
    }

    #[test]
    fn a_file_that_is_too_large_is_not_read_and_a_folder_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let large = dir.path().join("large");
        File::create(&large).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(
            read(&large).unwrap_err().fault,
            TextFault::TooLarge { bytes: 1_099_511_627_776, .. }
        ));
        assert!(matches!(read(Path::new("/dev/zero")).unwrap_err().fault, TextFault::TooLarge { .. }));
        let folder = read(dir.path()).unwrap_err().to_string();
        assert!(folder.contains("name a file, not a folder"), "{folder}");
        assert!(read(&dir.path().join("gone")).unwrap_err().is_missing());
    }
}
