//! Opens the store: creates it, recovers it, or sets a damaged one aside and begins a new one.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};

use super::audit::ATTENDED;
use super::database::open_sled;
use super::high_water::HighWater;
use super::lock::Lock;
use super::missing::FileIdentity;
use super::tree::{Holds, Tree};
use super::{Attendances, CounterTable, Gallery, Goldens, Ledger, Outbox, Recordings, StoreError};
use super::{aside, audit, files, lock, migrate, rewrite, swap};

/// The directory inside the state directory.
pub(super) const NAME: &str = "store";
/// A file beside sled's, written once the store is complete: if it is there, an empty store means damage. It names the
/// store's schema, so that an older program leaves a newer store alone without opening it.
pub(super) const MARK: &str = "ocellus";
/// How long a lock may outlive its owner: sled's own threads release the file a moment after a drop.
pub(super) const LOCK_GRACE: Duration = Duration::from_millis(500);
/// How long sled may take to release its file at the end.
const CLOSE_PATIENCE: Duration = Duration::from_secs(2);

/// A store. Clones share it. After a disk fault it can be closed; it opens again when next used.
#[derive(Clone)]
pub struct Store {
    /// `None` while closed. A blocking mutex, because it is held only to clone, to open or to rewrite.
    db: Arc<Mutex<Option<sled::Db>>>,
    holds: Holds,
    path: PathBuf,
    /// Held while golden sets change, from reading to writing.
    golden_turn: Arc<Mutex<()>>,
    /// Held while people change, from reading to writing.
    gallery_turn: Arc<Mutex<()>>,
    /// The identity of sled's open file; see [`Store::missing`].
    pub(super) identity: FileIdentity,
    /// Held while counters change, from reading to writing.
    counter_turn: Arc<Mutex<()>>,
    /// Keeps other processes out; `None` until the state directory could be created.
    lock: Arc<Mutex<Option<Lock>>>,
    /// Held while attendance is written; it also lists the people who were erased.
    ledger: Arc<Ledger>,
    /// Counts closings: a tree that was opened before the last one cannot be used any more.
    closings: Arc<AtomicU64>,
    /// How far all numbers have come, kept even if the store is lost.
    high: Arc<HighWater>,
    /// Whether there was a store at the opening.
    existed: bool,
    /// A loss that has not been reported yet.
    loss: Arc<Mutex<Option<Loss>>>,
}

/// The result of [`Store::open`].
pub struct Opened {
    /// The store, ready for use or waiting for space.
    pub store: Store,
    /// Where the damaged predecessor was moved.
    pub set_aside: Option<PathBuf>,
    /// Why it is not open yet: the disk is full. It opens at the next use after space was freed.
    pub waiting: Option<StoreError>,
}

/// A store that was lost: its content is not in the new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Why the store could not be used, for people.
    pub cause: String,
    /// Where its remains are, if there are any.
    pub set_aside: Option<PathBuf>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Opened({}, set aside: {:?})", self.store.path.display(), self.set_aside)
    }
}

impl Store {
    /// Opens (or creates) the store in the state directory `dir`.
    ///
    /// A damaged one, or anything else in its place, is renamed to `store.corrupt-DATE`, and a new one is
    /// created; the same happens if a store has disappeared. Numbers continue as the record beside the store
    /// knows them, and the outbox announces which messages may be missing. On a full disk the store is
    /// returned all the same and opens at the next use after space was freed. Locked, read-only and newer are
    /// errors, and nothing is set aside for them.
    pub fn open(dir: &Path) -> Result<Opened, StoreError> {
        let path = dir.join(NAME);
        migrate::refuse_newer_mark(&path, &path.join(MARK))?;
        let lock = match take_lock(&path) {
            Err(StoreError::DiskFull { .. }) => None,
            lock => Some(lock?),
        };
        lock.as_ref()
            .map_or(Ok(()), |_| swap::recover(dir))
            .map_err(|error| StoreError::from_io(&path, error))?;
        let high = HighWater::open(dir);
        let store = Store {
            db: Arc::default(),
            holds: Holds::default(),
            golden_turn: Arc::default(),
            gallery_turn: Arc::default(),
            counter_turn: Arc::default(),
            lock: Arc::new(Mutex::new(lock)),
            ledger: Arc::default(),
            closings: Arc::default(),
            existed: fs::symlink_metadata(&path).is_ok() || high.read(|record| record.begun),
            high: Arc::new(high),
            identity: FileIdentity::default(),
            loss: Arc::default(),
            path,
        };
        let waiting = match store.ready() {
            Err(full @ StoreError::DiskFull { .. }) => Some(full),
            opened => opened.map(|()| None)?,
        };
        let set_aside = store.loss.lock().as_ref().and_then(|loss| loss.set_aside.clone());
        Ok(Opened { store, set_aside, waiting })
    }

