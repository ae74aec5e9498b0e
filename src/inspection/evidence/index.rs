//! Indexes the folders on disk, in the order in which they are removed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::config;
use crate::types::rfc3339;

/// The first day that a set clock can have, in days since 1970: 2020-01-01. A machine without a clock battery
/// starts in 1970, and the evidence that it keeps before it knows the time is not old.
const CLOCK_WAS_SET: i32 = 18_262;

/// How much a folder is worth; those of good parts are removed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FolderWorth {
    /// A part whose verdict was `ok`.
    Good,
    /// A part that was bad, or could not be judged.
    Bad,
}

/// The sort key of a folder: the lowest is removed first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FolderOrder {
    pub(super) rank: FolderWorth,
    /// The day that it was kept, in days since 1970-01-01.
    pub(super) day: i32,
    pub(super) acquisition: u64,
    /// Relative to the root: `CAMERA/DATE/ID-VERDICT`.
    pub(super) path: PathBuf,
}

/// All folders on disk with their sizes in bytes.
#[derive(Debug, Default)]
pub(super) struct Index {
    folders: BTreeMap<FolderOrder, u64>,
    bytes: u64,
}

impl Index {
    /// Reads which folders are on disk. Folders that are not named like evidence are left alone and not
    /// counted. Calls `beat` for each day's folder.
    pub(super) fn scan(root: &Path, beat: impl Fn()) -> Index {
        let mut index = Index::default();
        for camera in folders_in(root) {
            for date in folders_in(&camera) {
                beat();
                for folder in folders_in(&date) {
                    let relative = folder.strip_prefix(root).unwrap_or(&folder);
                    if let (Some(key), true) =
                        (FolderOrder::of(relative), folder.join("evidence.json").is_file())
                    {
                        index.insert(key, bytes_in(&folder));
                    }
                }
            }
        }
        index
    }

    pub(super) fn insert(&mut self, key: FolderOrder, bytes: u64) {
        self.bytes += bytes;
        self.bytes -= self.folders.insert(key, bytes).unwrap_or(0);
    }

    /// Takes a folder out of the index; returns its bytes.
    pub(super) fn remove(&mut self, key: &FolderOrder) -> u64 {
        let bytes = self.folders.remove(key).unwrap_or(0);
        self.bytes -= bytes;
        bytes
    }

    pub(super) fn len(&self) -> usize {
        self.folders.len()
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The folder that is removed first.
    pub(super) fn first(&self) -> Option<&FolderOrder> {
        self.folders.keys().next()
    }

    /// The day of the folder with the highest number, in days since 1970-01-01.
    pub(super) fn newest(&self) -> Option<i32> {
        self.folders.keys().max_by_key(|key| key.acquisition).map(|key| key.day)
    }

    /// A folder of a day after `today` (kept while the clock was ahead) that is older than every folder of its camera
    /// whose age is known and allowed. Acquisition numbers give the order. `None` where there is none.
    pub(super) fn ahead(&self, limits: &config::EvidenceConfig, today: i32) -> Option<FolderOrder> {
        let oldest_allowed = today.saturating_sub(i32::try_from(limits.max_days).ok()?);
        let tomorrow = today.saturating_add(1);
        if !self.folders.keys().any(|key| key.day > tomorrow) {
            return None;
        }
        let mut oldest: BTreeMap<&OsStr, u64> = BTreeMap::new();
        for key in self.folders.keys().filter(|key| (oldest_allowed..=tomorrow).contains(&key.day)) {
            let known = oldest.entry(key.camera()).or_insert(key.acquisition);
            *known = key.acquisition.min(*known);
        }
        let mut later = self.folders.keys().filter(|key| key.day > tomorrow);
        later.find(|key| oldest.get(key.camera()).is_some_and(|oldest| key.acquisition < *oldest)).cloned()
    }

    /// A folder that is older than `max_days` on `today`; `None` where there is none.
    pub(super) fn aged(&self, limits: &config::EvidenceConfig, today: i32) -> Option<FolderOrder> {
        let days = i32::try_from(limits.max_days).ok().filter(|days| *days > 0)?;
        let oldest_allowed = today.saturating_sub(days);
        [FolderWorth::Good, FolderWorth::Bad].into_iter().find_map(|rank| {
            let from = FolderOrder { rank, day: CLOCK_WAS_SET, acquisition: 0, path: PathBuf::new() };
            let oldest = self.folders.range(from..).next().map(|(key, _)| key)?;
            (oldest.rank == rank && oldest.day < oldest_allowed).then(|| oldest.clone())
        })
    }

    /// Whether `count` more folders of `bytes` together would exceed the bounds.
    pub(super) fn is_beyond(&self, limits: &config::EvidenceConfig, (count, bytes): (u64, u64)) -> bool {
        self.folders.len() as u64 + count > limits.max_count || self.bytes + bytes > limits.max_bytes
    }
}

impl FolderOrder {
    fn camera(&self) -> &OsStr {
        self.path.iter().next().unwrap_or_default()
    }

