//! A folder of JPEG and PNG pictures in the order of their names.

use std::io;
use std::path::{Path, PathBuf};

use gstreamer as gst;

use super::CaptureError;
use super::feed::{Coding, Fed, Feed, Opening};
use crate::supervisor::Stop;

/// Feeds an appsrc with the files' bytes; a change between JPEG and PNG asks for another pipeline.
pub struct ImagesFeed {
    folder: PathBuf,
    pictures: Vec<PathBuf>,
    fps: u32,
    next: usize,
    coding: Option<Coding>,
    bad: u64,
    first_bad: Option<String>,
}

impl ImagesFeed {
    /// Lists the folder. Errors: it cannot be read, or holds no picture.
    pub fn new(folder: &Path, fps: u32) -> Result<ImagesFeed, CaptureError> {
        let pictures =
            list(folder).map_err(|source| CaptureError::Unreadable { path: folder.into(), source })?;
        if pictures.is_empty() {
            let cause = "there is no .jpg, .jpeg or .png file in it";
            return Err(CaptureError::Empty { path: folder.into(), cause });
        }
        let fps = fps.max(1);
        Ok(ImagesFeed {
            folder: folder.into(),
            pictures,
            fps,
            next: 0,
            coding: None,
            bad: 0,
            first_bad: None,
        })
    }

    /// Reads the next picture that is one; those that are not are counted and told at the end.
    fn read(&mut self) -> Option<(Coding, Vec<u8>)> {
        while let Some(path) = self.pictures.get(self.next) {
            let told = match std::fs::read(path) {
                Ok(bytes) => match coding_of(&bytes) {
                    Some(coding) => return Some((coding, bytes)),
                    None => format!("{} is neither JPEG nor PNG", path.display()),
                },
                Err(error) => format!("{}: {error}", path.display()),
            };
            self.next += 1;
            self.bad(told);
        }
        None
    }

    fn bad(&mut self, cause: String) {
        tracing::warn!("{cause}");
        self.bad += 1;
        self.first_bad.get_or_insert(cause);
    }

    fn pts(&self) -> u64 {
        self.next as u64 * 1_000_000_000 / u64::from(self.fps)
    }
}

impl Feed for ImagesFeed {
    fn open(&mut self, _stop: &Stop) -> Result<Opening, CaptureError> {
        let Some((coding, _)) = self.read() else { return Ok(Opening::End) };
        self.coding = Some(coding);
        let name = if coding == Coding::Png { "image/png" } else { "image/jpeg" };
        let rate = gst::Fraction::new(i32::try_from(self.fps).unwrap_or(1), 1);
        let caps = gst::Caps::builder(name).field("framerate", rate).build();
        Ok(Opening::Ready { coding, caps, start_ns: self.pts() })
    }

    fn next(&mut self, _stop: &Stop) -> Result<Fed, CaptureError> {
        let Some((coding, bytes)) = self.read() else { return Ok(Fed::End) };
        if self.coding != Some(coding) {
            return Ok(Fed::Switch);
        }
        let mut buffer = gst::Buffer::from_mut_slice(bytes);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(gst::ClockTime::from_nseconds(self.pts()));
            buffer.set_duration(gst::ClockTime::from_nseconds(1_000_000_000 / u64::from(self.fps)));
        }
        self.next += 1;
        Ok(Fed::Buffer(buffer))
    }

    fn rewind(&mut self) {
        (self.next, self.bad) = (0, 0);
    }

    fn again(&mut self) {
        self.next = self.next.saturating_sub(1);
    }

    fn decoder_failed(&mut self, cause: &str) -> bool {
        let culprit = self.next.checked_sub(1).and_then(|last| self.pictures.get(last));
        if let Some(path) = culprit {
            self.bad(format!("{}: {cause}", path.display()));
        }
        self.next < self.pictures.len()
    }

    fn check_end(&self, frames: u64) -> Result<(), CaptureError> {
        let total = self.pictures.len() as u64;
        let bad = total.saturating_sub(frames).max(self.bad);
        if bad == 0 {
            return Ok(());
        }
        let cause = self.first_bad.clone().unwrap_or_else(|| "they are damaged: see the log".into());
        Err(CaptureError::Pictures { path: self.folder.clone(), bad, total, cause })
    }
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let paths = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    let mut pictures = paths.collect::<io::Result<Vec<_>>>()?;
    pictures.retain(|path| path.is_file() && has_picture_name(path));
    pictures.sort();
    Ok(pictures)
}

fn has_picture_name(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    ["jpg", "jpeg", "png"].iter().any(|known| extension.eq_ignore_ascii_case(known))
}

/// By the first bytes, not by the name: pictures are often named wrongly.
fn coding_of(bytes: &[u8]) -> Option<Coding> {
    match bytes {
        [0xFF, 0xD8, 0xFF, ..] => Some(Coding::Jpeg),
        [0x89, b'P', b'N', b'G', ..] => Some(Coding::Png),
        _ => None,
    }
}
