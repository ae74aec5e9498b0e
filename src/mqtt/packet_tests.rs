//! Packets as they come from the network: whole, in pieces, too long.

use proptest::prelude::*;

use super::*;

/// A PUBLISH as a broker sends it, with the properties of MQTT 5 if asked for.
fn publish(version: Version, topic: &str, payload: &[u8], pkid: u16) -> Vec<u8> {
    let mut out = BytesMut::new();
    write_publish(version, topic, payload, pkid, true, &mut out);
    out.to_vec()
}

fn read_all(version: Version, bytes: &[u8], piece: usize) -> (Vec<ReceivedPacket>, usize) {
    let mut reader = PacketReader::new(version);
    let (mut all, mut most) = (Vec::new(), 0);
    for piece in bytes.chunks(piece) {
        reader.push(piece);
        while let Some(received) = reader.next().unwrap() {
            all.push(received);
        }
        most = most.max(reader.buffer.len());
    }
    (all, most)
}

#[test]
fn a_message_too_long_to_be_read_is_known_by_topic_size_and_beginning_and_the_next_one_is_read() {
    for version in [Version::V4, Version::V5] {
        let (topic, huge) = ("ocellus/box1/cmd/ping/1", vec![b'x'; 20 << 20]);
        let mut bytes = publish(version, topic, &huge, 7);
        bytes.extend(publish(version, "a", b"{}", 8));
        let (all, most) = read_all(version, &bytes, 16 << 10);
        let [ReceivedPacket::Publish(long), ReceivedPacket::Publish(next)] = &all[..] else {
            panic!("{all:?}")
        };
        assert_eq!((&*long.topic, long.bytes, long.pkid, long.retained), (topic, 20 << 20, 7, true));
        assert!(long.payload.starts_with(b"xxx") && !long.is_whole());
        assert_eq!((&*next.payload, next.is_whole(), next.pkid), (&b"{}"[..], true, 8));
        assert!(most < 256 << 10, "{version:?}: {most} bytes were held");
    }
}

#[test]
fn a_long_message_with_the_longest_topic_and_endless_properties_is_passed_over_too() {
    let mut body = vec![0xff, 0xff];
    body.extend(vec![b't'; 65_535]);
    body.extend([0, 9]);
    // 200,000 bytes of properties.
    body.extend([0xc0, 0x9a, 0x0c]);
    body.extend(vec![0; 200_000]);
    body.extend(b"payload");
    let mut bytes = vec![0x33];
    let mut length = body.len();
    while length > 0 {
        bytes.push((length & 0x7f) as u8 | if length > 0x7f { 0x80 } else { 0 });
        length >>= 7;
    }
    bytes.extend(body);
    let (all, _) = read_all(Version::V5, &bytes, 1_000);
    let [ReceivedPacket::Publish(long)] = &all[..] else { panic!("{all:?}") };
    assert_eq!((long.topic.len(), long.bytes, long.pkid), (65_535, 7, 9));
}

#[test]
fn what_a_broker_of_mqtt_5_allows_is_read_from_its_connack_and_refusals_of_both_forms_too() {
    // Receive maximum 20, maximum packet size 40,000, server keep-alive 30.
    let said = [0x20, 14, 0, 0, 11, 0x21, 0, 20, 0x27, 0, 0, 0x9c, 0x40, 0x13, 0, 30];
    let (all, _) = read_all(Version::V5, &said, 3);
    let accepted =
        Accepted { code: 0, max_packet: Some(40_000), receive_max: Some(20), keep_alive: Some(30) };
    assert_eq!(all, [ReceivedPacket::ConnAck(accepted)]);
    for refused in [&[0x20, 2, 0, 1][..], &[0x20, 3, 0, 1, 0]] {
        let (all, _) = read_all(Version::V5, refused, 9);
        assert_eq!(all, [ReceivedPacket::ConnAck(Accepted { code: 1, ..Accepted::default() })]);
    }
}

#[test]
fn acknowledgements_say_in_mqtt_5_why_a_message_was_not_taken() {
    let (all, _) = read_all(Version::V5, &[0x40, 2, 0, 5, 0x40, 3, 0, 6, 0x87, 0xe0, 1, 0x95, 0xd0, 0], 1);
    let taken = ReceivedPacket::PubAck { pkid: 5, refused: None };
    let refused = ReceivedPacket::PubAck { pkid: 6, refused: Some("not authorised") };
    assert_eq!(all, [taken, refused, ReceivedPacket::Closing(0x95), ReceivedPacket::Pong]);
}

#[test]
fn the_size_of_a_message_is_known_before_it_is_written() {
    for version in [Version::V4, Version::V5] {
        for payload in [0, 1, 100, 120, 127, 128, 16_360, 16_384, 3 << 20] {
            let written = publish(version, "some/topic", &vec![0; payload], 1).len();
            assert_eq!(written, publish_bytes(version, 10, payload), "{version:?} {payload}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, five: bool, piece in 1..50_usize) {
        let mut reader = PacketReader::new(if five { Version::V5 } else { Version::V4 });
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Ok(Some(_)) = reader.next() {}
        }
    }

    #[test]
    fn messages_are_read_as_they_were_written(payload: Vec<u8>, five: bool, piece in 1..50_usize, pkid in 1..u16::MAX) {
        let version = if five { Version::V5 } else { Version::V4 };
        let (all, _) = read_all(version, &publish(version, "a/b", &payload, pkid), piece);
        let bytes = payload.len();
        let message = Publish { topic: "a/b".into(), payload: payload.into(), bytes, retained: true, pkid };
        prop_assert_eq!(all, [ReceivedPacket::Publish(message)]);
    }
}
