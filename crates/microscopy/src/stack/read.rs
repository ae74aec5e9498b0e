//! Reading planes: one reader a thread, with files of its own.

use std::fs::{File, Metadata};
use std::sync::Arc;

use super::open::{open_file, unreadable};
use super::series::{Content, PlaneRef, StackFile};
use super::source::PlaneReader;
use super::tiff::{Scratch, Source};
use super::{Inner, PlaneAddress, StackError};
use crate::Plane;

/// Files that a reader keeps open at most. A process may have 1,024 open, and there is a reader for each thread.
const OPEN_FILES: usize = 32;

/// Reads planes; holds open files and scratch memory.
#[derive(Debug)]
pub struct StackReader {
    stack: Arc<Inner>,
    /// Open files by their index, the one that was used last in front.
    open: Vec<(u32, Handle)>,
    scratch: Scratch,
}

#[derive(Debug)]
enum Handle {
    File(File),
    Source(Box<dyn PlaneReader>),
}

impl StackReader {
    pub(super) fn new(stack: Arc<Inner>) -> Result<StackReader, StackError> {
        let mut reader = StackReader { stack, open: Vec::new(), scratch: Scratch::default() };
        // Files that have vanished or changed are reported now, not in the middle of a run.
        for file in &reader.stack.files {
            let metadata = std::fs::metadata(&file.path).map_err(|source| unreadable(&file.path, source))?;
            unchanged(file, &metadata)?;
        }
        if !reader.stack.files.is_empty() {
            reader.open(0)?;
        }
        Ok(reader)
    }

    /// Reads one plane into `plane`, whose memory is used again.
    ///
    /// # Errors
    /// The file ends early, is damaged, or the address is not in the stack.
    pub fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), StackError> {
        let stack = Arc::clone(&self.stack);
        let at = stack.plane(address)?;
        self.open(at.file)?;
        let (Some((_, handle)), Some(file)) = (self.open.first_mut(), stack.files.get(at.file as usize))
        else {
            return Err(stack.no_such_plane(address));
        };
        match (handle, &file.content) {
            (Handle::File(handle), Content::Tiff(index)) => {
                let source = Source { path: &file.path, file: handle, len: file.len, index };
                source.read(at.page as usize, at.sample as usize, &mut self.scratch, plane)
            }
            (Handle::Source(reader), _) => {
                let address = stack.in_source(address, at);
                reader
                    .read(address, plane)
                    .map_err(|source| StackError::Source { path: file.path.clone(), source })
            }
            (Handle::File(_), Content::Source(_)) => Err(stack.no_such_plane(address)),
        }
    }

    /// Brings a file to the front of those that are open.
    fn open(&mut self, file: u32) -> Result<(), StackError> {
        if let Some(at) = self.open.iter().position(|(known, _)| *known == file) {
            self.open[..=at].rotate_right(1);
            return Ok(());
        }
        let Some(entry) = self.stack.files.get(file as usize) else { return Ok(()) };
        let handle = match &entry.content {
            Content::Tiff(_) => {
                let (file, metadata) = open_file(&entry.path)?;
                unchanged(entry, &metadata)?;
                Handle::File(file)
            }
            Content::Source(source) => {
                let failed = |source| StackError::Source { path: entry.path.clone(), source };
                Handle::Source(source.reader().map_err(failed)?)
            }
        };
        self.open.truncate(OPEN_FILES - 1);
        self.open.insert(0, (file, handle));
        Ok(())
    }
}

/// A file must still be the one whose headers were read.
fn unchanged(entry: &StackFile, metadata: &Metadata) -> Result<(), StackError> {
    let changed = |what: String| Err(StackError::Changed { path: entry.path.clone(), what });
    if metadata.len() != entry.len {
        return changed(format!("it had {} bytes and has {}", entry.len, metadata.len()));
    }
    if metadata.modified().ok() != entry.modified {
        return changed("it was written again".to_owned());
    }
    Ok(())
}

impl Inner {
    fn plane(&self, address: PlaneAddress) -> Result<PlaneRef, StackError> {
        let PlaneAddress { position, channel, frame, z } = address;
        let found = self.positions.get(position).filter(|position| {
            channel < self.channels.len() && frame < position.frames && z < position.depth
        });
        let at = found.map(|position| (frame * self.channels.len() + channel) * position.depth + z);
        let plane = at.and_then(|at| self.planes.get(position)?.get(at).copied());
        plane.ok_or_else(|| self.no_such_plane(address))
    }

    fn no_such_plane(&self, address: PlaneAddress) -> StackError {
        let channels = self.channels.iter().enumerate().map(|(number, name)| format!("{number} {name}"));
        let channels = channels.collect::<Vec<_>>().join(", ");
        let mut has = format!("{} positions and the channels {channels}", self.positions.len());
        if let Some(position) = self.positions.get(address.position) {
            has.push_str(&format!(
                "; position {} has {} frames and {} planes in depth",
                address.position, position.frames, position.depth
            ));
        }
        StackError::NoSuchPlane { address, has }
    }

    /// The address in its source of a plane that a source holds.
    fn in_source(&self, address: PlaneAddress, plane: PlaneRef) -> PlaneAddress {
        let here = |planes: &&Vec<PlaneRef>| planes.first().is_some_and(|first| first.file == plane.file);
        let position = self.planes.iter().take(address.position).filter(here).count();
        PlaneAddress { position, ..address }
    }
}
