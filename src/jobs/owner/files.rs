//! The files that belong to jobs: what they made, and pictures that came with their requests. They are removed with the last
//! job that uses them, by a thread of its own, because a share may hang.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::Owner;
use crate::contract::JobResult;
use crate::jobqueue::{JobId, Token};
use crate::jobs::service::JobsService;
use crate::jobs::tidy::Removal;

/// Pause before files are tried again that could not be removed; it doubles as long as none can be.
const AGAIN: Duration = Duration::from_secs(3);
const AGAIN_MOST: Duration = Duration::from_secs(3_600);
/// Clocks of file systems run a little behind the one that the service reads.
const SLACK: Duration = Duration::from_secs(2);
/// Removals that may wait for the thread; the others follow when these are done.
const MOST_WAITING: usize = 1_000;

/// Which job uses which files.
#[derive(Default)]
pub(super) struct FileIndex {
    jobs: BTreeMap<JobId, JobFiles>,
    /// How many jobs use each file, and the bytes of it where a job made it.
    users: BTreeMap<Arc<str>, (usize, u64)>,
    /// Files that no job uses and that are not gone yet.
    unused: BTreeSet<Arc<str>>,
    /// Attempts under way, with their start in milliseconds since 1970: what they have made is known at their end.
    begun: BTreeMap<Token, i64>,
    /// Bytes of what all jobs made, each file once.
    bytes: u64,
    /// When the files that are left are tried again, on the monotonic clock, and the pause after that.
    again: Duration,
    pause: Duration,
    /// The last file of a round that had not room for all: the next one begins behind it.
    last: Option<Arc<str>>,
    /// Whether an answer cannot be read at all: then it is not known which files are in use, and none is removed in this life.
    is_unsure: bool,
}

