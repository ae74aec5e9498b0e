//! The files that belong to jobs: what they made, and pictures that came with their requests. They are removed with the last
//! job that uses them, by a thread of its own, because a share may hang.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Owner;
use crate::contract::JobResult;
use crate::jobqueue::{JobId, Token};
use crate::jobs::service::JobsService;
use crate::jobs::tidy::Removal;

/// How often files are tried again that could not be removed.
const AGAIN: Duration = Duration::from_secs(3);
/// Clocks of file systems run a little behind the one that the service reads.
const SLACK: Duration = Duration::from_secs(2);
/// Removals that may wait for the thread; the others follow when these are done.
const MOST_WAITING: usize = 1_000;

/// Which job uses which files.
#[derive(Default)]
pub(super) struct FileIndex {
    jobs: BTreeMap<JobId, JobFiles>,
    /// How many jobs use each file.
    users: BTreeMap<Arc<str>, usize>,
    /// Files that no job uses and that are not gone yet.
    unused: BTreeSet<Arc<str>>,
    /// Attempts under way, with their start in milliseconds since 1970: what they have made is known at their end.
    begun: BTreeMap<Token, i64>,
    /// Bytes of what all jobs made.
    bytes: u64,
    /// When the files that are left are tried again, on the monotonic clock.
    again: Duration,
}

/// The files of one job.
struct JobFiles {
    paths: Vec<Arc<str>>,
    /// Bytes of what the job made; 0 where another job made it.
    bytes: u64,
}

impl FileIndex {
    /// The index before jobs are entered, with the files that earlier processes have made.
    pub(super) fn new(service: &JobsService, known: Vec<String>) -> FileIndex {
        let known: Vec<Arc<str>> = known.into_iter().map(Arc::from).collect();
        if service.removes_files {
            return FileIndex { unused: known.into_iter().collect(), ..FileIndex::default() };
        }
        // What stays now also stays when files are removed again one day.
        if let Err(error) = service.tables.forget_files(&known) {
            tracing::warn!("jobs: the list of made files is cleared at the next start: {error}");
        }
        FileIndex::default()
    }

    /// Sets the files of a job. Gives those that nobody uses any more.
    fn set(&mut self, id: JobId, files: Option<JobFiles>) -> Vec<Arc<str>> {
        let before = match files {
            Some(files) => {
                for path in &files.paths {
                    *self.users.entry(path.clone()).or_default() += 1;
                    self.unused.remove(path);
                }
                self.bytes += files.bytes;
                self.jobs.insert(id, files)
            }
            None => self.jobs.remove(&id),
        };
        let Some(before) = before else { return Vec::new() };
        self.bytes -= before.bytes;
        let mut left = Vec::new();
        for path in before.paths {
            let Some(count) = self.users.get_mut(&path) else { continue };
            *count -= 1;
            if *count == 0 {
                self.users.remove(&path);
                self.unused.insert(path.clone());
                left.push(path);
            }
        }
        left
    }

    /// The attempt is handed out.
    pub(super) fn begin(&mut self, token: Token, utc_ms: i64) {
        self.begun.insert(token, utc_ms);
    }

    /// The attempt is over.
    pub(super) fn end(&mut self, token: Token) {
        self.begun.remove(&token);
    }

    /// The file is gone.
    pub(super) fn gone(&mut self, path: &str) {
        self.unused.remove(path);
    }

    /// Files of the inbox that lie there for long: those that no job uses are removed.
    pub(super) fn offer(&mut self, paths: Vec<String>) {
        let unknown = paths.into_iter().map(Arc::from).filter(|path| !self.users.contains_key(path));
        self.unused.extend(unknown);
    }
}

