//! How attendance is stored on disk. Texts are `length (2, BE) bytes`, numbers big-endian. The experiment is left out where
//! there is none, as in records of earlier versions, which did not know it.
//!
//! ```text
//! event     version 1 │ kind 1 │ person 8 │ wall 8 │ since 8 │ similarity 4 │ track 8 │ frame 8 │ camera │ name │ experiment
//! presence  version 1 │ 0      │ person 8 │ last 8 │ since 8 │ similarity 4 │ track 8 │ frame 8 │ camera │ name │ experiment
//! ```

use std::sync::Arc;

use crate::types::{Attendance, AttendanceKind, PersonId, Presence};

const VERSION: u8 = 1;
const HEAD: usize = 2 + 8 * 3 + 4 + 8 * 2;
const KINDS: [AttendanceKind; 3] = [AttendanceKind::Enter, AttendanceKind::Seen, AttendanceKind::Leave];

/// The bytes of an event, whose number is in its key.
pub(super) fn event(event: &Attendance) -> Vec<u8> {
    let kind = KINDS.iter().position(|kind| *kind == event.kind).unwrap_or(0) as u8;
    encode(kind, &fields_of(event), &RecordTexts::of(event))
}

/// The event `id`; `None` if the bytes are not an event.
pub(super) fn event_from(id: u64, bytes: &[u8]) -> Option<Attendance> {
    let (kind, fields, RecordTexts { camera, name, experiment }) = decode(bytes)?;
    Some(Attendance {
        id,
        camera,
        person: PersonId(fields.person),
        name,
        kind: *KINDS.get(usize::from(kind))?,
        wall_ns: fields.wall_ns,
        since_ns: fields.since_ns,
        similarity: fields.similarity,
        track: fields.track,
        frame_seq: fields.frame_seq,
        recording: None,
        experiment,
    })
}

/// The bytes of a presence.
pub(super) fn presence(presence: &Presence) -> Vec<u8> {
    let event = presence.event(AttendanceKind::Seen, presence.last_ns);
    encode(0, &fields_of(&event), &RecordTexts::of(&event))
}

/// The presence; `None` if the bytes are not a presence.
pub(super) fn presence_from(bytes: &[u8]) -> Option<Presence> {
    let (_, fields, RecordTexts { camera, name, experiment }) = decode(bytes)?;
    Some(Presence {
        person: PersonId(fields.person),
        name,
        camera,
        since_ns: fields.since_ns,
        last_ns: fields.wall_ns,
        similarity: fields.similarity,
        track: fields.track,
        frame_seq: fields.frame_seq,
        experiment,
    })
}

/// Fields that arrivals and departures have in common.
struct RecordFields {
    person: u64,
    wall_ns: u64,
    since_ns: u64,
    similarity: f32,
    track: u64,
    frame_seq: u64,
}

fn fields_of(event: &Attendance) -> RecordFields {
    let Attendance { person, wall_ns, since_ns, similarity, track, frame_seq, .. } = *event;
    RecordFields { person: person.0, wall_ns, since_ns, similarity, track, frame_seq }
}

/// Texts that arrivals and departures have in common.
struct RecordTexts {
    camera: Arc<str>,
    name: Arc<str>,
    experiment: Option<Arc<str>>,
}

impl RecordTexts {
    fn of(event: &Attendance) -> RecordTexts {
        let Attendance { camera, name, experiment, .. } = event.clone();
        RecordTexts { camera, name, experiment }
    }
}

fn encode(kind: u8, fields: &RecordFields, texts: &RecordTexts) -> Vec<u8> {
    let texts: Vec<&str> =
        [&texts.camera, &texts.name].into_iter().chain(&texts.experiment).map(|text| &**text).collect();
    let mut bytes = Vec::with_capacity(HEAD + texts.iter().map(|text| 2 + text.len()).sum::<usize>());
    bytes.extend_from_slice(&[VERSION, kind]);
    for number in [fields.person, fields.wall_ns, fields.since_ns] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    bytes.extend_from_slice(&fields.similarity.to_be_bytes());
    for number in [fields.track, fields.frame_seq] {
        bytes.extend_from_slice(&number.to_be_bytes());
    }
    for text in texts {
        let end = text.floor_char_boundary(usize::from(u16::MAX));
        bytes.extend_from_slice(&(end as u16).to_be_bytes());
        bytes.extend_from_slice(&text.as_bytes()[..end]);
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<(u8, RecordFields, RecordTexts)> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    if head[0] != VERSION {
        return None;
    }
    let number = |at: usize| Some(u64::from_be_bytes(head.get(at..at + 8)?.try_into().ok()?));
    let fields = RecordFields {
        person: number(2)?,
        wall_ns: number(10)?,
        since_ns: number(18)?,
        similarity: f32::from_be_bytes(head[26..30].try_into().ok()?),
        track: number(30)?,
        frame_seq: number(38)?,
    };
    let (camera, rest) = text(rest)?;
    let (name, rest) = text(rest)?;
    let experiment = if rest.is_empty() { None } else { Some(text(rest)?.0) };
    Some((head[1], fields, RecordTexts { camera, name, experiment }))
}

fn text(bytes: &[u8]) -> Option<(Arc<str>, &[u8])> {
    let (length, rest) = bytes.split_at_checked(2)?;
    let (text, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(length.try_into().ok()?)))?;
    Some((std::str::from_utf8(text).ok()?.into(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_written_is_read_back(
            (id, person, wall_ns, since_ns) in any::<(u64, u64, u64, u64)>(),
            (track, frame_seq, kind) in (any::<u64>(), any::<u64>(), 0..3_usize),
            similarity in -1.0..1.0_f32, camera in "[a-z]{1,9}", name in ".{0,40}",
            experiment in proptest::option::of(".{0,20}"),
        ) {
            let written = Attendance {
                id, camera: camera.into(), person: PersonId(person), name: name.into(), kind: KINDS[kind],
                wall_ns, since_ns, similarity, track, frame_seq, recording: None,
                experiment: experiment.map(Arc::from),
            };
            prop_assert_eq!(event_from(id, &event(&written)).unwrap(), written.clone());
            let here = Presence {
                person: written.person, name: written.name, camera: written.camera, since_ns, last_ns: wall_ns,
                similarity, track, frame_seq, experiment: written.experiment,
            };
            prop_assert_eq!(presence_from(&presence(&here)).unwrap(), here);
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes: Vec<u8>) {
            let _ = (event_from(1, &bytes), presence_from(&bytes));
        }
    }
}
