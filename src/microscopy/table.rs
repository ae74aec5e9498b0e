//! The end of a field of view: traces are filtered and written, and label images for other programs.

use std::fs::{self, File};
use std::io::{BufWriter, Write};

use crate::timelapse::cells::{CellRow, DropReason, Tracker, filter};
use crate::timelapse::stack::{PixelKind, PlanePixels, StackWriter, WriteSettings};
use crate::timelapse::tables::{TraceRow, TraceTable};
use bytemuck::cast_slice_mut;

use super::RunError;
use super::files::{partial, publish, write_whole};
use super::fov::{FovRun, Measured, RangeRows};
use super::journal::{Dropped, Record};
use super::plan::Step;
use super::steps::Job;

/// Filters the traces of `fov` and writes its table and label images; returns the record of what it holds.
///
/// # Errors
/// The system refuses to write, or the run was cancelled.
pub fn write(job: &Job, fov: &FovRun) -> Result<Record, RunError> {
    let rows = std::mem::take(&mut *fov.rows.lock());
    let (table, dropped) = table(job, fov, &rows);
    write_whole(&fov.paths.file("traces.csv"), |out| table.write(out))?;
    if job.experiment.output.labels {
        label_image(job, fov)?;
    }
    if job.experiment.output.tracking_challenge {
        tracking_challenge(fov)?;
    }
    if !job.experiment.output.stacks {
        fov.remove_stacks()?;
    }
    let cells = table.rows.chunk_by(|row, next| row.cell == next.cell).count();
    Ok(Record::Fov { fov: fov.shape.fov, cells, dropped })
}

/// The names of the columns, for instance `area_ch_0`.
pub fn columns(job: &Job) -> Vec<String> {
    let each = job.channels.iter().zip(&job.features);
    each.flat_map(|(channel, features)| features.iter().map(move |feature| format!("{feature}_ch_{channel}")))
        .collect()
}

fn table(job: &Job, fov: &FovRun, ranges: &[RangeRows]) -> (TraceTable, Vec<Dropped>) {
    let features = columns(job);
    // Row and range of each cell in each frame, by cell and then by frame.
    let mut order: Vec<(Measured, usize, usize)> = Vec::new();
    for (range, rows) in ranges.iter().enumerate() {
        order.extend(rows.cells.iter().enumerate().map(|(row, cell)| (*cell, range, row)));
    }
    order.sort_unstable_by_key(|(cell, _, _)| (cell.cell, cell.frame));
    let (mut rows, mut dropped) = (Vec::new(), Vec::new());
    for trace in order.chunk_by(|one, next| one.0.cell == next.0.cell) {
        let shapes: Vec<CellRow> = trace.iter().map(|(cell, _, _)| row_of(cell)).collect();
        let found = filter(&shapes, fov.shape.width, fov.shape.height, &job.experiment.filter);
        if let Some((cell, reason)) = found.into_iter().next() {
            dropped.push(dropped_cell(cell, &reason));
            continue;
        }
        rows.extend(trace.iter().zip(shapes).map(|((_, range, at), shape)| {
            let from = at * features.len();
            let values = &ranges[*range].values[from..from + features.len()];
            TraceRow {
                fov: fov.shape.fov,
                cell: shape.cell,
                frame: shape.frame,
                time: fov.shape.times[shape.frame],
                good: true,
                position: shape.position,
                bbox: shape.bbox,
                values: values.iter().map(|value| f64::from(*value)).collect(),
            }
        }));
    }
    (TraceTable { features, rows }, dropped)
}

fn row_of(cell: &Measured) -> CellRow {
    let bbox = cell.bbox.map(f64::from);
    let position = [(bbox[0] + bbox[2]) / 2.0, (bbox[1] + bbox[3]) / 2.0];
    CellRow { cell: cell.cell, frame: cell.frame as usize, position, bbox, values: Vec::new() }
}

fn dropped_cell(cell: u32, reason: &DropReason) -> Dropped {
    let (mut dropped, name) =
        (Dropped { cell, reason: String::new(), frames: None, frame: None, distance: None }, reason);
    match name {
        DropReason::TooShort { frames } => {
            dropped.reason = "too_short".into();
            dropped.frames = Some(*frames);
        }
        DropReason::Border { frame, distance } => {
            dropped.reason = "border".into();
            dropped.frame = Some(*frame);
            dropped.distance = Some(*distance);
        }
    }
    dropped
}

