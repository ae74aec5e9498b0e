//! The files of a run: their names in PyAMA's layout, and how they get them.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::timelapse::tables::FovFiles;

use super::RunError;

/// Ending of files that are being written.
const PARTIAL: &str = "partial";
/// The table of all results.
pub const RESULTS: &str = "processing_results.yaml";
/// What was done, from what, and why something is missing.
pub const SUMMARY: &str = "summary.json";

/// The names of the files of one field of view.
#[derive(Clone, Debug)]
pub struct FovPaths {
    out: PathBuf,
    folder: String,
    prefix: String,
}

impl FovPaths {
    /// Field of view `fov` of the stack `stem`, in the results folder `out`.
    pub fn new(out: &Path, stem: &str, fov: usize) -> FovPaths {
        let folder = format!("fov_{fov:03}");
        FovPaths { out: out.to_owned(), prefix: format!("{stem}_fov_{fov:03}"), folder }
    }

    /// The folder of its files.
    pub fn folder(&self) -> PathBuf {
        self.out.join(&self.folder)
    }

    /// The file with this ending of its name, for instance `seg_ch_0.npy`.
    pub fn file(&self, ending: &str) -> PathBuf {
        self.out.join(self.name(ending))
    }

    fn name(&self, ending: &str) -> String {
        format!("{}/{}_{ending}", self.folder, self.prefix)
    }

    /// The paths as `processing_results.yaml` has them.
    pub fn of_results(&self, phase: usize, fluorescence: &[usize]) -> FovFiles {
        let each = |kind: &str| {
            let one = |channel: &usize| (*channel, self.name(&format!("{kind}_ch_{channel}.npy")));
            fluorescence.iter().map(one).collect()
        };
        FovFiles {
            pc: (phase, self.name(&format!("pc_ch_{phase}.npy"))),
            fl: each("fl"),
            seg: (phase, self.name(&format!("seg_ch_{phase}.npy"))),
            seg_labeled: (phase, self.name(&format!("seg_labeled_ch_{phase}.npy"))),
            fl_background: each("fl_background"),
            traces: self.name("traces.csv"),
        }
    }
}

/// The name that a file has while it is written.
pub fn partial(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(PARTIAL);
    name.into()
}

/// Gives a complete, synced file its final name.
///
/// # Errors
/// Those of the system, with the path.
pub fn publish(from: &Path, to: &Path) -> Result<(), RunError> {
    fs::rename(from, to).map_err(|error| RunError::io("rename to", to, error))?;
    let folder = to.parent().unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| RunError::io("sync", folder, error))
}

/// Writes a whole file aside, syncs it, and gives it its name.
///
/// # Errors
/// Those of the system, with the path.
pub fn write_whole(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), RunError> {
    let aside = partial(path);
    let written = File::create(&aside).and_then(|file| {
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.flush()?;
        out.get_ref().sync_all()
    });
    written.map_err(|error| RunError::io("write", &aside, error))?;
    publish(&aside, path)
}

/// Removes what a run that was ended left half-written below `folder`.
///
/// # Errors
/// Those of the system, with the path.
pub fn remove_partial(folder: &Path) -> Result<(), RunError> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other.map_err(|error| RunError::io("read", folder, error))?,
    };
    for entry in entries {
        let path = entry.map_err(|error| RunError::io("read", folder, error))?.path();
        if path.extension().is_some_and(|ending| ending == PARTIAL) {
            fs::remove_file(&path).map_err(|error| RunError::io("remove", &path, error))?;
        }
    }
    Ok(())
}
