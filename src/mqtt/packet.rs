//! MQTT packets as bytes. This module and rumqttc's encoders write outgoing packets. Incoming ones are cut
//! from the stream with bounded memory: of a message above the limit only topic and size are read and the
//! rest is skipped, so that it does not end the connection.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use rumqttc::mqttbytes::v4;
use rumqttc::v5::mqttbytes::v5;

/// The longest packet that is read as a whole: the longest request that is accepted, and the longest topic.
pub(super) const MAX_PACKET_BYTES: usize = (64 << 10) + (66 << 10);
/// The part of a longer message that is read: the longest possible topic, the packet id, and the payload's
/// beginning.
const HEAD_BYTES: usize = (64 << 10) + 256;

/// The MQTT version of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// MQTT 3.1.1, protocol level 4.
    V4,
    /// MQTT 5, protocol level 5.
    V5,
}

/// A packet that arrived, reduced to the fields that matter here.
#[derive(Debug, PartialEq)]
pub(super) enum ReceivedPacket {
    ConnAck(Accepted),
    Publish(Publish),
    /// `refused` is the reason with which an MQTT 5 broker refused the message.
    PubAck {
        pkid: u16,
        refused: Option<&'static str>,
    },
    Pong,
    /// The answer to a SUBSCRIBE of one filter, with its reason code: 0x80 and above are refusals.
    SubAck(u8),
    /// An MQTT 5 broker announces why it will close the connection.
    Closing(u8),
    /// A packet that needs no action.
    Other,
}

/// The fields of a CONNACK that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Accepted {
    /// 0 if accepted, otherwise the reason code of the version.
    pub(super) code: u8,
    /// The longest packet that the broker takes.
    pub(super) max_packet: Option<u32>,
    /// How many messages may be in flight.
    pub(super) receive_max: Option<u16>,
    /// The interval of pings that the broker asks for, in seconds.
    pub(super) keep_alive: Option<u16>,
}

/// A PUBLISH packet, with its payload as far as it is read.
#[derive(Debug, PartialEq)]
pub(super) struct Publish {
    pub(super) topic: String,
    /// The payload, or its beginning if it exceeds the limit.
    pub(super) payload: Bytes,
    /// The payload's full length, even if it was not read.
    pub(super) bytes: usize,
    pub(super) retained: bool,
    /// The packet id to acknowledge; 0 at QoS 0.
    pub(super) pkid: u16,
}

impl Publish {
    /// Whether the payload is complete.
    pub(super) fn is_whole(&self) -> bool {
        self.payload.len() == self.bytes
    }
}

/// Bytes that are not MQTT, and why.
#[derive(Debug, thiserror::Error)]
#[error("it sent bytes that are not MQTT ({0})")]
pub(super) struct Garbled(pub(super) &'static str);

/// Cuts packets out of a stream of bytes.
#[derive(Debug)]
pub(super) struct PacketReader {
    version: Version,
    buffer: BytesMut,
    /// Bytes of a skipped message that are still to come.
    passing: usize,
}

impl PacketReader {
    pub(super) fn new(version: Version) -> PacketReader {
        PacketReader { version, buffer: BytesMut::new(), passing: 0 }
    }

    /// Appends bytes from the network.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let passed = bytes.len().min(self.passing);
        self.passing -= passed;
        self.buffer.extend_from_slice(&bytes[passed..]);
    }

    /// The next packet, if the part of it that is read has arrived.
    pub(super) fn next(&mut self) -> Result<Option<ReceivedPacket>, Garbled> {
        let Some((head, length)) = fixed_header(&self.buffer)? else { return Ok(None) };
        let kind = self.buffer[0] >> 4;
        if length > MAX_PACKET_BYTES {
            if kind != PUBLISH {
                return Err(Garbled("a packet too long for its kind"));
            }
            return Ok(self.beginning(head, length)?.map(ReceivedPacket::Publish));
        }
        if self.buffer.len() < head + length {
            return Ok(None);
        }
        let whole = self.buffer.split_to(head + length).freeze();
        let body = whole.slice(head..);
        received(self.version, &whole, body).map(Some)
    }

    /// The beginning of a message that exceeds the limit; its rest is skipped.
    fn beginning(&mut self, head: usize, length: usize) -> Result<Option<Publish>, Garbled> {
        if self.buffer.len() < head + HEAD_BYTES {
            return Ok(None);
        }
        let flags = self.buffer[0];
        let looked_at = self.buffer.len().min(head + length);
        let body = self.buffer.split_to(looked_at).freeze().slice(head..);
        self.passing = head + length - looked_at;
        let mut message = message(self.version, flags, body.clone(), length)?;
        // A copy, so that the large buffer is released.
        message.payload = Bytes::copy_from_slice(&message.payload[..message.payload.len().min(256)]);
        Ok(Some(message))
    }
}

