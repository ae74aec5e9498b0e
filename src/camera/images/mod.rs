//! A folder of pictures in the order of their names: shown once, repeatedly, or as they arrive.
//!
//! The folder is listed again each round, and every `LOOK` where it is watched, because pictures come, go and
//! are replaced. The streaming thread decodes them with the product's picture reader and pushes them as raw
//! frames.

mod frames;
mod listing;

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::CaptureError;
use super::feed::{Coding, Fed, FileNames, Opening, SourceFeed};
use crate::image::picture::{self, Limits, PictureError};
use crate::supervisor::Stop;
use crate::telemetry::Counter;
use crate::types::{Explanation, Patch};
use frames::ImageFrames;
use listing::{Listing, Mark, Other};

/// Most bytes of a folder's frames that the ring and the pipeline may hold at once.
const MAX_HELD: u64 = 512 << 20;
/// How long a call of `open` waits when there is no picture to show.
const OPEN_WAIT: Duration = Duration::from_millis(100);
/// How often a watched folder is listed; less often where the folder is so large that listing takes long.
const LOOK: Duration = Duration::from_millis(250);
/// A new file must be unchanged for so long before it is read.
const STILL: Duration = Duration::from_millis(500);
/// Most files that one message names; the others are only counted.
const NAMED: usize = 10;

/// How a folder is shown.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// Rate in pictures a second.
    pub fps: u32,
    /// Whether the folder is shown again after its last picture.
    pub repeat: bool,
    /// Whether the feed waits for new pictures.
    pub watch: bool,
    /// Whether frames leave at their time stamps.
    pub paced: bool,
    /// Frames that the ring and the pipeline hold at once.
    pub held: usize,
    /// Also counts pictures that gave no frame.
    pub damaged: Counter,
}

/// Shows the pictures of a folder.
pub struct ImagesFeed {
    folder: PathBuf,
    options: FolderOptions,
    frames: ImageFrames,
    /// The pictures of this round, or those that the last listing found.
    pictures: Vec<PathBuf>,
    next: usize,
    /// Known files and their versions: they are not reported again and, in a watched folder, not shown again.
    known: HashMap<OsString, Mark>,
    /// Other files that were reported.
    others: HashMap<OsString, Other>,
    /// Files of a watched folder that may still grow, with the time since which they have not.
    growing: HashMap<OsString, (Mark, Instant)>,
    look_at: Instant,
    /// The picture that `open` decoded for the next frame.
    ready: Option<(PathBuf, Patch)>,
    bad: Bad,
    shown: u64,
    begun: Option<Instant>,
    /// The fault that the last listing found with the folder.
    awaited: Option<String>,
}

/// Counts the pictures that gave no frame.
#[derive(Default)]
struct Bad {
    count: u64,
    /// The first of them, with their causes.
    named: Vec<String>,
}

impl ImagesFeed {
    /// Lists the folder. Errors: it cannot be read, or it has no picture and is neither repeated nor watched.
    pub fn new(folder: &Path, options: FolderOptions) -> Result<ImagesFeed, CaptureError> {
        let mut feed = ImagesFeed {
            folder: folder.into(),
            frames: ImageFrames::new(options.fps),
            options,
            pictures: Vec::new(),
            next: 0,
            known: HashMap::new(),
            others: HashMap::new(),
            growing: HashMap::new(),
            look_at: Instant::now(),
            ready: None,
            bad: Bad::default(),
            shown: 0,
            begun: None,
            awaited: None,
        };
        if feed.ends() {
            feed.list()?;
        }
        Ok(feed)
    }

    fn ends(&self) -> bool {
        !self.options.repeat && !self.options.watch
    }

