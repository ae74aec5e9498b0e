//! `processing_results.yaml`: which files belong to which field of view.
//!
//! Written by hand, because the layout is exactly that of PyAMA and no writer of YAML has it; read by a library.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::Deserialize;

use super::{TableError, text};

/// The files of all fields of view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsFile {
    /// The phase channel and its features.
    pub phase: (usize, Vec<String>),
    /// The fluorescence channels and their features.
    pub fluorescence: Vec<(usize, Vec<String>)>,
    /// The files, by the number of the field of view; paths are relative to the results' folder.
    pub fovs: BTreeMap<usize, FovFiles>,
    /// The unit of times in the tables.
    pub time_units: String,
}

/// The files of one field of view: the number of a channel and a path.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct FovFiles {
    /// The copied phase channel.
    pub pc: (usize, String),
    /// The copied fluorescence channels.
    #[serde(default)]
    pub fl: Vec<(usize, String)>,
    /// The mask of the cells.
    pub seg: (usize, String),
    /// The labels of the tracked cells.
    pub seg_labeled: (usize, String),
    /// The backgrounds of the fluorescence channels.
    #[serde(default)]
    pub fl_background: Vec<(usize, String)>,
    /// The table of traces.
    pub traces: String,
}

#[derive(Deserialize)]
struct File {
    channels: Channels,
    #[serde(default)]
    results: BTreeMap<String, FovFiles>,
    #[serde(default = "minutes")]
    time_units: String,
}

#[derive(Deserialize)]
struct Channels {
    pc: (usize, Vec<String>),
    #[serde(default)]
    fl: Vec<(usize, Vec<String>)>,
}

fn minutes() -> String {
    "min".into()
}

impl ResultsFile {
    /// Reads a file that we or PyAMA wrote.
    ///
    /// # Errors
    /// It cannot be read, or is of another layout.
    pub fn read(path: &Path) -> Result<ResultsFile, TableError> {
        let content = text::read(path, text::MAX_YAML)?;
        let refuse = |reason: String| TableError::Yaml { path: path.to_owned(), reason };
        let file: File = serde_saphyr::from_str(&content).map_err(|error| refuse(error.to_string()))?;
        let fovs = file.results.into_iter().map(|(fov, files)| match fov.parse() {
            Ok(fov) => Ok((fov, files)),
            Err(_) => Err(refuse(format!("results: {fov:?} is not the number of a field of view"))),
        });
        Ok(ResultsFile {
            phase: file.channels.pc,
            fluorescence: file.channels.fl,
            fovs: fovs.collect::<Result<_, _>>()?,
            time_units: file.time_units,
        })
    }

    /// Writes it as PyAMA does.
    ///
    /// # Errors
    /// Those of the system.
    pub fn write(&self, out: &mut impl Write) -> io::Result<()> {
        let out: &mut dyn Write = out;
        writeln!(out, "output_dir: .\nchannels:\n  pc:")?;
        channel(out, "  ", "  ", &self.phase)?;
        list(out, "  fl", &self.fluorescence, |out, one| channel(out, "  - ", "    ", one))?;
        match self.fovs.is_empty() {
            true => writeln!(out, "results: {{}}")?,
            false => writeln!(out, "results:")?,
        }
        for (fov, files) in &self.fovs {
            let FovFiles { pc, fl, seg, seg_labeled, fl_background, traces } = files;
            writeln!(out, "  '{fov}':\n    pc:")?;
            pair(out, "    ", "    ", pc)?;
            list(out, "    fl", fl, |out, one| pair(out, "    - ", "      ", one))?;
            writeln!(out, "    seg:")?;
            pair(out, "    ", "    ", seg)?;
            writeln!(out, "    seg_labeled:")?;
            pair(out, "    ", "    ", seg_labeled)?;
            list(out, "    fl_background", fl_background, |out, one| pair(out, "    - ", "      ", one))?;
            writeln!(out, "    traces: {}", quoted(traces))?;
        }
        writeln!(out, "params: {{}}\ntime_units: {}", quoted(&self.time_units))
    }

    /// Adds the fields of view and the channels of a newer run; where both have one, the newer stays.
    pub fn merge(&mut self, newer: ResultsFile) {
        self.phase = newer.phase;
        for (channel, features) in newer.fluorescence {
            match self.fluorescence.iter_mut().find(|(known, _)| *known == channel) {
                Some(known) => known.1 = features,
                None => self.fluorescence.push((channel, features)),
            }
        }
        self.fluorescence.sort_by_key(|(channel, _)| *channel);
        self.fovs.extend(newer.fovs);
        self.time_units = newer.time_units;
    }
}

fn list<T>(
    out: &mut dyn Write,
    name: &str,
    items: &[T],
    mut write: impl FnMut(&mut dyn Write, &T) -> io::Result<()>,
) -> io::Result<()> {
    if items.is_empty() {
        return writeln!(out, "{name}: []");
    }
    writeln!(out, "{name}:")?;
    items.iter().try_for_each(|item| write(out, item))
}

/// A pair as a list of two; `first` is before the first dash, `next` before the others.
fn pair(out: &mut dyn Write, first: &str, next: &str, (channel, path): &(usize, String)) -> io::Result<()> {
    writeln!(out, "{first}- {channel}\n{next}- {}", quoted(path))
}

fn channel(
    out: &mut dyn Write,
    first: &str,
    next: &str,
    (channel, features): &(usize, Vec<String>),
) -> io::Result<()> {
    writeln!(out, "{first}- {channel}")?;
    if features.is_empty() {
        return writeln!(out, "{next}- []");
    }
    for (at, feature) in features.iter().enumerate() {
        let dash = if at == 0 { "- - " } else { "  - " };
        writeln!(out, "{next}{dash}{}", quoted(feature))?;
    }
    Ok(())
}

/// Text as YAML has it: bare where nothing in it can be misread.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let words = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_word = words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if begins && text.chars().all(plain) && !is_word {
        return text.to_owned();
    }
    if text.chars().any(char::is_control) {
        // JSON's quoting of control characters is YAML's too.
        return serde_json::Value::from(text).to_string();
    }
    format!("'{}'", text.replace('\'', "''"))
}
