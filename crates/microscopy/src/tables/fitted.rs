//! The table of fits that PyAMA's viewer opens, and beside it what PyAMA does not know.

use std::io::{self, Write};

use super::python;
use crate::fit::{Fit, Quality};

/// The fit of one trace.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedRow {
    /// Number of the field of view.
    pub fov: usize,
    /// The id of the cell, from 1.
    pub cell: u32,
    /// The fit of its trace.
    pub fit: Fit,
}

/// Writes `fov,cell,model_type,success,r_squared` and the fitted parameters, as PyAMA does.
///
/// # Errors
/// Those of the system.
pub fn write_fitted(
    out: &mut impl Write,
    model: &str,
    parameters: &[&str],
    rows: &[FittedRow],
) -> io::Result<()> {
    write!(out, "fov,cell,model_type,success,r_squared")?;
    parameters.iter().try_for_each(|name| write!(out, ",{name}"))?;
    writeln!(out)?;
    for FittedRow { fov, cell, fit } in rows {
        let (success, r_squared) = (python::truth(fit.success), python::float(fit.r_squared));
        write!(out, "{fov},{cell},{model},{success},{r_squared}")?;
        fit.values.iter().try_for_each(|value| write!(out, ",{}", python::float(*value)))?;
        writeln!(out)?;
    }
    Ok(())
}

/// Writes class, sum of squares, standard errors and flags of each fit.
///
/// # Errors
/// Those of the system.
pub fn write_fit_details(
    out: &mut impl Write,
    model: &str,
    parameters: &[&str],
    rows: &[FittedRow],
) -> io::Result<()> {
    write!(out, "fov,cell,model_type,quality,ssr")?;
    parameters
        .iter()
        .try_for_each(|name| write!(out, ",{name}_standard_error,{name}_on_bound,{name}_not_identifiable"))?;
    writeln!(out, ",message")?;
    for FittedRow { fov, cell, fit } in rows {
        write!(out, "{fov},{cell},{model},{},{}", quality(fit.quality), python::float(fit.ssr))?;
        for at in 0..parameters.len() {
            let error = fit.errors.get(at).copied().flatten().map(python::float).unwrap_or_default();
            let flag = |flags: &[bool]| python::truth(flags.get(at).copied().unwrap_or(false));
            write!(out, ",{error},{},{}", flag(&fit.on_bound), flag(&fit.not_identifiable))?;
        }
        let message = fit.message.as_deref().unwrap_or_default().replace('"', "\"\"");
        match message.contains([',', '"', '\n', '\r']) {
            true => writeln!(out, ",\"{message}\"")?,
            false => writeln!(out, ",{message}")?,
        }
    }
    Ok(())
}

/// The word for a class.
fn quality(quality: Quality) -> &'static str {
    match quality {
        Quality::Good => "good",
        Quality::Fair => "fair",
        Quality::Poor => "poor",
    }
}