    /// Lists the pictures of the next round, or those of a watched folder that are new and complete.
    fn list(&mut self) -> Result<(), CaptureError> {
        let began = Instant::now();
        let outcome = listing::list(&self.folder);
        (self.next, self.look_at) = (0, Instant::now() + LOOK.max(began.elapsed() * 10));
        self.pictures.clear();
        let path = self.folder.clone();
        let listing = match outcome {
            Ok(listing) => listing,
            Err(source) => {
                self.awaited = Some(format!("{} cannot be read: {source}", path.display()));
                return Err(CaptureError::Unreadable { path, source });
            }
        };
        self.forget_all_but(&listing);
        self.name_others(&listing);
        if listing.pictures.is_empty() {
            self.awaited = Some(format!("{}: {}", path.display(), listing::NO_PICTURE));
            return Err(CaptureError::Empty { path, cause: listing::NO_PICTURE });
        }
        self.awaited = None;
        for (path, mark) in listing.pictures {
            if !self.options.watch || self.is_due(&path, mark) {
                self.pictures.push(path);
            }
        }
        Ok(())
    }

    /// Whether a file of a watched folder is new or changed, and has stopped growing.
    fn is_due(&mut self, path: &Path, mark: Option<Mark>) -> bool {
        let (Some(name), Some(mark)) = (path.file_name(), mark) else { return false };
        if self.known.get(name) == Some(&mark) {
            return false;
        }
        match self.growing.get(name) {
            Some((last, since)) if *last == mark => since.elapsed() >= STILL,
            _ => {
                self.growing.insert(name.into(), (mark, Instant::now()));
                false
            }
        }
    }

    fn forget_all_but(&mut self, listing: &Listing) {
        let here = |name: &OsString| listing.names.contains(name);
        self.known.retain(|name, _| here(name));
        self.others.retain(|name, _| here(name));
        self.growing.retain(|name, _| here(name));
    }

    /// Logs each file that is skipped for its name once, with the reason.
    fn name_others(&mut self, listing: &Listing) {
        let mut passed = 0;
        for (name, other) in &listing.others {
            if self.others.insert(name.clone(), *other).is_some() {
                continue;
            }
            passed += 1;
            let file = self.folder.join(name);
            match other {
                Other::Unreadable if passed <= NAMED => {
                    tracing::warn!("{} is skipped: save it as PNG, JPEG or BMP", file.display());
                }
                Other::NoPicture if passed <= NAMED => {
                    tracing::info!("{} is skipped: its name has no picture extension", file.display());
                }
                _ => tracing::debug!("{} is skipped", file.display()),
            }
        }
        if passed > 0 {
            let all = self.others.len();
            tracing::info!("{}: {all} files without a picture extension are skipped", self.folder.display());
        }
    }

    /// Decodes the next readable picture; logs and counts each unreadable one. `None`: none is left now.
    fn read(&mut self) -> Option<(PathBuf, Patch)> {
        if let Some(ready) = self.ready.take() {
            return Some(ready);
        }
        while let Some(path) = self.pictures.get(self.next).cloned() {
            self.next += 1;
            let name = path.file_name().unwrap_or_default().to_owned();
            let mark = Mark::of(&path);
            self.growing.remove(&name);
            let is_known_bad = mark.is_some() && self.known.get(&name) == mark.as_ref();
            if is_known_bad && !self.options.watch {
                continue;
            }
            match self.decode(&path) {
                Ok(patch) => {
                    // Outside a watched folder only unreadable files are remembered.
                    match mark.filter(|_| self.options.watch) {
                        Some(mark) => drop(self.known.insert(name, mark)),
                        None => drop(self.known.remove(&name)),
                    }
                    return Some((path, patch));
                }
                Err(fault) => {
                    if let Some(mark) = mark {
                        self.known.insert(name, mark);
                    }
                    self.name_bad(&path, &fault);
                }
            }
        }
        None
    }

    /// Errors: what is wrong with the picture, and what to do.
    fn decode(&self, path: &Path) -> Result<Patch, Explanation> {
        let explained = |error: PictureError| error.explanation();
        let file = picture::load(path, &Limits::USUAL).map_err(explained)?;
        let head = picture::head(&file).map_err(explained)?;
        let held = head.picture_bytes.saturating_mul(self.options.held as u64);
        if held > MAX_HELD {
            let (width, height, mib) = (head.width, head.height, held >> 20);
            return Err(Explanation::new(
                format!(
                    "its {width} x {height} px would take {mib} MiB in the ring's slots, of {} MiB at most",
                    MAX_HELD >> 20
                ),
                "lower ring_slots, or scale it down",
            ));
        }
        Ok(picture::read(&file, &Limits::USUAL).map_err(explained)?.patch)
    }

