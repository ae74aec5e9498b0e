//! The inputs of fits: traces as time and value, in the tidy layout or the old one with a column for each cell.

use std::collections::BTreeMap;
use std::path::Path;

use super::traces::{Fields, bad_line};
use super::{TableError, text};

/// A trace: a value for each moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Curve {
    /// Number of the field of view; 0 in the old layout.
    pub fov: usize,
    /// The id of the cell, from 1.
    pub cell: u32,
    /// Hours, in ascending order.
    pub hours: Vec<f64>,
    /// Values; NaN where one is missing.
    pub values: Vec<f64>,
}

/// Points of a trace: hours, value, and the line that they come from.
type Points = Vec<(f64, f64, usize)>;

/// Reads the traces of a file: `time,fov,cell,value`, or `time` and a column for each cell. Times are converted to hours
/// by the unit in the comment `# Time units: min`; without one they are hours.
///
/// # Errors
/// It cannot be read, the unit is unknown, a value makes no sense, or a cell has two values at one time.
pub fn read_curves(path: &Path) -> Result<Vec<Curve>, TableError> {
    let content = text::read(path, text::MAX_CSV)?;
    let (scale, body, comments) = unit(path, &content)?;
    let mut builder = csv::ReaderBuilder::new();
    let mut reader = builder.trim(csv::Trim::All).from_reader(body.as_bytes());
    let header = reader.headers().map_err(|error| bad_line(path, comments + 1, &error))?.clone();
    let tidy = ["time", "fov", "cell", "value"].map(|name| header.iter().position(|known| known == name));
    let mut curves: BTreeMap<(usize, u32), Points> = BTreeMap::new();
    let cells = match tidy {
        [Some(_), Some(_), Some(_), Some(_)] => Vec::new(),
        _ => old_cells(path, &header, comments)?,
    };
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(|error| bad_line(path, comments + at + 2, &error))?;
        let line = comments + record.position().map_or(at + 2, |position| position.line() as usize);
        let fields = Fields { record: &record, header: &header, path, line };
        let time = |at: usize| match fields.number(at)? {
            time if time.is_finite() => Ok(time * scale),
            _ => Err(TableError::Line {
                path: path.to_owned(),
                line,
                reason: "the time is missing or not finite".into(),
            }),
        };
        match tidy {
            [Some(hours), Some(fov), Some(cell), Some(value)] => {
                let key = (fields.whole(fov)? as usize, fields.whole(cell)?);
                curves.entry(key).or_default().push((time(hours)?, fields.number(value)?, line));
            }
            _ => {
                for (at, cell) in &cells {
                    curves.entry((0, *cell)).or_default().push((time(0)?, fields.number(*at)?, line));
                }
            }
        }
    }
    curves.into_iter().map(|((fov, cell), points)| curve(path, fov, cell, points)).collect()
}

/// Sorts the points of a cell by time. Infinite values count as missing.
fn curve(path: &Path, fov: usize, cell: u32, mut points: Points) -> Result<Curve, TableError> {
    points.sort_by(|one, next| one.0.total_cmp(&next.0));
    if let Some([_, twice]) = points.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let reason = format!("cell {cell} of field of view {fov} has two values at one time; remove one");
        return Err(TableError::Line { path: path.to_owned(), line: twice.2, reason });
    }
    let value = |value: f64| if value.is_finite() { value } else { f64::NAN };
    Ok(Curve {
        fov,
        cell,
        hours: points.iter().map(|point| point.0).collect(),
        values: points.iter().map(|point| value(point.1)).collect(),
    })
}

/// The columns of the old layout: `time`, then one for each cell.
fn old_cells(
    path: &Path,
    header: &csv::StringRecord,
    comments: usize,
) -> Result<Vec<(usize, u32)>, TableError> {
    let no_column = || TableError::NoColumn {
        path: path.to_owned(),
        column: "time".into(),
        found: header.iter().map(str::to_owned).collect(),
    };
    if header.get(0).is_none_or(|name| name != "time" && !name.is_empty()) || header.len() < 2 {
        return Err(no_column());
    }
    let number = |name: &str| name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok();
    let mut cells: Vec<(usize, u32)> = Vec::new();
    for (at, name) in header.iter().enumerate().skip(1) {
        let Some(cell) = number(name).filter(|cell| !cells.iter().any(|(_, known)| known == cell)) else {
            let reason = format!("column {name:?} is not the number of a cell, or is there twice");
            return Err(TableError::Line { path: path.to_owned(), line: comments + 1, reason });
        };
        cells.push((at, cell));
    }
    Ok(cells)
}

/// What one unit of time is in hours, the text after the comments, and how many lines those are.
fn unit<'a>(path: &Path, content: &'a str) -> Result<(f64, &'a str, usize), TableError> {
    let (mut scale, mut body, mut line) = (1.0, content, 0);
    while let Some(comment) = body.strip_prefix('#') {
        let (comment, rest) = comment.split_once('\n').unwrap_or((comment, ""));
        line += 1;
        if let Some((name, unit)) = comment.split_once(':')
            && name.trim().eq_ignore_ascii_case("time units")
        {
            scale = match unit.trim().to_lowercase().as_str() {
                "s" | "sec" | "secs" | "second" | "seconds" => 1.0 / 3600.0,
                "m" | "min" | "mins" | "minute" | "minutes" => 1.0 / 60.0,
                "h" | "hr" | "hrs" | "hour" | "hours" => 1.0,
                other => {
                    let reason = format!("the unit of time {other:?} is unknown; use s, min or h");
                    return Err(TableError::Line { path: path.to_owned(), line, reason });
                }
            };
        }
        body = rest;
    }
    Ok((scale, body, line))
}
