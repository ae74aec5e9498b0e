//! Which pictures a request may name, and the files that a job makes.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::probe::in_time;
use crate::contract::{JobFileOut, JobResult};
use crate::jobqueue::ParentOutcome;
use crate::jobs::command::FormatIn;
use crate::jobs::kind::{JobFailure, PlannedJob};
use crate::studio::{FileFormat, SavedPicture, StudioError, plain_stem};
use crate::types::{Explanation, Origin, Refusal};

/// The longest name of a job that is made of a file's name, in characters.
const LONGEST_NAME: usize = 100;
/// Quality of a JPEG where the request names none.
const USUAL_QUALITY: u8 = 90;

/// How results are written.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Saving {
    format: FormatIn,
    quality: u8,
}

impl Saving {
    /// What a request asks for.
    ///
    /// # Errors
    /// A quality that is none.
    pub(super) fn new(format: Option<FormatIn>, quality: Option<u8>) -> Result<Saving, Refusal> {
        let quality = quality.unwrap_or(USUAL_QUALITY);
        if !(1..=100).contains(&quality) {
            return Err(Refusal::new("bad_job", format!("quality is {quality}"), "use 1 to 100"));
        }
        Ok(Saving { format: format.unwrap_or(FormatIn::Png), quality })
    }

    pub(super) fn format(&self) -> FileFormat {
        match self.format {
            FormatIn::Png => FileFormat::Png,
            FormatIn::Jpeg => FileFormat::Jpeg { quality: self.quality },
        }
    }
}

/// The job called `name` whose work reads `payload`.
///
/// # Errors
/// The name of a file is not UTF-8.
pub(super) fn payload(payload: &impl Serialize, name: String) -> Result<PlannedJob, Refusal> {
    let payload = serde_json::to_vec(payload).map_err(|error| {
        Refusal::new("bad_name", format!("a file's name cannot be kept: {error}"), "use names in UTF-8")
    })?;
    Ok(PlannedJob { name, payload, time_limit_ms: None })
}

/// A file that was written, as an answer has it.
pub(super) fn saved(file: SavedPicture) -> JobFileOut {
    JobFileOut {
        path: file.path.display().to_string(),
        sha256: file.sha256,
        bytes: file.bytes,
        width: file.width as u64,
        height: file.height as u64,
    }
}

/// The pictures that a job before this one made.
pub(super) fn pictures_of(parent: &ParentOutcome) -> Vec<PathBuf> {
    let result = parent.result.as_deref().and_then(JobResult::read);
    let paths = result.iter().flat_map(JobResult::pictures).map(|picture| PathBuf::from(&picture.path));
    paths.collect()
}

/// The one picture that the jobs before made.
///
/// # Errors
/// There is none, or there are several.
pub(super) fn one_picture_of(parents: &[ParentOutcome]) -> Result<PathBuf, JobFailure> {
    let mut found: Vec<PathBuf> = parents.iter().flat_map(pictures_of).collect();
    match (found.pop(), found.len()) {
        (Some(picture), 0) => Ok(picture),
        (_, more) => {
            let count = if more == 0 { "no".to_owned() } else { (more + 1).to_string() };
            let cause = format!("the jobs before this one made {count} pictures where one is needed");
            let remedy = "let it come after one job that makes or fetches one picture";
            Err(JobFailure::lasting(Explanation::new(cause, remedy)))
        }
    }
}

/// Every file that a job before this one made.
pub(super) fn files_of(parent: &ParentOutcome) -> Vec<PathBuf> {
    let result = parent.result.as_deref().and_then(JobResult::read);
    result.iter().flat_map(JobResult::files).map(PathBuf::from).collect()
}

/// Whether the file of a kept answer is there, with the length that it had.
pub(super) fn is_still_there(made: &JobFileOut) -> bool {
    let found = std::fs::metadata(&made.path);
    found.is_ok_and(|file| file.is_file() && file.len() == made.bytes)
}

