//! The state of a disk: whether it has space, and whether it can be written.

use std::io::Error;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{StatVfs, StatVfsMountFlags, statvfs};

use crate::types::Explanation;

/// A disk with less free space is full, because the store writes in pieces of a quarter of it.
const LEAST_FREE_BYTES: u64 = 1 << 20;

/// A folder in which the service writes, and whose disk is looked after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskFolder {
    /// The word for it in components and answers.
    pub name: &'static str,
    /// The key of the configuration that names it.
    pub key: &'static str,
    /// Where the folder is, as the process knows it.
    pub path: PathBuf,
    /// What happens while its disk takes nothing.
    until: &'static str,
}

/// The state directory, and the folders of the evidence and of the recordings where they are on other disks.
pub fn folders(state: &Path, evidence: &Path, recordings: &Path) -> Vec<DiskFolder> {
    let folder = |name, key, path: &Path, until| DiskFolder { name, key, path: path.to_owned(), until };
    let mut folders = vec![folder("state", "device.state_dir", state, "events wait in memory until then")];
    let others = [
        folder("evidence", "evidence.dir", evidence, "inspection goes on without evidence until then"),
        folder("recordings", "recorder.dir", recordings, "everything but recording goes on until then"),
    ];
    folders.extend(others.into_iter().filter(|other| is_another(&other.path, state)));
    folders
}

impl DiskFolder {
    /// What is wrong with the folder's disk, and what happens while it is; `None` where it has space and can be written.
    pub fn fault(&self) -> Option<Explanation> {
        let disk = format!("the disk of {} ({})", self.path.display(), self.key);
        match statvfs(&self.path) {
            Ok(facts) => fault_of(&facts, &disk, self.until),
            Err(error) => {
                let error = Error::from(error);
                Some(Explanation::new(
                    format!("{disk} cannot be used: {error}"),
                    "mount it, or name another folder",
                ))
            }
        }
    }
}

/// Free bytes for the service's user on the disk below `dir`, and all of its bytes.
pub fn free_bytes(dir: &Path) -> Option<(u64, u64)> {
    let facts = statvfs(dir).ok()?;
    Some((facts.f_bavail.saturating_mul(facts.f_frsize), facts.f_blocks.saturating_mul(facts.f_frsize)))
}

fn fault_of(facts: &StatVfs, disk: &str, until: &str) -> Option<Explanation> {
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    if facts.f_flag.contains(StatVfsMountFlags::RDONLY) {
        return Some(Explanation::new(
            format!("{disk} is read-only"),
            format!("mount it for writing, {until}"),
        ));
    }
    if free < LEAST_FREE_BYTES {
        return Some(Explanation::new(
            format!("{disk} is full: less than 1 MiB is left"),
            format!("make room, {until}"),
        ));
    }
    // File systems that allocate inodes on demand report a total of 0.
    (facts.f_files > 0 && facts.f_favail == 0).then(|| {
        let cause = format!("{disk} takes no more files: no inode is left");
        Explanation::new(cause, format!("remove files, {until}"))
    })
}

/// Whether `folder` exists and is on another disk than `dir`.
fn is_another(folder: &Path, dir: &Path) -> bool {
    let device = |path: &Path| std::fs::metadata(path).ok().map(|facts| facts.dev());
    device(folder).is_some_and(|own| device(dir) != Some(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> StatVfs {
        StatVfs {
            f_bsize: 4096,
            f_frsize: 4096,
            f_blocks: 1 << 20,
            f_bfree: 1 << 19,
            f_bavail: 1 << 19,
            f_files: 1 << 16,
            f_ffree: 1 << 15,
            f_favail: 1 << 15,
            f_fsid: 1,
            f_flag: StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    #[test]
    fn a_disk_is_faulty_without_space_without_inodes_and_where_it_cannot_be_written() {
        let said = |facts: StatVfs| fault_of(&facts, "the disk", "x");
        assert_eq!(said(facts()), None);
        assert_eq!(said(StatVfs { f_files: 0, f_favail: 0, ..facts() }), None);
        assert!(said(StatVfs { f_bavail: 255, ..facts() }).is_some_and(|why| why.cause.contains("full")));
        assert!(said(StatVfs { f_favail: 0, ..facts() }).is_some_and(|why| why.cause.contains("inode")));
        let locked = StatVfs { f_flag: StatVfsMountFlags::RDONLY, ..facts() };
        assert!(said(locked).is_some_and(|why| why.cause.contains("read-only")));
    }

    #[test]
    fn a_folder_that_is_gone_is_named_with_the_key_that_leads_to_it() {
        let nowhere = Path::new("/nowhere/at/all");
        let folders = folders(nowhere, nowhere, nowhere);
        assert_eq!(folders.len(), 1, "one disk is looked at once: {folders:?}");
        let why = folders[0].fault().expect("a fault");
        assert!(why.cause.contains("device.state_dir"), "{why:?}");
    }
}