    /// Opens it, unless it is open.
    pub fn ready(&self) -> Result<(), StoreError> {
        self.open_db(&mut self.db())
    }

    /// The loss since the last call, to be reported.
    pub fn take_loss(&self) -> Option<Loss> {
        self.loss.lock().take()
    }

    /// Whether there was a store at the opening.
    pub(super) fn existed(&self) -> bool {
        self.existed
    }

    /// How far all numbers have come.
    pub(super) fn high_water(&self) -> &Arc<HighWater> {
        &self.high
    }

    fn open_db(&self, held: &mut Option<sled::Db>) -> Result<(), StoreError> {
        if held.is_some() {
            return Ok(());
        }
        let mut lock = self.lock.lock();
        if lock.is_none() {
            *lock = Some(take_lock(&self.path)?);
        }
        drop(lock);
        rewrite::recover(&self.path).map_err(|error| StoreError::from_io(&self.path, error))?;
        let db = match self.open_found() {
            Err(error) if error.is_damage() => {
                let aside = self.give_up(&error)?;
                *self.loss.lock() = Some(Loss { cause: error.to_string(), set_aside: Some(aside) });
                self.open_found()?
            }
            opened => opened?,
        };
        *held = Some(db);
        self.identity.note(&self.path);
        Ok(())
    }

    /// Opens the existing store, or creates one.
    fn open_found(&self) -> Result<sled::Db, StoreError> {
        let path = &self.path;
        match fs::metadata(path) {
            Ok(found) if !found.is_dir() => {
                return Err(self.damaged("it is not a directory"));
            }
            Ok(_) => {}
            Err(_) if fs::symlink_metadata(path).is_ok() => {
                return Err(self.damaged("it is a link that leads nowhere"));
            }
            Err(_) => files::make_dir(path).map_err(|error| StoreError::from_io(path, error))?,
        }
        let whole = audit::check_whole(path, &self.high)?;
        let db = open_sled(path)?;
        self.begin(&db, whole)?;
        Ok(db)
    }

    /// Compares an opened store with what is known of it, and completes a new one. `whole`: its file is as it
    /// was when the store was closed.
    fn begin(&self, db: &sled::Db, whole: bool) -> Result<(), StoreError> {
        let path = &self.path;
        let fail = |error| StoreError::from_sled(path, error);
        let marked = path.join(MARK).exists();
        let meta = db.open_tree("meta").map_err(fail)?;
        let known = migrate::schema_of(&meta).map_err(fail)?;
        // Before anything in it is read: an unknown form is not damage, and must not be set aside as such.
        migrate::refuse_newer(path, known)?;
        match known {
            Some(_) if !whole => audit::read_all(db, path)?,
            Some(_) => {}
            None if marked => return Err(self.damaged("its schema version is gone")),
            None if self.high.read(|record| record.begun) => {
                let cause = format!("there was a store in {}, and it is gone", path.display());
                self.loss.lock().get_or_insert(Loss { cause, set_aside: None });
            }
            None => {}
        }
        if known.is_some() {
            audit::compare(db, path, &self.high)?;
        }
        audit::carry_over(db, path, &self.high, known.is_none())?;
        migrate::migrate(path, db)?;
        migrate::write_mark(path, &path.join(MARK))?;
        audit::note_opened(db, path, &self.high)
    }

    /// Moves an unusable store out of the way. If nothing notes how far its numbers had come, they continue
    /// above every number that it can have used.
    fn give_up(&self, error: &StoreError) -> Result<PathBuf, StoreError> {
        let path = &self.path;
        tracing::error!(%error, "the store is set aside");
        // sled's threads still write by file name for a moment.
        if path.join("db").is_file() {
            let _ = lock::await_release(path, LOCK_GRACE);
        }
        let aside = aside::set_aside(path).map_err(|error| StoreError::from_io(path, error))?;
        if !self.high.read(|record| record.begun) {
            let floor = aside::first_number(SystemTime::now());
            if let Err(error) = self.high.update(|record| (record.begun, record.floor) = (true, floor)) {
                tracing::error!("the numbers of the lost store are not noted: {error}");
            }
        }
        Ok(aside)
    }

    fn damaged(&self, cause: &str) -> StoreError {
        StoreError::Damaged { path: self.path.clone(), cause: cause.to_owned() }
    }

