//! Opening the store: create, recover, or set a damaged one aside and begin afresh.

use std::fs::{self, File};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::missing::Identity;
use super::tree::{Holds, Tree};
use super::{Attendances, Counters, Gallery, Goldens, Ledger, Outbox, StoreError, lock, migrate, rewrite};

/// The directory inside the state directory.
pub(super) const NAME: &str = "store";
/// A file beside sled's, written once the store is whole: its presence makes an empty store a damaged one.
pub(super) const MARK: &str = "ocellus";
/// sled's page cache; the outbox is read once, so little is worth keeping.
const CACHE_BYTES: u64 = 1 << 20;
/// sled's unit of writing and of reclaiming; several are held in memory.
const SEGMENT_BYTES: usize = 256 << 10;
/// How long a lock may outlive its owner: sled's own threads let go of the file a moment after a drop.
const LOCK_GRACE: Duration = Duration::from_millis(500);

/// A store. Clones share it. After a fault of the disk it can be closed; it opens again when next used.
#[derive(Clone)]
pub struct Store {
    /// `None` while closed. A `std::sync::Mutex`, because it is held only to clone, to open or to rewrite.
    db: Arc<Mutex<Option<sled::Db>>>,
    holds: Holds,
    path: PathBuf,
    /// Held by whoever changes golden sets, from what they read to what they write.
    golden_turn: Arc<Mutex<()>>,
    /// The same for people.
    gallery_turn: Arc<Mutex<()>>,
    /// The file of sled's that is open; see [`Store::missing`].
    pub(super) identity: Identity,
    /// Keeps other processes away.
    _lock: Arc<File>,
    /// Held by whoever writes attendance; who was forgotten.
    ledger: Arc<Ledger>,
    /// Counts closings: a tree that was taken before the last one is of no use.
    closings: Arc<AtomicU64>,
    /// First sequence number of streams that this store does not know.
    first_seq: u64,
}

/// What [`Store::open`] found.
pub struct Opened {
    /// The store, ready.
    pub store: Store,
    /// Where a damaged predecessor was put; raise an alarm when this is set.
    pub set_aside: Option<PathBuf>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, set aside: {:?})", self.store.path.display(), self.set_aside)
    }
}

impl Store {
    /// Opens (or begins) the store under the state directory `dir`.
    ///
    /// A damaged store is renamed `store.corrupt-DATE` and a fresh one begun, whose sequence numbers start
    /// above every number that the old one can have used. Locked, read-only and full are errors: nothing
    /// is set aside for them.
    pub fn open(dir: &Path) -> Result<Opened, StoreError> {
        let path = dir.join(NAME);
        fs::create_dir_all(dir).map_err(|error| StoreError::from_io(&path, error))?;
        let lock = Arc::new(lock::take(&path, LOCK_GRACE)?);
        rewrite::recover(&path).map_err(|error| StoreError::from_io(&path, error))?;
        match open_sled(&path).and_then(|db| Store::begin(db, &path, &lock)) {
            Ok(store) => Ok(Opened { store, set_aside: None }),
            Err(error) if error.is_damage() => {
                tracing::error!(%error, "the store is set aside");
                let aside = set_aside(&path)?;
                let base = aside_base(SystemTime::now());
                fs::create_dir_all(&path)
                    .and_then(|()| fs::write(path.join("first_seq"), base.to_string()))
                    .map_err(|error| StoreError::from_io(&path, error))?;
                let store = open_sled(&path).and_then(|db| Store::begin(db, &path, &lock))?;
                Ok(Opened { store, set_aside: Some(aside) })
            }
            Err(error) => Err(error),
        }
    }

    fn begin(db: sled::Db, path: &Path, lock: &Arc<File>) -> Result<Store, StoreError> {
        let marked = path.join(MARK).exists();
        let meta = db.open_tree("meta").map_err(|error| StoreError::from_sled(path, error))?;
        let known = migrate::schema_of(&meta).map_err(|error| StoreError::from_sled(path, error))?;
        if marked && known.is_none() {
            let cause = "its schema version is gone".to_string();
            return Err(StoreError::Damaged { path: path.into(), cause });
        }
        migrate::migrate(path, &db)?;
        if !marked {
            fs::write(path.join(MARK), "This directory is the store of ocellus (sled).\n")
                .map_err(|error| StoreError::from_io(path, error))?;
        }
        let first_seq = fs::read_to_string(path.join("first_seq")).ok();
        let first_seq = first_seq.and_then(|text| text.trim().parse().ok()).unwrap_or(1);
        let identity = Identity::default();
        identity.note(path);
        Ok(Store {
            identity,
            db: Arc::new(Mutex::new(Some(db))),
            holds: Holds::default(),
            path: path.into(),
            golden_turn: Arc::default(),
            gallery_turn: Arc::default(),
            _lock: lock.clone(),
            ledger: Arc::default(),
            closings: Arc::default(),
            first_seq,
        })
    }

