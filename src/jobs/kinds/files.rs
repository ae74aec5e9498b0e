//! Which pictures a request may name, and how the files are called that a job makes.

use std::path::{Component, Path, PathBuf};

use crate::types::{Origin, Refusal};

/// The longest stem of an output's name in bytes, without what a kind adds.
const LONGEST_STEM: usize = 100;

/// The picture that `name` names: below `folder`, or, from the command line, anywhere. Whoever may use the control socket
/// owns the box; REST and MQTT reach no file outside of the folder.
///
/// # Errors
/// `bad_name`, `not_allowed` or `unknown_picture`, with what to do next.
pub(super) fn picture(name: &str, folder: Option<&Path>, origin: Origin) -> Result<PathBuf, Refusal> {
    let path = Path::new(name);
    let is_local = matches!(origin, Origin::Cli { .. });
    if name.is_empty() || name.chars().any(char::is_control) {
        let message = format!("{:?} is no name of a picture", name.chars().take(40).collect::<String>());
        return Err(Refusal::new("bad_name", message, "name a file, without control characters"));
    }
    let found = match (folder, path.is_absolute()) {
        (_, true) if is_local => path.to_owned(),
        (Some(folder), false) if path.components().all(|part| matches!(part, Component::Normal(_))) => {
            folder.join(path)
        }
        (None, false) => {
            let message = "the configuration names no folder of pictures";
            let remedy = "write pictures = \"FOLDER\" below [jobs] and restart the service";
            return Err(Refusal::new("not_allowed", message, remedy));
        }
        _ => {
            let message = format!("the picture {name:?} lies outside of the folder of pictures");
            let remedy =
                "name it from that folder on ([jobs] pictures), without .. and without / at the beginning";
            return Err(Refusal::new("bad_name", message, remedy));
        }
    };
    match found.is_file() {
        true => Ok(found),
        false => {
            let message = format!("there is no picture {}", found.display());
            let remedy = "check the name, and that the service's user may read the folder";
            Err(Refusal::new("unknown_picture", message, remedy))
        }
    }
}

/// Removes the files of `folder` that an earlier process was writing when it died: the jobs make them anew.
pub(super) fn remove_partial(folder: &Path) {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.')
            && name.ends_with(".part")
            && let Err(error) = std::fs::remove_file(&path)
        {
            tracing::warn!("jobs: {} was left behind and cannot be removed: {error}", path.display());
        }
    }
}

/// The name of a picture without its folder and its ending, as an output's name may begin.
pub(super) fn stem(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let plain = |c: char| if c == '/' || c == '\\' || c.is_control() { '_' } else { c };
    let mut stem: String = stem.chars().map(plain).collect();
    while stem.len() > LONGEST_STEM {
        stem.pop();
    }
    match stem.trim_start_matches('.') {
        "" => "picture".to_owned(),
        stem => stem.to_owned(),
    }
}

/// The name of the file that people see, as the name of a job may be.
pub(super) fn job_name(path: &Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().take(LONGEST_STEM).collect()
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
        let ask = |name: &str, origin| picture(name, Some(&folder), origin).map_err(|refusal| refusal.code);
        assert_eq!(ask("a/photo.jpg", Origin::Web), Ok(folder.join("a/photo.jpg")));
        let secret = dir.path().join("secret.jpg").display().to_string();
        for name in ["../secret.jpg", "a/../../secret.jpg", "./a/photo.jpg", &secret, "a\n.jpg", ""] {
            assert_eq!(ask(name, Origin::Mqtt), Err("bad_name"), "{name:?}");
        }
        assert_eq!(ask("a/absent.jpg", Origin::Web), Err("unknown_picture"));
        assert_eq!(picture("a.jpg", None, Origin::Web).unwrap_err().code, "not_allowed");
        let cli = Origin::Cli { uid: None };
        assert_eq!(ask(&secret, cli), Ok(dir.path().join("secret.jpg")));
        assert_eq!(ask("../secret.jpg", cli), Err("bad_name"));
    }

    #[test]
    fn an_output_is_called_as_its_picture_within_what_a_file_may_be_called() {
        assert_eq!(stem(Path::new("/a/photo.of.me.jpg")), "photo.of.me");
        assert_eq!(stem(Path::new("..hidden.jpg")), "hidden");
        assert_eq!(stem(Path::new("a\\b\n.jpg")), "a_b_");
        assert_eq!(stem(Path::new("/")), "picture");
        assert!(stem(Path::new(&"ü".repeat(100))).len() <= LONGEST_STEM);
    }
}
