//! Opens sled with the settings of this store.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use super::StoreError;
use super::open::LOCK_GRACE;

/// sled's page cache; the outbox is read once, so little is worth keeping.
const CACHE_BYTES: u64 = 1 << 20;
/// sled's unit of writing and of reclaiming; several are held in memory.
const SEGMENT_BYTES: usize = 256 << 10;

/// sled panics on some kinds of damage; a panic while opening counts as damage.
pub(super) fn open_sled(path: &Path) -> Result<sled::Db, StoreError> {
    let patience = Instant::now() + LOCK_GRACE;
    loop {
        let config = sled::Config::new()
            .path(path)
            .mode(sled::Mode::LowSpace)
            .cache_capacity(CACHE_BYTES)
            .segment_size(SEGMENT_BYTES)
            // sled's flusher also reclaims space; it is the only caller of its collector.
            .flush_every_ms(Some(500));
        let opened = catch_unwind(AssertUnwindSafe(|| config.open())).map_err(|panic| {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("sled panicked");
            StoreError::Damaged { path: path.into(), cause: said.to_string() }
        })?;
        match opened.map_err(|error| StoreError::from_sled(path, error)) {
            Err(StoreError::Locked { .. }) if Instant::now() < patience => {
                std::thread::sleep(Duration::from_millis(20));
            }
            result => return result,
        }
    }
}
