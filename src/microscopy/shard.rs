//! Shares of a run that several machines compute, each in a folder of its own, and how they are joined.

use std::fs;
use std::path::{Path, PathBuf};

use super::RunError;
use super::files::{RESULTS, SUMMARY, write_whole};
use super::journal::{Header, Recorded, running};
use super::summary::Summary;
use crate::timelapse::tables::ResultsFile;

/// What the folders of shares begin with.
const PREFIX: &str = "shard-";

/// The folder of share `number` of `of` in the results folder `out`.
pub fn shard_folder(out: &Path, [number, of]: [usize; 2]) -> PathBuf {
    out.join(format!("{PREFIX}{number}-of-{of}"))
}

/// Whether there are shares in `out`.
///
/// # Errors
/// The folder cannot be read.
pub fn has_shards(out: &Path) -> Result<bool, RunError> {
    let entries = fs::read_dir(out).map_err(|error| RunError::io("read", out, error))?;
    let is_shard = |entry: &fs::DirEntry| entry.file_name().to_string_lossy().starts_with(PREFIX);
    Ok(entries.filter_map(Result::ok).any(|entry| is_shard(&entry)))
}

/// Joins the shares in `out` to the results that one run would have written. Returns the joined summary.
///
/// # Errors
/// A share is missing, is not complete, still runs, or does not belong to the others; nothing was moved then.
pub fn join(out: &Path) -> Result<Summary, RunError> {
    let shards = read(out)?;
    let (first, _, _) = &shards[0];
    let refuse = |path: &Path, reason: String| Err(RunError::Shard { path: path.to_owned(), reason });
    for (path, header, summary) in &shards {
        if running(path).is_some() {
            return refuse(path, "it is still being computed; wait for its end".into());
        }
        if header.parameters != shards[0].1.parameters || header.inputs != shards[0].1.inputs {
            let reason = format!("its parameters or input differ from those of {}", first.display());
            return refuse(path, reason);
        }
        if let Some(open) = summary.fovs.iter().find(|fov| fov.state != "complete") {
            let cause = open.cause.as_deref().unwrap_or("the run did not come to its end");
            let reason = format!(
                "field of view {} is not complete: {cause}; resume the share by `ocellus batch resume {}`",
                open.fov,
                path.display()
            );
            return refuse(path, reason);
        }
    }
    let mut joined = shards[0].2.clone();
    joined.fovs = shards.iter().flat_map(|(_, _, summary)| summary.fovs.clone()).collect();
    joined.fovs.sort_by_key(|fov| fov.fov);
    let mut results: Option<ResultsFile> = None;
    for (path, _, _) in &shards {
        let newer = ResultsFile::read(&path.join(RESULTS))?;
        match &mut results {
            Some(known) => known.merge(newer),
            none => *none = Some(newer),
        }
    }
    for (path, _, summary) in &shards {
        for fov in &summary.fovs {
            let name = format!("fov_{:03}", fov.fov);
            let (from, to) = (path.join(&name), out.join(&name));
            // A join that was interrupted has moved it already.
            if from.exists() || !to.exists() {
                fs::rename(&from, &to).map_err(|error| RunError::io("move to", &to, error))?;
            }
        }
    }
    if let Some(results) = results {
        write_whole(&out.join(RESULTS), |file| results.write(file))?;
    }
    joined.write(out)?;
    for (path, _, _) in &shards {
        fs::remove_dir_all(path).map_err(|error| RunError::io("remove", path, error))?;
    }
    Ok(joined)
}

/// All shares of `out`, by number.
fn read(out: &Path) -> Result<Vec<(PathBuf, Header, Summary)>, RunError> {
    let mut shards = Vec::new();
    for entry in fs::read_dir(out).map_err(|error| RunError::io("read", out, error))? {
        let path = entry.map_err(|error| RunError::io("read", out, error))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !name.starts_with(PREFIX) {
            continue;
        }
        let Some(recorded) = Recorded::read(&path)? else {
            return Err(RunError::Shard { path, reason: "it holds no run".into() });
        };
        if !path.join(SUMMARY).exists() {
            let reason = "the run did not come to its end; resume it by `ocellus batch resume`".into();
            return Err(RunError::Shard { path, reason });
        }
        let summary = Summary::read(&path)?;
        shards.push((path, recorded.header, summary));
    }
    shards.sort_by_key(|(_, header, _)| header.shard);
    let of = shards.first().and_then(|(_, header, _)| header.shard).map_or(0, |[_, of]| of);
    let missing =
        (1..=of).find(|number| !shards.iter().any(|(_, header, _)| header.shard == Some([*number, of])));
    match (of, missing) {
        (0, _) => Err(RunError::Shard { path: out.to_owned(), reason: "there are no shares in it".into() }),
        (of, Some(number)) => {
            let reason = format!("share {number} of {of} is missing");
            Err(RunError::Shard { path: out.to_owned(), reason })
        }
        (of, None) if shards.len() != of => {
            let reason = format!("there are {} shares, where {of} belong together", shards.len());
            Err(RunError::Shard { path: out.to_owned(), reason })
        }
        _ => Ok(shards),
    }
}
