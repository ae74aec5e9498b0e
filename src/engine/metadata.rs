//! What a model file says about itself: TFLite metadata (a FlatBuffer inside it) and the label files
//! in the zip archive appended to it. Field numbers are those of TensorFlow's `metadata_schema.fbs`.

use edgefirst_tflite::archive::ModelArchive;

use super::file::FileError;
use super::flatbuffer::{Damaged, Table};

/// The file's own defaults; the card overrides them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    /// `NormalizationOptions.mean` of the first input.
    pub mean: Option<[f32; 3]>,
    /// `NormalizationOptions.std` of the first input.
    pub std: Option<[f32; 3]>,
    /// Label texts.
    pub labels: Option<Vec<String>>,
}

const NORMALIZATION: u8 = 1;
const AXIS_LABELS: u8 = 2;
const VALUE_LABELS: u8 = 3;
/// Label files beyond this size are not read (a zip entry may claim any size).
const MAX_LABEL_BYTES: usize = 1 << 20;

impl Metadata {
    /// Reads metadata and archive.
    ///
    /// # Errors
    /// Where the metadata is damaged, or names a label file that the archive does not hold: the archive ends
    /// the file, so that is where a file cut short shows.
    pub fn read(metadata: Option<&[u8]>, file: &[u8]) -> Result<Metadata, FileError> {
        let (mut found, named) = metadata.map(tables).transpose()?.unwrap_or_default();
        found.labels = labels(file, named.as_deref());
        match named {
            Some(named) if found.labels.is_none() => Err(FileError::Damaged {
                cause: format!(
                    "damaged: its metadata names {named}, which the archive at its end does not hold"
                ),
            }),
            _ => Ok(found),
        }
    }
}

/// The normalisation, and the name of the label file.
fn tables(bytes: &[u8]) -> Result<(Metadata, Option<String>), Damaged> {
    let mut found = Metadata::default();
    let root = Table::root(bytes)?;
    let graphs = root.tables(3)?;
    let Some(graph) = graphs.first() else { return Ok((found, None)) };
    if let Some(input) = graph.tables(2)?.first() {
        for unit in input.tables(4)? {
            if unit.byte(0)? == Some(NORMALIZATION)
                && let Some(options) = unit.table(1)?
            {
                found.mean = channels(&options.floats(0)?);
                found.std = channels(&options.floats(1)?).filter(|std| std.iter().all(|s| *s != 0.0));
            }
        }
    }
    let mut name = None;
    for output in graph.tables(3)? {
        for file in output.tables(6)? {
            if matches!(file.byte(2)?, Some(AXIS_LABELS | VALUE_LABELS)) && name.is_none() {
                name = file.string(0)?.map(str::to_owned);
            }
        }
    }
    Ok((found, name))
}

fn channels(values: &[f32]) -> Option<[f32; 3]> {
    match *values {
        [one] => Some([one; 3]),
        [r, g, b, ..] => Some([r, g, b]),
        _ => None,
    }
}

fn labels(file: &[u8], named: Option<&str>) -> Option<Vec<String>> {
    let mut archive = ModelArchive::new(file).ok()?;
    let usual = |name: &&str| name.ends_with("labels.txt") || name.ends_with("labelmap.txt");
    let name = match named {
        Some(name) if archive.contains(name) => name.to_owned(),
        _ => archive.entry_names().find(usual)?.to_owned(),
    };
    let bytes = archive.read(&name).ok().filter(|bytes| bytes.len() <= MAX_LABEL_BYTES)?;
    Some(lines(&String::from_utf8(bytes).ok()?))
}

/// The lines of a labels file: what surrounds a label is trimmed, empty lines at the end are not labels.
pub(crate) fn lines(text: &str) -> Vec<String> {
    text.trim_end().lines().map(|line| line.trim().to_owned()).collect()
}
