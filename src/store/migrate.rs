//! The schema version in `meta`, and the steps from each version to the next.

use std::path::Path;

use super::StoreError;

/// `STEPS[n]` brings a store from schema `n + 1` to `n + 2`. None so far: schema 1 is the first.
const STEPS: &[fn(&sled::Db) -> sled::Result<()>] = &[];
/// The schema that this program writes.
pub(super) const SCHEMA: u32 = STEPS.len() as u32 + 1;
const KEY: &str = "schema";

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
    if found > SCHEMA {
        return Err(StoreError::Newer { path: path.into(), found, known: SCHEMA });
    }
    for (done, step) in STEPS.iter().enumerate().skip(found as usize - 1) {
        step(db).map_err(fail)?;
        meta.insert(KEY, &(done as u32 + 2).to_be_bytes()).map_err(fail)?;
    }
    meta.insert(KEY, &SCHEMA.to_be_bytes()).map_err(fail)?;
    db.flush().map_err(fail)?;
    Ok(())
}
