//! ZMTP 3.0 with the mechanism NULL, as a server speaks it: greeting, READY, frames. Every length is compared with a
//! bound before memory is taken for it.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

use super::error::{Limit, PeerFault, TooLong};

/// Bytes of a greeting.
const GREETING: usize = 64;
/// The longest command of a peer: READY with an identity of at most 255 bytes.
const COMMAND_LIMIT: Limit = Limit { of: "command", bytes: 1_024, key: None };
/// Most frames of a message: an envelope and a body have few.
const MAX_FRAMES: usize = 8;
/// How long a peer may take for a message that it has begun; before it, it may be silent.
const MESSAGE_TIME: Duration = Duration::from_secs(30);

const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// One frame: its flags, and its bytes.
struct Frame {
    flags: u8,
    body: Vec<u8>,
}

/// The frames of one message.
pub(super) type Message = Vec<Vec<u8>>;

/// Exchanges greetings and READY with a peer; returns the type of its socket, `SUB` for example.
pub(super) async fn handshake(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    own_type: &str,
) -> Result<String, PeerFault> {
    // At once and whole: some peers wait for ours before they go on with theirs.
    stream.write_all(&greeting()).await?;
    let mut theirs = [0; GREETING];
    stream.read_exact(&mut theirs).await?;
    if theirs[0] != 0xff || theirs[9] & 1 == 0 {
        return Err(PeerFault::Protocol("it does not speak ZMTP"));
    }
    if theirs[10] < 3 {
        return Err(PeerFault::Protocol("it speaks ZMTP 2 or older; 3 is needed"));
    }
    let mechanism = &theirs[12..32];
    if !mechanism.starts_with(b"NULL\0") {
        return Err(PeerFault::Protocol("it wants a login (PLAIN or CURVE); only NULL is spoken"));
    }
    stream.write_all(&ready(own_type)).await?;
    let flags = stream.read_u8().await?;
    let frame = frame(stream, flags, COMMAND_LIMIT, 0).await?;
    if frame.flags & COMMAND == 0 {
        return Err(PeerFault::Protocol("it did not begin with READY"));
    }
    socket_type(&frame.body).ok_or(PeerFault::Protocol("it did not say what kind of socket it is"))
}

/// Reads a message within `limit`; commands of the peer before or between its frames are skipped.
pub(super) async fn message(
    stream: &mut (impl AsyncRead + Unpin),
    limit: Limit,
) -> Result<Message, PeerFault> {
    loop {
        let flags = stream.read_u8().await?;
        let read = timeout(MESSAGE_TIME, begun(stream, flags, limit)).await;
        let message = read.unwrap_or(Err(PeerFault::TooSlow("finish its message", MESSAGE_TIME)))?;
        if !message.is_empty() {
            return Ok(message);
        }
    }
}

/// Reads what began with a frame of these flags: a message, or a command before one, which yields no frames.
async fn begun(
    stream: &mut (impl AsyncRead + Unpin),
    mut flags: u8,
    limit: Limit,
) -> Result<Message, PeerFault> {
    let (mut frames, mut taken) = (Vec::new(), 0);
    loop {
        let frame = frame(stream, flags, limit, taken).await?;
        let is_command = frame.flags & COMMAND != 0;
        if is_command && frames.is_empty() {
            return Ok(frames);
        }
        if !is_command {
            taken += frame.body.len() as u64;
            frames.push(frame.body);
            if frame.flags & MORE == 0 {
                return Ok(frames);
            }
            if frames.len() == MAX_FRAMES {
                return Err(PeerFault::Protocol("its message has too many frames"));
            }
        }
        flags = stream.read_u8().await?;
    }
}

/// Reads a frame after its flags. A command has a limit of its own; of a message `taken` bytes of `limit` are used up already.
async fn frame(
    stream: &mut (impl AsyncRead + Unpin),
    flags: u8,
    limit: Limit,
    taken: u64,
) -> Result<Frame, PeerFault> {
    if flags & !(MORE | LONG | COMMAND) != 0 {
        return Err(PeerFault::Protocol("it sent a frame that ZMTP does not have"));
    }
    let bytes = match flags & LONG {
        0 => u64::from(stream.read_u8().await?),
        _ => stream.read_u64().await?,
    };
    let (limit, taken) = if flags & COMMAND == 0 { (limit, taken) } else { (COMMAND_LIMIT, 0) };
    let total = taken.saturating_add(bytes);
    if total > limit.bytes {
        return Err(TooLong { bytes: total, limit }.into());
    }
    let mut body = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
    stream.read_exact(&mut body).await?;
    Ok(Frame { flags, body })
}

