//! Erasures that span several files: what a crash interrupted, and what one process does alone.

use crate::store::{Erasing, Forgotten, GalleryError, Store, StoreError};
use crate::types::Refusal;

/// Finishes erasures that a crash interrupted, and overwrites crops that no record names. Call it after
/// opening the store and before any other use. Returns how many people were erased.
///
/// # Errors
/// Those of the store. The erasures stay pending then.
pub fn finish_erasures(store: &Store) -> Result<usize, GalleryError> {
    let gallery = store.gallery();
    let pending = gallery.pending_erasures()?;
    for erasing in &pending {
        // The crash came before the records were deleted: the erasure is repeated from the beginning.
        match gallery.begin_erasure(erasing.person) {
            Err(GalleryError::NoPerson { .. }) | Ok(_) => {}
            Err(other) => return Err(other),
        }
        store.forget_events(erasing)?;
    }
    if !pending.is_empty() {
        store.erase_alone(&pending)?;
    }
    gallery.tidy()?;
    Ok(pending.len())
}

/// The last step of an erasure, for a process that holds the store itself.
///
/// # Errors
/// `erasure_pending`, with the cause.
pub fn forget_alone(store: &Store, erasing: &Erasing) -> Result<(u64, Forgotten), Refusal> {
    let done = || -> Result<_, StoreError> {
        let events = store.forget_events(erasing)?;
        Ok((events, store.erase_alone(std::slice::from_ref(erasing))?))
    };
    done().map_err(|error| erasure_pending(erasing, &error.to_string()))
}

/// The refusal for a person who is gone from the gallery, but not yet from every file.
pub fn erasure_pending(erasing: &Erasing, cause: &str) -> Refusal {
    let person = erasing.person;
    let message = format!(
        "person {person} is out of the gallery, but bytes of them are still in the files of the store: {cause}"
    );
    let remedy = format!("erase person {person} again; the next start of the service finishes it, too");
    Refusal::new("erasure_pending", message, remedy)
}
