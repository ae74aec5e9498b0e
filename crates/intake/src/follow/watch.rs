//! Notifications of the kernel (inotify) about the entries of one folder.

use std::collections::HashSet;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use rustix::io::Errno;

/// Names that are kept until they are taken; beyond, a look at the whole folder is cheaper.
const MOST_NAMES: usize = 10_000;

/// Bytes of notifications that are read at once: some hundred of them.
const BUFFER_BYTES: usize = 16 * 1024;

/// File systems of this machine, on which the kernel sees every change. On those that others write to as well, such as NFS,
/// SMB and FUSE, it sees only what programs of this machine do. Numbers of `linux/magic.h`.
const LOCAL: [u64; 12] = [
    0xEF53,      // ext2, ext3, ext4
    0x5846_5342, // xfs
    0x9123_683E, // btrfs
    0x0102_1994, // tmpfs
    0x8584_58F6, // ramfs
    0x794C_7630, // overlayfs
    0xF2F5_2010, // f2fs
    0x2FC1_2FC1, // zfs
    0x2405_1905, // ubifs
    0x72B6,      // jffs2
    0x4D44,      // fat
    0x2011_BAB0, // exfat
];

/// Whether the folder is on a file system of this machine, so that all its changes are notified.
pub fn is_local(folder: &Path) -> bool {
    // The type is signed on some architectures.
    rustix::fs::statfs(folder).is_ok_and(|stat| LOCAL.contains(&(stat.f_type as u64 & 0xFFFF_FFFF)))
}

/// Entries of a folder that changed since they were last taken.
#[derive(Debug, Default)]
pub struct Changes {
    names: HashSet<Box<str>>,
    /// The kernel lost notifications, so that any entry may have changed.
    are_lost: bool,
    /// More entries changed than names are kept.
    is_crowded: bool,
}

impl Changes {
    /// The names of the entries that changed.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(AsRef::as_ref)
    }

    /// Whether no entry of the folder changed.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && !self.is_incomplete()
    }

    /// Whether the kernel lost notifications.
    pub fn are_lost(&self) -> bool {
        self.are_lost
    }

    /// Whether more changed than the names say: notifications were lost, or there are too many names.
    pub fn is_incomplete(&self) -> bool {
        self.are_lost || self.is_crowded
    }

    /// Forgets all changes: they were looked at.
    pub fn clear(&mut self) {
        self.names.clear();
        (self.are_lost, self.is_crowded) = (false, false);
    }

    fn note(&mut self, name: &str) {
        if self.names.len() < MOST_NAMES {
            self.names.insert(name.into());
        } else {
            self.is_crowded |= !self.names.contains(name);
        }
    }
}

/// The folder is no longer what is watched: it was removed, renamed or unmounted.
#[derive(Debug, PartialEq, Eq)]
pub struct WatchEnded;

/// A folder that the kernel watches.
#[derive(Debug)]
pub struct Watch {
    queue: OwnedFd,
    /// Device and inode of the folder.
    folder: (u64, u64),
    buffer: Vec<MaybeUninit<u8>>,
}

impl Watch {
    /// Watches `folder` from now on.
    ///
    /// # Errors
    /// The folder is not there, or the system has no watch left (`fs.inotify.max_user_instances`, `max_user_watches`).
    pub fn begin(folder: &Path) -> io::Result<Watch> {
        let before = identity(folder)?;
        let queue = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let entries = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::CLOSE_WRITE
            | WatchFlags::ATTRIB
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE;
        let itself = WatchFlags::DELETE_SELF | WatchFlags::MOVE_SELF | WatchFlags::ONLYDIR;
        inotify::add_watch(&queue, folder, entries | itself)?;
        let watched = identity(folder)?;
        if watched != before {
            return Err(io::Error::other("the folder was replaced meanwhile"));
        }
        Ok(Watch { queue, folder: watched, buffer: vec![MaybeUninit::uninit(); BUFFER_BYTES] })
    }

    /// Whether it is still `folder` that is watched: something else may have been mounted there, or renamed to it.
    pub fn is_of(&self, folder: &Path) -> bool {
        identity(folder).is_ok_and(|found| found == self.folder)
    }

    /// Moves all notifications that wait into `changes`. It never blocks.
    ///
    /// # Errors
    /// The folder is no longer watched.
    pub fn take(&mut self, changes: &mut Changes) -> Result<(), WatchEnded> {
        let mut reader = Reader::new(&self.queue, &mut self.buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => event,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(_) => return Err(WatchEnded),
            };
            let ends =
                ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT | ReadFlags::IGNORED;
            if event.events().intersects(ends) {
                return Err(WatchEnded);
            }
            changes.are_lost |= event.events().contains(ReadFlags::QUEUE_OVERFLOW);
            // A name that is not UTF-8 is refused by the looks at the whole folder.
            if let Some(name) = event.file_name().and_then(|name| name.to_str().ok()) {
                changes.note(name);
            }
        }
    }
}

impl AsFd for Watch {
    /// Becomes readable when a notification waits.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}

fn identity(folder: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(folder)?;
    Ok((metadata.dev(), metadata.ino()))
}
