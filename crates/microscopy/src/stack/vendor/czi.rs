//! CZI by the crate `czi`.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use czi::CziFile;

use super::czi_directory::{Facts, facts};
use super::{VendorError, guarded};
use crate::Plane;
use crate::stack::tiff::MAX_PLANE_BYTES;
use crate::stack::{PlaneAddress, PlaneReader, PlaneSource, Position, SourceError};

/// A CZI file that was opened.
#[derive(Debug)]
pub(super) struct CziSource {
    path: PathBuf,
    positions: Vec<Position>,
    channels: Vec<String>,
    pixels: &'static str,
}

impl CziSource {
    pub(super) fn open(path: &Path, file: &File, len: u64) -> Result<CziSource, VendorError> {
        let facts = facts(file, len)?;
        let pixels = check(&facts)?;
        let [frames, channels, depth] = [1, 2, 3].map(|axis| count(&facts, axis));
        complete(&facts, [frames, channels, depth])?;
        // Only now: the crate takes memory for every plane of all dimensions.
        let summary = guarded("its metadata", || CziFile::open(path)?.summary())?;
        let micrometres = |metres: Option<f64>| {
            metres.map(|metres| metres * 1e6).filter(|size| *size > 0.0 && size.is_finite())
        };
        let scaling = summary.scaling.as_ref();
        let pixel_size_um = micrometres(scaling.and_then(|scaling| scaling.x))
            .zip(micrometres(scaling.and_then(|scaling| scaling.y)));
        let times =
            facts.times_s.filter(|times| times.len() == frames && times.iter().all(|time| time.is_finite()));
        let times_ms: Option<Vec<_>> = times.map(|times| times.iter().map(|time| time * 1e3).collect());
        let position = |(scene, [left, top, right, bottom]): (&i32, &[i64; 4])| Position {
            name: scene.to_string(),
            frames,
            depth,
            width: (right - left) as usize,
            height: (bottom - top) as usize,
            pixel_size_um: pixel_size_um.map(|(x, y)| [x, y]),
            times_ms: times_ms.clone(),
        };
        let name = |channel: usize| {
            let named = summary.channels.get(channel).and_then(|channel| channel.name.clone());
            named.filter(|name| !name.trim().is_empty()).unwrap_or_else(|| channel.to_string())
        };
        Ok(CziSource {
            path: path.to_owned(),
            positions: facts.scenes.iter().map(position).collect(),
            channels: (0..channels).map(name).collect(),
            pixels,
        })
    }
}

/// Refuses what the crate does not read, or reads as something else; gives the kind of the pixels.
fn check(facts: &Facts) -> Result<&'static str, VendorError> {
    let unsupported = |what: String| Err(VendorError::Unsupported(what));
    if let Some(other) = facts.others.first() {
        return unsupported(format!("more than one plane along dimension {other}"));
    }
    if let Some(compression) = facts.compressions.iter().find(|compression| !matches!(compression, 0 | 5 | 6))
    {
        return unsupported(format!("compression {compression} (JPEG or JPEG XR)"));
    }
    let large = |[left, top, right, bottom]: &&[i64; 4]| {
        (right - left).saturating_mul(bottom - top) as u64 > MAX_PLANE_BYTES / 2
    };
    if let Some([left, top, right, bottom]) = facts.scenes.values().find(large) {
        return unsupported(format!("a picture of {} x {} pixels", right - left, bottom - top));
    }
    match facts.kinds.iter().collect::<Vec<_>>().as_slice() {
        [0] => Ok("8 bit"),
        [1] => Ok("16 bit"),
        [] => Err(VendorError::Damaged("it has no picture".to_owned())),
        [3 | 4 | 8 | 9] => unsupported("pixels of several colours".to_owned()),
        [kind] => unsupported(format!("pixels of kind {kind}")),
        _ => unsupported("pixels of several kinds".to_owned()),
    }
}

/// How many places there are along an axis of the planes.
fn count(facts: &Facts, axis: usize) -> usize {
    facts.planes.iter().map(|plane| plane[axis]).collect::<BTreeSet<_>>().len()
}

/// Every scene must have every plane, in places that follow one another: this is how the crate counts them.
fn complete(facts: &Facts, counts: [usize; 3]) -> Result<(), VendorError> {
    let expected = counts.iter().product::<usize>().saturating_mul(facts.scenes.len());
    let joined = |values: BTreeSet<i32>| {
        let span = values
            .first()
            .zip(values.last())
            .map_or(0, |(first, last)| i64::from(*last) - i64::from(*first) + 1);
        span == values.len() as i64
    };
    let all_joined = (0..4).all(|axis| joined(facts.planes.iter().map(|plane| plane[axis]).collect()));
    if facts.planes.len() != expected || !all_joined {
        return Err(VendorError::Unsupported(format!("{} of {expected} planes", facts.planes.len())));
    }
    Ok(())
}

impl PlaneSource for CziSource {
    fn format(&self) -> &str {
        "CZI"
    }

    fn positions(&self) -> &[Position] {
        &self.positions
    }

    fn channels(&self) -> &[String] {
        &self.channels
    }

    fn pixels(&self) -> &str {
        self.pixels
    }

    fn reader(&self) -> Result<Box<dyn PlaneReader>, SourceError> {
        let sizes = self.positions.iter().map(|position| (position.width, position.height)).collect();
        Ok(Box::new(CziReader { path: self.path.clone(), sizes }))
    }
}

thread_local! {
    /// The file that this thread read last. The crate's files cannot move between threads, and our readers can.
    static OPEN: Cell<Option<(PathBuf, CziFile)>> = const { Cell::new(None) };
}

/// Reads planes of a CZI file.
#[derive(Debug)]
struct CziReader {
    path: PathBuf,
    /// Width and height of each scene.
    sizes: Vec<(usize, usize)>,
}

impl PlaneReader for CziReader {
    fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), SourceError> {
        let PlaneAddress { position, channel, frame, z } = address;
        let open = OPEN.take().filter(|(path, _)| *path == self.path);
        let mut file = match open {
            Some((_, file)) => file,
            None => guarded("its headers", || CziFile::open(&self.path))?,
        };
        let values = guarded("a plane", || file.read_frame_2d(position, frame, channel, z))?;
        OPEN.set(Some((self.path.clone(), file)));
        let (width, height) = self.sizes.get(position).copied().unwrap_or_default();
        if values.len() != width * height {
            return Err(VendorError::Damaged("a picture has another size than its scene".to_owned()).into());
        }
        (plane.width, plane.height) = (width, height);
        *plane.u16_mut() = values;
        Ok(())
    }
}
