//! `samples.yaml`: which fields of view belong to which sample.

use std::path::Path;

use serde::Deserialize;

use super::{TableError, parse_fovs, text};

/// A sample and its fields of view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its name, which its tables are called after.
    pub name: String,
    /// Its fields of view, sorted.
    pub fovs: Vec<usize>,
}

#[derive(Deserialize)]
struct File {
    samples: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: Name,
    fovs: Fovs,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Name {
    Text(String),
    Number(i64),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Fovs {
    One(usize),
    List(Vec<usize>),
    Text(String),
}

/// Reads the samples of a file.
///
/// # Errors
/// It cannot be read, a list of fields of view makes no sense, or a name cannot be part of a file's name.
pub fn read_samples(path: &Path) -> Result<Vec<Sample>, TableError> {
    let content = text::read(path, text::MAX_YAML)?;
    let file: File = serde_saphyr::from_str(&content).map_err(|error| TableError::Yaml {
        path: path.to_owned(),
        reason: format!("{error}; write `samples:` and below it `- name: A` and `  fovs: 0-3, 5`"),
    })?;
    let mut samples: Vec<Sample> = Vec::new();
    for entry in file.samples {
        let name = match entry.name {
            Name::Text(name) => name,
            Name::Number(number) => number.to_string(),
        };
        if !is_file_name(&name) {
            return Err(TableError::SampleName { name });
        }
        // File systems that ignore case would mix two samples.
        if samples.iter().any(|known| known.name.to_lowercase() == name.to_lowercase()) {
            return Err(TableError::SampleTwice { name });
        }
        let mut fovs = match entry.fovs {
            Fovs::One(fov) => vec![fov],
            Fovs::List(fovs) => fovs,
            Fovs::Text(text) => {
                parse_fovs(&text).map_err(|source| TableError::Fovs { sample: name.clone(), source })?
            }
        };
        fovs.sort_unstable();
        fovs.dedup();
        samples.push(Sample { name, fovs });
    }
    Ok(samples)
}

fn is_file_name(name: &str) -> bool {
    let refused = |c: char| c.is_control() || "/\\:*?\"<>|".contains(c);
    !name.trim().is_empty() && name.len() <= 100 && !name.starts_with('.') && !name.chars().any(refused)
}
