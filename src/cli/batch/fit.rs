//! `ocellus batch fit`: the traces of a table are fitted with a model.

mod report;

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::whole_file::WholeFile;
use super::{BatchFault, CliOutput};
use crate::microscopy::{fit_all, fitted_tables};
use crate::timelapse::fit::{FitSettings, Fitter};
use crate::timelapse::tables::{read_curves, write_fit_details, write_fitted};
use report::FitReport;

/// Times are converted to hours by the comment `# Time units: min` of the table, and parameters are per hour. Beside the
/// fitted parameters a second table gives quality, standard errors and flags of each fit.
#[derive(Debug, Args)]
pub(super) struct FitArgs {
    /// The traces: time,fov,cell,value, as `ocellus batch merge` writes them.
    #[arg(value_name = "TRACES.csv")]
    traces: PathBuf,
    /// The model: maturation, maturation_free, trivial, maturation_blocked or exponential_decay.
    #[arg(long, value_name = "MODEL")]
    model: String,
    /// Another value of a fixed parameter, or another start of a fitted one, for instance km=1.3.
    #[arg(long, value_name = "NAME=VALUE", value_parser = value)]
    set: Vec<(String, f64)>,
    /// Other bounds of a fitted parameter, for instance t0=-1..1.
    #[arg(long, value_name = "NAME=LEAST..GREATEST", value_parser = bounds)]
    bound: Vec<(String, [f64; 2])>,
    /// How many starts are tried for each trace; the model decides by default.
    #[arg(long, value_name = "N")]
    starts: Option<usize>,
    /// The table of the fits; TRACES_fitted_MODEL.csv beside the traces by default.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace tables that are there already.
    #[arg(long)]
    force: bool,
}

/// Why the text of `--set` or `--bound` cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{text:?} is not {expected}")]
struct NotASetting {
    text: String,
    expected: &'static str,
}

fn value(text: &str) -> Result<(String, f64), NotASetting> {
    let setting = text.split_once('=').and_then(|(name, value)| named(name, number(value)?));
    setting.ok_or_else(|| NotASetting {
        text: text.to_owned(),
        expected: "a parameter with its value; write for instance km=1.3",
    })
}

fn bounds(text: &str) -> Result<(String, [f64; 2]), NotASetting> {
    let setting = text.split_once('=').and_then(|(name, bounds)| {
        let (least, greatest) = bounds.split_once("..")?;
        named(name, [number(least)?, number(greatest)?])
    });
    setting.ok_or_else(|| NotASetting {
        text: text.to_owned(),
        expected: "a parameter with its bounds; write for instance t0=-1..1",
    })
}

fn named<T>(name: &str, value: T) -> Option<(String, T)> {
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value))
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok()
}

pub(super) fn outcome(arguments: &FitArgs) -> anyhow::Result<CliOutput> {
    let settings = FitSettings {
        values: arguments.set.clone(),
        bounds: arguments.bound.clone(),
        starts: arguments.starts,
    };
    // The command line first: a wrong name is reported at once, however large the table is.
    let fitter = Fitter::new(&arguments.model, &settings).map_err(BatchFault::Fit)?;
    let [fitted, details] = outputs(arguments);
    for path in [&fitted, &details] {
        check(arguments, path)?;
    }
    let curves = read_curves(&arguments.traces)?;
    if curves.is_empty() {
        return Err(BatchFault::NoTraces { path: arguments.traces.clone() }.into());
    }
    let parameters = fitter.fitted().to_vec();
    let rows = fit_all(fitter, curves, false).map_err(BatchFault::Run)?;
    let (model, parameters) = (&*arguments.model, &*parameters);
    // The details first: where the table of the fits is there, both are.
    put(&details, arguments.force, |out| write_fit_details(out, model, parameters, &rows))?;
    put(&fitted, arguments.force, |out| write_fitted(out, model, parameters, &rows))?;
    FitReport::of(model, parameters, &rows, [fitted, details]).output()
}

/// The table of the fits and that of their details.
fn outputs(arguments: &FitArgs) -> [PathBuf; 2] {
    let Some(out) = &arguments.out else { return fitted_tables(&arguments.traces, &arguments.model) };
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    [out.clone(), out.with_file_name(format!("{stem}_details.csv"))]
}

/// Refuses an output that is there or is the input, before time is spent.
fn check(arguments: &FitArgs, path: &Path) -> Result<(), BatchFault> {
    let place = path.canonicalize();
    if place.is_ok_and(|place| arguments.traces.canonicalize().is_ok_and(|traces| traces == place)) {
        return Err(BatchFault::OutIsInput { path: path.to_owned() });
    }
    if !arguments.force && path.symlink_metadata().is_ok() {
        return Err(BatchFault::Exists { path: path.to_owned() });
    }
    Ok(())
}

fn put(
    path: &Path,
    replaces: bool,
    write: impl FnOnce(&mut BufWriter<&std::fs::File>) -> io::Result<()>,
) -> Result<(), BatchFault> {
    let whole = WholeFile::begin(path, replaces)?;
    let mut out = BufWriter::new(whole.file());
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|source| BatchFault::Write { path: path.to_owned(), source })?;
    drop(out);
    whole.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_a_name_and_numbers() {
        assert_eq!(value("km=1.3").unwrap(), ("km".to_owned(), 1.3));
        assert_eq!(value(" t0 = -1e-2").unwrap(), ("t0".to_owned(), -0.01));
        assert_eq!(bounds("t0=-1..1").unwrap(), ("t0".to_owned(), [-1.0, 1.0]));
        assert_eq!(bounds("ktl=.5..5.e8").unwrap(), ("ktl".to_owned(), [0.5, 5e8]));
        for text in ["km", "km=", "=1", "km=1,3", "km==1"] {
            assert!(value(text).unwrap_err().to_string().contains("km=1.3"), "{text}");
        }
        for text in ["t0", "t0=1", "t0=1..", "=1..2", "t0=..", "t0=1...2..3"] {
            assert!(bounds(text).unwrap_err().to_string().contains("t0=-1..1"), "{text}");
        }
    }
}
