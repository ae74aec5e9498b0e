//! A pool of memory for encoded pictures, reused once the last reader has dropped it.

use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

/// Free buffers kept: a picture that is being sent, one for each of some viewers that are slow, and the next.
const KEPT: usize = 32;
/// A larger buffer is given back to the system at once.
const LARGEST: usize = 4 << 20;
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
        Bytes::from_owner(PooledBuffer { bytes, pool: self.clone() })
    }

    /// Memory of the pool for a file of `length` bytes, to be filled; what is in it is left from another one. It comes
    /// back when it is dropped. `None` where there is no memory.
    pub fn buffer(self: &Arc<JpegPool>, length: usize) -> Option<PooledBuffer> {
        let mut bytes = self.lock().pop().unwrap_or_default();
        if bytes.capacity() < length {
            bytes = Vec::new();
            bytes.try_reserve_exact(length.next_multiple_of(STEP)).ok()?;
        }
        bytes.resize(length, 0);
        Some(PooledBuffer { bytes, pool: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.free.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// A buffer that returns to its pool when it is dropped.
#[derive(Debug)]
pub struct PooledBuffer {
    bytes: Vec<u8>,
    pool: Arc<JpegPool>,
}

impl AsRef<[u8]> for PooledBuffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AsMut<[u8]> for PooledBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for PooledBuffer {
    fn drop(&mut self) {
        if self.bytes.capacity() > LARGEST {
            return;
        }
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

    #[test]
    fn a_buffer_to_be_filled_has_the_length_that_was_asked_for_and_comes_back_unless_it_is_very_large() {
        let pool = Arc::new(JpegPool::default());
        let mut first = pool.buffer(70_000).unwrap();
        first.as_mut().fill(7);
        let place = first.as_ref().as_ptr();
        drop(first);
        let second = pool.buffer(100).unwrap();
        assert_eq!((second.as_ref().len(), second.as_ref().as_ptr()), (100, place));
        drop(second);
        assert_eq!(pool.buffer(100_000).unwrap().as_ref().len(), 100_000);
        drop(pool.buffer(LARGEST + 1));
        assert!(pool.lock().iter().all(|bytes| bytes.capacity() <= LARGEST));
    }
}