const PUBLISH: u8 = 3;

/// Length of the fixed header and of the rest; `None` while the header is incomplete.
fn fixed_header(bytes: &[u8]) -> Result<Option<(usize, usize)>, Garbled> {
    Ok(bytes.get(1..).map(variable_length).transpose()?.flatten().map(|(taken, length)| (1 + taken, length)))
}

/// A variable-length integer of one to four bytes: its size and its value.
fn variable_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, Garbled> {
    let mut length = 0;
    for (at, byte) in bytes.iter().take(4).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((at + 1, length)));
        }
    }
    if bytes.len() < 4 { Ok(None) } else { Err(Garbled("a length of more than four bytes")) }
}

fn received(version: Version, whole: &Bytes, body: Bytes) -> Result<ReceivedPacket, Garbled> {
    let code = |at: usize| body.get(at).copied().unwrap_or(0);
    Ok(match whole[0] >> 4 {
        2 => ReceivedPacket::ConnAck(accepted(version, whole, &body)?),
        PUBLISH => {
            let length = body.len();
            ReceivedPacket::Publish(message(version, whole[0], body, length)?)
        }
        4 => {
            let pkid = body.get(..2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
            let pkid = pkid.ok_or(Garbled("a PUBACK without its packet id"))?;
            ReceivedPacket::PubAck { pkid, refused: refusal(code(2)) }
        }
        9 => ReceivedPacket::SubAck(body.last().copied().unwrap_or(0x80)),
        13 => ReceivedPacket::Pong,
        14 => ReceivedPacket::Closing(code(0)),
        _ => ReceivedPacket::Other,
    })
}

fn accepted(version: Version, whole: &Bytes, body: &Bytes) -> Result<Accepted, Garbled> {
    let code = *body.get(1).ok_or(Garbled("a CONNACK that is too short"))?;
    // A broker that does not speak MQTT 5 answers in the form of 3.1.1.
    if version == Version::V4 || body.len() == 2 {
        return Ok(Accepted { code, ..Accepted::default() });
    }
    let mut bytes = BytesMut::from(&whole[..]);
    let Ok(v5::Packet::ConnAck(ack)) = v5::Packet::read(&mut bytes, None) else {
        // The reason of a refusal matters more than a malformed rest.
        let unread = Err(Garbled("a CONNACK that cannot be read"));
        return if code == 0 { unread } else { Ok(Accepted { code, ..Accepted::default() }) };
    };
    let said = ack.properties.as_ref();
    Ok(Accepted {
        code,
        max_packet: said.and_then(|said| said.max_packet_size),
        receive_max: said.and_then(|said| said.receive_max),
        keep_alive: said.and_then(|said| said.server_keep_alive),
    })
}

/// A PUBLISH with `length` bytes after its fixed header; `body` holds at least the topic.
fn message(version: Version, flags: u8, mut body: Bytes, length: usize) -> Result<Publish, Garbled> {
    const SHORT: Garbled = Garbled("a PUBLISH that is too short");
    let take = |body: &mut Bytes, count: usize| {
        if body.len() < count { Err(SHORT) } else { Ok(body.split_to(count)) }
    };
    let seen = body.len();
    let topic = take(&mut body, 2)?.get_u16();
    let topic = take(&mut body, usize::from(topic))?;
    let topic = String::from_utf8(topic.to_vec()).map_err(|_| Garbled("a topic that is not UTF-8"))?;
    let pkid = if flags >> 1 & 3 == 0 { 0 } else { take(&mut body, 2)?.get_u16() };
    let mut skipped = seen - body.len();
    if version == Version::V5 {
        let (taken, properties) = variable_length(&body)?.ok_or(SHORT)?;
        skipped += taken + properties;
        // The properties of a skipped message may be longer than the part that is read.
        body.advance((taken + properties).min(body.len()));
    }
    let bytes = length.checked_sub(skipped).ok_or(SHORT)?;
    Ok(Publish { topic, payload: body, bytes, retained: flags & 1 == 1, pkid })
}

/// Why an MQTT 5 broker refused a message. Lack of space at the broker is temporary and does not count.
fn refusal(code: u8) -> Option<&'static str> {
    match code {
        0..0x80 | 0x91 | 0x97 => None,
        0x83 => Some("for an implementation-specific reason"),
        0x87 => Some("not authorised"),
        0x90 => Some("not a topic that it accepts"),
        0x99 => Some("not a payload that it accepts"),
        _ => Some("without a reason"),
    }
}

