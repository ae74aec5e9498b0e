//! `ocellus faces export` and `import`: all people as JSON lines, one line for each, in pieces that fit into
//! memory.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;

use super::{CliOutput, FacesCommon, FacesFault, GalleryClient, output};
use crate::commands::faces::{ExportLines, ExportedOut, GalleryCommand, ImportedOut};
use crate::config::text;

/// Bytes that go over the socket at once, roughly.
const PIECE_BYTES: usize = 8 << 20;
/// The longest line: a person with the maximum of pictures.
const MAX_LINE_BYTES: usize = 32 << 20;

/// The file holds faces and their embeddings, so only its owner may read it.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file, which must not exist yet.
    file: PathBuf,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

/// Embeddings of another model are imported, too, but they recognise nobody until `ocellus faces reenrol` has
/// replaced them.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// A file that `ocellus faces export` wrote.
    file: PathBuf,
    #[command(flatten)]
    pub(super) common: FacesCommon,
}

pub(super) fn export(arguments: &Export) -> anyhow::Result<CliOutput> {
    let file = &arguments.file;
    let remedy = "name a file that does not exist yet, in a folder that you may write";
    let fault = |source| FacesFault::File { file: file.clone(), what: "written", source, remedy };
    let client = GalleryClient::open(&arguments.common)?;
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(fault)?;
    let (mut after, mut people) = (None, 0);
    loop {
        let export = GalleryCommand::Export { after, most_bytes: Some(PIECE_BYTES as u64) };
        let ExportedOut { lines, next } = client.ask_for(export)?;
        people += lines.lines().count() - usize::from(after.is_none());
        out.write_all(lines.as_bytes()).map_err(fault)?;
        after = next;
        if after.is_none() {
            break;
        }
    }
    out.sync_all().map_err(fault)?;
    let words = format!("{} written to {}", people_of(people), file.display());
    Ok(CliOutput::new(words, json!({ "ok": true, "people": people, "file": file })))
}

pub(super) fn import(arguments: &Import) -> anyhow::Result<CliOutput> {
    let client = GalleryClient::open(&arguments.common)?;
    let mut all = ImportedOut::default();
    for piece in Pieces::open(&arguments.file)? {
        let some: ImportedOut =
            client.ask_for(GalleryCommand::Import { lines: ExportLines::Text(piece?) })?;
        all.people.extend(some.people);
        all.skipped.extend(some.skipped);
        all.samples += some.samples;
        (all.stale, all.same_model) = (some.stale, some.same_model);
    }
    let mut lines = vec![format!(
        "{} with {} taken from {}",
        people_of(all.people.len()),
        output::count(all.samples as usize, "picture"),
        arguments.file.display()
    )];
    lines.extend(all.skipped.iter().map(|it| format!("  left out: {}: {}", it.name, it.reason)));
    if all.stale > 0 {
        lines.push(format!(
            "  {} pictures were embedded by another model; run `ocellus faces reenrol`",
            all.stale
        ));
    }
    Ok(CliOutput::new(lines.join("\n"), output::ok(&all)?))
}

/// The lines of a file in pieces, each of which begins with the header.
struct Pieces {
    lines: text::TextLines,
    header: String,
    first: bool,
}

impl Pieces {
    fn open(file: &Path) -> Result<Pieces, FacesFault> {
        let mut lines = text::TextLines::open(file, MAX_LINE_BYTES)?;
        let header = lines.next().transpose()?.unwrap_or_default();
        Ok(Pieces { lines, header, first: true })
    }
}

impl Iterator for Pieces {
    type Item = Result<String, FacesFault>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut piece = self.header.clone() + "\n";
        let head = piece.len();
        while piece.len() < PIECE_BYTES {
            match self.lines.next() {
                Some(Ok(line)) => piece.extend([&line, "\n"]),
                Some(Err(error)) => return Some(Err(error.into())),
                None => break,
            }
        }
        // A file without people is sent, too, because its header may be wrong.
        (std::mem::take(&mut self.first) || piece.len() > head).then_some(Ok(piece))
    }
}

fn people_of(count: usize) -> String {
    if count == 1 { "1 person".into() } else { format!("{count} people") }
}
