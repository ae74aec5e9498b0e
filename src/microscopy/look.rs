//! Looks at the results of a recipe for people who ask the service: traces, pictures, marks, fits, and all tables.

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::command::{CellOut, FileOut, FitOut, FovOut, MarkedOut, ParameterOut, ResultsOut, TracesOut};
use super::files::write_whole;
use super::fitting::{fit_all, fitted_tables};
use super::{FittedFile, Results, RunError};
use crate::timelapse::fit::{FitSettings, Fitter, models};
use crate::timelapse::tables::{self, Sample, TraceTable, read_curves, write_fit_details, write_fitted};

/// Most traces of an answer: more cannot be distinguished in a plot.
const MOST_CELLS: usize = 1_000;
/// Longest side of a picture, pixels.
const LONGEST: usize = 1_024;
/// Quality of the JPEG pictures.
const QUALITY: u8 = 85;
/// Most bytes of all tables in one file, before they are compressed.
const MOST_BYTES: u64 = 256 << 20;
/// Most folders below one another that are searched for tables.
const DEPTH: usize = 3;

/// The results of one recipe.
pub struct Look {
    recipe: String,
    results: Results,
}

impl Look {
    /// Opens the results in `folder`, which are those of `recipe`.
    ///
    /// # Errors
    /// There are none, or they are damaged.
    pub fn new(recipe: String, folder: &Path) -> Result<Look, RunError> {
        Ok(Look { recipe, results: Results::open(folder)? })
    }

    /// What there is.
    ///
    /// # Errors
    /// A table of fits cannot be read.
    pub fn results(&self) -> Result<ResultsOut, RunError> {
        let Look { recipe, results } = self;
        let fovs = results.fovs().iter().map(|fov| FovOut {
            fov: fov.fov,
            state: fov.state.clone(),
            cause: fov.cause.clone(),
            frames: fov.frames,
            cells: fov.cells,
            dropped: fov.dropped.len(),
            inspected: results.is_inspected(fov.fov),
        });
        Ok(ResultsOut {
            recipe: recipe.clone(),
            id: results.id().map(str::to_owned),
            version: results.version().map(str::to_owned),
            folder: results.folder().display().to_string(),
            fovs: fovs.collect(),
            features: self.first_table()?.map(|table| table.features).unwrap_or_default(),
            models: models().iter().map(|model| model.name.to_owned()).collect(),
            fits: results.fits()?.iter().map(fit).collect(),
        })
    }

    /// The table of the first field of view that has one.
    fn first_table(&self) -> Result<Option<TraceTable>, RunError> {
        let complete = self.results.fovs().iter().find(|fov| fov.state == "complete");
        complete.map(|fov| self.results.traces(fov.fov)).transpose()
    }

    /// The traces of one feature; the first by default.
    ///
    /// # Errors
    /// There is no such field of view or feature, or no table yet.
    pub fn traces(&self, fov: usize, feature: Option<&str>) -> Result<TracesOut, RunError> {
        let table = self.results.traces(fov)?;
        let (at, feature) = column(&table.features, feature)?;
        let cells = table.rows.chunk_by(|row, next| row.cell == next.cell);
        let of = cells.clone().count();
        let cells = cells.take(MOST_CELLS).filter_map(|rows| {
            let first = rows.first()?;
            let values = rows.iter().map(|row| Some(row.values[at]).filter(|value| value.is_finite()));
            let times = rows.iter().map(|row| row.time).collect();
            Some(CellOut { cell: first.cell, good: first.good, times, values: values.collect() })
        });
        let time_units = self.results.time_units().to_owned();
        Ok(TracesOut { fov, feature, time_units, of, cells: cells.collect() })
    }

    /// Frame `frame` with the cells' outlines and ids, as JPEG.
    ///
    /// # Errors
    /// There is no such field of view or frame, or the run kept no stacks.
    pub fn overlay(&self, fov: usize, frame: usize) -> Result<FileOut, RunError> {
        let picture = self.results.overlay(fov, frame, LONGEST)?;
        let bytes = picture.jpeg(QUALITY).map_err(|error| RunError::Item(error.to_string()))?;
        Ok(FileOut { name: format!("{}_fov_{fov:03}_frame_{frame}.jpg", self.recipe), bytes })
    }

    /// Marks a trace.
    ///
    /// # Errors
    /// There is no such trace, or the system refuses to write.
    pub fn mark(&self, fov: usize, cell: u32, good: bool) -> Result<MarkedOut, RunError> {
        self.results.mark(fov, cell, good)?;
        Ok(MarkedOut { fov, cell, good })
    }

