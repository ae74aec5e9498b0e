//! Series of OME-TIFF: one file or several, one image a position.

use std::collections::BTreeSet;
use std::path::Path;

use super::StackError;
use super::inputs::file_name;
use super::metadata::{Ome, TiffData};
use super::ome_series::series;
use super::open::Files;
use super::pages::Understood;
use super::series::Content;

/// The longest file of metadata beside the pixels that is read, bytes.
const MAX_COMPANION: u64 = 128 << 20;

/// Understands an OME-TIFF, and opens the other files that it names. `used` gets every file whose planes it takes.
pub(super) fn understand(
    files: &mut Files,
    file: u32,
    used: &mut BTreeSet<u32>,
) -> Result<Understood, StackError> {
    let path = files.path(file);
    let fault = |why: String| StackError::Metadata { path: path.clone(), kind: "OME-XML", why };
    let Content::Tiff(index) = &mut files.list[file as usize].content else {
        return Ok(Understood::default());
    };
    let (reduced, big) = (index.reduced, index.big_tiff);
    let mut ome =
        Ome::parse(&std::mem::take(&mut index.description)).map_err(|error| fault(error.to_string()))?;
    if let Some(companion) = ome.metadata_file.take() {
        ome = read_companion(&path, &companion)?;
    }
    if ome.images.is_empty() {
        return Err(fault("it describes no image".to_owned()));
    }
    let mut understood = Understood {
        format: if big { "OME-TIFF (BigTIFF)" } else { "OME-TIFF" }.to_owned(),
        ..Understood::default()
    };
    let mut set = FileSet::new(files, file, &path, &ome);
    if reduced > 0 {
        understood.assumed.push(format!("{reduced} smaller copies of pages are left out"));
    }
    let mut follow = 0;
    for (number, image) in ome.images.iter().enumerate() {
        let series = if image.tiff_data.is_empty() {
            if number == 0 {
                understood.assumed.push("the metadata does not say which pages belong to which plane: they follow one another in its order".to_owned());
            }
            let pages = image.counts().planes().unwrap_or(usize::MAX);
            let data = TiffData { page: Some(follow), planes: Some(pages), ..TiffData::default() };
            follow = follow.saturating_add(pages);
            series(&mut set, image, number, &[data], &mut understood.assumed)?
        } else {
            series(&mut set, image, number, &image.tiff_data, &mut understood.assumed)?
        };
        understood.series.push(series);
    }
    used.extend(set.used.iter().copied());
    if set.renamed {
        understood
            .assumed
            .push(format!("{} was renamed: its metadata calls it by another name", file_name(&path)));
    }
    Ok(understood)
}

/// The metadata of a set that lies in a file of its own.
fn read_companion(path: &Path, name: &str) -> Result<Ome, StackError> {
    let missing = || StackError::MissingFile { path: path.to_owned(), file: name.to_owned() };
    let companion = path.with_file_name(Path::new(name).file_name().ok_or_else(missing)?);
    let unreadable = |source| StackError::Unreadable { path: companion.clone(), source };
    let metadata = std::fs::metadata(&companion).map_err(|_| missing())?;
    let fault = |why: String| StackError::Metadata { path: companion.clone(), kind: "OME-XML", why };
    if metadata.len() > MAX_COMPANION || !metadata.is_file() {
        return Err(fault(format!(
            "it has {} bytes, more than {MAX_COMPANION}, or is no file",
            metadata.len()
        )));
    }
    let text = std::fs::read(&companion).map_err(unreadable)?;
    let text = String::from_utf8(text).map_err(|error| fault(error.to_string()))?;
    Ome::parse(&text).map_err(|error| fault(error.to_string()))
}

/// The files of an OME-TIFF.
pub(super) struct FileSet<'a> {
    pub files: &'a mut Files,
    /// The file that was opened.
    pub own: u32,
    pub path: &'a Path,
    uuid: Option<&'a str>,
    /// The only name that the metadata gives to files, if it is one.
    only_name: Option<&'a str>,
    used: BTreeSet<u32>,
    renamed: bool,
}

impl<'a> FileSet<'a> {
    fn new(files: &'a mut Files, own: u32, path: &'a Path, ome: &'a Ome) -> FileSet<'a> {
        let names: BTreeSet<_> = ome
            .images
            .iter()
            .flat_map(|image| &image.tiff_data)
            .filter_map(|data| data.file.as_deref())
            .collect();
        let only_name = if names.len() == 1 { names.first().copied() } else { None };
        FileSet {
            files,
            own,
            path,
            uuid: ome.uuid.as_deref(),
            only_name,
            used: BTreeSet::from([own]),
            renamed: false,
        }
    }

    /// The file that some planes are in.
    pub(super) fn file(&mut self, data: &TiffData) -> Result<u32, StackError> {
        let Some(name) = data.file.as_deref() else {
            if data.uuid.is_none() || self.uuid.is_none() || data.uuid.as_deref() == self.uuid {
                return Ok(self.own);
            }
            let file = format!("a file by its identity only ({})", data.uuid.as_deref().unwrap_or_default());
            return Err(StackError::MissingFile { path: self.path.to_owned(), file });
        };
        // Names lead to files of the same folder only, whatever folders they contain.
        let base = Path::new(name.rsplit(['/', '\\']).next().unwrap_or(name));
        if self.path.file_name() == Some(base.as_os_str()) {
            return Ok(self.own);
        }
        let path = self.path.with_file_name(base);
        if !path.exists() || base.as_os_str().is_empty() {
            if self.only_name == Some(name) {
                self.renamed = true;
                return Ok(self.own);
            }
            return Err(StackError::MissingFile { path: self.path.to_owned(), file: name.to_owned() });
        }
        let file = self.files.load(&path).map_err(|error| match error {
            StackError::FolderAsFile { path, .. } => StackError::FolderAsFile {
                path,
                named: format!(" by the metadata of {}", file_name(self.path)),
            },
            other => other,
        })?;
        self.used.insert(file);
        Ok(file)
    }

    /// How many pages a file has.
    pub(super) fn pages(&self, file: u32) -> usize {
        match &self.files.list[file as usize].content {
            Content::Tiff(index) => index.pages.len(),
            Content::Source(_) => 0,
        }
    }
}
