//! Export and import.

use serde_json::{Value, json};

use super::{GalleryService, errors};
use crate::store::{Gallery, read_header};
use crate::types::{PersonId, Reply};

impl GalleryService<'_> {
    /// `export`: `lines` (text, with the header first where `after` is not given). With `most_bytes` about so many, at
    /// least one person, and `next` to go on from where somebody is left.
    pub(super) fn export(&self, request: &Value) -> Reply {
        let sha256 = self.embedder()?.map(|(_, sha256)| sha256).unwrap_or_default();
        let after = request["after"].as_u64().map(PersonId);
        let most = request["most_bytes"].as_u64().map_or(usize::MAX, |most| most as usize);
        let (people, next) = self.0.gallery().export(after, most).map_err(errors::of_gallery)?;
        let mut lines = if after.is_none() { Gallery::header(&sha256) + "\n" } else { String::new() };
        people.iter().for_each(|line| lines.extend([line, "\n"]));
        Ok(json!({ "lines": lines, "next": next.map(|id| id.0) }))
    }

    /// `import`: `lines` as text, or as an array of lines.
    pub(super) fn import(&self, request: &Value) -> Reply {
        let gallery = self.0.gallery();
        // Lines are looked at as they are reached: a list of them all could be larger than the text.
        let (imported, header) = match &request["lines"] {
            Value::String(text) => (gallery.import(text.lines()), text.lines().next()),
            Value::Array(lines) => (
                gallery.import(lines.iter().filter_map(Value::as_str)),
                lines.first().and_then(Value::as_str),
            ),
            _ => return Err(errors::missing("lines", "{\"lines\": \"…\"}")),
        };
        let imported = imported.map_err(errors::of_gallery)?;
        let other = header.and_then(|header| read_header(header).ok()).unwrap_or_default();
        self.0.changed();
        let model = self.embedder()?;
        let stale = match &model {
            Some((_, sha256)) => gallery.stale(sha256).map_err(errors::of_gallery)?.len(),
            None => 0,
        };
        let same = model.is_none_or(|(_, sha256)| sha256 == other);
        let mut fields = json!(imported);
        fields["stale"] = stale.into();
        fields["same_model"] = same.into();
        Ok(fields)
    }
}