/// Whether the pictures of a kept answer are there, with the lengths that they had.
pub(super) fn are_still_there(result: &JobResult) -> bool {
    result.pictures().into_iter().all(is_still_there)
}

/// Makes the folder of the results, unless it is there.
///
/// # Errors
/// A failure that may pass.
pub(super) fn make_folder(folder: &Path) -> Result<(), JobFailure> {
    std::fs::create_dir_all(folder)
        .map_err(|source| failure(StudioError::Write { path: folder.to_owned(), source }))
}

/// Whether another attempt is worth it: what the disk or the runtime refuses may pass, and a picture stays as it is.
pub(super) fn failure(error: StudioError) -> JobFailure {
    match error {
        StudioError::Cancelled => JobFailure::Stopped,
        StudioError::Write { .. } | StudioError::Run(_) => JobFailure::passing(error.explanation()),
        _ => JobFailure::lasting(error.explanation()),
    }
}

/// A picture that a request names and that was not looked for yet.
#[derive(Clone, Debug)]
pub(super) struct NamedPicture {
    path: PathBuf,
    /// The folder that it must not leave, over links either; `None` where it may lie anywhere.
    within: Option<PathBuf>,
}

impl NamedPicture {
    /// The picture that `name` names; see [`resolve`].
    ///
    /// # Errors
    /// `bad_name` or `not_allowed`, with what to do next.
    pub(super) fn new(name: &str, folder: Option<&Path>, origin: Origin) -> Result<NamedPicture, Refusal> {
        let path = resolve(name, folder, origin)?;
        let is_local = matches!(origin, Origin::Cli { .. });
        Ok(NamedPicture { path, within: folder.filter(|_| !is_local).map(Path::to_owned) })
    }

    /// The picture of the inbox at `path`.
    pub(super) fn of_inbox(path: PathBuf) -> NamedPicture {
        NamedPicture { path, within: None }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong with it. Reads the disk.
    fn look(&self) -> Option<PictureFault> {
        if !self.path.is_file() {
            return Some(PictureFault::Absent);
        }
        let is_inside = |folder: &Path| match (self.path.canonicalize(), folder.canonicalize()) {
            (Ok(path), Ok(folder)) => path.starts_with(folder),
            _ => false,
        };
        let is_outside = self.within.as_deref().is_some_and(|folder| !is_inside(folder));
        is_outside.then_some(PictureFault::Outside)
    }
}

/// Why a picture cannot be taken.
enum PictureFault {
    Absent,
    /// A link leads out of the folder.
    Outside,
}

/// The path that `name` names, without a look at the disk: below `folder`, or, from the command line, anywhere. The user of
/// the control socket owns the box; REST and MQTT reach no file outside of the folder.
///
/// # Errors
/// `bad_name` or `not_allowed`, with what to do next.
pub(super) fn resolve(name: &str, folder: Option<&Path>, origin: Origin) -> Result<PathBuf, Refusal> {
    let path = Path::new(name);
    let is_local = matches!(origin, Origin::Cli { .. });
    if name.is_empty() || name.chars().any(char::is_control) {
        let message = format!("{:?} is no name of a picture", name.chars().take(40).collect::<String>());
        return Err(Refusal::new("bad_name", message, "name a file, without control characters"));
    }
    match (folder, path.is_absolute()) {
        (_, true) if is_local => Ok(path.to_owned()),
        (Some(folder), false) if path.components().all(|part| matches!(part, Component::Normal(_))) => {
            Ok(folder.join(path))
        }
        (None, false) => {
            let message = "the configuration names no folder of pictures";
            let remedy = "write pictures = \"FOLDER\" below [jobs] and restart the service";
            Err(Refusal::new("not_allowed", message, remedy))
        }
        _ => {
            let message = format!("the picture {name:?} lies outside of the folder of pictures");
            let remedy =
                "name it from that folder on ([jobs] pictures), without .. and without / at the beginning";
            Err(Refusal::new("bad_name", message, remedy))
        }
    }
}

/// The paths of `named`, unless it is certain that one of them is not there. All are looked for at once, within one time
/// limit.
///
/// # Errors
/// `unknown_picture` or `not_allowed`, with what to do next.
pub(super) fn there(named: Vec<NamedPicture>) -> Result<Vec<PathBuf>, Refusal> {
    if named.is_empty() {
        return Ok(Vec::new());
    }
    let paths = named.iter().map(|picture| picture.path.clone()).collect();
    let look =
        move || named.into_iter().find_map(|picture| picture.look().map(|fault| (picture.path, fault)));
    match in_time(look) {
        // A share that does not answer in time may do so when the job runs.
        Some(None) | None => Ok(paths),
        Some(Some((path, PictureFault::Absent))) => {
            let message = format!("there is no picture {}", path.display());
            let remedy = "check the name, and that the service's user may read the folder";
            Err(Refusal::new("unknown_picture", message, remedy))
        }
        Some(Some((path, PictureFault::Outside))) => {
            let message = format!("the picture {} is a link out of the folder of pictures", path.display());
            let remedy = "put the picture itself into the folder ([jobs] pictures)";
            Err(Refusal::new("not_allowed", message, remedy))
        }
    }
}

/// The name of a picture without its folder and its ending, as an output's name may begin; at most `longest` bytes.
pub(super) fn stem(path: &Path, longest: usize) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    plain_stem(&stem, longest)
}