/// Bytes of a QoS 1 PUBLISH with a topic and a payload of these lengths.
pub(super) fn publish_bytes(version: Version, topic: usize, payload: usize) -> usize {
    let length = publish_length(version, topic, payload, true);
    1 + length_bytes(length) + length
}

fn publish_length(version: Version, topic: usize, payload: usize, acknowledged: bool) -> usize {
    2 + topic + if acknowledged { 2 } else { 0 } + usize::from(version == Version::V5) + payload
}

fn length_bytes(length: usize) -> usize {
    match length {
        0..0x80 => 1,
        0x80..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        _ => 4,
    }
}

/// Writes a PUBLISH; `pkid` 0 is QoS 0.
pub(super) fn write_publish(
    version: Version,
    topic: &str,
    payload: &[u8],
    pkid: u16,
    retain: bool,
    out: &mut BytesMut,
) {
    let mut length = publish_length(version, topic.len(), payload.len(), pkid != 0);
    out.reserve(5 + length);
    out.put_u8(0x30 | u8::from(pkid != 0) << 1 | u8::from(retain));
    loop {
        let (byte, rest) = ((length & 0x7f) as u8, length >> 7);
        out.put_u8(if rest > 0 { byte | 0x80 } else { byte });
        length = rest;
        if rest == 0 {
            break;
        }
    }
    out.put_u16(topic.len() as u16);
    out.put_slice(topic.as_bytes());
    if pkid != 0 {
        out.put_u16(pkid);
    }
    if version == Version::V5 {
        out.put_u8(0);
    }
    out.put_slice(payload);
}

/// The content of our CONNECT packet.
pub(super) struct Greeting {
    pub(super) client_id: String,
    pub(super) keep_alive_s: u16,
    /// User name and password, if configured.
    pub(super) login: Option<(String, String)>,
    /// Topic and payload of the last will: QoS 1, retained. A mere test of the connection leaves none behind.
    pub(super) will: Option<(String, Vec<u8>)>,
    /// A session that the broker keeps while we are away; MQTT 5 only. `None`: it keeps none.
    pub(super) kept: Option<KeptSession>,
}

/// A session that the broker keeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeptSession {
    /// How long the broker keeps it without a connection, in seconds.
    pub(super) expiry_s: u32,
    /// The most messages that the broker may send without our acknowledgement.
    pub(super) receive_max: u16,
}

