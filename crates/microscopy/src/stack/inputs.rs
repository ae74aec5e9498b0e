//! From what a person gives (files, folders, patterns) to the files that are opened.

use std::path::{Path, PathBuf};

use super::names::{Pattern, matches_wildcard, natural, scene, stem};
use super::{StackError, is_stack, is_vendor};

/// The files of a stack, in their natural order.
#[derive(Debug)]
pub(super) struct Inputs {
    pub files: Vec<PathBuf>,
    /// The folder or pattern that they came from, or the only file; for messages.
    pub origin: PathBuf,
    /// What results are called after.
    pub stem: String,
    /// The name pattern that they are to be read by.
    pub pattern: Option<Pattern>,
    /// Files beside them that were left out, as sentences.
    pub notes: Vec<String>,
}

/// Finds the files of `inputs`.
pub(super) fn find(inputs: &[PathBuf], pattern: Option<&str>) -> Result<Inputs, StackError> {
    let mut pattern = pattern.map(Pattern::parse).transpose()?;
    let [first, ..] = inputs else {
        return Err(StackError::NoImages { path: PathBuf::new(), looked: "nothing was given".to_owned() });
    };
    let (mut files, mut notes) = (Vec::new(), Vec::new());
    let mut folders = 0;
    for input in inputs {
        let name = file_name(input);
        if input.is_dir() {
            folders += 1;
            add(input, &mut files, &mut notes, |name| {
                pattern.as_ref().is_none_or(|pattern| pattern.fields(name).is_some())
            })?;
        } else if name.contains('{') && !input.exists() {
            let named = Pattern::parse(&name)?;
            add(&parent(input), &mut files, &mut notes, |name| named.fields(name).is_some())?;
            pattern = Some(named);
        } else if input.to_string_lossy().contains('*') && !input.exists() {
            add_wildcard(input, &mut files, &mut notes)?;
        } else if input.exists() {
            files.push(input.clone());
        } else {
            return Err(StackError::NotFound { path: input.clone() });
        }
    }
    files.sort_by(|a, b| parent(a).cmp(&parent(b)).then_with(|| natural(&file_name(a), &file_name(b))));
    files.dedup();
    let stem = match inputs {
        [only] if folders == 1 => folder_name(only),
        _ => common_stem(&files),
    };
    if let [file] = files.as_slice() {
        notes.extend(other_scenes(file));
    }
    Ok(Inputs { files, origin: first.clone(), stem, pattern, notes })
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn parent(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn folder_name(folder: &Path) -> String {
    let absolute = std::path::absolute(folder).unwrap_or_default();
    let full = std::fs::canonicalize(folder).unwrap_or(absolute);
    folder
        .file_name()
        .or(full.file_name())
        .map_or_else(|| "stack".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Names in a folder, in their natural order; hidden ones are not for us.
fn entries(folder: &Path) -> Result<Vec<String>, StackError> {
    let failed = |source| StackError::Unreadable { path: folder.to_owned(), source };
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            names.push(name);
        }
    }
    names.sort_by(|a, b| natural(a, b));
    Ok(names)
}

/// Adds the stacks of `folder` whose names are `wanted`.
fn add(
    folder: &Path,
    files: &mut Vec<PathBuf>,
    notes: &mut Vec<String>,
    wanted: impl Fn(&str) -> bool,
) -> Result<(), StackError> {
    let names = entries(folder)?;
    let (found, left): (Vec<_>, Vec<_>) =
        names.into_iter().partition(|name| is_stack(Path::new(name)) && wanted(name));
    if found.is_empty() {
        let looked = match left.as_slice() {
            [] => "it is empty".to_owned(),
            [one] => format!("it holds {one}"),
            [first, .., last] => format!("it holds {} files ({first} to {last})", left.len()),
        };
        let vendors = left.iter().any(|name| is_vendor(Path::new(name)));
        let looked = if vendors {
            format!("{looked}, and this program was built without ND2 and CZI,")
        } else {
            looked
        };
        return Err(StackError::NoImages { path: folder.to_owned(), looked });
    }
    if let Some(first) = left.first() {
        notes.push(format!(
            "left out: {} of {} entries of the folder, the first is {first}",
            left.len(),
            left.len() + found.len()
        ));
    }
    files.extend(found.into_iter().map(|name| folder.join(name)));
    Ok(())
}

/// Adds the files that a path with `*` stands for. A `*` does not stand for the sign between folders.
fn add_wildcard(pattern: &Path, files: &mut Vec<PathBuf>, notes: &mut Vec<String>) -> Result<(), StackError> {
    let mut folders = vec![PathBuf::new()];
    let parts: Vec<_> = pattern.components().collect();
    let (last, front) = parts.split_last().map_or((None, [].as_slice()), |(last, front)| (Some(last), front));
    for part in front {
        let text = part.as_os_str().to_string_lossy().into_owned();
        if !text.contains('*') {
            folders.iter_mut().for_each(|folder| folder.push(part));
            continue;
        }
        let mut below = Vec::new();
        for folder in &folders {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder.as_path() };
            let names = entries(here)?.into_iter().filter(|name| matches_wildcard(&text, name));
            below.extend(names.map(|name| folder.join(name)).filter(|path| path.is_dir()));
        }
        folders = below;
    }
    let last = last.map(|part| part.as_os_str().to_string_lossy().into_owned()).unwrap_or_default();
    let before = files.len();
    let mut other = 0;
    for folder in &folders {
        let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder.as_path() };
        if !here.is_dir() {
            return Err(StackError::NotFound { path: here.to_owned() });
        }
        for name in entries(here)?.into_iter().filter(|name| matches_wildcard(&last, name)) {
            if is_stack(Path::new(&name)) {
                files.push(folder.join(name));
            } else {
                other += 1;
            }
        }
    }
    if files.len() == before {
        let looked = if other == 0 { "no file matches".to_owned() } else { format!("{other} files match") };
        return Err(StackError::NoImages { path: pattern.to_owned(), looked });
    }
    if other > 0 {
        notes.push(format!(
            "left out: {other} files that match the pattern and are no image stacks by their names"
        ));
    }
    Ok(())
}

/// What the names of the files have in common, without the number of a scene.
fn common_stem(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file_name(file)).collect();
    let stems: Vec<_> = names.iter().map(|name| stem(name)).collect();
    let fallback = || files.first().map_or_else(|| "stack".to_owned(), |file| folder_name(&parent(file)));
    let Some(first) = stems.first() else { return fallback() };
    if stems.len() == 1 {
        return (*first).to_owned();
    }
    if let Some((name, _)) = scene(first)
        && stems.iter().all(|stem| scene(stem).is_some_and(|(other, _)| other == name))
    {
        return name.to_owned();
    }
    let common = stems.iter().fold(*first, |common, stem| {
        let same = common.char_indices().zip(stem.chars()).find(|((_, a), b)| a != b);
        let end = same.map_or(common.len().min(stem.len()), |((at, _), _)| at);
        &common[..end]
    });
    let common = common.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches(['_', '-', '.', ' ']);
    if common.is_empty() { fallback() } else { common.to_owned() }
}

/// A sentence on the other scenes that lie beside a single one.
fn other_scenes(file: &Path) -> Option<String> {
    let own = file_name(file);
    let (name, _) = scene(stem(&own))?;
    let others = entries(&parent(file)).ok()?;
    let others = others
        .iter()
        .filter(|other| **other != own && scene(stem(other)).is_some_and(|(other, _)| other == name));
    let count = others.count();
    (count > 0).then(|| {
        format!(
            "left out: {count} other scenes of {name} in the same folder; give {name}_scene* for all of them"
        )
    })
}
