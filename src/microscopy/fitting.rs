//! Fits of many traces on all cores; the order of the traces is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::RunError;
use crate::supervisor::{lower_priority, spawn, usable_cores};
use crate::timelapse::fit::Fitter;
use crate::timelapse::tables::{Curve, FittedRow};

/// What the threads share: each takes the next trace that nobody has taken.
struct Work {
    fitter: Fitter,
    curves: Vec<Curve>,
    next: AtomicUsize,
}

impl Work {
    /// Fits traces until none is left; each with its index.
    fn run(&self) -> Vec<(usize, FittedRow)> {
        let mut rows = Vec::new();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(curve) = self.curves.get(index) else { return rows };
            let fit = self.fitter.fit(&curve.hours, &curve.values);
            rows.push((index, FittedRow { fov: curve.fov, cell: curve.cell, fit }));
        }
    }
}

/// The tables of fits and of their details beside the table `traces`. The name of the second does not look like the
/// first's, or PyAMA's viewer would offer it.
pub fn fitted_tables(traces: &Path, model: &str) -> [PathBuf; 2] {
    let stem = traces.file_stem().unwrap_or_default().to_string_lossy();
    ["fitted", "details"].map(|kind| traces.with_file_name(format!("{stem}_{kind}_{model}.csv")))
}

/// The fit of each curve, in their order. In the service the threads give way to its own.
///
/// # Errors
/// A thread cannot be started, or a fit panicked.
pub fn fit_all(fitter: Fitter, curves: Vec<Curve>, in_service: bool) -> Result<Vec<FittedRow>, RunError> {
    let threads = usable_cores().len().min(curves.len()).max(1);
    let work = Arc::new(Work { fitter, curves, next: AtomicUsize::new(0) });
    let started: Vec<_> = (0..threads)
        .map(|number| {
            let work = Arc::clone(&work);
            spawn(&format!("fit-{number}"), None, move || {
                if in_service {
                    lower_priority();
                }
                work.run()
            })
        })
        .collect();
    let mut rows = Vec::with_capacity(work.curves.len());
    for thread in started {
        let thread = thread.map_err(|error| RunError::Workers(error.to_string()))?;
        rows.extend(thread.join().map_err(|error| {
            let next = "this is a fault of the program: report it with the table of traces";
            RunError::Item(format!("a fit {error}; {next}"))
        })?);
    }
    rows.sort_unstable_by_key(|(index, _)| *index);
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}
