//! One folder of evidence: made ready in memory, then written so that it is there whole or not at all.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::document::{Document, KeptFile};
use super::error::EvidenceError;
use super::index;
use super::queue::EvidenceJob;
use super::seal;

/// File with the results of the inspection.
pub(super) const DOCUMENT: &str = "evidence.json";
/// The frame's own bytes.
pub(super) const PLANES: &str = "planes.png";
/// The frame for people.
pub(super) const PICTURE: &str = "frame.jpg";
/// File with the recipe's text.
pub(super) const RECIPE: &str = "recipe.toml";

/// Where folders are on their way in or out; what is found there at the start is of no use.
const PARTIAL: &str = ".partial";

/// A folder that only needs to be written.
pub(super) struct Prepared {
    /// Relative to the root: `CAMERA/DATE`.
    pub(super) parent: PathBuf,
    /// The folder's own name, `ID-VERDICT`.
    name: String,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Prepared {
    /// Encodes and seals `job`. Errors: the frame cannot be encoded.
    pub(super) fn new(job: &mut EvidenceJob) -> Result<Prepared, EvidenceError> {
        let encode = |file| move |cause| EvidenceError::Encode { file, cause };
        let mut files = vec![(PLANES, job.shot.encode_png().map_err(encode(PLANES))?)];
        match job.shot.encode_jpeg() {
            Ok(picture) => files.push((PICTURE, picture)),
            // Only for people; nothing rests on it.
            Err(cause) => tracing::debug!(acquisition = job.inspection.id, "no {PICTURE}: {cause}"),
        }
        if let Some(record) = &job.record {
            files.push((RECIPE, record.recipe_text.clone().into_bytes()));
        }
        let listed = files.iter().map(|(name, bytes)| {
            (name.to_string(), KeptFile { sha256: seal::sha256(bytes), bytes: bytes.len() as u64 })
        });
        let document = Document::new(job, listed.collect());
        let text = serde_json::to_string_pretty(&document);
        let text =
            text.map_err(|error| EvidenceError::Encode { file: DOCUMENT, cause: error.to_string() })?;
        files.push((DOCUMENT, seal::seal(text).into_bytes()));
        let date = index::date(job.shot.captured.wall_ns);
        let parent = Path::new(&camera_folder(&job.inspection.camera)).join(date);
        let name = format!("{}-{}", job.inspection.id, job.inspection.outcome.as_str());
        Ok(Prepared { parent, name, files })
    }

    /// Its bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// Its path relative to the root, where none of that name is there yet.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Writes the folder under `root`; gives its path relative to it. Errors: the disk refused, and nothing of it is
    /// left.
    pub(super) fn write(&self, root: &Path) -> Result<PathBuf, EvidenceError> {
        let partial = root.join(PARTIAL).join(&self.name);
        self.try_write(root, &partial).map_err(|source| {
            let _ = fs::remove_dir_all(&partial);
            EvidenceError::Write { path: root.join(self.path()), source }
        })
    }

    fn try_write(&self, root: &Path, partial: &Path) -> io::Result<PathBuf> {
        if partial.exists() {
            fs::remove_dir_all(partial)?;
        }
        fs::create_dir_all(partial)?;
        for (name, bytes) in &self.files {
            let mut file = File::create_new(partial.join(name))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        sync_folder(partial)?;
        let parent = root.join(&self.parent);
        fs::create_dir_all(&parent)?;
        let name = self.free_name(&parent);
        fs::rename(partial, parent.join(&name))?;
        sync_folder(&parent)?;
        Ok(self.parent.join(name))
    }

    /// Acquisitions are counted anew after a store was lost, so a number may come again on the same day.
    fn free_name(&self, parent: &Path) -> String {
        if !parent.join(&self.name).exists() {
            return self.name.clone();
        }
        let numbered = (2..).map(|n: u64| format!("{}-{n}", self.name));
        numbered.into_iter().find(|name| !parent.join(name).exists()).unwrap_or_default()
    }
}

/// Removes the folder at `relative` under `root`, so that no half of it can be taken for evidence; and those of its
/// day and camera where they are empty now.
pub(super) fn remove(root: &Path, relative: &Path) -> io::Result<()> {
    let (folder, aside) = (root.join(relative), root.join(PARTIAL).join("removed"));
    let moved = fs::create_dir_all(root.join(PARTIAL)).and_then(|()| fs::rename(&folder, &aside));
    match moved {
        Ok(()) => fs::remove_dir_all(&aside)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        // A full disk may refuse to rename; removing in place is better than nothing.
        Err(_) => fs::remove_dir_all(&folder)?,
    }
    for parent in relative.ancestors().skip(1).take(2) {
        // Refused while others are in it, which is right.
        let _ = fs::remove_dir(root.join(parent));
    }
    Ok(())
}

/// Removes what a crash left half written or half removed.
pub(super) fn clear_partial(root: &Path) {
    let _ = fs::remove_dir_all(root.join(PARTIAL));
}

/// A camera may be called `..`; hidden folders are none of the cameras'.
fn camera_folder(camera: &str) -> String {
    if camera.starts_with('.') { format!("_{camera}") } else { camera.to_owned() }
}

/// Makes the names in `folder` survive a power failure.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
