//! The contents of a store as plain files, for backups: they do not depend on sled, and a later version reads them.
//!
//! ```text
//! NAME.entries: (key length, 4 bytes BE │ key │ value length, 4 bytes BE │ value)…
//! ```
//! The outbox is left out. What waits in it belongs to one moment, and after a restore its streams continue above every
//! number that can have been used; what may be missing is announced. So are the outputs of instruments that are on, and the
//! queue of jobs: their pictures are not in the backup, and what was done since would be done again.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::database::open_sled;
use super::high_water::{HighWater, HighWaterRecord, StreamHigh};
use super::open::{MARK, NAME};
use super::streams::announce_lost;
use super::{Store, StoreError, aside, files, lock, migrate};

/// The folder in the state directory that holds a dump while a backup is written.
const DUMP: &str = "backup.parts";
const ENDING: &str = ".entries";
const LEFT_OUT: [&str; 5] = ["outbox", "outputs", "jobs", "jobs_unpublished", "__sled__default"];
/// A longer key or value was not written by this program.
const MOST_BYTES: u32 = 256 << 20;
/// Entries that are written at once.
const BATCH: usize = 512;
/// How long sled may take to release its files.
const PATIENCE: Duration = Duration::from_secs(5);

/// The contents of a store as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreDump {
    /// The folder with the files; [`remove_dump`] removes it.
    pub folder: PathBuf,
    /// The schema of the entries.
    pub schema: u32,
    /// How many entries there are.
    pub entries: u64,
}

/// Keeps every other process off the state directory until it is dropped.
pub struct StateLock {
    _lock: lock::Lock,
}

/// Takes the state directory `dir` for this process alone.
///
/// # Errors
/// [`StoreError::Locked`] while a service runs on it.
pub fn lock_state(dir: &Path) -> Result<StateLock, StoreError> {
    lock::take(&dir.join(NAME), Duration::from_millis(500)).map(|lock| StateLock { _lock: lock })
}

/// The schema of the store that this program writes.
pub const STORE_SCHEMA: u32 = migrate::SCHEMA;

impl Store {
    /// Writes every tree but those of the moment into the folder `backup.parts` of the state directory, while people, golden
    /// pictures and counters stand still.
    pub fn dump(&self) -> Result<StoreDump, StoreError> {
        let folder = self.beside(DUMP);
        let fail = |error| StoreError::from_io(&folder, error);
        let _people = self.gallery_turn();
        let _goldens = self.turn();
        let _counters = self.counter_turn();
        files::wipe(&folder).map_err(fail)?;
        files::make_dir(&folder).map_err(fail)?;
        let mut entries = 0;
        self.ready()?;
        let names = self.db().as_ref().map(|db| db.tree_names()).unwrap_or_default();
        for name in names.iter().map(|name| String::from_utf8_lossy(name)) {
            if !LEFT_OUT.contains(&&*name) {
                let tree = self.tree(&name)?;
                entries += write_tree(&tree, &folder.join(format!("{name}{ENDING}")), self.path())?;
            }
        }
        Ok(StoreDump { folder, schema: STORE_SCHEMA, entries })
    }
}

/// Overwrites and removes what [`Store::dump`] left in the state directory `dir`: it holds people's faces.
pub fn remove_dump(dir: &Path) -> io::Result<()> {
    files::wipe(&dir.join(DUMP)).map(drop)
}

fn write_tree(tree: &sled::Tree, file: &Path, store: &Path) -> Result<u64, StoreError> {
    let fail = |error| StoreError::from_io(file, error);
    let mut out = BufWriter::new(File::create_new(file).map_err(fail)?);
    let mut entries = 0;
    for pair in tree.iter() {
        let (key, value) = pair.map_err(|error| StoreError::from_sled(store, error))?;
        for part in [&key, &value] {
            out.write_all(&(part.len() as u32).to_be_bytes()).map_err(fail)?;
            out.write_all(part).map_err(fail)?;
        }
        entries += 1;
    }
    out.flush().map_err(fail)?;
    Ok(entries)
}

