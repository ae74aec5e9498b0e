//! Labelled samples: pictures of parts that are known to be good or bad.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{GoldenFault, picture};
use crate::config::text;
use crate::image::picture::ENDINGS;
use crate::types::{Channels, Frame, Patch, PixelFormat, Stamp};

/// A picture, and whether its part is good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LabelledSample {
    pub path: PathBuf,
    /// Label and file name, as `ok/part-000017.png`.
    pub name: String,
    pub is_good: bool,
}

/// The samples in `folder/ok` and `folder/ng`, by name. Errors: there are none.
pub(super) fn list(folder: &Path) -> Result<Vec<LabelledSample>, GoldenFault> {
    let mut samples = Vec::new();
    for (label, is_good) in [("ok", true), ("ng", false)] {
        let Ok(entries) = std::fs::read_dir(folder.join(label)) else { continue };
        for path in entries.flatten().map(|entry| entry.path()) {
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            let known = ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known));
            let Some(name) = path.file_name().filter(|_| known && path.is_file()) else { continue };
            let name = format!("{label}/{}", name.to_string_lossy());
            samples.push(LabelledSample { path, name, is_good });
        }
    }
    if samples.is_empty() {
        return Err(GoldenFault::NoSamples { folder: folder.to_owned() });
    }
    samples.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(samples)
}

impl LabelledSample {
    /// The picture as a frame, and the text of the trigger, from NAME.txt beside it.
    pub fn read(&self, seq: u64) -> Result<(Frame, Option<String>), GoldenFault> {
        let Patch { width, height, channels, data } = picture::read(&self.path)?;
        let format = if channels == Channels::Gray { PixelFormat::Gray8 } else { PixelFormat::Rgb };
        let frame = Frame::from_memory(seq, Stamp::default(), (format, width, height), Arc::from(data));
        let frame = frame.ok_or_else(|| GoldenFault::Picture {
            file: self.path.clone(),
            cause: "it is cut short; take it again".into(),
        })?;
        let text = match text::read(&self.path.with_extension("txt")) {
            Ok(text) => Some(text.trim_end().to_owned()),
            Err(error) if error.is_missing() => None,
            Err(error) => return Err(GoldenFault::Text(error)),
        };
        Ok((frame, text))
    }
}
