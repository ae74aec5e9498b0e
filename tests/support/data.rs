//! Where test data lies, and what a test does that lacks something.

use std::io::Write;
use std::path::{Path, PathBuf};

/// Path, bytes, SHA-256, `repo` or `fetch`, licence and source of each file, separated by tabs.
const MANIFEST: &str = include_str!("../data/manifest.tsv");

/// What recognising faces takes.
pub const FACES: &[&str] =
    &["images/faces", "models/face_detection_back.tflite", "models/mobilefacenet_float32.tflite"];

/// The first folder that holds all of `needs` (files, or folders with everything that the manifest names in them):
/// `OCELLUS_DATA`, `../shared/data`, `tests/data`. `None` where there is none: see [`skip`].
pub fn data(needs: &[&str]) -> Option<PathBuf> {
    let here = repository();
    let named = std::env::var_os("OCELLUS_DATA").map(PathBuf::from);
    let roots: Vec<PathBuf> =
        named.into_iter().chain([here.join("../shared/data"), here.join("tests/data")]).collect();
    let found = roots.iter().find(|root| needs.iter().all(|need| missing(root, need).is_none()));
    if found.is_none() {
        let last = roots.last()?;
        let files: Vec<_> = needs.iter().filter_map(|need| missing(last, need)).collect();
        skip(&format!("test data is not there ({}): `make data` fetches it", files.join(", ")));
    }
    found.cloned()
}

/// The repository's folder, also for the tests of a crate below `crates/`.
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().find(|folder| folder.join("tests/data").is_dir()).unwrap_or(package).to_owned()
}

/// The first file of `need` that `root` lacks.
fn missing(root: &Path, need: &str) -> Option<String> {
    let below =
        |path: &str| path.strip_prefix(need).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let mut listed =
        MANIFEST.lines().filter_map(|line| line.split('\t').next()).filter(|path| below(path)).peekable();
    if listed.peek().is_none() {
        return (!root.join(need).exists()).then(|| need.to_owned());
    }
    listed.find(|path| !root.join(path).is_file()).map(str::to_owned)
}

/// The calling test cannot show anything here, because of `reason`: with `CI` set that is a failure. Elsewhere the
/// test ends early, and the reason is added to the file that `OCELLUS_SKIPPED` names; `make test` shows it at the end.
#[track_caller]
pub fn skip(reason: &str) {
    assert!(std::env::var_os("CI").is_none(), "with CI set no test is skipped: {reason}");
    let thread = std::thread::current();
    let line = format!("SKIPPED, NOT PASSED: {}: {reason}\n", thread.name().unwrap_or("a test"));
    eprint!("{line}");
    if let Some(list) = std::env::var_os("OCELLUS_SKIPPED") {
        let file = std::fs::OpenOptions::new().append(true).create(true).open(list);
        file.and_then(|mut file| file.write_all(line.as_bytes()))
            .expect("the list of skipped tests can be written");
    }
}
