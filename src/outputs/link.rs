//! One message to an instrument and its answer: all I/O of commands is here.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_serial::{ClearBuffer, SerialPort as _, SerialStream};

use super::OutputsHost;
use crate::config::output::{Dialogue, Transport};
use crate::types::{Delivered, Explanation};

/// Longest line of an answer in bytes; an instrument that sends more is not understood.
const MAX_LINE: usize = 4_096;
/// Longest excerpt of an answer in messages.
const EXCERPT: usize = 120;
/// How often the output queue of a serial port is read.
const LOOK: Duration = Duration::from_millis(2);

/// A message that is ready to be sent.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) transport: Transport,
    pub(super) dialogue: Dialogue,
    pub(super) text: String,
    /// An earlier message on this line may have been cut off: its rest is ended first.
    pub(super) after_fault: bool,
}

/// An open connection to an instrument.
pub(super) enum Connection {
    Tcp(TcpStream),
    Serial(Port),
}

/// A serial port that is ours. What did not leave it is thrown away with it: the device may hold it back for long, and
/// an old value must not be written after a newer one.
pub(super) struct Port(SerialStream);

impl Drop for Port {
    fn drop(&mut self) {
        // A port that was unplugged has nothing to clear.
        let _ = self.0.clear(ClearBuffer::Output);
    }
}

/// Why a message is not confirmed.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LinkFault {
    /// Whether the instrument may have received it, or a part of it.
    pub(super) may_have_arrived: bool,
    pub(super) cause: Explanation,
}

/// The end of a message: the line that confirmed it, where one is expected.
pub(super) type Exchanged = Result<Option<String>, LinkFault>;

/// Sends `message` over `kept`, or over a new connection, and waits for its answer, all within its timeout. Also
/// returns the connection where it stays open; after a fault it is closed.
pub(super) async fn exchange(
    message: &Message,
    kept: Option<Connection>,
    host: &Arc<dyn OutputsHost>,
) -> (Exchanged, Option<Connection>) {
    let deadline = Instant::now() + message.dialogue.timeout;
    if let Transport::Mqtt { topic, retain } = &message.transport {
        return (publish(message, topic, *retain, host, deadline).await, None);
    }
    let kept = kept.and_then(Connection::alive);
    let connection = match kept {
        Some(connection) => Ok(connection),
        None => connect(message, deadline).await,
    };
    let mut connection = match connection {
        Ok(connection) => connection,
        Err(cause) => return (Err(LinkFault { may_have_arrived: false, cause }), None),
    };
    let outcome = converse(message, &mut connection, deadline).await;
    let stays = match &message.transport {
        Transport::Tcp { keep_open, .. } => *keep_open,
        Transport::Serial(_) => true,
        Transport::Mqtt { .. } => false,
    };
    let connection = Some(connection).filter(|_| stays && outcome.is_ok());
    (outcome, connection)
}

async fn publish(
    message: &Message,
    topic: &str,
    retain: bool,
    host: &Arc<dyn OutputsHost>,
    deadline: Instant,
) -> Exchanged {
    let delivered = host.publish(topic, message.text.as_bytes(), retain);
    let fault = |may_have_arrived, what: &str, next| LinkFault {
        may_have_arrived,
        cause: Explanation::new(format!("{}: {what}", message.transport), next),
    };
    // Dropping the receiver takes the message back where it was not sent yet.
    match timeout_at(deadline, delivered).await {
        Ok(Ok(Delivered::Acknowledged)) => Ok(None),
        Ok(Ok(Delivered::NotConnected)) => {
            Err(fault(false, "no broker is connected", "see the alarm about the broker"))
        }
        Ok(Ok(Delivered::Refused)) => {
            Err(fault(false, "the broker refused the message", "give this device the right to publish there"))
        }
        Ok(Ok(Delivered::Lost) | Err(_)) => {
            Err(fault(true, "the connection to the broker was lost", "see the alarm about the broker"))
        }
        Err(_) => {
            let ms = message.dialogue.timeout.as_millis();
            Err(fault(true, &format!("the broker did not acknowledge it within {ms} ms"), "check the broker"))
        }
    }
}

async fn connect(message: &Message, deadline: Instant) -> Result<Connection, Explanation> {
    match &message.transport {
        Transport::Serial(port) => {
            let opened = crate::serial::open(port);
            opened
                .map(|stream| Connection::Serial(Port(stream)))
                .map_err(|error| crate::serial::why_not(&port.path, &error))
        }
        Transport::Tcp { address, .. } => {
            let next = "switch the instrument on, check its address and the network";
            let away = |what: String| Explanation::new(format!("{address} cannot be reached: {what}"), next);
            match timeout_at(deadline, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => {
                    // A command is one short line, which must not wait for another.
                    let _ = stream.set_nodelay(true);
                    Ok(Connection::Tcp(stream))
                }
                Ok(Err(error)) => Err(away(error.to_string())),
                Err(_) => {
                    Err(away(format!("no connection within {} ms", message.dialogue.timeout.as_millis())))
                }
            }
        }
        Transport::Mqtt { topic, .. } => Err(Explanation::new(format!("{topic} is a topic"), "")),
    }
}

