//! The session driven by hand: no broker, no disk, no clock.

use super::*;
use crate::store::{Class, Store};

fn note(suffix: &str, text: &'static str, version: u64) -> Note {
    Note { suffix: suffix.into(), payload: Bytes::from_static(text.as_bytes()), version }
}

/// Real entries, because their keys can only be made by an outbox.
fn entries(count: usize) -> Vec<Entry> {
    let dir = tempfile::tempdir().unwrap();
    let mut outbox = Store::open(dir.path()).unwrap().store.outbox(1 << 20).unwrap();
    let stream = "camera/a/event".into();
    for _ in 0..count {
        outbox.stage(Class::Event, &stream, |seq, out| {
            out.extend_from_slice(format!("{{\"seq\":{seq}}}").as_bytes());
        });
    }
    outbox.commit().unwrap()
}

fn drain(session: &mut Session, first_pkid: u16) -> Vec<String> {
    let mut said = Vec::new();
    for pkid in first_pkid.. {
        let Some(out) = session.next(0) else { break };
        said.push(String::from_utf8(out.payload.to_vec()).unwrap());
        session.sent(pkid, out.ticket);
    }
    said
}

#[test]
fn states_go_first_then_live_results_then_stored_ones_which_say_so() {
    let mut session = Session::new(9);
    let all = entries(2);
    session.connected();
    session.put_backlog(vec![all[0].clone()]);
    session.put_live([all[1].clone()]);
    session.put_state(note("status", "online", 1));
    assert_eq!(
        drain(&mut session, 1),
        ["online", r#"{"historical":false,"seq":2}"#, r#"{"historical":true,"seq":1}"#]
    );
}

#[test]
fn no_more_is_in_flight_than_allowed_and_only_an_acknowledgement_deletes() {
    let mut session = Session::new(2);
    let all = entries(3);
    session.put_live(all.clone());
    assert_eq!(drain(&mut session, 1).len(), 2);
    assert!(session.take_acked().is_empty());
    assert!(session.acked(2) && !session.acked(2) && !session.acked(77));
    assert_eq!(session.take_acked(), [all[1].key]);
    assert_eq!((drain(&mut session, 5).len(), session.inflight()), (1, 2));
}

#[test]
fn after_a_loss_states_and_answers_are_said_again_and_kept_entries_are_fetched_again() {
    let mut session = Session::new(9);
    session.put_state(note("status", "online", 1));
    let answer = AnswerOut { topic: "t".into(), payload: Bytes::from_static(b"done"), retain: false };
    session.put_answer(answer);
    session.put_live(entries(1));
    assert_eq!(drain(&mut session, 1).len(), 3);
    session.lost();
    session.connected();
    assert_eq!(drain(&mut session, 1), ["online", "done"]);
    assert_eq!(session.wants(), Some(FETCH));
    assert_eq!(session.wants(), None, "asked once");
}

#[test]
fn nothing_is_fetched_while_live_results_wait_or_when_the_outbox_is_at_its_end() {
    let mut session = Session::new(1);
    session.connected();
    session.put_live(entries(2));
    assert_eq!(session.wants(), None);
    drain(&mut session, 1);
    session.acked(1);
    drain(&mut session, 2);
    assert_eq!(session.wants(), Some(FETCH));
    session.put_backlog(Vec::new());
    assert_eq!(session.wants(), None);
    session.more_waits();
    assert_eq!(session.wants(), Some(FETCH));
}

#[test]
fn a_cleared_state_is_forgotten_once_the_broker_has_it_unless_it_was_set_again() {
    let mut session = Session::new(9);
    session.put_state(note("alarm/a", "", 1));
    drain(&mut session, 1);
    session.put_state(note("alarm/a", "on", 2));
    session.acked(1);
    assert_eq!(drain(&mut session, 2), ["on"]);
    session.put_state(note("alarm/a", "", 3));
    drain(&mut session, 3);
    session.acked(3);
    session.connected();
    assert!(session.next(0).is_none() || session.inflight() > 0);
    assert!(session.states.is_empty());
}

#[test]
fn a_gap_takes_the_number_of_the_last_message_that_is_missing() {
    let payload = kept_payload(&Body::Gap { from: 4, to: 9 }, false, 0);
    let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((&said["seq"], &said["from"], &said["to"]), (&9.into(), &4.into(), &9.into()));
    assert_eq!((&said["schema"], &said["historical"]), (&"ocellus.gap/1".into(), &false.into()));
}
