//! The bytes of one connection. It writes and reads at once, so that a broker which is slow to take bytes is
//! still read.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::packet::{self, Garbled, PacketReader, ReceivedPacket, Version};

/// A broker that takes no byte for this long is gone.
const STALLED: Duration = Duration::from_secs(5);
/// With this much to write, nothing is added except one longer message.
const FULL_BYTES: usize = 256 << 10;
/// Bytes that one read takes at most.
const READ_BYTES: usize = 16 << 10;

/// What a connection runs over: TCP, or TLS over it.
pub(super) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

/// Why an established connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectionLoss {
    /// The other side closed it.
    #[error("it closed the connection")]
    Closed,
    /// MQTT 5: the broker closed it with this reason code.
    #[error("it closed the connection (MQTT reason {0:#04x})")]
    Dismissed(u8),
    /// The system reported an error.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The broker takes nothing.
    #[error("it takes no more bytes")]
    Stalled,
    /// The broker does not answer pings.
    #[error("it stopped answering pings")]
    Silent,
    /// The broker does not speak MQTT.
    #[error("{0}")]
    Garbled(#[from] Garbled),
}

impl ConnectionLoss {
    /// Whether the broker ended it, so that a message of ours may be the cause.
    pub(super) fn is_by_broker(&self) -> bool {
        use io::ErrorKind as Kind;
        match self {
            ConnectionLoss::Closed => true,
            // Taken over, shutting down, busy, by an administrator, elsewhere: no message causes these.
            ConnectionLoss::Dismissed(code) => {
                matches!(code, 0x80..=0x83 | 0x87 | 0x90 | 0x94..=0x97 | 0x99..=0x9b)
            }
            ConnectionLoss::Io(error) => matches!(
                error.kind(),
                Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe | Kind::UnexpectedEof
            ),
            ConnectionLoss::Stalled | ConnectionLoss::Silent | ConnectionLoss::Garbled(_) => false,
        }
    }
}

/// A connection's socket, with the bytes to write and the bytes read.
pub(super) struct Transport {
    socket: Box<dyn Socket>,
    pub(super) version: Version,
    reader: PacketReader,
    out: BytesMut,
    /// When the broker last took a byte, or when the first waiting byte was added.
    taken_at: Instant,
    /// Writing failed; what the broker sent before may still be read.
    broken: Option<io::Error>,
    pkid: u16,
    chunk: Box<[u8]>,
}

impl Transport {
    pub(super) fn new(socket: Box<dyn Socket>, version: Version) -> Transport {
        Transport {
            socket,
            version,
            reader: PacketReader::new(version),
            out: BytesMut::with_capacity(READ_BYTES),
            taken_at: Instant::now(),
            broken: None,
            pkid: 0,
            chunk: vec![0; READ_BYTES].into(),
        }
    }

    /// The bytes that wait to be written.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        if self.out.is_empty() {
            self.taken_at = Instant::now();
        }
        &mut self.out
    }

    /// Whether so much waits that nothing should be added.
    pub(super) fn is_full(&self) -> bool {
        self.out.len() >= FULL_BYTES
    }

    /// Whether everything was given to the system.
    pub(super) fn is_flushed(&self) -> bool {
        self.out.is_empty()
    }

    /// The next packet id. Ids repeat after 65,535 messages; far fewer are in flight.
    pub(super) fn next_pkid(&mut self) -> u16 {
        self.pkid = self.pkid.checked_add(1).unwrap_or(1);
        self.pkid
    }

    /// Adds a message; returns its packet id, 0 at QoS 0.
    pub(super) fn publish(&mut self, topic: &str, payload: &[u8], acknowledged: bool, retain: bool) -> u16 {
        let pkid = if acknowledged { self.next_pkid() } else { 0 };
        let version = self.version;
        packet::write_publish(version, topic, payload, pkid, retain, self.out());
        pkid
    }

    /// A packet that has already arrived.
    pub(super) fn received(&mut self) -> Result<Option<ReceivedPacket>, ConnectionLoss> {
        Ok(self.reader.next()?)
    }

    /// Writes what waits and reads what comes; returns when something was read, or all is written. Cancelling
    /// it loses nothing.
    pub(super) async fn turn(&mut self) -> Result<(), ConnectionLoss> {
        if !self.out.is_empty() && self.taken_at.elapsed() > STALLED {
            return Err(ConnectionLoss::Stalled);
        }
        let had = !self.out.is_empty();
        poll_fn(|context| {
            self.poll_write(context);
            match self.poll_read(context) {
                Poll::Pending if self.broken.is_some() => Poll::Ready(Err(self.lost(ConnectionLoss::Closed))),
                Poll::Pending if had && self.out.is_empty() => Poll::Ready(Ok(())),
                Poll::Ready(Err(loss)) => Poll::Ready(Err(self.lost(loss))),
                polled => polled,
            }
        })
        .await
    }

    /// The first failure counts, unless received bytes explain more: a TLS alert comes after the write has
    /// failed.
    fn lost(&mut self, loss: ConnectionLoss) -> ConnectionLoss {
        match (&loss, self.broken.take()) {
            (ConnectionLoss::Io(error), _) if error.kind() == io::ErrorKind::InvalidData => loss,
            (_, Some(first)) => ConnectionLoss::Io(first),
            _ => loss,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) {
        while !self.out.is_empty() && self.broken.is_none() {
            let written = match Pin::new(&mut self.socket).poll_write(context, &self.out) {
                Poll::Pending => break,
                Poll::Ready(written) => written,
            };
            match written {
                Ok(0) => self.broken = Some(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.taken_at = Instant::now();
                    self.out.advance(count);
                }
                Err(error) => self.broken = Some(error),
            }
        }
        if let Poll::Ready(Err(error)) = Pin::new(&mut self.socket).poll_flush(context) {
            self.broken.get_or_insert(error);
        }
        if self.out.is_empty() && self.out.capacity() > 2 * FULL_BYTES {
            // The memory of a picture is released.
            self.out = BytesMut::with_capacity(READ_BYTES);
        }
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Result<(), ConnectionLoss>> {
        let mut chunk = ReadBuf::new(&mut self.chunk);
        ready!(Pin::new(&mut self.socket).poll_read(context, &mut chunk))?;
        if chunk.filled().is_empty() {
            return Poll::Ready(Err(ConnectionLoss::Closed));
        }
        self.reader.push(chunk.filled());
        Poll::Ready(Ok(()))
    }

    /// Waits for the next packet.
    pub(super) async fn read(&mut self) -> Result<ReceivedPacket, ConnectionLoss> {
        loop {
            if let Some(received) = self.received()? {
                return Ok(received);
            }
            self.turn().await?;
        }
    }
}
