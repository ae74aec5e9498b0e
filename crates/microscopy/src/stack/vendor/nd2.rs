//! ND2 by the crate `nd2`.

use std::cell::Cell;
use std::fs::File;
use std::path::{Path, PathBuf};

use nd2::Nd2File;

use super::nd2_chunks::{Facts, facts};
use super::{VendorError, guarded};
use crate::Plane;
use crate::stack::{PlaneAddress, PlaneReader, PlaneSource, Position, SourceError};

/// An ND2 file that was opened.
#[derive(Debug)]
pub(super) struct Nd2Source {
    path: PathBuf,
    positions: Vec<Position>,
    channels: Vec<String>,
    single: bool,
    assumptions: Vec<String>,
}

/// How many there are of each, by the crate.
struct Sizes {
    positions: usize,
    frames: usize,
    channels: usize,
    depth: usize,
}

impl Nd2Source {
    pub(super) fn open(path: &Path, file: &File, len: u64) -> Result<Nd2Source, VendorError> {
        let facts = facts(file, len)?;
        check(&facts, len)?;
        let sizes = guarded("its sizes", || Nd2File::open(path)?.sizes())?;
        let of = |axis: &str| sizes.get(axis).copied().unwrap_or(1);
        let mut sizes = Sizes { positions: of("P"), frames: of("T"), channels: of("C"), depth: of("Z") };
        // The crate counts no frame where there is one chunk of pixels with several channels.
        let single = facts.sequences == 1;
        if single {
            sizes = Sizes { positions: 1, frames: 1, depth: 1, ..sizes };
        }
        let loops =
            sizes.positions.checked_mul(sizes.frames).and_then(|product| product.checked_mul(sizes.depth));
        if loops != Some(facts.sequences) || sizes.channels != facts.components as usize {
            return Err(VendorError::Unsupported(format!(
                "{} pictures of {} channels, and loops of {} positions, {} frames, {} planes in depth and {} channels",
                facts.sequences, facts.components, sizes.positions, sizes.frames, sizes.depth, sizes.channels
            )));
        }
        let mut assumptions = Vec::new();
        let times = times(&facts, &sizes, &mut assumptions);
        let position = |number: usize| Position {
            name: number.to_string(),
            frames: sizes.frames,
            depth: sizes.depth,
            width: facts.width as usize,
            height: facts.height as usize,
            pixel_size_um: facts.calibration_um.map(|size| [size, size]),
            times_ms: times.clone(),
        };
        let named = facts.channels.len() == sizes.channels;
        let channel = |number: usize| if named { facts.channels[number].clone() } else { number.to_string() };
        Ok(Nd2Source {
            path: path.to_owned(),
            positions: (0..sizes.positions).map(position).collect(),
            channels: (0..sizes.channels).map(channel).collect(),
            single,
            assumptions,
        })
    }
}

/// Refuses what the crate reads wrongly without a word: other depths than 16 bits, and compressed pixels.
fn check(facts: &Facts, len: u64) -> Result<(), VendorError> {
    let Facts { sequences, bits, components, width, height, compression, .. } = facts;
    if *bits != 16 {
        return Err(VendorError::Unsupported(format!("pixels of {bits} bit")));
    }
    if compression.is_some_and(|compression| compression != 2) {
        return Err(VendorError::Unsupported("compressed pixels".to_owned()));
    }
    let plane = u64::from(*width) * u64::from(*height) * 2;
    let all = plane.saturating_mul(u64::from(*components)).saturating_mul(*sequences as u64);
    if plane == 0 || *components == 0 || *sequences == 0 || all > len {
        let what = format!(
            "{sequences} pictures of {components} channels of {width} x {height} pixels in {len} bytes"
        );
        return Err(VendorError::Damaged(what));
    }
    Ok(())
}

/// The moment of each frame, milliseconds. The stamps are those of all chunks of pixels in the order of the recording,
/// which only for one position is that of the frames.
fn times(facts: &Facts, sizes: &Sizes, assumptions: &mut Vec<String>) -> Option<Vec<f64>> {
    let stamps = facts.times_ms.as_ref()?;
    let each = stamps.len() / sizes.frames.max(1);
    if sizes.positions > 1 && sizes.frames > 1 {
        assumptions.push("the time of a frame is that of its first position".to_owned());
    }
    let times: Vec<_> = stamps.iter().step_by(each.max(1)).copied().collect();
    // In a recording of one position after the other, the first stamps are not those of the frames.
    let rising = times.is_sorted();
    (rising && times.len() == sizes.frames).then_some(times)
}

impl PlaneSource for Nd2Source {
    fn format(&self) -> &str {
        "ND2"
    }

    fn positions(&self) -> &[Position] {
        &self.positions
    }

    fn channels(&self) -> &[String] {
        &self.channels
    }

    fn pixels(&self) -> &str {
        "16 bit"
    }

    fn assumptions(&self) -> Vec<String> {
        self.assumptions.clone()
    }

    fn reader(&self) -> Result<Box<dyn PlaneReader>, SourceError> {
        let size = self.positions.first().map_or((0, 0), |position| (position.width, position.height));
        Ok(Box::new(Nd2Reader { path: self.path.clone(), size, single: self.single }))
    }
}

thread_local! {
    /// The file that this thread read last. The crate's files cannot move between threads, and our readers can.
    static OPEN: Cell<Option<(PathBuf, Nd2File)>> = const { Cell::new(None) };
}

/// Reads planes of an ND2 file.
#[derive(Debug)]
struct Nd2Reader {
    path: PathBuf,
    size: (usize, usize),
    /// Whether there is one chunk of pixels.
    single: bool,
}

impl Nd2Reader {
    /// All values of the planes that lie in one chunk with this one, or of this one.
    fn values(&self, address: PlaneAddress) -> Result<Vec<u16>, VendorError> {
        let open = OPEN.take().filter(|(path, _)| *path == self.path);
        let mut file = match open {
            Some((_, file)) => file,
            None => guarded("its headers", || Nd2File::open(&self.path))?,
        };
        let PlaneAddress { position, channel, frame, z } = address;
        let values = guarded("a plane", || match self.single {
            true => file.read_frame(0),
            false => file.read_frame_2d(position, frame, channel, z),
        })?;
        OPEN.set(Some((self.path.clone(), file)));
        Ok(values)
    }
}

impl PlaneReader for Nd2Reader {
    fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), SourceError> {
        let (width, height) = self.size;
        let values = self.values(address)?;
        let skipped = if self.single { address.channel * width * height } else { 0 };
        let values = values.get(skipped..skipped + width * height);
        let values =
            values.ok_or_else(|| VendorError::Damaged("a picture is shorter than its size".to_owned()))?;
        (plane.width, plane.height) = self.size;
        let pixels = plane.u16_mut();
        pixels.clear();
        pixels.extend_from_slice(values);
        Ok(())
    }
}
