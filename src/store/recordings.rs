//! The index of recordings: which files the recorder has written, and nothing else may be deleted by it.
//!
//! ```text
//! key: number of the recording (BE, 8 bytes)    value: version (1 byte), JSON of `Recording`
//! ```

use serde::{Deserialize, Serialize};

use super::{Store, StoreError};

const TREE: &str = "recordings";
const VERSION: u8 = 1;

/// What a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingKind {
    /// One frame as a JPEG.
    Picture,
    /// A film of several frames.
    Clip,
}

/// Whether a recording is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// It is still being written.
    Writing,
    /// It is complete and closed.
    Whole,
    /// It ends where the service was killed; what is there can be played.
    Interrupted,
}

/// The role of a file in its recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileRole {
    /// Frames as the camera delivered them.
    Raw,
    /// Frames with findings drawn in.
    Annotated,
    /// The data of the frames, JSON.
    Sidecar,
}

/// One file of a recording, with what identifies it as the one that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedFile {
    /// Its role in the recording.
    pub role: FileRole,
    /// Its path below the recorder's folder.
    pub path: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// The inode, which a rename keeps and another program's file with the same name does not have.
    pub inode: u64,
}

/// One recording, as the index knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// Its number, unique on this device.
    pub id: u64,
    /// Name of the camera.
    pub camera: String,
    /// Whether it is a picture or a clip.
    pub kind: RecordingKind,
    /// Whether it is complete.
    pub state: RecordingState,
    /// Its files, pictures and films before the sidecar.
    pub files: Vec<RecordedFile>,
    /// Number of frames in it.
    pub frames: u64,
    /// The camera's number of its first frame.
    pub first_frame: u64,
    /// The camera's number of its last frame.
    pub last_frame: u64,
    /// When its first frame was captured, nanoseconds since 1970.
    pub started_ns: u64,
    /// When its last frame was captured, nanoseconds since 1970.
    pub ended_ns: u64,
    /// The events that asked for it, in words; empty for a continuous recording.
    pub causes: Vec<String>,
    /// The recording whose event asked for this picture too; itself for the first of an event.
    pub event: Option<u64>,
    /// The camera's experiment at that time.
    pub experiment: Option<String>,
}

impl Recording {
    /// Bytes of all its files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        // Serialising cannot fail: the types have string keys only, and a Vec accepts every byte.
        let written = serde_json::to_writer(&mut bytes, self);
        debug_assert!(written.is_ok(), "{written:?}");
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Recording> {
        let (version, body) = bytes.split_first()?;
        (*version == VERSION).then(|| serde_json::from_slice(body).ok())?
    }
}

/// The tree `recordings`. Clones share it; every method may be called from any thread.
#[derive(Clone)]
pub struct Recordings {
    store: Store,
}

impl Recordings {
    pub(super) fn new(store: Store) -> Recordings {
        Recordings { store }
    }

    /// Adds the recording, or replaces what is known of it. On disk after the next [`Recordings::flush`].
    ///
    /// # Errors
    /// Those of the store.
    pub fn put(&self, recording: &Recording) -> Result<(), StoreError> {
        let tree = self.store.tree(TREE)?;
        let put = tree.insert(recording.id.to_be_bytes(), recording.encode());
        put.map(drop).map_err(|error| self.fault(error))
    }

    /// The recording `id`, if it is known.
    ///
    /// # Errors
    /// Those of the store.
    pub fn get(&self, id: u64) -> Result<Option<Recording>, StoreError> {
        let found = self.store.tree(TREE)?.get(id.to_be_bytes()).map_err(|error| self.fault(error))?;
        Ok(found.and_then(|bytes| Recording::decode(&bytes)))
    }