impl Owner<'_> {
    /// Enters the files of all jobs.
    pub(super) fn index_all(&mut self) {
        let ids: Vec<JobId> = self.queue.ids().collect();
        for id in ids {
            self.index_files(id, true);
        }
    }

    /// Enters the files of a job that has come, has ended (`is_end`) or has left.
    pub(super) fn index_files(&mut self, id: JobId, is_end: bool) {
        let is_kept = self.queue.payload(id).is_some();
        if is_kept && !is_end && self.files.jobs.contains_key(&id) {
            return;
        }
        let files = is_kept.then(|| self.files_of(id));
        let left = self.files.set(id, files);
        self.remove(left);
    }

    fn files_of(&self, id: JobId) -> JobFiles {
        let mut paths = Vec::new();
        if let Some(request) = self.queue.payload(id).and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            uploads(&request, self.service.inbox.folder(), &mut paths);
        }
        let is_own = self.queue.get(self.service.now(), id).is_some_and(|job| job.cached_from.is_none());
        let result = self.queue.result(id).and_then(|bytes| JobResult::read(&bytes));
        let result = result.filter(|_| self.service.removes_files);
        let bytes = result.as_ref().filter(|_| is_own).map_or(0, JobResult::bytes);
        paths.extend(result.iter().flat_map(JobResult::files).map(Arc::from));
        paths.sort_unstable();
        paths.dedup();
        JobFiles { paths, bytes }
    }

    /// Removes the oldest ended jobs that made files, until the others are within the limit.
    pub(super) fn free_space(&mut self) {
        let mut excess = self.files.bytes.saturating_sub(self.service.history_bytes);
        if excess == 0 {
            return;
        }
        let bytes_of = |id: &JobId| self.files.jobs.get(id).map_or(0, |files| files.bytes);
        let mut leaving = Vec::new();
        for id in self.queue.removable() {
            if excess == 0 {
                break;
            }
            let bytes = bytes_of(&id);
            if bytes > 0 {
                excess = excess.saturating_sub(bytes);
                leaving.push(id);
            }
        }
        for id in leaving {
            // Nothing that is open needs it.
            let _ = self.queue.remove(id);
        }
    }

    /// Tries files again that could not be removed, or may have been made anew meanwhile.
    pub(super) fn remove_left(&mut self) {
        let now = self.service.now().monotonic;
        if self.files.unused.is_empty() || now < self.files.again || !self.service.removals.is_empty() {
            return;
        }
        self.files.again = now + AGAIN;
        let left = self.files.unused.iter().take(MOST_WAITING).cloned().collect();
        self.remove(left);
    }

    fn remove(&self, paths: Vec<Arc<str>>) {
        // An attempt under way may have made the same file, which is known at its end.
        let now_ms = self.service.now().utc_ms;
        let before_ms = self.files.begun.values().copied().fold(now_ms, i64::min);
        let before = UNIX_EPOCH + Duration::from_millis(u64::try_from(before_ms).unwrap_or(0));
        let before = before.checked_sub(SLACK).unwrap_or(SystemTime::UNIX_EPOCH);
        let removals = paths.into_iter().map(|path| Removal { path, before });
        self.service.removals.push(removals, MOST_WAITING);
    }

    /// Files are gone: they need no entry on disk any more.
    pub(super) fn forget_files(&mut self, paths: &[Arc<str>]) {
        for path in paths {
            self.files.gone(path);
        }
        // An entry that stays is looked at once more at the next start.
        if let Err(error) = self.service.tables.forget_files(paths) {
            tracing::debug!("jobs: removed files are noted later: {error}");
        }
    }
}

/// The texts in a request that are files of the inbox.
fn uploads(value: &Value, inbox: &Path, found: &mut Vec<Arc<str>>) {
    match value {
        Value::String(text) if Path::new(text).parent() == Some(inbox) => found.push(text.as_str().into()),
        Value::Array(items) => items.iter().for_each(|item| uploads(item, inbox, found)),
        Value::Object(fields) => fields.values().for_each(|field| uploads(field, inbox, found)),
        _ => {}
    }
}