    /// The sort key of the path `CAMERA/DATE/ID-VERDICT` (or `…-VERDICT-N`); `None` for any other path.
    pub(super) fn of(relative: &Path) -> Option<FolderOrder> {
        let mut names = relative.iter().rev().map(|name| name.to_str());
        let (folder, date) = (names.next()??, names.next()??);
        let mut words = folder.split('-');
        let acquisition = words.next()?.parse().ok()?;
        let rank = match words.next()? {
            "ok" => FolderWorth::Good,
            "ng" | "error" => FolderWorth::Bad,
            _ => return None,
        };
        Some(FolderOrder { rank, day: days_since_1970(date)?, acquisition, path: relative.to_path_buf() })
    }
}

/// The beginning of `day` (days since 1970-01-01), in nanoseconds since 1970 UTC.
pub(super) fn midnight_ns(day: i32) -> u64 {
    u64::try_from(day).unwrap_or(0) * 86_400_000_000_000
}

/// The date of a moment in UTC, such as `2026-11-21`.
pub(super) fn date(wall_ns: u64) -> String {
    rfc3339(wall_ns).chars().take(10).collect()
}

/// The days from 1970-01-01 to a date such as `2026-11-21`; `None` where the text is not a date.
pub(super) fn days_since_1970(date: &str) -> Option<i32> {
    let mut parts = date.splitn(3, '-');
    let year = parts.next()?.parse().ok()?;
    let month = parts.next()?.parse().ok()?;
    let day = parts.next()?.parse().ok()?;
    let date = Date::new(year, month, day).ok()?;
    i32::try_from(date.duration_since(Date::constant(1970, 1, 1)).as_hours() / 24).ok()
}

/// The folders in `folder` whose names do not begin with a dot; none where it cannot be read.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let visible = entries.filter(|entry| !entry.file_name().as_encoded_bytes().starts_with(b"."));
    let folders = visible.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    folders.map(|entry| entry.path()).collect()
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|facts| facts.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(path: &str) -> FolderOrder {
        FolderOrder::of(Path::new(path)).unwrap()
    }

    fn index(paths: &[&str]) -> Index {
        let mut index = Index::default();
        paths.iter().for_each(|path| index.insert(key(path), 10));
        index
    }

    fn limits() -> config::EvidenceConfig {
        config::EvidenceConfig::default()
    }

    #[test]
    fn good_parts_go_before_bad_ones_and_older_before_newer() {
        let mut index = index(&[
            "a/2026-11-21/7-ok",
            "b/2026-11-20/6-error",
            "a/2026-11-20/10-ok",
            "a/2026-11-20/9-ok-2",
            "a/2026-11-20/5-ng",
        ]);
        let mut order = Vec::new();
        while let Some(key) = index.first().cloned() {
            index.remove(&key);
            order.push(key.acquisition);
        }
        assert_eq!(order, [9, 10, 7, 5, 6]);
        assert_eq!((index.len(), index.bytes()), (0, 0));
    }

    #[test]
    fn only_what_is_older_than_max_days_is_aged_whatever_its_rank() {
        let today = days_since_1970("2026-11-21").unwrap();
        let limits = config::EvidenceConfig { max_days: 2, ..limits() };
        let mut index = index(&["a/2026-11-18/2-ng", "a/2026-11-19/3-ok", "a/2026-11-18/1-ok"]);
        for expected in [Some(1), Some(2), None] {
            let aged = index.aged(&limits, today);
            assert_eq!(aged.as_ref().map(|key| key.acquisition), expected);
            aged.map(|key| index.remove(&key));
        }
        assert_eq!(index.aged(&config::EvidenceConfig { max_days: 0, ..limits }, today + 9_999), None);
    }

    #[test]
    fn what_a_box_kept_before_it_knew_the_time_is_not_old() {
        let index = index(&["a/1970-01-01/1-ng", "a/1970-01-01/2-ok"]);
        assert_eq!(index.aged(&limits(), days_since_1970("2026-11-21").unwrap()), None);
    }

    #[test]
    fn what_was_kept_while_the_clock_was_ahead_goes_when_its_neighbours_have_gone() {
        let today = days_since_1970("2026-11-21").unwrap();
        let limits = config::EvidenceConfig { max_days: 30, ..limits() };
        let mut index = index(&[
            "a/2026-11-20/5-ok",
            "a/2029-11-20/6-ok",
            "a/2029-11-20/7-ng",
            "a/2026-11-21/8-ok",
            "b/2029-11-20/3-ok",
        ]);
        assert_eq!(index.ahead(&limits, today), None, "5 is from before them and may stay");
        let later = today + 30;
        let aged = index.aged(&limits, later).expect("5 is too old now");
        index.remove(&aged);
        let mut gone = Vec::new();
        while let Some(key) = index.ahead(&limits, later) {
            index.remove(&key);
            gone.push(key.acquisition);
        }
        assert_eq!(gone, [6, 7], "nothing is known of b");
    }

    #[test]
    fn count_and_bytes_are_bounds_of_their_own() {
        let index = index(&["a/2026-11-18/2-ng", "a/2026-11-19/3-ok"]);
        let by_count = config::EvidenceConfig { max_count: 2, ..limits() };
        let by_bytes = config::EvidenceConfig { max_bytes: 25, ..limits() };
        assert!(!index.is_beyond(&by_count, (0, 0)) && index.is_beyond(&by_count, (1, 0)));
        assert!(!index.is_beyond(&by_bytes, (1, 5)) && index.is_beyond(&by_bytes, (1, 6)));
    }

    #[test]
    fn other_folders_are_not_evidence() {
        for path in
            ["a/2026-11-21/notes", "a/2026-11-21/7-maybe", "a/2026-13-21/7-ok", "a/today/7-ok", "7-ok"]
        {
            assert_eq!(FolderOrder::of(Path::new(path)), None, "{path}");
        }
    }
}
