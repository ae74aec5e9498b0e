//! What a request sends and where its answer goes.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::Frame;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use super::client::Body;
use super::error::HttpError;

/// Bytes that are read from a file at once, and pieces that wait for the network.
const PIECE: usize = 64 << 10;
const PIECES: usize = 2;

/// What a request sends.
pub(in crate::jobs) enum Sending<'a> {
    /// No body at all.
    Nothing,
    /// These bytes, which are in memory.
    Bytes(Bytes),
    /// The file at `path`, which has `bytes` bytes; its SHA-256 is in `sha256` when all of it was read.
    File { path: &'a Path, bytes: u64, sha256: &'a Cell<Option<String>> },
}

/// Where an answer goes.
pub(in crate::jobs) trait Receiving {
    /// The answer begins; `bytes` where its head says how long it is.
    fn begin(&mut self, bytes: Option<u64>) -> Result<(), HttpError>;

    /// The next piece of the answer.
    fn piece(&mut self, bytes: &[u8]) -> Result<(), HttpError>;
}

/// Keeps an answer in memory; the request bounds it.
impl Receiving for Vec<u8> {
    fn begin(&mut self, _: Option<u64>) -> Result<(), HttpError> {
        self.clear();
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// A body, and what has to be pumped into it.
pub(super) struct Prepared<'a> {
    pub(super) body: Body,
    pub(super) pump: Option<Pump<'a>>,
}

/// A file on its way into a body.
pub(super) struct Pump<'a> {
    path: &'a Path,
    file: File,
    bytes: u64,
    sha256: &'a Cell<Option<String>>,
    into: Sender<Bytes>,
}

impl<'a> Sending<'a> {
    /// The length of the body; `None` where there is none.
    pub(super) fn length(&self) -> Option<u64> {
        match self {
            Sending::Nothing => None,
            Sending::Bytes(bytes) => Some(bytes.len() as u64),
            Sending::File { bytes, .. } => Some(*bytes),
        }
    }

    /// The body, from its beginning: a redirect may ask for it once more.
    pub(super) fn prepare(&self) -> Result<Prepared<'a>, HttpError> {
        match *self {
            Sending::Nothing => Ok(Prepared { body: whole(Empty::new()), pump: None }),
            Sending::Bytes(ref bytes) => Ok(Prepared { body: whole(Full::new(bytes.clone())), pump: None }),
            Sending::File { path, bytes, sha256 } => {
                let file =
                    File::open(path).map_err(|source| HttpError::Read { path: path.to_owned(), source })?;
                let (into, pieces): (Sender<Bytes>, Receiver<Bytes>) = channel(PIECES);
                let frames = ReceiverStream::new(pieces).map(|piece| Ok(Frame::data(piece)));
                let body = StreamBody::new(frames).boxed_unsync();
                Ok(Prepared { body, pump: Some(Pump { path, file, bytes, sha256, into }) })
            }
        }
    }
}

fn whole<B>(body: B) -> Body
where
    B: hyper::body::Body<Data = Bytes, Error = std::convert::Infallible> + Send + 'static,
{
    body.map_err(|never| match never {}).boxed_unsync()
}

impl Pump<'_> {
    /// Reads the file and hands it over piece by piece, as fast as the network takes it; `sent` learns how much it is. Ends
    /// early, without an error, where the server has answered before.
    pub(super) async fn run(mut self, sent: impl Fn(u64)) -> Result<(), HttpError> {
        let fault = |path: &Path, source| HttpError::Read { path: path.to_owned(), source };
        let (mut done, mut digest) = (0, Sha256::new());
        while done < self.bytes {
            let most = usize::try_from(self.bytes - done).unwrap_or(PIECE).min(PIECE);
            let mut piece = BytesMut::zeroed(most);
            let read = self.file.read(&mut piece).map_err(|source| fault(self.path, source))?;
            if read == 0 {
                return Err(fault(self.path, io::Error::other("it has become shorter since")));
            }
            piece.truncate(read);
            digest.update(&piece);
            done += read as u64;
            if self.into.send(piece.freeze()).await.is_err() {
                return Ok(());
            }
            sent(done);
        }
        self.sha256.set(Some(crate::types::hex(digest.finalize())));
        Ok(())
    }
}
