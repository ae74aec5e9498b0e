//! The number and bytes of an outbox's entries.

use super::Outbox;

impl Outbox {
    /// Payload bytes on disk.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Entries on disk, from the running count.
    pub fn entries(&self) -> u64 {
        self.entries
    }

    /// Entries on disk. It walks the whole tree, for the opening and for tests.
    pub fn len(&self) -> usize {
        self.tree.scan_prefix(b"m").count()
    }

    /// Whether the outbox holds no message.
    pub fn is_empty(&self) -> bool {
        self.tree.scan_prefix(b"m").next().is_none()
    }
}
