//! A writer of small TIFFs that also writes what no honest program does.

use std::path::Path;

/// A TIFF in the making; tags can be set to anything.
#[derive(Clone)]
pub struct Tiny {
    pub big_endian: bool,
    pub big_tiff: bool,
    pub pages: Vec<Page>,
}

/// A page: its pixels as bytes, and its tags as number, kind and values.
#[derive(Clone)]
pub struct Page {
    pub pixels: Vec<u8>,
    tags: Vec<(u16, u16, Vec<u64>)>,
    text: Option<String>,
    /// Which page follows, where it is not the next.
    pub next: Option<usize>,
}

pub const SHORT: u16 = 3;
pub const LONG: u16 = 4;

impl Page {
    /// A grey page of 16 bits whose pixels are all `value`.
    pub fn grey(width: u32, height: u32, value: u16) -> Page {
        let pixels = value.to_le_bytes().repeat(width as usize * height as usize);
        let bytes = pixels.len() as u64;
        let mut page = Page { pixels, tags: Vec::new(), text: None, next: None };
        page.set(256, LONG, &[u64::from(width)]).set(257, LONG, &[u64::from(height)]).set(258, SHORT, &[16]);
        page.set(259, SHORT, &[1]).set(262, SHORT, &[1]).set(277, SHORT, &[1]);
        page.set(278, LONG, &[u64::from(height)]).set(279, LONG, &[bytes]);
        page
    }

    pub fn set(&mut self, tag: u16, kind: u16, values: &[u64]) -> &mut Page {
        self.tags.retain(|(known, ..)| *known != tag);
        self.tags.push((tag, kind, values.to_vec()));
        self.tags.sort();
        self
    }

    pub fn remove(&mut self, tag: u16) -> &mut Page {
        self.tags.retain(|(known, ..)| *known != tag);
        self
    }

    pub fn described(mut self, text: &str) -> Page {
        self.text = Some(text.to_owned());
        self
    }
}

impl Tiny {
    pub fn of(pages: Vec<Page>) -> Tiny {
        Tiny { big_endian: false, big_tiff: false, pages }
    }

    fn number(&self, value: u64, size: usize) -> Vec<u8> {
        if self.big_endian {
            value.to_be_bytes()[8 - size..].to_vec()
        } else {
            value.to_le_bytes()[..size].to_vec()
        }
    }

    /// The file: pixels, texts and lists first, then all directories.
    pub fn bytes(&self) -> Vec<u8> {
        let word = if self.big_tiff { 8 } else { 4 };
        let mut file = if self.big_endian { b"MM".to_vec() } else { b"II".to_vec() };
        file.extend(self.number(if self.big_tiff { 43 } else { 42 }, 2));
        if self.big_tiff {
            file.extend(self.number(8, 2));
            file.extend(self.number(0, 2));
        }
        let first = file.len();
        file.extend(vec![0; word]);
        let mut directories = Vec::new();
        for page in &self.pages {
            let data = file.len() as u64;
            let pixels = page.pixels.chunks_exact(2);
            file.extend(
                pixels.flat_map(|pixel| self.number(u64::from(u16::from_le_bytes([pixel[0], pixel[1]])), 2)),
            );
            let mut tags = page.tags.clone();
            if !tags.iter().any(|(tag, ..)| *tag == 273 || *tag == 324) {
                tags.push((273, LONG, vec![data]));
            }
            if let Some(text) = &page.text {
                let values = text.bytes().chain([0]).map(u64::from).collect();
                tags.push((270, 2, values));
            }
            tags.sort();
            let mut directory = self.number(tags.len() as u64, if self.big_tiff { 8 } else { 2 });
            for (tag, kind, values) in &tags {
                let size = match kind {
                    1 | 2 => 1,
                    3 => 2,
                    5 | 16 => 8,
                    _ => 4,
                };
                directory.extend(self.number(u64::from(*tag), 2));
                directory.extend(self.number(u64::from(*kind), 2));
                directory.extend(self.number(values.len() as u64, word));
                let mut bytes: Vec<u8> = values.iter().flat_map(|value| self.number(*value, size)).collect();
                if bytes.len() > word {
                    let at = file.len() as u64;
                    file.extend(bytes);
                    bytes = self.number(at, word);
                }
                bytes.resize(word, 0);
                directory.extend(bytes);
            }
            directories.push(directory);
        }
        let mut starts = Vec::new();
        let mut at = file.len();
        for directory in &directories {
            starts.push(at as u64);
            at += directory.len() + word;
        }
        let head = self.number(starts.first().copied().unwrap_or(0), word);
        file[first..first + word].copy_from_slice(&head);
        for (number, directory) in directories.iter().enumerate() {
            file.extend(directory);
            let next = self.pages[number].next.unwrap_or(number + 1);
            file.extend(self.number(starts.get(next).copied().unwrap_or(0), word));
        }
        file
    }

    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).unwrap();
    }
}

/// Pages of 8 x 6 pixels whose value is their number.
pub fn numbered(pages: usize) -> Tiny {
    Tiny::of((0..pages).map(|page| Page::grey(8, 6, page as u16)).collect())
}
