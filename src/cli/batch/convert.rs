//! `ocellus batch convert`: any stack that can be read, as OME-TIFF.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::whole_file::WholeFile;
use super::{BatchFault, CliOutput, StackArgs, output};
use crate::timelapse::stack::{
    PixelKind, PlaneAddress, PlanePixels, Position, Stack, StackReader, StackWriter, WriteSettings, is_stack,
};
use crate::timelapse::{Pixels, Plane};

/// Pixels are written as they are read: 8 and 16 bits as 16 bits, everything else as 32-bit floating point. Lines
/// that begin with "assumed:" are guesses; --axes, --pattern and --frame-interval replace them.
#[derive(Debug, Args)]
pub(super) struct ConvertArgs {
    /// Files, folders, or patterns with *, which together are one stack; or a video.
    #[arg(required = true, value_name = "STACK")]
    stacks: Vec<PathBuf>,
    /// The file to write, with an ending such as .ome.tif; any other path is a folder, which is made if needed.
    #[arg(long, value_name = "FILE|DIR")]
    out: PathBuf,
    /// Write NAME_scene0.ome.tif, NAME_scene1.ome.tif and so on, one for each position.
    #[arg(long)]
    split: bool,
    /// Compress the pixels (deflate).
    #[arg(long)]
    compress: bool,
    /// Replace files that are there already.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    stack: StackArgs,
}

/// What was understood and written.
#[derive(Debug, Serialize)]
struct Converted {
    /// The lines of the description.
    description: Vec<String>,
    files: Vec<ConvertedFile>,
}

/// One file that was written.
#[derive(Debug, Serialize)]
struct ConvertedFile {
    file: PathBuf,
    position: String,
    frames: usize,
    channels: usize,
    depth: usize,
    bytes: u64,
}

pub(super) fn outcome(arguments: &ConvertArgs) -> anyhow::Result<CliOutput> {
    let stack = arguments.stack.open(&arguments.stacks)?;
    let targets = targets(arguments, &stack)?;
    check(arguments, &stack, &targets)?;
    if let Some(folder) =
        targets.first().and_then(|target| target.parent()).filter(|_| is_folder(&arguments.out))
    {
        let failed = |source| BatchFault::Write { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut reader = stack.reader()?;
    let mut files = Vec::with_capacity(targets.len());
    for (position, target) in stack.positions().iter().enumerate().zip(&targets) {
        files.push(write(arguments, &stack, &mut reader, position, target)?);
    }
    let description = stack.description();
    let written = files.iter().map(|file| {
        let frames = output::count(file.frames, "frame");
        format!(
            "written: {} (position {}, {frames}, {} bytes)",
            file.file.display(),
            file.position,
            file.bytes
        )
    });
    let description: Vec<_> = description.lines().map(str::to_owned).collect();
    let words: Vec<_> = description.iter().cloned().chain(written).collect();
    Ok(CliOutput::new(words.join("\n"), output::ok(&Converted { description, files })?))
}

/// Whether `--out` names a folder: one that is there, or a path without the ending of a TIFF.
fn is_folder(out: &Path) -> bool {
    out.is_dir() || !is_stack(out)
}

/// The file of each position.
fn targets(arguments: &ConvertArgs, stack: &Stack) -> Result<Vec<PathBuf>, BatchFault> {
    let (out, stem, positions) = (&arguments.out, stack.stem(), stack.positions().len());
    if arguments.split {
        if !is_folder(out) {
            return Err(BatchFault::SplitIntoFile { out: out.clone() });
        }
        return Ok((0..positions).map(|number| out.join(format!("{stem}_scene{number}.ome.tif"))).collect());
    }
    if positions != 1 {
        return Err(BatchFault::SeveralPositions { stem: stem.to_owned(), positions });
    }
    Ok(vec![if is_folder(out) { out.join(format!("{stem}.ome.tif")) } else { out.clone() }])
}

/// Refuses outputs that are there or belong to the input, before anything is written.
fn check(arguments: &ConvertArgs, stack: &Stack, targets: &[PathBuf]) -> Result<(), BatchFault> {
    let inputs: Vec<_> = stack.files().iter().filter_map(|file| file.canonicalize().ok()).collect();
    for path in targets {
        if path.canonicalize().is_ok_and(|path| inputs.contains(&path)) {
            return Err(BatchFault::OutIsInput { path: path.clone() });
        }
        if !arguments.force && path.symlink_metadata().is_ok() {
            return Err(BatchFault::Exists { path: path.clone() });
        }
    }
    Ok(())
}

fn write(
    arguments: &ConvertArgs,
    stack: &Stack,
    reader: &mut StackReader,
    (number, position): (usize, &Position),
    target: &Path,
) -> anyhow::Result<ConvertedFile> {
    let planes = |source| BatchFault::Planes { path: target.to_owned(), source };
    let failed = |source| BatchFault::Write { path: target.to_owned(), source };
    // What the pixels are is known from the first plane, and all planes of a stack are of one kind.
    let mut plane = Plane::empty();
    reader.read(PlaneAddress { position: number, channel: 0, frame: 0, z: 0 }, &mut plane)?;
    let settings = WriteSettings {
        name: position.name.clone(),
        width: position.width,
        height: position.height,
        frames: position.frames,
        depth: position.depth,
        channels: stack.channels().to_vec(),
        pixels: match plane.pixels {
            Pixels::U16(_) => PixelKind::U16,
            Pixels::F32(_) => PixelKind::F32,
        },
        pixel_size_um: position.pixel_size_um,
        times_ms: position.times_ms.clone(),
        compress: arguments.compress,
    };
    let whole = WholeFile::begin(target, arguments.force)?;
    let mut out = BufWriter::new(whole.file());
    let mut writer = StackWriter::new(&mut out, settings).map_err(planes)?;
    for frame in 0..position.frames {
        for channel in 0..stack.channels().len() {
            for z in 0..position.depth {
                reader.read(PlaneAddress { position: number, channel, frame, z }, &mut plane)?;
                writer.write(PlanePixels::from(&plane)).map_err(planes)?;
            }
        }
    }
    writer.finish().map_err(planes)?;
    out.flush().map_err(failed)?;
    drop(out);
    let bytes = whole.file().metadata().map_err(failed)?.len();
    whole.finish()?;
    Ok(ConvertedFile {
        file: target.to_owned(),
        position: position.name.clone(),
        frames: position.frames,
        channels: stack.channels().len(),
        depth: position.depth,
        bytes,
    })
}
