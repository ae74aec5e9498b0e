//! A folder of pictures in the order of their names: once, again and again, or as they come.
//!
//! The folder is listed anew each round, and each look where it is watched: pictures come, go and are replaced. They
//! are decoded by the one reader of pictures, here on the streaming thread, and pushed as raw frames.

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
use crate::types::Patch;
use frames::ImageFrames;
use listing::{Listing, Mark, Other};

/// Most memory for the frames of a folder that are held at once, in the ring and on the way to it.
const MAX_HELD: u64 = 512 << 20;
/// How long a call of `open` waits where there is nothing to show yet.
const OPEN_WAIT: Duration = Duration::from_millis(100);
/// How often a watched folder is looked at; a folder so large that a look takes long, more seldom.
const LOOK: Duration = Duration::from_millis(250);
/// A new file must not have changed for so long.
const STILL: Duration = Duration::from_millis(500);
/// Files that a message names; more are counted.
const NAMED: usize = 10;

/// What is done with a folder.
#[derive(Clone, Debug)]
pub struct FolderOptions {
    /// Rate in pictures a second.
    pub fps: u32,
    /// The folder is gone through again and again.
    pub repeat: bool,
    /// New pictures are waited for.
    pub watch: bool,
    /// Frames leave at their time stamps.
    pub paced: bool,
    /// Frames that the ring and the pipeline hold at once.
    pub held: usize,
    /// Pictures that gave no frame are counted here, too.
    pub damaged: Counter,
}

/// Shows the pictures of a folder.
pub struct ImagesFeed {
    folder: PathBuf,
    options: FolderOptions,
    frames: ImageFrames,
    /// Of this round, or found at the last look.
    pictures: Vec<PathBuf>,
    next: usize,
    /// What is known of files: they are not named again, nor shown again where the folder is watched.
    known: HashMap<OsString, Mark>,
    /// Other files that were named.
    others: HashMap<OsString, Other>,
    /// Files of a watched folder that may still grow, and since when they do not.
    growing: HashMap<OsString, (Mark, Instant)>,
    look_at: Instant,
    /// Decoded by `open`, for the next frame.
    ready: Option<(PathBuf, Patch)>,
    bad: Bad,
    shown: u64,
    begun: Option<Instant>,
    /// What the last look found wrong with the folder.
    awaited: Option<String>,
}

/// Pictures that gave no frame.
#[derive(Default)]
struct Bad {
    count: u64,
    /// The first ones, with their causes.
    named: Vec<String>,
}

impl ImagesFeed {
    /// Lists the folder. Errors: it cannot be read or holds no picture, and is neither repeated nor watched.
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

    /// Reads the folder: the pictures of the next round, or those of a watched folder that are new and whole.
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

    /// Whether a file of a watched folder is new (or another than before) and does not grow any more.
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

    /// Says once of each file that is passed over for its name why it is.
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
                    tracing::warn!("{} is passed over: save it as PNG, JPEG or BMP", file.display());
                }
                Other::NoPicture if passed <= NAMED => {
                    tracing::info!("{} is passed over: its name is not that of a picture", file.display());
                }
                _ => tracing::debug!("{} is passed over", file.display()),
            }
        }
        if passed > 0 {
            let all = self.others.len();
            tracing::info!("{}: {all} files that are no pictures are passed over", self.folder.display());
        }
    }

    /// Reads the next picture that is one; each that is not is named once, and counted. `None`: there is none now.
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
                    // Where it is not watched, only what is bad is remembered.
                    match mark.filter(|_| self.options.watch) {
                        Some(mark) => drop(self.known.insert(name, mark)),
                        None => drop(self.known.remove(&name)),
                    }
                    return Some((path, patch));
                }
                Err(cause) => {
                    if let Some(mark) = mark {
                        self.known.insert(name, mark);
                    }
                    self.name_bad(&path, &cause);
                }
            }
        }
        None
    }

    fn decode(&self, path: &Path) -> Result<Patch, String> {
        let said = |error: PictureError| error.to_string();
        let file = picture::load(path, &Limits::USUAL).map_err(said)?;
        let head = picture::head(&file).map_err(said)?;
        let held = head.picture_bytes.saturating_mul(self.options.held as u64);
        if held > MAX_HELD {
            return Err(format!(
                "its {} x {} px would take {} MiB in the ring's slots, of {} MiB at most; lower ring_slots, or scale it \
                 down",
                head.width,
                head.height,
                held >> 20,
                MAX_HELD >> 20
            ));
        }
        Ok(picture::read(&file, &Limits::USUAL).map_err(said)?.patch)
    }

    fn name_bad(&mut self, path: &Path, cause: &str) {
        tracing::warn!("{} gave no frame: {cause}", path.display());
        self.options.damaged.inc();
        self.bad.count += 1;
        if self.bad.named.len() < NAMED {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            // The remedy of one is not the remedy of all.
            let what = cause.split("; ").next().unwrap_or(cause);
            self.bad.named.push(format!("{name}: {what}"));
        }
    }

    /// The next picture, in another round where the folder is repeated, from another look where it is watched.
    fn next_picture(&mut self) -> Option<(PathBuf, Patch)> {
        if let Some(found) = self.read() {
            return Some(found);
        }
        if self.ends() || (self.options.watch && Instant::now() < self.look_at) {
            return None;
        }
        // What is wrong with the folder is said by `open`.
        self.list().ok()?;
        self.read()
    }

    /// What is awaited, where there is nothing to show.
    fn awaited(&self) -> String {
        let folder = self.folder.display();
        match &self.awaited {
            Some(wrong) => format!("waiting for pictures: {wrong}"),
            None if self.options.watch => format!("waiting for new pictures in {folder}"),
            None => format!("waiting for pictures: none of those in {folder} can be read; see the log"),
        }
    }

    /// Time stamp of the next frame: evenly spaced; where pictures are waited for, no earlier than it is.
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
            // A watched folder that is there is waited for here, so that its camera stays online.
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