/// Writes a CONNECT, for a clean session unless the greeting asks for one that the broker keeps.
pub(super) fn write_connect(
    version: Version,
    greeting: &Greeting,
    out: &mut BytesMut,
) -> Result<(), Garbled> {
    let Greeting { client_id, keep_alive_s: keep_alive, login, will, kept } = greeting;
    let client_id = client_id.clone();
    let written = match version {
        Version::V4 => {
            let last_will = will.as_ref().map(|(topic, payload)| {
                v4::LastWill::new(topic, payload.clone(), rumqttc::mqttbytes::QoS::AtLeastOnce, true)
            });
            let mut connect = v4::Connect::new(client_id);
            connect.keep_alive = *keep_alive;
            connect.last_will = last_will;
            if let Some((name, password)) = login {
                connect.set_login(name, password);
            }
            v4::Packet::Connect(connect).write(out, usize::MAX).is_ok()
        }
        Version::V5 => {
            let at_least_once = rumqttc::v5::mqttbytes::QoS::AtLeastOnce;
            let last_will = will.as_ref().map(|(topic, payload)| {
                v5::LastWill::new(topic.clone(), payload.clone(), at_least_once, true, None)
            });
            let login = login.as_ref().map(|(name, password)| v5::Login::new(name.clone(), password.clone()));
            let properties = kept.map(|KeptSession { expiry_s, receive_max }| v5::ConnectProperties {
                session_expiry_interval: Some(expiry_s),
                receive_maximum: Some(receive_max),
                ..v5::ConnectProperties::new()
            });
            let clean_start = kept.is_none();
            let connect = v5::Connect { keep_alive: *keep_alive, client_id, clean_start, properties };
            v5::Packet::Connect(connect, last_will, login).write(out, None).is_ok()
        }
    };
    if written { Ok(()) } else { Err(Garbled("a CONNECT too long to be written")) }
}

/// Writes a SUBSCRIBE with QoS 1. `foreign` asks the broker not to return our own messages, if it can.
pub(super) fn write_subscribe(version: Version, filter: &str, foreign: bool, pkid: u16, out: &mut BytesMut) {
    let written = match version {
        Version::V4 => {
            let mut subscribe = v4::Subscribe::new(filter, rumqttc::mqttbytes::QoS::AtLeastOnce);
            subscribe.pkid = pkid;
            v4::Packet::Subscribe(subscribe).write(out, usize::MAX).is_ok()
        }
        Version::V5 => {
            let mut filter = v5::Filter::new(filter, rumqttc::v5::mqttbytes::QoS::AtLeastOnce);
            filter.nolocal = foreign;
            let mut subscribe = v5::Subscribe::new(filter, None);
            subscribe.pkid = pkid;
            v5::Packet::Subscribe(subscribe).write(out, None).is_ok()
        }
    };
    debug_assert!(written, "a filter is shorter than any bound");
}

/// Writes an UNSUBSCRIBE of one filter.
pub(super) fn write_unsubscribe(version: Version, filter: &str, pkid: u16, out: &mut BytesMut) {
    let written = match version {
        Version::V4 => {
            let mut unsubscribe = v4::Unsubscribe::new(filter);
            unsubscribe.pkid = pkid;
            v4::Packet::Unsubscribe(unsubscribe).write(out, usize::MAX).is_ok()
        }
        Version::V5 => {
            let mut unsubscribe = v5::Unsubscribe::new(filter, None);
            unsubscribe.pkid = pkid;
            v5::Packet::Unsubscribe(unsubscribe).write(out, None).is_ok()
        }
    };
    debug_assert!(written, "a filter is shorter than any bound");
}

/// Writes a PUBACK: the same bytes in both versions.
pub(super) fn write_puback(pkid: u16, out: &mut BytesMut) {
    out.put_slice(&[0x40, 2]);
    out.put_u16(pkid);
}

/// A whole PINGREQ packet.
pub(super) const PING: [u8; 2] = [0xc0, 0];
/// A DISCONNECT of an orderly end.
pub(super) const DISCONNECT: [u8; 2] = [0xe0, 0];

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