/// The files of one job.
struct JobFiles {
    /// Paths with the bytes that count in the history: none of a picture that came with the request.
    paths: Vec<(Arc<str>, u64)>,
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
                for (path, bytes) in &files.paths {
                    let (count, counted) = self.users.entry(path.clone()).or_default();
                    if *count == 0 {
                        *counted = *bytes;
                        self.bytes += *bytes;
                    }
                    *count += 1;
                    self.unused.remove(path);
                }
                self.jobs.insert(id, files)
            }
            None => self.jobs.remove(&id),
        };
        let Some(before) = before else { return Vec::new() };
        let mut left = Vec::new();
        for (path, _) in before.paths {
            let Some((count, bytes)) = self.users.get_mut(&path) else { continue };
            *count -= 1;
            if *count == 0 {
                self.bytes -= *bytes;
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

    /// The texts in `value` that are files which jobs have made.
    fn known_texts(&self, value: &Value, found: &mut Vec<Arc<str>>) {
        match value {
            Value::String(text) => {
                let used = self.users.get_key_value(text.as_str()).map(|(path, _)| path);
                found.extend(used.or_else(|| self.unused.get(text.as_str())).cloned());
            }
            Value::Array(items) => items.iter().for_each(|item| self.known_texts(item, found)),
            Value::Object(fields) => fields.values().for_each(|field| self.known_texts(field, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The file is gone.
    pub(super) fn gone(&mut self, path: &str) {
        self.unused.remove(path);
    }

    /// Files that may be of no use any more: those that no job uses are removed.
    pub(super) fn offer(&mut self, paths: Vec<String>, now: Duration) {
        let unknown = paths.into_iter().map(Arc::from).filter(|path| !self.users.contains_key(path));
        self.unused.extend(unknown);
        self.try_soon(now);
    }

    /// Something may be removed that could not be before.
    fn try_soon(&mut self, now: Duration) {
        self.pause = AGAIN;
        self.again = self.again.min(now + AGAIN);
    }
}

impl Owner<'_> {
    /// Enters the files of all jobs.
    pub(super) fn index_all(&mut self) {
        let ids: Vec<JobId> = self.queue.ids().collect();
        self.index_files(ids.into_iter().map(|id| (id, true)));
    }

    /// Enters the files of jobs that have come, have ended (`true`) or have left, and removes those that no job uses then.
    pub(super) fn index_files(&mut self, jobs: impl Iterator<Item = (JobId, bool)>) {
        let mut left = Vec::new();
        for (id, is_end) in jobs {
            let is_kept = self.queue.payload(id).is_some();
            let is_known = self.files.jobs.contains_key(&id);
            if is_kept && !is_end && is_known {
                continue;
            }
            let files = is_kept.then(|| self.files_of(id));
            if let Some(files) = &files {
                self.service.removals.keep(|path| files.paths.iter().any(|(used, _)| **used == *path));
                let new = files.paths.iter().filter(|_| !is_known);
                new.for_each(|(path, _)| self.service.inbox.used(Path::new(&**path)));
            }
            left.extend(self.files.set(id, files));
        }
        left.retain(|path| self.files.unused.contains(path));
        if !left.is_empty() {
            self.files.try_soon(self.service.now().monotonic);
            self.remove(left);
        }
    }

    fn files_of(&mut self, id: JobId) -> JobFiles {
        let mut named = Vec::new();
        if let Some(request) = self.queue.payload(id).and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
            uploads(&request, self.service.inbox.folder(), &mut named);
        }
        let result = self.queue.result(id).filter(|_| self.service.removes_files);
        let mut paths = Vec::new();
        match result.as_deref().map(|answer| (answer, JobResult::read(answer))) {
            Some((_, Some(result))) => {
                paths.extend(sizes(&result).into_iter().map(|(path, bytes)| (Arc::from(path), bytes)));
            }
            // A newer program wrote it: the files that it names are still in use.
            Some((answer, None)) => match serde_json::from_slice(answer) {
                Ok(answer) => self.files.known_texts(&answer, &mut named),
                Err(_) => self.files.is_unsure = true,
            },
            None => {}
        }
        paths.extend(named.into_iter().map(|path| (path, 0)));
        paths.sort_unstable();
        paths.dedup_by(|a, b| a.0 == b.0);
        JobFiles { paths }
    }

    /// Removes the oldest ended jobs that made files, until the others are within the limit.
    pub(super) fn free_space(&mut self) {
        let mut excess = self.files.bytes.saturating_sub(self.service.history_bytes);
        if excess == 0 {
            return;
        }
        let mut leaving = Vec::new();
        // How many users each file has lost: its space is free when it has none left.
        let mut lost: BTreeMap<Arc<str>, usize> = BTreeMap::new();
        for id in self.queue.removable() {
            if excess == 0 {
                break;
            }
            let files = self.files.jobs.get(&id).into_iter().flat_map(|files| &files.paths);
            let mut has_made = false;
            for (path, _) in files {
                let Some((users, bytes)) = self.files.users.get(path).filter(|(_, bytes)| *bytes > 0) else {
                    continue;
                };
                has_made = true;
                let lost = lost.entry(path.clone()).or_default();
                *lost += 1;
                if *lost == *users {
                    excess = excess.saturating_sub(*bytes);
                }
            }
            if has_made {
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
        let is_idle = self.files.unused.is_empty() || self.files.is_unsure;
        if is_idle || now < self.files.again || !self.service.removals.is_empty() {
            return;
        }
        let files = &mut self.files;
        files.again = now + files.pause;
        files.pause = (files.pause * 2).clamp(AGAIN, AGAIN_MOST);
        let behind = files.last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let round = files.unused.range::<str, _>((behind, Bound::Unbounded));
        let left: Vec<Arc<str>> = round.take(MOST_WAITING).cloned().collect();
        // After the last file the next round begins with the first.
        files.last = left.last().filter(|_| left.len() == MOST_WAITING).cloned();
        self.remove(left);
    }

    fn remove(&self, paths: Vec<Arc<str>>) {
        if paths.is_empty() || self.files.is_unsure {
            return;
        }
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
        self.files.try_soon(self.service.now().monotonic);
        // One that a job uses again is still to be removed with that job.
        let users = &self.files.users;
        let unused: Vec<Arc<str>> = paths.iter().filter(|path| !users.contains_key(*path)).cloned().collect();
        // An entry that stays is looked at once more at the next start.
        if let Err(error) = self.service.tables.forget_files(&unused) {
            tracing::debug!("jobs: removed files are noted later: {error}");
        }
    }
}

/// The files that a job made, with their bytes.
fn sizes(result: &JobResult) -> Vec<(&str, u64)> {
    match result {
        JobResult::Report(made) => vec![(&made.path, made.bytes)],
        JobResult::Clip(made) => vec![(&made.clip.path, made.clip.bytes)],
        _ => result.pictures().into_iter().map(|picture| (picture.path.as_str(), picture.bytes)).collect(),
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn files(paths: &[(&str, u64)]) -> JobFiles {
        JobFiles { paths: paths.iter().map(|(path, bytes)| (Arc::from(*path), *bytes)).collect() }
    }

    #[test]
    fn a_file_counts_once_and_is_left_by_its_last_user_alone() {
        let mut index = FileIndex::default();
        assert!(index.set(JobId(1), Some(files(&[("a", 10)]))).is_empty());
        assert!(index.set(JobId(2), Some(files(&[("a", 10), ("b", 5)]))).is_empty());
        assert_eq!(index.bytes, 15);
        assert!(index.set(JobId(1), None).is_empty());
        assert_eq!(index.bytes, 15);
        let left = index.set(JobId(2), None);
        assert_eq!((left, index.bytes), (vec!["a".into(), "b".into()], 0));
        index.set(JobId(3), Some(files(&[("a", 10)])));
        assert!(!index.unused.contains("a") && index.unused.contains("b"));
        index.offer(vec!["a".into(), "c".into()], Duration::ZERO);
        assert!(!index.unused.contains("a") && index.unused.contains("c"));
    }

    #[test]
    fn an_answer_of_a_newer_program_still_names_its_files() {
        let mut index = FileIndex { unused: ["a".into(), "b".into()].into(), ..FileIndex::default() };
        index.set(JobId(1), Some(files(&[("a", 10)])));
        let mut found = Vec::new();
        index.known_texts(&json!({ "new": { "parts": ["a", "other"] }, "more": "b", "n": 7 }), &mut found);
        let mut found: Vec<&str> = found.iter().map(|path| &**path).collect();
        found.sort_unstable();
        assert_eq!(found, ["a", "b"]);
    }
}