    fn name_bad(&mut self, path: &Path, fault: &Explanation) {
        tracing::warn!("{} gave no frame: {fault}", path.display());
        self.options.damaged.inc();
        self.bad.count += 1;
        if self.bad.named.len() < NAMED {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // The final error carries one remedy for all files, so each file's own remedy is left out.
            self.bad.named.push(format!("{name}: {}", fault.cause));
        }
    }

    /// The next picture: from another round where the folder is repeated, from another listing where it is
    /// watched.
    fn next_picture(&mut self) -> Option<(PathBuf, Patch)> {
        if let Some(found) = self.read() {
            return Some(found);
        }
        if self.ends() || (self.options.watch && Instant::now() < self.look_at) {
            return None;
        }
        // `open` reports what is wrong with the folder.
        self.list().ok()?;
        self.read()
    }

    /// Names what the feed waits for when there is no picture.
    fn awaited(&self) -> String {
        let folder = self.folder.display();
        match &self.awaited {
            Some(wrong) => format!("waiting for pictures: {wrong}"),
            None if self.options.watch => format!("waiting for new pictures in {folder}"),
            None => format!("waiting for pictures: none of those in {folder} can be read; see the log"),
        }
    }

    /// Time stamp of the next frame: evenly spaced, and never in the past where the feed waits for pictures.
    fn pts(&self) -> u64 {
        let even = self.shown * 1_000_000_000 / u64::from(self.options.fps.max(1));
        let waited = self.begun.filter(|_| self.options.watch && self.options.paced);
        waited.map_or(even, |begun| even.max(begun.elapsed().as_nanos() as u64))
    }
}

impl SourceFeed for ImagesFeed {
    fn open(&mut self, stop: &Stop) -> Result<Opening, CaptureError> {
        let Some((path, patch)) = self.next_picture() else {
            if self.ends() {
                return Ok(Opening::End);
            }
            let awaited = self.awaited();
            stop.wait(OPEN_WAIT);
            return Ok(Opening::Waiting(awaited));
        };
        let caps = self.frames.caps(&patch)?;
        self.ready = Some((path, patch));
        self.begun.get_or_insert_with(Instant::now);
        Ok(Opening::Ready { coding: Coding::Raw, caps, start_ns: self.pts() })
    }

    fn next(&mut self, stop: &Stop) -> Result<Fed, CaptureError> {
        loop {
            if stop.is_stopped() {
                return Ok(Fed::End);
            }
            if let Some((path, patch)) = self.next_picture() {
                let pts = self.pts();
                let sample = self.frames.sample(&path, patch, pts)?;
                self.shown += 1;
                return Ok(Fed::Sample(sample));
            }
            if self.ends() {
                return Ok(Fed::End);
            }
            // The feed waits here for a watched folder that exists, so that its camera stays online.
            if !self.options.watch || !self.folder.is_dir() {
                return Ok(Fed::Switch);
            }
            stop.wait(LOOK);
        }
    }

    fn rewind(&mut self) {
        (self.next, self.shown, self.bad) = (0, 0, Bad::default());
    }

    fn names(&self) -> Option<FileNames> {
        Some(self.frames.names())
    }

    fn check_end(&self, frames: u64) -> Result<(), CaptureError> {
        let Bad { count: bad, named } = &self.bad;
        if *bad == 0 {
            return Ok(());
        }
        let mut cause = named.join("; ");
        if *bad > named.len() as u64 {
            cause += &format!("; and {} more", bad - named.len() as u64);
        }
        let (path, bad, total) = (self.folder.clone(), *bad, frames + bad);
        Err(CaptureError::Pictures { path, bad, total, cause })
    }
}
