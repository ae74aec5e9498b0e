//! A pool of memory for encoded pictures, reused once the last reader has dropped it.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

/// Free buffers kept: a picture that is being sent, one for each of some viewers that are slow, and the next.
const KEPT: usize = 32;
/// Buffers are in whole steps of this many bytes, so that a file that is a little longer still fits.
const STEP: usize = 64 << 10;

/// Buffers for encoded pictures. What is allocated for each is the few bytes that count its readers.
#[derive(Debug, Default)]
pub struct JpegPool {
    free: Mutex<Vec<Vec<u8>>>,
}

impl JpegPool {
    /// A copy of `file` in memory of the pool, which comes back when the last reader drops it.
    pub fn share(self: &Arc<JpegPool>, file: &[u8]) -> Bytes {
        let free = self.lock().pop();
        let mut bytes = free.unwrap_or_default();
        bytes.clear();
        bytes.reserve_exact(file.len().next_multiple_of(STEP));
        bytes.extend_from_slice(file);
        Bytes::from_owner(Lent { bytes, pool: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A buffer that returns to its pool when it is dropped.
struct Lent {
    bytes: Vec<u8>,
    pool: Arc<JpegPool>,
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let mut free = self.pool.lock();
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_once_its_last_reader_is_gone() {
        let pool = Arc::new(JpegPool::default());
        let first = pool.share(&[1; 100]);
        let (reader, place) = (first.clone(), first.as_ptr());
        drop(first);
        let second = pool.share(&[2; 200]);
        assert_ne!(second.as_ptr(), place, "somebody still reads it");
        assert_eq!(&reader[..], [1; 100]);
        drop(reader);
        assert_eq!(pool.share(&[3; 300]).as_ptr(), place);
    }
}
