//! Files on their way to a client: opened beside the page's thread, and read as the client takes them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

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

/// A ZIP of `files`, written as the client takes it. Files that are gone are left out; one that cannot be read to its end breaks
/// the connection, so that no client takes the rest for the whole.
pub(super) fn archive(files: Vec<PathBuf>) -> impl tokio_stream::Stream<Item = Result<Bytes, io::Error>> {
    let (pieces, taken) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let out = BufWriter::with_capacity(PIECE, Pieces(pieces.clone()));
        if let Err(error) = write_archive(&files, out) {
            // The client has gone where nobody takes it.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    ReceiverStream::new(taken)
}

fn write_archive(files: &[PathBuf], out: impl Write) -> io::Result<()> {
    // Pictures and workbooks are compressed already. Each may be larger than the 4 GiB of a plain entry.
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored).large_file(true);
    let mut zip = ZipWriter::new_stream(out);
    for path in files {
        let mut file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            file => file?,
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        zip.start_file(name, options)?;
        io::copy(&mut file, &mut zip)?;
    }
    zip.finish()?.into_inner().flush()
}

/// Sends what is written to the client, piece by piece.
struct Pieces(mpsc::Sender<Result<Bytes, io::Error>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
