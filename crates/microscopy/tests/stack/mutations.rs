//! Files with changed bytes: they are read or refused, never a panic, and never with more memory than they can need.
//!
//! `OCELLUS_FUZZ_SECONDS` makes the run longer than that of the suite; `OCELLUS_FUZZ_SEED` gives it another beginning.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ocellus_microscopy::Plane;
use ocellus_microscopy::stack::{PlaneAddress, Stack, StackOptions};

use super::flavours::flavour;
use super::memory::largest;
use super::random::Random;

/// A file of 16 kB holds at most 64 MB of pixels: LZW has the greatest gain, 4,096.
const MOST_BYTES: usize = 128 << 20;

/// Numbers that break arithmetic.
const NUMBERS: [u64; 14] = [
    0,
    1,
    2,
    255,
    256,
    32_767,
    65_535,
    65_536,
    0x7fff_ffff,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 40,
    1 << 63,
    u64::MAX,
];

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Changes a few bytes, in any place or where headers are.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(4) {
        let length = bytes.len().max(1) as u64;
        let at = match random.below(4) {
            0 => random.below(length.min(400)),
            1 => length - 1 - random.below(length.min(2000)),
            _ => random.below(length),
        } as usize;
        match random.below(10) {
            0 => bytes.truncate(at),
            1 => {
                let from = random.below(length) as usize;
                let count = (random.below(64) as usize).min(bytes.len() - at.max(from).min(bytes.len()));
                let copy =
                    bytes[from.min(bytes.len())..][..count.min(bytes.len() - from.min(bytes.len()))].to_vec();
                bytes.splice(at..at, copy);
            }
            2 | 3 => {
                let number = NUMBERS[random.below(NUMBERS.len() as u64) as usize];
                let size = [1, 2, 4, 8][random.below(4) as usize];
                let big = random.below(2) == 0;
                let number = if big {
                    number.to_be_bytes()[8 - size..].to_vec()
                } else {
                    number.to_le_bytes()[..size].to_vec()
                };
                for (place, byte) in bytes.iter_mut().skip(at).zip(number) {
                    *place = byte;
                }
            }
            4 => bytes[at] = bytes[at].wrapping_add(1),
            5 => bytes[at] = b'0' + random.below(10) as u8,
            _ => bytes[at] ^= 1 << random.below(8),
        }
        if bytes.is_empty() {
            return;
        }
    }
}

/// Opens a file and reads some of its planes; what was wrong, if anything.
fn open_and_read(path: &Path, random: &mut Random) -> Result<(), String> {
    let mut options = StackOptions::default();
    if random.below(4) == 0 {
        options.axes = Some(["T", "TC2", "ZT", "P2T"][random.below(4) as usize].to_owned());
    }
    let stack = Stack::open(&[path.to_owned()], &options).map_err(|error| error.to_string())?;
    assert!(stack.description().starts_with("format: "));
    let mut reader = stack.reader().map_err(|error| error.to_string())?;
    let mut plane = Plane::empty();
    for _ in 0..4 {
        let position = random.below(stack.positions().len() as u64) as usize;
        let known = &stack.positions()[position];
        let address = PlaneAddress {
            position,
            channel: random.below(stack.channels().len() as u64) as usize,
            frame: random.below(known.frames as u64) as usize,
            z: random.below(known.depth as u64) as usize,
        };
        reader.read(address, &mut plane).map_err(|error| error.to_string())?;
        let pixels = match &plane.pixels {
            ocellus_microscopy::Pixels::U16(pixels) => pixels.len(),
            ocellus_microscopy::Pixels::F32(pixels) => pixels.len(),
        };
        assert_eq!(
            (plane.width, plane.height, pixels),
            (known.width, known.height, known.width * known.height)
        );
    }
    Ok(())
}

/// The changed file; it is kept where the test fails on it.
struct Changed {
    folder: Option<tempfile::TempDir>,
    path: PathBuf,
}

impl Drop for Changed {
    fn drop(&mut self) {
        if let (true, Some(folder)) = (std::thread::panicking(), self.folder.take()) {
            println!("the file is kept in {}", folder.keep().display());
        }
    }
}

/// Changes the files over and over; gives how many runs there were, and how many files were read all the same.
fn run(seeds: &[PathBuf], ending: &str, runs: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("changed{ending}"));
    let changed = Changed { folder: Some(folder), path };
    let seeds: Vec<_> = seeds.iter().map(|seed| std::fs::read(seed).unwrap()).collect();
    let mut random = Random(setting("OCELLUS_FUZZ_SEED").unwrap_or(0x5eed_0001));
    let until = setting("OCELLUS_FUZZ_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let (mut done, mut read) = (0, 0);
    while until.map_or(done < runs, |until| Instant::now() < until) {
        let mut bytes = seeds[random.below(seeds.len() as u64) as usize].clone();
        mutate(&mut bytes, &mut random);
        std::fs::write(&changed.path, &bytes).unwrap();
        largest();
        match open_and_read(&changed.path, &mut random) {
            Ok(()) => read += 1,
            Err(refusal) => assert!(
                refusal.contains(ending) || refusal.starts_with("axes") || refusal.starts_with("position"),
                "{refusal}"
            ),
        }
        let most = largest();
        assert!(most <= MOST_BYTES, "{most} bytes at once for a file of {}, run {done}", bytes.len());
        done += 1;
    }
    (done, read)
}

#[test]
fn changed_tiff_files_are_read_or_refused() {
    let folder = flavour("");
    let mut seeds: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    seeds.retain(|path| path.extension().is_some_and(|ending| ending == "tif"));
    seeds.sort();
    let (done, read) = run(&seeds, ".tif", 1500);
    println!("{done} files, {read} of them readable");
    assert!(read > done / 100 && read < done, "{read} of {done}");
}