    /// Merges the traces of all complete fields of view into a sample that is called after the recipe, and fits those of
    /// one feature.
    ///
    /// # Errors
    /// There is no such model or feature, no good trace, or the system refuses to write.
    pub fn fit(&self, model: &str, feature: Option<&str>) -> Result<ResultsOut, RunError> {
        let fitter = Fitter::new(model, &FitSettings::default())?;
        let features = self.first_table()?.map(|table| table.features).unwrap_or_default();
        let usual = features.iter().find(|name| name.starts_with("intensity")).map(String::as_str);
        let (_, feature) = column(&features, feature.or(usual))?;
        let complete = self.results.fovs().iter().filter(|fov| fov.state == "complete");
        let sample = Sample { name: self.recipe.clone(), fovs: complete.map(|fov| fov.fov).collect() };
        let folder = self.results.folder();
        tables::merge(folder, &[sample], folder, true)?;
        let traces = folder.join(format!("{}_{feature}.csv", self.recipe));
        let curves = read_curves(&traces)?;
        if curves.is_empty() {
            return Err(RunError::NoTraces { feature });
        }
        let parameters = fitter.fitted().to_vec();
        let rows = fit_all(fitter, curves, true)?;
        let [fitted, details] = fitted_tables(&traces, model);
        // The details first: where the table of the fits is there, both are.
        write_whole(&details, |out| write_fit_details(out, model, &parameters, &rows))?;
        write_whole(&fitted, |out| write_fitted(out, model, &parameters, &rows))?;
        self.results()
    }

    /// Every table, with the summary, as one ZIP file.
    ///
    /// # Errors
    /// They are too large together, or cannot be read.
    pub fn tables(&self) -> Result<FileOut, RunError> {
        let folder = self.results.folder();
        let mut files = Vec::new();
        find_tables(folder, DEPTH, &mut files)?;
        files.sort();
        let bytes = files.iter().map(|path| path.metadata().map_or(0, |found| found.len())).sum();
        if bytes > MOST_BYTES {
            return Err(RunError::TooLarge { out: folder.to_owned(), bytes, most: MOST_BYTES });
        }
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        for path in &files {
            let name = path.strip_prefix(folder).unwrap_or(path).to_string_lossy();
            let text = std::fs::read(path).map_err(|error| RunError::io("read", path, error))?;
            let added = zip.start_file(name, SimpleFileOptions::default());
            let added = added.map_err(std::io::Error::from).and_then(|()| zip.write_all(&text));
            added.map_err(|error| RunError::io("compress", path, error))?;
        }
        let finished = zip.finish().map_err(|error| RunError::io("compress", folder, error.into()))?;
        Ok(FileOut { name: format!("{}.zip", self.recipe), bytes: finished.into_inner() })
    }
}

/// The number and the name of the column that is meant; the first by default.
fn column(features: &[String], name: Option<&str>) -> Result<(usize, String), RunError> {
    let at = match name {
        Some(name) => features.iter().position(|feature| feature == name),
        None => (!features.is_empty()).then_some(0),
    };
    let found = at.and_then(|at| Some((at, features.get(at)?.clone())));
    found.ok_or_else(|| RunError::NoFeature {
        feature: name.unwrap_or_default().to_owned(),
        known: features.to_vec(),
    })
}

fn fit(file: &FittedFile) -> FitOut {
    let table = &file.table;
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    let good = table.cells.iter().filter(|cell| cell.success);
    let parameters = table.parameters.iter().map(|name| {
        let values = table.values(name).unwrap_or_default();
        ParameterOut { name: name.clone(), values: values.into_iter().map(finite).collect() }
    });
    FitOut {
        table: file.path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        model: table.model.clone(),
        cells: table.cells.len(),
        failed: table.failed(),
        classes: table.classes(),
        r_squared: good.map(|cell| finite(cell.r_squared)).collect(),
        parameters: parameters.collect(),
    }
}

/// Tables below `folder`; links are not followed, so that nothing else is found.
fn find_tables(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), RunError> {
    let fault = |error| RunError::io("read", folder, error);
    for entry in std::fs::read_dir(folder).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(fault)?);
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        if kind.is_dir() && depth > 0 {
            find_tables(&path, depth - 1, found)?;
        } else if kind.is_file() && matches!(ending, "csv" | "yaml" | "json" | "txt") {
            found.push(path);
        }
    }
    Ok(())
}