async fn converse(message: &Message, connection: &mut Connection, deadline: Instant) -> Exchanged {
    let target = &message.transport;
    let next = "check the instrument; its own display tells whether it is on";
    let unsure = |what: String| LinkFault {
        may_have_arrived: true,
        cause: Explanation::new(format!("{target}: {what}"), next),
    };
    let ms = message.dialogue.timeout.as_millis();
    let end = &message.dialogue.end;
    let first = if message.after_fault { end.as_str() } else { "" };
    let line = format!("{first}{}{end}", message.text);
    match timeout_at(deadline, connection.write_all(line.as_bytes())).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(unsure(format!("writing failed: {error}"))),
        Err(_) => return Err(unsure(format!("it did not take the message within {ms} ms"))),
    }
    let Some(expect) = &message.dialogue.expect else {
        return match timeout_at(deadline, connection.sent()).await {
            Ok(Ok(())) => Ok(None),
            Ok(Err(error)) => Err(unsure(format!("writing failed: {error}"))),
            Err(_) => Err(unsure(format!("the message did not leave the port within {ms} ms"))),
        };
    };
    let mut answer = AnswerLines::default();
    loop {
        while let Some(line) = answer.next_line() {
            if expect.matches(&line) {
                return Ok(Some(line));
            }
            // The rest of a message that was cut off earlier may be answered with a separate error.
            let refuses = message.dialogue.error.as_ref().is_some_and(|error| error.matches(&line));
            if refuses && !message.after_fault {
                return Err(unsure(format!("the instrument answered {:?}", excerpt(&line))));
            }
            answer.other = Some(line);
        }
        let mut chunk = [0; 512];
        match timeout_at(deadline, connection.read(&mut chunk)).await {
            Ok(Ok(0)) => {
                return Err(unsure(format!("it hung up before it answered{}", answer.instead(expect))));
            }
            Ok(Ok(bytes)) if answer.bytes.len() + bytes <= MAX_LINE => answer.bytes.extend(&chunk[..bytes]),
            Ok(Ok(_)) => return Err(unsure(format!("its answer is longer than {MAX_LINE} bytes"))),
            Ok(Err(error)) => return Err(unsure(format!("reading the answer failed: {error}"))),
            Err(_) => return Err(unsure(format!("no answer within {ms} ms{}", answer.instead(expect)))),
        }
    }
}

/// What came of an answer so far.
#[derive(Default)]
struct AnswerLines {
    bytes: Vec<u8>,
    /// The last line that is neither the confirmation nor an error.
    other: Option<String>,
}

impl AnswerLines {
    /// The next whole line without its end; empty lines are skipped.
    fn next_line(&mut self) -> Option<String> {
        loop {
            let end = self.bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
            let line: Vec<u8> = self.bytes.drain(..=end).take(end).collect();
            let line = String::from_utf8_lossy(&line).trim().to_owned();
            if !line.is_empty() {
                return Some(line);
            }
        }
    }

    fn instead(&self, expect: &crate::config::output::Pattern) -> String {
        let rest = String::from_utf8_lossy(&self.bytes);
        match (&self.other, rest.trim()) {
            (Some(line), _) => format!("; it said {:?} instead of {:?}", excerpt(line), expect.0),
            (None, "") => String::new(),
            (None, rest) => format!("; it said {:?} without the end of a line", excerpt(rest)),
        }
    }
}

fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

impl Connection {
    /// The connection, with what the instrument said meanwhile thrown away; `None` where it has hung up. Asks the
    /// kernel itself: what tokio knows may be older, and a message over a dead connection would be lost.
    fn alive(mut self) -> Option<Connection> {
        let mut chunk = [0; 512];
        loop {
            let read = match &mut self {
                Connection::Tcp(stream) => rustix::net::recv(&*stream, &mut chunk, RecvFlags::DONTWAIT)
                    .map(|(bytes, _)| bytes)
                    .map_err(io::Error::from),
                Connection::Serial(port) => port.0.try_read(&mut chunk),
            };
            match read {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Some(self),
                Err(_) => return None,
            }
        }
    }

    async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Connection::Tcp(stream) => stream.write_all(bytes).await,
            Connection::Serial(port) => port.0.write_all(bytes).await,
        }
    }

    async fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        match self {
            Connection::Tcp(stream) => stream.read(chunk).await,
            Connection::Serial(port) => port.0.read(chunk).await,
        }
    }

    /// Waits until the bytes have left this machine, as far as it can know: those of a port have left its queue.
    async fn sent(&mut self) -> io::Result<()> {
        let Connection::Serial(port) = self else { return Ok(()) };
        while port.0.bytes_to_write().map_err(io::Error::from)? > 0 {
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }
}
