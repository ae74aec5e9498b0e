//! Reads evidence back, and checks every hash before it uses any content.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::document::{Document, KeptFile, SCHEMA};
use super::error::EvidenceError;
use super::folder::{DOCUMENT, PLANES, RECIPE};
use super::planes::{self, PlanesFault};
use super::seal;
use crate::types::{
    Frame, Inspection, InspectionLatency, Outcome, PixelFormat, Stamp, Trigger, TriggerKind, sha256,
};

/// Limit for `evidence.json`; a larger file cannot be one of ours and is refused before it is read.
const MAX_DOCUMENT_BYTES: u64 = 64 << 20;
/// Every kind of trigger that a document may name.
const TRIGGERS: [TriggerKind; 5] =
    [TriggerKind::Serial, TriggerKind::Mqtt, TriggerKind::Timer, TriggerKind::Cli, TriggerKind::Http];

/// Evidence whose files all have the hashes that were recorded.
#[derive(Debug)]
pub struct OpenedEvidence {
    /// The folder that was read.
    pub path: PathBuf,
    /// The results with their exact bits, and the golden pictures and models that they depend on.
    pub document: Document,
    /// The frame, bit for bit.
    pub frame: Frame,
    /// The recipe's text; `None` where the service no longer knew it.
    pub recipe: Option<String>,
}

/// Opens the evidence at `path`, a folder or the `evidence.json` in it.
///
/// # Errors
/// [`EvidenceError`] where a file is missing, cut short or changed (with the expected and the found hash),
/// where `evidence.json` was edited, or where the evidence is of another version.
pub fn open(path: &Path) -> Result<OpenedEvidence, EvidenceError> {
    let folder = if path.is_file() { path.parent().unwrap_or(Path::new(".")) } else { path };
    let document = read_document(&folder.join(DOCUMENT))?;
    let mut read = Vec::new();
    for (name, kept) in &document.files {
        read.push((name.as_str(), read_file(folder, name, kept)?));
    }
    let mut take = |name: &str| {
        let at = read.iter().position(|(known, _)| *known == name)?;
        Some(read.swap_remove(at).1)
    };
    let unusable = |cause: String| EvidenceError::Content { path: folder.join(DOCUMENT), cause };
    let planes = take(PLANES).ok_or_else(|| unusable(format!("it names no {PLANES}")))?;
    let frame = rebuild(&document, &planes)
        .map_err(|fault| EvidenceError::Content { path: folder.join(PLANES), cause: fault.to_string() })?;
    let recipe = take(RECIPE).map(String::from_utf8).transpose();
    let recipe = recipe.map_err(|error| EvidenceError::Content {
        path: folder.join(RECIPE),
        cause: error.utf8_error().to_string(),
    })?;
    Ok(OpenedEvidence { path: folder.to_path_buf(), document, frame, recipe })
}

fn read_document(path: &Path) -> Result<Document, EvidenceError> {
    let read_error = |source| EvidenceError::Read { path: path.into(), source };
    let length = fs::metadata(path).map_err(read_error)?.len();
    if length > MAX_DOCUMENT_BYTES {
        return Err(EvidenceError::Unsealed { path: path.into() });
    }
    let bytes = fs::read(path).map_err(read_error)?;
    let unsealed = || EvidenceError::Unsealed { path: path.into() };
    let text = String::from_utf8(bytes).map_err(|_| unsealed())?;
    let (expected, found) = seal::check(&text).ok_or_else(unsealed)?;
    if expected != found {
        return Err(EvidenceError::Seal { path: path.into(), expected, found });
    }
    let content =
        |error: serde_json::Error| EvidenceError::Content { path: path.into(), cause: error.to_string() };
    // The schema is checked first, because another version may differ in everything else.
    let schema = serde_json::from_str::<Schema>(&text).map_err(content)?.schema;
    if schema != SCHEMA {
        return Err(EvidenceError::Schema { path: path.into(), found: schema, known: SCHEMA });
    }
    serde_json::from_str(&text).map_err(content)
}

#[derive(serde::Deserialize)]
struct Schema {
    schema: String,
}

fn read_file(folder: &Path, name: &str, kept: &KeptFile) -> Result<Vec<u8>, EvidenceError> {
    if Path::new(name).components().count() != 1 || name.starts_with('.') {
        let cause = format!("\"{name}\" is no name of a file in this folder");
        return Err(EvidenceError::Content { path: folder.join(DOCUMENT), cause });
    }
    let path = folder.join(name);
    let (expected, expected_bytes) = (kept.sha256.clone(), kept.bytes);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(EvidenceError::Missing { path, expected, expected_bytes });
        }
        Err(source) => return Err(EvidenceError::Read { path, source }),
    };
    let (found, found_bytes) = (sha256(&bytes), bytes.len() as u64);
    if found != expected || found_bytes != expected_bytes {
        return Err(EvidenceError::Changed { path, expected, found, expected_bytes, found_bytes });
    }
    Ok(bytes)
}

fn rebuild(document: &Document, png: &[u8]) -> Result<Frame, PlanesFault> {
    let kept = &document.frame;
    let format = PixelFormat::from_caps_name(&kept.format);
    let format = format.ok_or_else(|| PlanesFault::Layout(kept.format.clone()))?;
    let unknown = || PlanesFault::Colour { matrix: kept.matrix.clone(), range: kept.range.clone() };
    let colour = kept.colour().ok_or_else(unknown)?;
    let shape = (format, kept.width as usize, kept.height as usize);
    let bytes = planes::from_png(shape, png)?;
    let captured = Stamp { mono_ns: kept.mono_ns, wall_ns: kept.wall_ns };
    let mut frame = Frame::from_memory(kept.seq, captured, shape, bytes).ok_or(PlanesFault::Short)?;
    (frame.colour, frame.pts_ns) = (colour, kept.pts_ns);
    Ok(frame)
}

impl OpenedEvidence {
    /// A record of the same acquisition without results. A replay fills it in and gives it to
    /// [`compare()`](super::compare()).
    pub fn unjudged(&self) -> Inspection {
        let Document { trigger, frame, .. } = &self.document;
        let kind = TRIGGERS.into_iter().find(|kind| kind.as_str() == trigger.kind);
        Inspection {
            recording: None,
            experiment: self.document.experiment.as_deref().map(Arc::from),
            id: self.document.acquisition,
            camera: self.document.camera.as_str().into(),
            trigger: Trigger {
                // A later version may know more kinds of trigger; no verdict depends on the kind.
                kind: kind.unwrap_or(TriggerKind::Cli),
                name: trigger.name.as_str().into(),
                at: Stamp { mono_ns: trigger.mono_ns, wall_ns: trigger.wall_ns },
                text: trigger.text.as_deref().map(Arc::from),
            },
            product: self.document.product.as_str().into(),
            recipe_revision: self.document.recipe_revision,
            golden_revision: self.document.golden_revision,
            frame: Some((frame.seq, self.frame.captured)),
            outcome: Outcome::Error,
            cause: None,
            pose: None,
            rois: Vec::new(),
            latency: InspectionLatency::default(),
        }
    }
}
