//! The traces of all fields of view of a sample in one table for each feature.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::{ResultsFile, Sample, TableError, TraceTable, inspected_or_original};

/// A merged table of one sample and feature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergedFile {
    /// The name of the sample.
    pub name: String,
    /// The file that is meant.
    pub path: PathBuf,
    /// The number of rows in it.
    pub rows: usize,
}

/// Writes `SAMPLE_FEATURE_ch_N.csv` for each sample and feature into `out`; `results_dir` holds
/// `processing_results.yaml`. Good traces only; inspected tables win. With `replaces` a table may be there already.
///
/// # Errors
/// A table cannot be read or written, is there already, or a sample names a field of view without results. Nothing is
/// written before every table was read and every name was found free.
pub fn merge(
    results_dir: &Path,
    samples: &[Sample],
    out: &Path,
    replaces: bool,
) -> Result<Vec<MergedFile>, TableError> {
    let results = ResultsFile::read(&results_dir.join("processing_results.yaml"))?;
    for sample in samples {
        if let Some(fov) = sample.fovs.iter().find(|fov| !results.fovs.contains_key(fov)) {
            let known = results.fovs.keys().copied().collect();
            return Err(TableError::NoFov { sample: sample.name.clone(), fov: *fov, known });
        }
    }
    let mut tables = BTreeMap::new();
    for fov in samples.iter().flat_map(|sample| &sample.fovs) {
        if !tables.contains_key(fov) {
            let path = inspected_or_original(&results_dir.join(&results.fovs[fov].traces));
            tables.insert(*fov, TraceTable::read(&path)?);
        }
    }
    let has = |sample: &Sample, feature: &String| {
        sample.fovs.iter().any(|fov| tables[fov].features.contains(feature))
    };
    let features = features(&results);
    let each = samples.iter().flat_map(|sample| features.iter().map(move |feature| (sample, feature)));
    let targets = each.filter(|(sample, feature)| has(sample, feature)).map(|(sample, feature)| {
        let path = out.join(format!("{}_{feature}.csv", sample.name));
        (sample, feature, path)
    });
    let targets: Vec<_> = targets.collect();
    let is_there = |path: &Path| path.symlink_metadata().is_ok();
    if let Some((_, _, path)) = targets.iter().find(|(_, _, path)| !replaces && is_there(path)) {
        return Err(TableError::Exists { path: path.clone() });
    }
    fs::create_dir_all(out).map_err(|source| TableError::Io { path: out.to_owned(), source })?;
    let mut written = Vec::new();
    for (sample, feature, path) in targets {
        let rows = rows(&tables, sample, feature);
        write(&path, &results.time_units, &rows)
            .map_err(|source| TableError::Io { path: path.clone(), source })?;
        written.push(MergedFile { name: sample.name.clone(), path, rows: rows.len() });
    }
    Ok(written)
}

/// The columns: those of the phase channel, then those of fluorescence, by number; the features by name.
fn features(results: &ResultsFile) -> Vec<String> {
    let mut others = results.fluorescence.clone();
    others.sort();
    let channels = std::iter::once(&results.phase).chain(&others);
    channels
        .flat_map(|(channel, features)| {
            let mut features = features.clone();
            features.sort();
            features.dedup();
            features.into_iter().map(move |feature| format!("{feature}_ch_{channel}"))
        })
        .collect()
}

struct Row {
    time: f64,
    fov: usize,
    cell: u32,
    value: f64,
}

fn rows(tables: &BTreeMap<usize, TraceTable>, sample: &Sample, feature: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for fov in &sample.fovs {
        let table = &tables[fov];
        let Some(column) = table.features.iter().position(|name| name == feature) else { continue };
        let good = table.rows.iter().filter(|row| row.good);
        rows.extend(good.map(|row| Row {
            time: row.time,
            fov: *fov,
            cell: row.cell,
            value: row.values[column],
        }));
    }
    rows.sort_by(|one, next| {
        one.time.total_cmp(&next.time).then((one.fov, one.cell).cmp(&(next.fov, next.cell)))
    });
    rows
}

/// Writes aside, syncs and renames: a table is complete or has not its name.
fn write(path: &Path, unit: &str, rows: &[Row]) -> io::Result<()> {
    let aside = path.with_extension("csv.partial");
    let mut out = BufWriter::new(File::create(&aside)?);
    writeln!(out, "# Time units: {unit}\ntime,fov,cell,value")?;
    for Row { time, fov, cell, value } in rows {
        match value.is_nan() {
            true => writeln!(out, "{time:.6},{fov},{cell},")?,
            false => writeln!(out, "{time:.6},{fov},{cell},{value:.6}")?,
        }
    }
    out.flush()?;
    out.get_ref().sync_all()?;
    fs::rename(aside, path)
}