    /// Closes the files, as sled refuses everything after its first fault; the next use opens them again.
    /// Outboxes and counters made before must be gone.
    pub fn close(&self) {
        if self.db().take().is_some() {
            self.closings.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How often it was closed. Whoever keeps an outbox gives it up when this number changes: the files cannot be
    /// opened again before.
    pub fn closings(&self) -> u64 {
        self.closings.load(Ordering::Acquire)
    }

    /// A tree, to be used and dropped: the store cannot be rewritten while one is held.
    pub(super) fn tree(&self, name: &str) -> Result<Tree, StoreError> {
        let mut held = self.db();
        let db = match held.take() {
            Some(db) => db,
            None => {
                let db = open_sled(&self.path)?;
                self.identity.note(&self.path);
                db
            }
        };
        let tree = held.insert(db).open_tree(name);
        // Counted before the database is let go of.
        tree.map(|tree| Tree::new(tree, &self.holds))
            .map_err(|error| StoreError::from_sled(&self.path, error))
    }

    pub(super) fn db(&self) -> MutexGuard<'_, Option<sled::Db>> {
        self.db.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The same, unless somebody holds it now.
    pub(super) fn try_db(&self) -> Option<MutexGuard<'_, Option<sled::Db>>> {
        match self.db.try_lock() {
            Ok(held) => Some(held),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(std::sync::TryLockError::WouldBlock) => None,
        }
    }

    pub(super) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The outbox. One owner at a time: whoever holds it is the only one to write it.
    pub fn outbox(&self, max_bytes: u64) -> Result<Outbox, StoreError> {
        Outbox::load(self.tree("outbox")?, &self.path, max_bytes, self.first_seq)
    }

    /// Who was here when.
    pub fn attendance(&self) -> Attendances {
        Attendances::new(self.clone(), self.ledger.clone(), self.first_seq)
    }

    /// What an outbox was last told by [`Outbox::mark`] under `name`; 0 before the first time. May be asked by anybody.
    pub fn marked(&self, name: &str) -> Result<u64, StoreError> {
        let tree = self.tree("outbox")?;
        super::marks::marked(&tree, name).map_err(|error| StoreError::from_sled(&self.path, error))
    }

    /// Durable counters.
    pub fn counters(&self) -> Counters {
        Counters { store: self.clone() }
    }

    /// The golden pictures.
    pub fn goldens(&self) -> Goldens {
        Goldens::new(self.clone())
    }

    /// The people of this box.
    pub fn gallery(&self) -> Gallery {
        Gallery::new(self.clone())
    }

    /// A turn at changing people.
    pub(super) fn gallery_turn(&self) -> MutexGuard<'_, ()> {
        self.gallery_turn.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// The lowest number of what is counted from one: higher where a damaged store, whose numbers nobody knows, was
    /// set aside.
    pub(super) fn first_number(&self) -> u64 {
        self.first_seq
    }

    /// A turn at changing golden sets.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.golden_turn.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// A place beside the store, in the state directory.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// Where the store lies, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes what was written to `tree` durable. sled syncs with `sync_file_range`, which flushes neither the disk's
    /// cache nor a grown file's length; `fdatasync` on the same file does.
    pub(super) fn sync(&self, tree: &sled::Tree) -> Result<(), StoreError> {
        tree.flush().map_err(|error| StoreError::from_sled(&self.path, error))?;
        let synced = fs::File::open(self.path.join("db")).and_then(|file| file.sync_data());
        synced.map_err(|error| StoreError::from_io(&self.path, error))
    }

    pub(super) fn counter_tree(&self) -> Result<(Tree, &Path), StoreError> {
        Ok((self.tree("counters")?, &self.path))
    }
}

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

/// Renames the damaged directory to `NAME.corrupt-DATE`, with a number where that exists already.
fn set_aside(path: &Path) -> Result<PathBuf, StoreError> {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let date: String = crate::types::rfc3339(wall.as_nanos() as u64)
        .chars()
        .take_while(|c| *c != '.')
        .filter(|c| c.is_ascii_alphanumeric())
        .collect();
    let free = (0..).map(|n| if n == 0 { String::new() } else { format!("-{n}") });
    let aside = free
        .map(|n| path.with_file_name(format!("{NAME}.corrupt-{date}Z{n}")))
        .find(|aside| !aside.exists())
        .unwrap_or_else(|| path.with_extension("corrupt"));
    fs::rename(path, &aside).map_err(|error| StoreError::from_io(path, error))?;
    Ok(aside)
}

/// A first sequence number above all earlier ones: a thousand numbers for each millisecond since 1970.
/// It stays below 2^53, so that JSON readers keep it exact.
fn aside_base(now: SystemTime) -> u64 {
    now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64 * 1_000
}
