//! Export and import of the gallery as lines of text.

use super::command::{ExportLines, ExportedOut, ImportedOut, ImportedPerson, SkippedPerson};
use super::{GalleryService, errors};
use crate::store::{Gallery, read_header};
use crate::types::{PersonId, Refusal};

impl GalleryService<'_> {
    /// `export`: lines of text, with the header first where `after` is not given. With `most_bytes` about so many, at
    /// least one person, and `next` to go on from where somebody is left.
    pub(super) fn export(
        &self,
        after: Option<PersonId>,
        most_bytes: Option<u64>,
    ) -> Result<ExportedOut, Refusal> {
        let sha256 = self.embedder()?.map(|(_, sha256)| sha256).unwrap_or_default();
        let most = most_bytes.map_or(usize::MAX, |most| most as usize);
        let (people, next) = self.0.gallery().export(after, most).map_err(errors::of_gallery)?;
        let mut lines = if after.is_none() { Gallery::header(&sha256) + "\n" } else { String::new() };
        people.iter().for_each(|line| lines.extend([line, "\n"]));
        Ok(ExportedOut { lines, next: next.map(|id| id.0) })
    }

    pub(super) fn import(&self, lines: &ExportLines) -> Result<ImportedOut, Refusal> {
        let gallery = self.0.gallery();
        // Lines are split one by one, because a list of all could take more memory than the text.
        let (imported, header) = match lines {
            ExportLines::Text(text) => (gallery.import(text.lines()), text.lines().next()),
            ExportLines::List(lines) => {
                (gallery.import(lines.iter().map(String::as_str)), lines.first().map(String::as_str))
            }
        };
        let imported = imported.map_err(errors::of_gallery)?;
        let other = header.and_then(|header| read_header(header).ok()).unwrap_or_default();
        self.0.changed();
        let model = self.embedder()?;
        let stale = match &model {
            Some((_, sha256)) => gallery.stale(sha256).map_err(errors::of_gallery)?.len(),
            None => 0,
        };
        let people = imported.people.into_iter();
        let skipped = imported.skipped.into_iter();
        Ok(ImportedOut {
            people: people.map(|it| ImportedPerson { person: it.person, name: it.name }).collect(),
            samples: imported.samples,
            skipped: skipped.map(|it| SkippedPerson { name: it.name, reason: it.reason }).collect(),
            stale: stale as u64,
            same_model: model.is_none_or(|(_, sha256)| sha256 == other),
        })
    }
}
