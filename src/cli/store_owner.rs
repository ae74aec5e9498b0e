//! Finds the owner of a state directory's store: a running service, or else this process.

use std::path::Path;
use std::time::{Duration, Instant};

use super::output;
use crate::commands::Command;
use crate::control::ask;
use crate::store::{Store, StoreError};

/// How long to wait for a store whose holder does not answer: a service that starts, or another command.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// The owner of the store.
pub(super) enum StoreOwner {
    /// The service that runs on this state directory.
    Service,
    /// This process, which holds the store while it works.
    Nobody(Store),
}

/// Finds the owner of the store of `dir`.
///
/// # Errors
/// [`StoreError`]; `Locked` if another process holds it for longer than a moment and does not answer.
pub(super) fn store_owner(dir: &Path) -> Result<StoreOwner, StoreError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let locked = match Store::open(dir) {
            Ok(opened) => {
                if let Some(aside) = opened.set_aside {
                    let aside = aside.display();
                    output::complain(format_args!(
                        "ocellus: the store was damaged; it is set aside as {aside}"
                    ));
                }
                if let Some(full) = opened.waiting {
                    return Err(full);
                }
                return Ok(StoreOwner::Nobody(opened.store));
            }
            Err(locked @ StoreError::Locked { .. }) => locked,
            Err(other) => return Err(other),
        };
        if ask(dir, &Command::Ping).is_ok() {
            return Ok(StoreOwner::Service);
        }
        if Instant::now() > deadline {
            return Err(locked);
        }
        std::thread::sleep(LOOK);
    }
}