/// The name of the file that people see, as the name of a job may be.
pub(super) fn job_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().take(LONGEST_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_from_afar_reaches_no_file_outside_of_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("shop");
        std::fs::create_dir_all(folder.join("a")).unwrap();
        std::fs::write(folder.join("a/photo.jpg"), "x").unwrap();
        std::fs::write(dir.path().join("secret.jpg"), "x").unwrap();
        let ask = |name: &str, origin| {
            let found = NamedPicture::new(name, Some(&folder), origin).and_then(|named| there(vec![named]));
            found.map(|mut paths| paths.remove(0)).map_err(|refusal| refusal.code)
        };
        assert_eq!(ask("a/photo.jpg", Origin::Web), Ok(folder.join("a/photo.jpg")));
        let secret = dir.path().join("secret.jpg").display().to_string();
        for name in ["../secret.jpg", "a/../../secret.jpg", "./a/photo.jpg", &secret, "a\n.jpg", ""] {
            assert_eq!(ask(name, Origin::Mqtt), Err("bad_name"), "{name:?}");
        }
        assert_eq!(ask("a/absent.jpg", Origin::Web), Err("unknown_picture"));
        assert_eq!(NamedPicture::new("a.jpg", None, Origin::Web).unwrap_err().code, "not_allowed");
        let cli = Origin::Cli { uid: None };
        assert_eq!(ask(&secret, cli), Ok(dir.path().join("secret.jpg")));
        assert_eq!(ask("../secret.jpg", cli), Err("bad_name"));
        std::os::unix::fs::symlink(&secret, folder.join("link.jpg")).unwrap();
        std::os::unix::fs::symlink(folder.join("a/photo.jpg"), folder.join("inner.jpg")).unwrap();
        assert_eq!(ask("link.jpg", Origin::Web), Err("not_allowed"));
        assert_eq!(ask("link.jpg", cli), Ok(folder.join("link.jpg")));
        assert_eq!(ask("inner.jpg", Origin::Web), Ok(folder.join("inner.jpg")));
    }

    #[test]
    fn an_output_is_called_as_its_picture_within_what_a_file_may_be_called() {
        assert_eq!(stem(Path::new("/a/photo.of.me.jpg"), 99), "photo.of.me");
        assert_eq!(stem(Path::new("..hidden.jpg"), 99), "hidden");
        assert_eq!(stem(Path::new("a\\b\n.jpg"), 99), "a_b_");
        assert_eq!(stem(Path::new("/"), 99), "picture");
        assert!(stem(Path::new(&"ü".repeat(100)), 99).len() == 98);
    }
}