    /// Takes the recording `id` out of the index; false where it is not in it.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remove(&self, id: u64) -> Result<bool, StoreError> {
        let removed = self.store.tree(TREE)?.remove(id.to_be_bytes());
        removed.map(|before| before.is_some()).map_err(|error| self.fault(error))
    }

    /// Calls `look` with each recording from the oldest to the newest whose number is `from` or later, until it returns
    /// false.
    ///
    /// # Errors
    /// Those of the store.
    pub fn each(&self, from: u64, mut look: impl FnMut(Recording) -> bool) -> Result<(), StoreError> {
        let tree = self.store.tree(TREE)?;
        let first = tree.range(from.to_be_bytes()..).next().transpose();
        self.follow(first, |key| tree.get_gt(key), &mut look)
    }

    /// Calls `look` with each recording from the newest to the oldest whose number is below `before`, until it returns
    /// false.
    ///
    /// # Errors
    /// Those of the store.
    pub fn each_back(&self, before: u64, mut look: impl FnMut(Recording) -> bool) -> Result<(), StoreError> {
        let tree = self.store.tree(TREE)?;
        self.follow(tree.get_lt(before.to_be_bytes()), |key| tree.get_lt(key), &mut look)
    }

    /// Calls `look` with the recording in `entry` and those that `next` finds after each, until it returns false.
    ///
    /// Each is looked up by its key, although sled could iterate: it drops pages from its cache only after 64 accesses to
    /// the 256th part of it that holds them. An iterator accesses a page once for all of its records, so going through a
    /// long index again and again would fill memory with thousands of pages.
    fn follow(
        &self,
        mut entry: sled::Result<Option<(sled::IVec, sled::IVec)>>,
        next: impl Fn(&[u8]) -> sled::Result<Option<(sled::IVec, sled::IVec)>>,
        look: &mut dyn FnMut(Recording) -> bool,
    ) -> Result<(), StoreError> {
        while let Some((key, bytes)) = entry.map_err(|error| self.fault(error))? {
            if let Some(recording) = Recording::decode(&bytes)
                && !look(recording)
            {
                break;
            }
            entry = next(&key);
        }
        Ok(())
    }

    /// Returns once all changes so far are on disk.
    ///
    /// # Errors
    /// Those of the store.
    pub fn flush(&self) -> Result<(), StoreError> {
        self.store.tree(TREE)?.flush().map(drop).map_err(|error| self.fault(error))
    }

    fn fault(&self, error: sled::Error) -> StoreError {
        StoreError::from_sled(self.store.path(), error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recording(id: u64) -> Recording {
        let file = RecordedFile { role: FileRole::Raw, path: format!("front/{id}.jpg"), bytes: 10, inode: 7 };
        Recording {
            id,
            camera: "front".into(),
            kind: RecordingKind::Picture,
            state: RecordingState::Whole,
            files: vec![file],
            frames: 1,
            first_frame: id,
            last_frame: id,
            started_ns: 1,
            ended_ns: 1,
            causes: Vec::new(),
            event: None,
            experiment: Some("run 7".into()),
        }
    }

    #[test]
    fn recordings_are_listed_in_both_directions_and_found_by_number_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let table = Store::open(dir.path()).unwrap().store.recordings();
        (1..=300).for_each(|id| table.put(&recording(id)).unwrap());
        assert_eq!((table.remove(2).unwrap(), table.remove(2).unwrap()), (true, false));
        table.flush().unwrap();
        drop(table);
        let table = Store::open(dir.path()).unwrap().store.recordings();
        let mut seen = Vec::new();
        table
            .each(1, |one| {
                seen.push(one.id);
                seen.len() < 3
            })
            .unwrap();
        assert_eq!(seen, [1, 3, 4]);
        seen.clear();
        table
            .each_back(256, |one| {
                seen.push(one.id);
                seen.len() < 2
            })
            .unwrap();
        assert_eq!(seen, [255, 254]);
        assert_eq!(table.get(300).unwrap(), Some(recording(300)));
        assert_eq!(table.get(2).unwrap(), None);
    }

    #[test]
    fn bytes_that_are_no_recording_are_none() {
        assert_eq!(Recording::decode(b""), None);
        assert_eq!(Recording::decode(b"\x02{}"), None);
        assert_eq!(Recording::decode(b"\x01{}"), None);
        assert_eq!(Recording::decode(&recording(9).encode()), Some(recording(9)));
    }
}
