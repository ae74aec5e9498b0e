//! Reads what a model file contains about itself: TFLite metadata (a FlatBuffer inside it) and the label
//! files in the zip archive appended to it. Field numbers are those of TensorFlow's `metadata_schema.fbs`.

use std::io::{Cursor, Read};

use zip::ZipArchive;

use super::file::FileError;
use super::flatbuffer::{Damaged, FlatTable};
use ocellus_text as text;

/// The file's own defaults; the card overrides them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Metadata {
    /// `NormalizationOptions.mean` of the first input.
    pub mean: Option<[f32; 3]>,
    /// `NormalizationOptions.std` of the first input.
    pub std: Option<[f32; 3]>,
    /// Label texts, in class order.
    pub labels: Option<Vec<String>>,
}

const NORMALIZATION: u8 = 1;
const AXIS_LABELS: u8 = 2;
const VALUE_LABELS: u8 = 3;
/// Label files beyond this size are not unpacked: an entry of a kilobyte may hold a gigabyte, and claim any size.
const MAX_LABEL_BYTES: u64 = text::MAX_BYTES;

impl Metadata {
    /// Reads metadata and archive.
    ///
    /// # Errors
    /// Where the metadata is damaged, or names a label file that the archive does not hold (the archive ends the file, so
    /// that is where a file cut short shows); or where the label file is not text.
    pub fn read(metadata: Option<&[u8]>, file: &[u8]) -> Result<Metadata, FileError> {
        let (mut found, named) = metadata.map(tables).transpose()?.unwrap_or_default();
        found.labels = labels(file, named.as_deref())?;
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
    let root = FlatTable::root(bytes)?;
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

fn labels(file: &[u8], named: Option<&str>) -> Result<Option<Vec<String>>, FileError> {
    let Ok(mut archive) = ZipArchive::new(Cursor::new(file)) else { return Ok(None) };
    let usual = |name: &&str| name.ends_with("labels.txt") || name.ends_with("labelmap.txt");
    let name = match named {
        Some(name) if archive.index_for_name(name).is_some() => name.to_owned(),
        _ => match archive.file_names().find(usual) {
            Some(name) => name.to_owned(),
            None => return Ok(None),
        },
    };
    let refused = |cause: String| FileError::Labels { name: name.clone(), cause };
    let mut entry =
        archive.by_name(&name).map_err(|error| refused(format!("cannot be unpacked: {error}")))?;
    let mut bytes = Vec::new();
    let read = entry.by_ref().take(MAX_LABEL_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(|error| refused(format!("cannot be unpacked: {error}")))?;
    if bytes.len() as u64 > MAX_LABEL_BYTES {
        return Err(refused(format!("has more than {MAX_LABEL_BYTES} bytes")));
    }
    let text = text::decode(&bytes).map_err(|fault| refused(fault.to_string()))?;
    Ok(Some(text::labels(&text)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use zip::write::SimpleFileOptions;

    use super::*;

    /// A model's end: an archive with this label file.
    fn archive(bytes: &[u8]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file("labels.txt", SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn labels_in_a_model_are_read_as_those_beside_it() {
        let read = |bytes: &[u8]| labels(&archive(bytes), Some("labels.txt"));
        let found = read("\u{feff}washer\r\nsafety\u{a0}vest\r\n\r\n".as_bytes()).unwrap();
        assert_eq!(found, Some(vec!["washer".to_owned(), "safety vest".to_owned()]));
        let refused = |bytes: &[u8]| read(bytes).unwrap_err().to_string();
        let said = refused(b"washer\nK\xf6rper\n");
        assert!(said.contains("labels.txt") && said.contains("byte 0xF6 at offset 8, line 2"), "{said}");
        assert!(refused(b"\xff\xfew\0").contains("UTF-16"));
        // A few kilobytes that unpack to many more.
        assert!(refused(&vec![b'a'; 64 << 20]).contains("more than 1048576 bytes"));
    }
}
