//! Pictures that come with requests: in a folder of the state directory that holds nothing else, removed with the jobs that
//! use them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;

use crate::image::picture;
use crate::studio::{FileWriter, StudioError, plain_stem, remove_partial};
use crate::types::{IncomingPicture, PictureInbox, Refusal};

/// How requests refer to a picture that came with one.
const SCHEME: &str = "upload:";
/// The longest beginning of a file's name in bytes, from the name that its sender gives it.
const LONGEST_STEM: usize = 60;
/// Pictures that may be on their way at one time.
const MOST_AT_ONCE: usize = 4;
/// Pictures that no job uses are removed after this time.
const UNUSED_FOR: Duration = Duration::from_secs(3_600);
/// Bytes of a file that show which kind of picture it is.
const HEAD: usize = 4;

/// The folder of pictures that came with requests.
pub struct Inbox {
    folder: PathBuf,
    /// The most bytes of one picture, and of all together.
    max_bytes: u64,
    max_total: u64,
    under_way: Arc<AtomicUsize>,
    fresh: Arc<FreshPictures>,
}

/// Pictures that have come less than [`UNUSED_FOR`] ago and that no job has used since: the moment when each came last, and how
/// often it came. A request may still name them, also where the job of an earlier request with the same picture leaves.
#[derive(Default)]
struct FreshPictures(Mutex<BTreeMap<PathBuf, (Instant, usize)>>);

impl FreshPictures {
    fn add(&self, path: PathBuf) {
        let mut fresh = self.0.lock();
        fresh.retain(|_, (at, _)| at.elapsed() < UNUSED_FOR);
        let (at, count) = fresh.entry(path).or_insert_with(|| (Instant::now(), 0));
        *at = Instant::now();
        *count += 1;
    }

    fn take(&self, path: &Path) {
        let mut fresh = self.0.lock();
        if let Some((_, count)) = fresh.get_mut(path) {
            *count -= 1;
            if *count == 0 {
                fresh.remove(path);
            }
        }
    }
}

impl Inbox {
    /// The inbox in `folder`, which is made when the first picture comes.
    pub fn new(folder: PathBuf, max_bytes: u64, max_total: u64) -> Inbox {
        for error in remove_partial(&folder) {
            tracing::warn!("jobs: a picture was left behind and cannot be removed: {error}");
        }
        Inbox { folder, max_bytes, max_total, under_way: Arc::default(), fresh: Arc::default() }
    }

    /// The folder of the pictures.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether the picture has come less than an hour ago, and no job has used it since.
    pub(super) fn is_fresh(&self, path: &Path) -> bool {
        self.fresh.0.lock().get(path).is_some_and(|(at, _)| at.elapsed() < UNUSED_FOR)
    }

    /// A job uses the picture from now on, so that it leaves with that job.
    pub(super) fn used(&self, path: &Path) {
        self.fresh.take(path);
    }

    /// Pictures that lie there for an hour or longer.
    pub(super) fn old(&self) -> Vec<PathBuf> {
        let Some(before) = SystemTime::now().checked_sub(UNUSED_FOR) else { return Vec::new() };
        let is_old = |entry: &fs::DirEntry| {
            // A hidden file is on its way, and anything but a file was never put there by this service.
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            let found = entry.metadata().ok().filter(|found| found.is_file() && !is_hidden);
            found.and_then(|found| found.modified().ok()).is_some_and(|modified| modified < before)
        };
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter(is_old).map(|entry| entry.path()).collect()
    }

    fn total(&self) -> u64 {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.metadata().ok()).map(|found| found.len()).sum()
    }
}

/// The file in `folder` that a request means by `name`; `None` where it means no picture that came with a request.
pub(super) fn uploaded(name: &str, folder: &Path) -> Option<PathBuf> {
    let name = name.strip_prefix(SCHEME)?;
    // No other name was ever given out.
    (plain_stem(name, name.len()) == name).then(|| folder.join(name))
}

impl PictureInbox for Inbox {
    fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    fn begin(&self, name: &str) -> Result<Box<dyn IncomingPicture>, Refusal> {
        let turn = Turn(self.under_way.clone());
        if turn.0.fetch_add(1, Ordering::AcqRel) >= MOST_AT_ONCE {
            let message = format!("{MOST_AT_ONCE} pictures are on their way, which is the limit");
            return Err(Refusal::new("busy", message, "try again in a moment"));
        }
        let total = self.total();
        if total >= self.max_total {
            let message =
                format!("pictures that came with requests take {} MiB, which is the limit", total >> 20);
            let remedy = "they are removed with their jobs: try again later, or raise uploads_mib in [jobs]";
            return Err(Refusal::new("busy", message, remedy));
        }
        fs::create_dir_all(&self.folder)
            .map_err(|source| not_stored(&StudioError::Write { path: self.folder.clone(), source }))?;
        let stem = Path::new(name).file_stem().unwrap_or_default().to_string_lossy();
        let file = FileWriter::create(&self.folder, &plain_stem(&stem, LONGEST_STEM));
        let file = file.map_err(|error| not_stored(&error))?;
        Ok(Box::new(Incoming {
            file,
            head: Vec::with_capacity(HEAD),
            max_bytes: self.max_bytes,
            fresh: self.fresh.clone(),
            _turn: turn,
        }))
    }
}

/// Counts one picture that is on its way.
struct Turn(Arc<AtomicUsize>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

struct Incoming {
    file: FileWriter,
    head: Vec<u8>,
    max_bytes: u64,
    fresh: Arc<FreshPictures>,
    _turn: Turn,
}

impl IncomingPicture for Incoming {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal> {
        if self.file.bytes() + bytes.len() as u64 > self.max_bytes {
            let message = format!("the picture has more than {} MiB", self.max_bytes >> 20);
            let remedy = "send a smaller one, or raise upload_mib in [jobs]";
            return Err(Refusal::new("picture_too_large", message, remedy));
        }
        let missing = HEAD.saturating_sub(self.head.len()).min(bytes.len());
        self.head.extend_from_slice(&bytes[..missing]);
        if self.head.len() == HEAD {
            // What is no picture is refused before the rest of it comes.
            self.extension()?;
        }
        self.file.write(bytes).map_err(|error| not_stored(&error))
    }

    fn finish(self: Box<Self>) -> Result<String, Refusal> {
        let extension = self.extension()?;
        let (path, _) = self.file.finish(extension).map_err(|error| not_stored(&error))?;
        let name = format!("{SCHEME}{}", path.file_name().unwrap_or_default().to_string_lossy());
        self.fresh.add(path);
        Ok(name)
    }
}

impl Incoming {
    /// The ending of the file's name, by its first bytes.
    fn extension(&self) -> Result<&'static str, Refusal> {
        picture::extension(&self.head).ok_or_else(|| {
            Refusal::new(
                "picture_unreadable",
                "the file that was sent is no picture",
                "send a JPEG, PNG or BMP",
            )
        })
    }
}

fn not_stored(error: &StudioError) -> Refusal {
    Refusal::explained("not_stored", error.explanation())
}
