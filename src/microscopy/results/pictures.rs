//! Frames with the outlines of their cells, read from the stacks one frame at a time.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bytemuck::cast_slice_mut;

use super::Results;
use crate::microscopy::RunError;
use crate::microscopy::npy::{Dtype, NpyFile};
use crate::timelapse::cells::{Labels, MAX_PIXELS};
use crate::timelapse::report::{Outline, Rgb, overlay};
use crate::timelapse::tables::{TraceTable, inspected_or_original};
use crate::timelapse::{Pixels, Plane};

/// Which cells of a table have a trace, and whether it is good. Reading it for each picture of a slider would be slow.
#[derive(Debug)]
pub(super) struct Judged {
    table: PathBuf,
    /// When it was written, and its inode: of two tables that follow one another at least one differs.
    version: (SystemTime, u64),
    good: Arc<BTreeMap<u32, bool>>,
}

impl Results {
    /// Frame `frame` of the phase channel in grey, with the cells outlined and their ids: good traces in colours, bad
    /// ones red, dropped cells grey. The longer side has at most `longest` pixels.
    ///
    /// # Errors
    /// The run has no such field of view or frame, it kept no stacks, or they make no sense.
    pub fn overlay(&self, fov: usize, frame: usize, longest: usize) -> Result<Rgb, RunError> {
        self.fov(fov)?;
        let files = self.files.get(&fov);
        let stack = |name: Option<&String>| {
            // Where not even the names are known, the folder stands for them.
            let path = name.map_or_else(|| self.folder.clone(), |name| self.folder.join(name));
            if !path.is_file() {
                return Err(RunError::NoStack { fov, path });
            }
            NpyFile::open_any(&path).map_err(|error| RunError::io("read", &path, error))
        };
        let phase = stack(files.map(|files| &files.pc.1))?;
        let labels = stack(files.map(|files| &files.seg_labeled.1))?;
        if frame >= phase.shape().frames {
            return Err(RunError::NoFrame { fov, frame, frames: phase.shape().frames });
        }
        let plane = plane(&phase, frame).map_err(|error| RunError::io("read", phase.path(), error))?;
        let labels =
            self::labels(&labels, frame).map_err(|error| RunError::io("read", labels.path(), error))?;
        let style: Box<dyn Fn(u32) -> Outline> = match self.table(fov) {
            Ok(traces) => {
                let good = self.judged(&inspected_or_original(&traces))?;
                Box::new(move |cell| match good.get(&cell) {
                    Some(true) => Outline::Good,
                    Some(false) => Outline::Bad,
                    None => Outline::Dropped,
                })
            }
            // Nothing is dropped before there is a table.
            Err(_) => Box::new(|_| Outline::Good),
        };
        Ok(overlay(&plane, &labels, longest, style))
    }

    /// How many traces of a field of view a person has marked as bad.
    ///
    /// # Errors
    /// The run has no such field of view, it has no table yet, or the table makes no sense.
    pub fn marked_bad(&self, fov: usize) -> Result<usize, RunError> {
        let good = self.judged(&inspected_or_original(&self.table(fov)?))?;
        Ok(good.values().filter(|good| !**good).count())
    }

    /// The cells of a table of traces, and whether each is good; read again once the table changes.
    fn judged(&self, table: &Path) -> Result<Arc<BTreeMap<u32, bool>>, RunError> {
        let version = table.metadata().and_then(|file| Ok((file.modified()?, file.ino())));
        let version = version.map_err(|error| RunError::io("read", table, error))?;
        let mut last = self.judged.lock();
        if let Some(last) = &*last
            && last.table == table
            && last.version == version
        {
            return Ok(last.good.clone());
        }
        let rows = TraceTable::read(table)?.rows;
        let good: BTreeMap<u32, bool> = rows.iter().map(|row| (row.cell, row.good)).collect();
        let good = Arc::new(good);
        *last = Some(Judged { table: table.to_owned(), version, good: good.clone() });
        Ok(good)
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// The number of pixels of a frame, as far as memory is taken for it.
fn pixels(stack: &NpyFile) -> io::Result<usize> {
    let shape = stack.shape();
    let pixels = shape.width.checked_mul(shape.height).filter(|pixels| *pixels <= MAX_PIXELS);
    pixels.ok_or_else(|| invalid("its frames are too large"))
}

fn plane(stack: &NpyFile, frame: usize) -> io::Result<Plane> {
    let shape = stack.shape();
    let count = pixels(stack)?;
    let pixels = match shape.dtype {
        Dtype::U16 => {
            let mut pixels = vec![0u16; count];
            stack.read(frame, cast_slice_mut(&mut pixels))?;
            Pixels::U16(pixels)
        }
        Dtype::F32 => {
            let mut pixels = vec![0f32; count];
            stack.read(frame, cast_slice_mut(&mut pixels))?;
            Pixels::F32(pixels)
        }
        Dtype::Bool => return Err(invalid("it holds a mask, not a picture")),
    };
    Ok(Plane { width: shape.width, height: shape.height, pixels })
}

fn labels(stack: &NpyFile, frame: usize) -> io::Result<Labels> {
    let shape = stack.shape();
    if shape.dtype != Dtype::U16 {
        return Err(invalid("it holds no labels of 16 bits"));
    }
    let mut pixels = vec![0u16; pixels(stack)?];
    stack.read(frame, cast_slice_mut(&mut pixels))?;
    Ok(Labels { width: shape.width, height: shape.height, pixels })
}
