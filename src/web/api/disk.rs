//! Files on their way to a client: opened beside the page's thread, and read as the client takes them.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::super::answer::WebFault;
use super::super::range::{self, ByteRange};

/// Bytes that are read at once, and pieces that wait for a slow client.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;
/// How long a client waits until its file is open.
const OPEN_PATIENCE: Duration = Duration::from_secs(5);
/// Places for files that are being opened. One on a share that hangs keeps its place, and the thread that waits for it, until the
/// share answers; all other requests have threads left.
static OPENING: Semaphore = Semaphore::const_new(8);

/// Runs what may wait for a disk beside the page's thread.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WebFault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| WebFault::busy("the disk could not be read", "try again in a moment"))
}

/// Runs `work`, which opens a file that may lie on a share that hangs. A limit holds for its time and for how many run at once.
pub(super) async fn opening<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, WebFault> {
    let opened = async {
        let place = OPENING.acquire().await;
        // The place is free again when the work ends, also where nobody waits for it any more.
        blocking(move || {
            let _place = place;
            work()
        })
        .await
    };
    tokio::time::timeout(OPEN_PATIENCE, opened).await.unwrap_or_else(|_| {
        let message = format!("the file was not open within {} s", OPEN_PATIENCE.as_secs());
        Err(WebFault::busy(message, "check that the disk or share that it lies on answers"))
    })
}

/// The first and the last byte that the request asks for, of a file of `bytes` bytes; `None` where it asks for all of it.
pub(super) fn asked_range(headers: &HeaderMap, bytes: u64) -> Result<Option<(u64, u64)>, WebFault> {
    let asked = headers.get(header::RANGE).and_then(|range| range.to_str().ok());
    match asked.map(|asked| range::parse(asked, bytes)) {
        None | Some(ByteRange::Whole) => Ok(None),
        Some(ByteRange::Part { from, to }) => Ok(Some((from, to))),
        Some(ByteRange::Unsatisfiable) => Err(unsatisfiable(bytes)),
    }
}

fn unsatisfiable(bytes: u64) -> WebFault {
    let message = format!("the file has {bytes} bytes, and none of the range");
    let fault = WebFault::new(StatusCode::RANGE_NOT_SATISFIABLE, "bad_range", message, "ask for less");
    match HeaderValue::from_str(&format!("bytes */{bytes}")) {
        Ok(value) => fault.header(header::CONTENT_RANGE, value),
        Err(_) => fault,
    }
}

/// The file of `bytes` bytes, or the range of it, read as the client takes it.
pub(super) fn sent(
    file: File,
    bytes: u64,
    range: Option<(u64, u64)>,
    content_type: &'static str,
) -> Response {
    let (from, to) = range.unwrap_or((0, bytes.saturating_sub(1)));
    let length = if bytes == 0 { 0 } else { to - from + 1 };
    let mut response = Response::new(Body::from_stream(stream(file, from, length)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if range.is_some() {
        if let Ok(value) = HeaderValue::from_str(&format!("bytes {from}-{to}/{bytes}")) {
            headers.insert(header::CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response
}

/// The bytes of the file, read piece by piece as the client takes them.
fn stream(
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
