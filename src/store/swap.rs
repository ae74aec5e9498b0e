//! Puts a restored state directory in the place of the present one, entry by entry, because the directory itself may be a
//! mount. The former entries are kept aside. An interrupted swap is finished at the next opening.
//!
//! ```text
//! restore.new/NAME… ▶ restore.swap (list) ▶ NAME → ASIDE/NAME, restore.new/NAME → NAME ▶ list removed
//! └─ cut short: ignored ─────────────────┘└─ cut short: finished ───────────────────────────────────┘
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::{self, sync_dir};

/// The folder in the state directory that holds what is restored.
const NEW: &str = "restore.new";
const LIST: &str = "restore.swap";
/// Entries that belong together: what a backup lacks of them goes, too.
const WHOLE: [&str; 4] = ["store", "numbers", "gallery", "goldens"];

#[derive(Serialize, Deserialize)]
struct Swap {
    aside: String,
    new: Vec<String>,
}

/// The empty folder of `dir` for what is to be restored.
///
/// # Errors
/// The folder cannot be made, or an earlier one cannot be removed.
pub fn begin_restore(dir: &Path) -> io::Result<PathBuf> {
    let folder = dir.join(NEW);
    abandon_restore(dir)?;
    files::make_dir(&folder)?;
    Ok(folder)
}

/// Overwrites and removes what was to be restored.
pub fn abandon_restore(dir: &Path) -> io::Result<()> {
    files::wipe(&dir.join(NEW)).map(drop)
}

/// Replaces the entries of the state directory `dir` by those of the folder of [`begin_restore`]. The former ones are
/// moved into `dir/aside`.
///
/// # Errors
/// Before the list is written nothing was changed; after it the next opening of the store finishes the swap.
pub fn finish_restore(dir: &Path, aside: &str) -> io::Result<()> {
    let folder = dir.join(NEW);
    let names = fs::read_dir(&folder)?.map(|entry| entry.map(|entry| entry.file_name()));
    let new = names.map(|name| name.map(|name| name.to_string_lossy().into_owned()));
    let swap = Swap { aside: aside.to_owned(), new: new.collect::<io::Result<_>>()? };
    files::make_dir(&dir.join(aside))?;
    sync_dir(&folder)?;
    files::replace(dir, LIST, &serde_json::to_vec(&swap)?)?;
    follow(dir, &swap)
}

/// Finishes a swap that was interrupted, and removes what an interrupted restore or backup left: it holds people's
/// faces. Only the holder of the store's lock may call it.
pub(super) fn recover(dir: &Path) -> io::Result<()> {
    super::dump::remove_dump(dir)?;
    match fs::read(dir.join(LIST)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => abandon_restore(dir),
        read => follow(dir, &serde_json::from_slice(&read?)?),
    }
}

fn follow(dir: &Path, swap: &Swap) -> io::Result<()> {
    let (folder, aside) = (dir.join(NEW), dir.join(&swap.aside));
    let names = swap.new.iter().map(String::as_str);
    for name in names.chain(WHOLE.into_iter().filter(|whole| !swap.new.iter().any(|new| new == whole))) {
        let (place, new, old) = (dir.join(name), folder.join(name), aside.join(name));
        // What has its new entry already is not moved again.
        let pending = new.exists() || !swap.new.iter().any(|known| known == name);
        if pending && place.exists() && !old.exists() {
            fs::rename(&place, &old)?;
        }
        if new.exists() {
            fs::rename(&new, &place)?;
        }
    }
    sync_dir(&aside)?;
    sync_dir(dir)?;
    files::wipe(&folder)?;
    fs::remove_file(dir.join(LIST))?;
    sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_swap_that_is_cut_short_anywhere_ends_with_the_new_entries_and_the_old_ones_aside() {
        for done in 0..6 {
            let dir = tempfile::tempdir().unwrap();
            let dir = dir.path();
            for name in ["numbers", "users", "goldens", "kept"] {
                fs::write(dir.join(name), "old").unwrap();
            }
            let folder = begin_restore(dir).unwrap();
            for name in ["numbers", "users", "gallery"] {
                fs::write(folder.join(name), "new").unwrap();
            }
            let swap = Swap {
                aside: "before".into(),
                new: vec!["numbers".into(), "users".into(), "gallery".into()],
            };
            files::make_dir(&dir.join("before")).unwrap();
            fs::write(dir.join(LIST), serde_json::to_vec(&swap).unwrap()).unwrap();
            let moves = ["numbers", "users"].into_iter().flat_map(|name| {
                [(dir.join(name), dir.join("before").join(name)), (folder.join(name), dir.join(name))]
            });
            moves.take(done).for_each(|(from, to)| fs::rename(from, to).unwrap());
            recover(dir).unwrap();
            assert_eq!(names(dir), ["before", "gallery", "kept", "numbers", "users"], "{done}");
            assert_eq!(names(&dir.join("before")), ["goldens", "numbers", "users"], "{done}");
            assert_eq!(fs::read_to_string(dir.join("users")).unwrap(), "new", "{done}");
            assert_eq!(fs::read_to_string(dir.join("before/users")).unwrap(), "old", "{done}");
            recover(dir).unwrap();
        }
    }

    #[test]
    fn what_was_not_decided_is_removed_at_the_next_opening() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(begin_restore(dir.path()).unwrap().join("users"), "new").unwrap();
        fs::create_dir(dir.path().join("backup.parts")).unwrap();
        fs::write(dir.path().join("users"), "old").unwrap();
        recover(dir.path()).unwrap();
        assert_eq!(names(dir.path()), ["users"]);
        assert_eq!(fs::read_to_string(dir.path().join("users")).unwrap(), "old");
    }
}