    /// Closes the store at an orderly end and notes that, so that the next opening need not read all of it.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if a part of it is in use; those of the disk.
    pub fn finish(&self) -> Result<(), StoreError> {
        let path = &self.path;
        let mut held = self.db();
        if held.is_none() {
            return Ok(());
        }
        if !self.holds.none() {
            return Err(StoreError::Busy { path: path.clone() });
        }
        let Some(db) = held.take() else { return Ok(()) };
        db.flush().map_err(|error| StoreError::from_sled(path, error))?;
        let attended = audit::attended(&db, path)?;
        drop(db);
        lock::await_release(path, CLOSE_PATIENCE)?;
        let io = |error| StoreError::from_io(path, error);
        let file = File::open(path.join("db")).map_err(io)?;
        file.sync_data().map_err(io)?;
        let bytes = file.metadata().map_err(io)?.len();
        self.high
            .update(|record| {
                record.closed_bytes = Some(bytes);
                record.counters.extend(attended.map(|last| (ATTENDED.to_owned(), last)));
            })
            .map_err(io)
    }

    /// Closes the files, because sled refuses everything after its first fault; the next use opens them
    /// again. Earlier outboxes and counters must have been dropped.
    pub fn close(&self) {
        if self.db().take().is_some() {
            self.closings.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// How often it was closed. The owner of an outbox drops it when this number changes, because the files
    /// cannot be opened again before.
    pub fn closings(&self) -> u64 {
        self.closings.load(Ordering::Acquire)
    }

    /// A tree, to be used and dropped: the store cannot be rewritten while one is held.
    pub(super) fn tree(&self, name: &str) -> Result<Tree, StoreError> {
        let mut held = self.db();
        self.open_db(&mut held)?;
        let Some(db) = &*held else { return Err(self.damaged("it is closed")) };
        // Counted before the database is released.
        let tree = db.open_tree(name).map(|tree| Tree::new(tree, &self.holds));
        tree.map_err(|error| StoreError::from_sled(&self.path, error))
    }

    pub(super) fn db(&self) -> MutexGuard<'_, Option<sled::Db>> {
        self.db.lock()
    }

    /// The database, unless another thread holds it now.
    pub(super) fn try_db(&self) -> Option<MutexGuard<'_, Option<sled::Db>>> {
        self.db.try_lock()
    }

    pub(super) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// The outbox. It must have one owner at a time, who is the only one to write it.
    pub fn outbox(&self, max_bytes: u64) -> Result<Outbox, StoreError> {
        Outbox::load(self.tree("outbox")?, &self.path, max_bytes, self.high.clone())
    }

    /// The attendance log of this store.
    pub fn attendance(&self) -> Attendances {
        Attendances::new(self.clone(), self.ledger.clone())
    }

    /// The last [mark](Outbox::mark) of an outbox under `name`; 0 before the first. Any thread may call it.
    pub fn marked(&self, name: &str) -> Result<u64, StoreError> {
        let tree = self.tree("outbox")?;
        super::marks::marked(&tree, name).map_err(|error| StoreError::from_sled(&self.path, error))
    }

    /// The counters that survive a restart.
    pub fn counters(&self) -> CounterTable {
        CounterTable { store: self.clone() }
    }

    /// The golden pictures of all products.
    pub fn goldens(&self) -> Goldens {
        Goldens::new(self.clone())
    }

    /// The index of recordings.
    pub fn recordings(&self) -> Recordings {
        Recordings::new(self.clone())
    }

    /// The people of this device.
    pub fn gallery(&self) -> Gallery {
        Gallery::new(self.clone())
    }

    /// The lock for changing people.
    pub(super) fn gallery_turn(&self) -> MutexGuard<'_, ()> {
        self.gallery_turn.lock()
    }

    /// The lowest number of counters that start at one: higher after a damaged store with unknown numbers was
    /// set aside.
    pub(super) fn first_number(&self) -> u64 {
        self.high.read(|record| record.floor).max(1)
    }

    /// The lock for changing counters.
    pub(super) fn counter_turn(&self) -> MutexGuard<'_, ()> {
        self.counter_turn.lock()
    }

    /// The lock for changing golden sets.
    pub(super) fn turn(&self) -> MutexGuard<'_, ()> {
        self.golden_turn.lock()
    }

    /// A path beside the store, in the state directory.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.path.with_file_name(name)
    }

    /// The store's path, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes writes to `tree` durable. sled syncs with `sync_file_range`, which flushes neither the disk's
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

/// Creates the state directory and takes the lock in it.
fn take_lock(path: &Path) -> Result<Lock, StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    files::make_dir(dir).map_err(|error| StoreError::from_io(path, error))?;
    let lock = lock::take(path, LOCK_GRACE)?;
    if let Err(error) = files::make_private(dir, path) {
        tracing::warn!("other users may read the files in {}: {error}", dir.display());
    }
    Ok(lock)
}