/// The bytes of a message.
pub(super) fn encoded(frames: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(frames.iter().map(|frame| frame.len() + 9).sum());
    for (at, body) in frames.iter().enumerate() {
        let more = if at + 1 < frames.len() { MORE } else { 0 };
        push(&mut out, more, body);
    }
    out
}

fn push(out: &mut Vec<u8>, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(bytes) => out.extend([flags, bytes]),
        Err(_) => {
            out.push(flags | LONG);
            out.extend((body.len() as u64).to_be_bytes());
        }
    }
    out.extend(body);
}

fn greeting() -> [u8; GREETING] {
    let mut bytes = [0; GREETING];
    (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
    bytes[12..16].copy_from_slice(b"NULL");
    bytes
}

fn ready(own_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY".to_vec();
    for (name, value) in [("Socket-Type", own_type), ("Identity", "")] {
        body.push(name.len() as u8);
        body.extend(name.as_bytes());
        body.extend((value.len() as u32).to_be_bytes());
        body.extend(value.as_bytes());
    }
    let mut out = Vec::new();
    push(&mut out, COMMAND, &body);
    out
}

/// The property `Socket-Type` of a READY.
fn socket_type(body: &[u8]) -> Option<String> {
    let mut rest = body.strip_prefix(b"\x05READY")?;
    while !rest.is_empty() {
        let (name_bytes, after) = rest.split_first()?;
        let (name, after) = after.split_at_checked(usize::from(*name_bytes))?;
        let (value_bytes, after) = after.split_first_chunk::<4>()?;
        let value_bytes = usize::try_from(u32::from_be_bytes(*value_bytes)).ok()?;
        let (value, after) = after.split_at_checked(value_bytes)?;
        if name.eq_ignore_ascii_case(b"Socket-Type") {
            return Some(String::from_utf8_lossy(value).into_owned());
        }
        rest = after;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn messages_come_back_as_they_were_written_and_a_length_is_refused_before_memory_is_taken() {
        let long = vec![7; 300];
        let bytes = encoded(&[b"ALL", b"", &long]);
        let limit = |bytes| Limit { of: "message", bytes, key: Some("zmq.max_message_kib") };
        let read = message(&mut bytes.as_slice(), limit(303)).await.unwrap();
        assert_eq!(read, [b"ALL".to_vec(), Vec::new(), long]);
        let fault = message(&mut bytes.as_slice(), limit(302)).await.unwrap_err().to_string();
        let words = "its message has 303 bytes or more, at most 302 are taken (zmq.max_message_kib)";
        assert_eq!(fault, words);
        let endless = [LONG, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let refused = message(&mut endless.as_slice(), limit(64 << 10)).await;
        assert!(matches!(refused, Err(PeerFault::TooLong(_))), "{refused:?}");
        let many = encoded(&[&b"a"[..]; MAX_FRAMES + 1]);
        assert!(matches!(message(&mut many.as_slice(), limit(100)).await, Err(PeerFault::Protocol(_))));
    }

    #[tokio::test]
    async fn a_command_between_messages_has_a_limit_of_its_own_which_the_error_names() {
        let limit = Limit { of: "message", bytes: 4, key: Some("zmq.max_message_kib") };
        let mut bytes = Vec::new();
        push(&mut bytes, COMMAND, &[0; 100]);
        push(&mut bytes, 0, b"body");
        assert_eq!(message(&mut bytes.as_slice(), limit).await.unwrap(), [b"body".to_vec()]);
        bytes.clear();
        push(&mut bytes, COMMAND, &[0; 2_000]);
        let fault = message(&mut bytes.as_slice(), limit).await.unwrap_err().to_string();
        assert_eq!(fault, "its command has 2000 bytes or more, at most 1024 are taken");
    }

    #[tokio::test]
    async fn two_sides_greet_each_other_and_strangers_are_named() {
        let (mut ours, mut theirs) = tokio::io::duplex(1_024);
        let (one, other) = tokio::join!(handshake(&mut ours, "PUB"), handshake(&mut theirs, "SUB"));
        assert_eq!((one.unwrap(), other.unwrap()), ("SUB".to_owned(), "PUB".to_owned()));
        for (bytes, words) in [
            (
                b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: somebody with a long name\r\n\r\n".to_vec(),
                "not speak ZMTP",
            ),
            ([&greeting()[..12], b"CURVE", &[0; 47]].concat(), "wants a login"),
        ] {
            let (mut ours, mut theirs) = tokio::io::duplex(1_024);
            theirs.write_all(&bytes).await.unwrap();
            let fault = handshake(&mut ours, "PUB").await.unwrap_err().to_string();
            assert!(fault.contains(words), "{fault}");
        }
        assert_eq!(socket_type(b"\x05READY\x0bSocket-Type\0\0\0\xffSUB"), None);
    }
}