/// Builds the store of the state directory `dir`, where there is none yet, from the files that [`Store::dump`] wrote
/// into `dump`. The file `numbers` of the same backup lies in `dir` already. No number is used again that the former
/// state directory `former` has used. Opens the result once, which migrates an older one.
///
/// # Errors
/// [`StoreError`]: an entry is damaged, the disk is full, or a newer version wrote it.
pub fn rebuild(dir: &Path, dump: &Path, former: &Path) -> Result<(), StoreError> {
    let path = dir.join(NAME);
    let io_error = |error| StoreError::from_io(&path, error);
    let fail = |error| StoreError::from_sled(&path, error);
    files::make_dir(&path).map_err(io_error)?;
    let db = open_sled(&path)?;
    for entry in fs::read_dir(dump).map_err(io_error)? {
        let entry = entry.map_err(io_error)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(tree) = name.strip_suffix(ENDING).filter(|tree| !LEFT_OUT.contains(tree)) {
            read_tree(&db.open_tree(tree).map_err(fail)?, &entry.path(), &path)?;
        }
    }
    let meta = db.open_tree("meta").map_err(fail)?;
    let known = migrate::schema_of(&meta).map_err(fail)?;
    migrate::refuse_newer(&path, known)?;
    let damaged = |cause: &str| StoreError::Damaged { path: path.clone(), cause: cause.into() };
    if known.is_none() {
        return Err(damaged("the backup holds no schema version"));
    }
    let (high, before) = (HighWater::open(dir), HighWater::open(former));
    let streams = high.read(|restored| before.read(|former| continued(restored, former)));
    announce_lost(&db.open_tree("outbox").map_err(fail)?, &streams).map_err(fail)?;
    let counters = before.read(|former| former.counters.clone());
    let update = |record: &mut HighWaterRecord| {
        (record.begun, record.closed_bytes) = (true, None);
        for (name, value) in counters {
            let known = record.counters.entry(name).or_default();
            *known = value.max(*known);
        }
        let durable =
            streams.into_iter().map(|(name, mark)| (name, StreamHigh { durable: mark.next, ..mark }));
        record.streams = durable.collect();
    };
    high.update(update).map_err(io_error)?;
    db.flush().map_err(fail)?;
    drop((meta, db));
    lock::await_release(&path, PATIENCE)?;
    // From here on an empty store counts as damage.
    migrate::write_mark(&path, &path.join(MARK))?;
    let opened = Store::open(dir)?;
    match (opened.waiting, opened.store.take_loss()) {
        (Some(full), _) => Err(full),
        (None, Some(loss)) => Err(damaged(&loss.cause)),
        (None, None) => opened.store.finish(),
    }
}

/// Where each stream continues: above what the former state directory knows, or, where it knows nothing, above every
/// number that can have been used.
fn continued(restored: &HighWaterRecord, former: &HighWaterRecord) -> BTreeMap<String, StreamHigh> {
    let mut streams = restored.streams.clone();
    for (name, known) in &former.streams {
        let mark = streams.entry(name.clone()).or_insert(*known);
        (mark.from, mark.next) = (known.from, mark.next.max(known.next));
    }
    if !former.begun {
        let floor = aside::first_number(SystemTime::now());
        streams.values_mut().for_each(|mark| mark.next = mark.next.max(floor));
    }
    streams
}

fn read_tree(tree: &sled::Tree, file: &Path, store: &Path) -> Result<(), StoreError> {
    let fail = |error| StoreError::from_io(file, error);
    let mut input = BufReader::new(File::open(file).map_err(fail)?);
    let (mut batch, mut waiting) = (sled::Batch::default(), 0);
    while let Some(key) = part(&mut input).map_err(fail)? {
        let value = part(&mut input).map_err(fail)?.unwrap_or_default();
        batch.insert(key, value);
        waiting += 1;
        if waiting == BATCH {
            tree.apply_batch(std::mem::take(&mut batch))
                .map_err(|error| StoreError::from_sled(store, error))?;
            waiting = 0;
        }
    }
    tree.apply_batch(batch).map_err(|error| StoreError::from_sled(store, error))
}

/// The next key or value; `None` at the end of the file.
fn part(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read(&mut length)? {
        0 => return Ok(None),
        read => input.read_exact(&mut length[read..])?,
    }
    let length = u32::from_be_bytes(length);
    if length > MOST_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "an entry is damaged"));
    }
    let mut bytes = Vec::new();
    input.take(length.into()).read_to_end(&mut bytes)?;
    if bytes.len() != length as usize {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(bytes))
}
