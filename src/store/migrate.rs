//! The schema version in `meta`, and the steps from each version to the next.

use std::fs;
use std::path::Path;

use super::StoreError;

/// `STEPS[n]` brings a store from schema `n + 1` to `n + 2`. None so far: schema 1 is the first.
const STEPS: &[fn(&sled::Db) -> sled::Result<()>] = &[];
/// The schema that this program writes.
pub(super) const SCHEMA: u32 = STEPS.len() as u32 + 1;
const KEY: &str = "schema";
/// The line of the mark that names the schema, up to the number.
const LINE: &str = "schema = ";

/// Writes the mark (the file `mark`) of the store in `path`, unless it is as it should be: what this is, and its schema,
/// for programs that cannot read the rest.
pub(super) fn write_mark(path: &Path, mark: &Path) -> Result<(), StoreError> {
    let text = format!("This directory is the store of ocellus (sled).\n{LINE}{SCHEMA}\n");
    let there = fs::read_to_string(mark).ok();
    if there.as_ref() == Some(&text) {
        return Ok(());
    }
    match fs::write(mark, text) {
        // It only lacks the schema; the next opening writes it.
        Err(error) if there.is_some() => tracing::warn!("the store's mark is not written anew: {error}"),
        written => written.map_err(|error| StoreError::from_io(path, error))?,
    }
    Ok(())
}

/// Refuses the store in `path` if its mark (the file `mark`) names a newer schema. Nothing of the store is opened for
/// it, so nothing changes: what a newer program wrote may be in a form that opening would spoil. Marks of the first
/// programs name no schema; [`refuse_newer`] judges those stores once they are open.
pub(super) fn refuse_newer_mark(path: &Path, mark: &Path) -> Result<(), StoreError> {
    let Ok(text) = fs::read_to_string(mark) else { return Ok(()) };
    let schema = text.lines().find_map(|line| line.strip_prefix(LINE)?.trim().parse().ok());
    refuse_newer(path, schema)
}

/// Refuses `schema` if this program does not know it yet.
pub(super) fn refuse_newer(path: &Path, schema: Option<u32>) -> Result<(), StoreError> {
    match schema {
        Some(found) if found > SCHEMA => Err(StoreError::Newer { path: path.into(), found, known: SCHEMA }),
        _ => Ok(()),
    }
}

/// The schema version in `meta`; `None` in a store that was never completed.
pub(super) fn schema_of(meta: &sled::Tree) -> sled::Result<Option<u32>> {
    let stored = meta.get(KEY)?;
    Ok(stored.and_then(|bytes| Some(u32::from_be_bytes(bytes.as_ref().try_into().ok()?))))
}

/// Writes the version of a fresh store, or takes an older one step by step to [`SCHEMA`].
pub(super) fn migrate(path: &Path, db: &sled::Db) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_sled(path, error);
    let meta = db.open_tree("meta").map_err(fail)?;
    let found = schema_of(&meta).map_err(fail)?.unwrap_or(SCHEMA);
    refuse_newer(path, Some(found))?;
    for (done, step) in STEPS.iter().enumerate().skip(found as usize - 1) {
        step(db).map_err(fail)?;
        meta.insert(KEY, &(done as u32 + 2).to_be_bytes()).map_err(fail)?;
    }
    meta.insert(KEY, &SCHEMA.to_be_bytes()).map_err(fail)?;
    db.flush().map_err(fail)?;
    Ok(())
}
