//! Who keeps a state directory's store: a service that runs and is asked, or nobody, and then it is ours.

use std::path::Path;
use std::time::{Duration, Instant};

use super::output;
use crate::commands::Command;
use crate::control::ask;
use crate::store::{Store, StoreError};

/// How long a store may be held by somebody who does not answer: a service that starts, another command.
const PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(100);

/// Who keeps the store.
pub(super) enum StoreOwner {
    /// The service that runs on this state directory.
    Service,
    /// Nobody else: the store is ours while we work.
    Nobody(Store),
}

/// Who keeps the store of `dir`.
///
/// # Errors
/// [`StoreError`]; `Locked` where somebody holds it for longer than a moment and does not answer.
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
