//! One folder of evidence: prepared in memory, then written atomically.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::document::{Document, KeptFile};
use super::error::EvidenceError;
use super::index;
use super::planes::PlanesFault;
use super::queue::EvidenceJob;
use super::seal;
use crate::types::sha256;

/// File with the results of the inspection.
pub(super) const DOCUMENT: &str = "evidence.json";
/// File with the frame's planes, lossless.
pub(super) const PLANES: &str = "planes.png";
/// File with the frame as a JPEG, for people.
pub(super) const PICTURE: &str = "frame.jpg";
/// File with the recipe's text.
pub(super) const RECIPE: &str = "recipe.toml";

/// Holds folders while they are written or removed. Anything in it at the start was left by a crash and is
/// removed.
const PARTIAL: &str = ".partial";

/// A folder whose files are encoded and sealed, and only need to be written.
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
        let encode =
            |file| move |fault: PlanesFault| EvidenceError::Encode { file, cause: fault.to_string() };
        let mut files = vec![(PLANES, job.shot.encode_png().map_err(encode(PLANES))?)];
        match job.shot.encode_jpeg() {
            Ok(picture) => files.push((PICTURE, picture)),
            // The JPEG is only for people and no replay needs it, so a fault of its encoder does not matter.
            Err(cause) => tracing::debug!(acquisition = job.inspection.id, "no {PICTURE}: {cause}"),
        }
        if let Some(record) = &job.record {
            files.push((RECIPE, record.recipe_text.clone().into_bytes()));
        }
        let listed = files.iter().map(|(name, bytes)| {
            (name.to_string(), KeptFile { sha256: sha256(bytes), bytes: bytes.len() as u64 })
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

    /// The bytes that the folder takes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|(_, bytes)| bytes.len() as u64).sum()
    }

    /// The folder's path relative to the root, unless that name is taken already.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    /// Writes the folder under `root`; returns its path relative to it.
    /// Errors: the disk refused; nothing of the folder is left then.
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

    /// A free name. Numbers of acquisitions begin again after a store was lost, so one may repeat on the same
    /// day.
    fn free_name(&self, parent: &Path) -> String {
        if !parent.join(&self.name).exists() {
            return self.name.clone();
        }
        let numbered = (2..).map(|n: u64| format!("{}-{n}", self.name));
        numbered.into_iter().find(|name| !parent.join(name).exists()).unwrap_or_default()
    }
}

/// Removes the folder at `relative` under `root` atomically, so that no remainder can be taken for evidence.
/// Also removes the folders of its day and camera where they are empty now.
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
        // The system refuses to remove a folder that still has others in it, as intended.
        let _ = fs::remove_dir(root.join(parent));
    }
    Ok(())
}

/// Removes folders that a crash left partly written or partly removed.
pub(super) fn clear_partial(root: &Path) {
    let _ = fs::remove_dir_all(root.join(PARTIAL));
}

/// A folder name for a camera. A camera may be called `..`, and hidden folders must not belong to a camera.
fn camera_folder(camera: &str) -> String {
    if camera.starts_with('.') { format!("_{camera}") } else { camera.to_owned() }
}

/// Flushes `folder` to disk, so that the names in it survive a power failure.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
