//! Files on their way to a client: opened beside the page's thread, and read as the client takes them.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use super::super::answer::WebFault;

/// Bytes that are read at once, and pieces that wait for a slow client.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// Runs what may wait for a disk beside the page's thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WebFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| WebFault::busy("the disk could not be read", "try again in a moment"))
}

/// The bytes of the file, read piece by piece as the client takes them.
pub(super) fn stream(
    mut file: File,
    from: u64,
    length: u64,
) -> impl tokio_stream::Stream<Item = Result<Bytes, std::io::Error>> {
    let (pieces, taken) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        if let Err(error) = file.seek(SeekFrom::Start(from)) {
            let _ = pieces.blocking_send(Err(error));
            return;
        }
        while left > 0 {
            let mut piece = vec![0; PIECE.min(left as usize)];
            let read = file.read_exact(&mut piece).map(|()| Bytes::from(piece));
            left = left.saturating_sub(PIECE as u64);
            let is_over = read.is_err();
            // The client has gone where nobody takes it.
            if pieces.blocking_send(read).is_err() || is_over {
                return;
            }
        }
    });
    ReceiverStream::new(taken)
}