/// Calls `write` with the labels of each frame.
fn each_label(
    fov: &FovRun,
    mut write: impl FnMut(usize, &[u16]) -> Result<(), RunError>,
) -> Result<(), RunError> {
    let mut labels = vec![0u16; fov.shape.width * fov.shape.height];
    for frame in 0..fov.shape.frames {
        fov.read(Step::Track, 0, frame, cast_slice_mut(&mut labels))?;
        write(frame, &labels)?;
    }
    Ok(())
}

fn label_image(job: &Job, fov: &FovRun) -> Result<(), RunError> {
    let path = fov.paths.file("labels.ome.tif");
    let aside = partial(&path);
    let position = &job.stack.positions()[fov.shape.fov];
    let settings = WriteSettings {
        name: position.name.clone(),
        width: fov.shape.width,
        height: fov.shape.height,
        frames: fov.shape.frames,
        depth: 1,
        channels: vec!["labels".into()],
        pixels: PixelKind::U16,
        pixel_size_um: position.pixel_size_um,
        times_ms: position.times_ms.clone(),
        compress: true,
    };
    let file = File::create(&aside).map_err(|error| RunError::io("write", &aside, error))?;
    let refused = |source| RunError::LabelImage { path: aside.clone(), source };
    let mut writer = StackWriter::new(BufWriter::new(&file), settings).map_err(refused)?;
    each_label(fov, |_, labels| writer.write(PlanePixels::U16(labels)).map_err(refused))?;
    writer.finish().map_err(refused)?;
    file.sync_all().map_err(|error| RunError::io("sync", &aside, error))?;
    publish(&aside, &path)
}

/// Masks and tracks as celltrackingchallenge.net has them: `maskTTT.tif`, and `L B E P` a line.
fn tracking_challenge(fov: &FovRun) -> Result<(), RunError> {
    let folder = fov.paths.folder().join("tracking_challenge");
    fs::create_dir_all(&folder).map_err(|error| RunError::io("make the folder", &folder, error))?;
    let (width, height) = (fov.shape.width, fov.shape.height);
    each_label(fov, |frame, labels| {
        let path = folder.join(format!("mask{frame:03}.tif"));
        let aside = partial(&path);
        let file = File::create(&aside).map_err(|error| RunError::io("write", &aside, error))?;
        let refused = |source| RunError::LabelImage { path: aside.clone(), source };
        let settings = WriteSettings {
            name: format!("mask{frame:03}"),
            width,
            height,
            frames: 1,
            depth: 1,
            channels: vec!["labels".into()],
            pixels: PixelKind::U16,
            pixel_size_um: None,
            times_ms: None,
            compress: true,
        };
        let mut writer = StackWriter::new(BufWriter::new(&file), settings).map_err(refused)?;
        writer.write(PlanePixels::U16(labels)).map_err(refused)?;
        writer.finish().map_err(refused)?;
        file.sync_all().map_err(|error| RunError::io("sync", &aside, error))?;
        publish(&aside, &path)
    })?;
    let tracks = tracks_of(fov)?;
    write_whole(&folder.join("man_track.txt"), |out| {
        tracks.iter().try_for_each(|[id, first, last, parent]| writeln!(out, "{id} {first} {last} {parent}"))
    })
}

/// The tracks: those of the tracker, or, where an earlier run tracked, those of its labels.
fn tracks_of(fov: &FovRun) -> Result<Vec<[u32; 4]>, RunError> {
    if let Some(tracks) = fov.tracker.lock().as_ref().map(Tracker::tracks) {
        return Ok(tracks.to_vec());
    }
    let mut found = std::collections::BTreeMap::new();
    each_label(fov, |frame, labels| {
        for label in labels.iter().filter(|label| **label > 0) {
            let frames = found.entry(*label).or_insert([frame as u32; 2]);
            frames[1] = frame as u32;
        }
        Ok(())
    })?;
    Ok(found.into_iter().map(|(id, [first, last])| [u32::from(id), first, last, 0]).collect())
}
