//! The session driven by hand: no broker, no disk, no clock.

use super::*;
use crate::mqtt::message::kept_payload;
use crate::mqtt::once::Once;
use crate::store::{Body, Class, Store};

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

fn session(limit: u16) -> MqttSession {
    MqttSession::new(Topics::new("ocellus", "box1"), limit)
}

fn connect(session: &mut MqttSession) {
    session.connected(Version::V4, &Accepted::default());
}

fn answer(topic: &str, text: &str, part: AnswerPart) -> AnswerOut {
    AnswerOut { topic: topic.into(), payload: text.to_owned().into(), retain: true, part, number: 0 }
}

const NOW: Stamp = Stamp { mono_ns: 0, wall_ns: 0 };

/// Sends everything that may be sent, under packet ids from `first_pkid` on.
fn drain(session: &mut MqttSession, first_pkid: u16) -> Vec<String> {
    let mut said = Vec::new();
    for pkid in first_pkid.. {
        let Some(out) = session.next(NOW) else { break };
        said.push(String::from_utf8(out.payload.to_vec()).unwrap());
        session.sent(pkid, out);
    }
    said
}

/// The broker answers a ping, if one is due.
fn ping(session: &mut MqttSession) {
    if session.wants_ping() {
        session.pinged();
        session.ponged();
    }
}

/// A broker that closes the connection over each message whose payload satisfies `refuses`, and acknowledges
/// the others. At each connection the whole outbox is handed out again. Returns what it took, and the number
/// of connections.
fn serve(
    session: &mut MqttSession,
    kept: &mut Vec<Entry>,
    refuses: impl Fn(&str) -> bool,
) -> (Vec<String>, usize) {
    let mut taken = Vec::new();
    for connections in 1..100 {
        connect(session);
        session.put_backlog(kept.clone());
        let mut pkid = 0;
        let lost = loop {
            let burst = drain(session, pkid + 1);
            if burst.is_empty() && !session.wants_ping() {
                break false;
            }
            ping(session);
            // The broker handles them one after the other.
            let fatal = burst.iter().position(|text| refuses(text)).unwrap_or(burst.len());
            for text in &burst[..fatal] {
                pkid += 1;
                session.acked(pkid, None, NOW);
                taken.push(text.clone());
            }
            let gone = session.take_acked();
            kept.retain(|entry| !gone.contains(&entry.key));
            if fatal < burst.len() {
                break true;
            }
        };
        let aside: Vec<Option<EntryKey>> = session.aside.iter().map(|aside| aside.key).collect();
        kept.retain(|entry| !aside.contains(&Some(entry.key)));
        if !lost {
            return (taken, connections);
        }
        session.lost(true);
    }
    panic!("it never ends: {taken:?}");
}

#[test]
fn states_go_first_then_live_results_then_stored_ones_which_say_so() {
    let mut session = session(9);
    let all = entries(2);
    connect(&mut session);
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
    let mut session = session(2);
    let all = entries(3);
    session.put_live(all.clone());
    assert_eq!(drain(&mut session, 1).len(), 2);
    assert!(session.take_acked().is_empty());
    assert!(session.acked(2, None, NOW) && !session.acked(2, None, NOW) && !session.acked(77, None, NOW));
    assert_eq!(session.take_acked(), [all[1].key]);
    assert_eq!((drain(&mut session, 5).len(), session.inflight()), (1, 2));
}

#[test]
fn after_a_loss_states_and_answers_are_said_again_and_kept_entries_are_fetched_again() {
    let mut session = session(9);
    session.put_state(note("status", "online", 1));
    session.put_answer(answer("t", "done", AnswerPart::End));
    session.put_live(entries(1));
    assert_eq!(drain(&mut session, 1).len(), 3);
    session.lost(false);
    connect(&mut session);
    assert_eq!(drain(&mut session, 1), ["online", "done"]);
    assert_eq!(session.wants(), Some(FETCH));
    assert_eq!(session.wants(), None, "asked once");
}

#[test]
fn nothing_is_fetched_while_live_results_wait_or_when_the_outbox_is_at_its_end() {
    let mut session = session(1);
    connect(&mut session);
    session.put_live(entries(2));
    assert_eq!(session.wants(), None);
    drain(&mut session, 1);
    session.acked(1, None, NOW);
    drain(&mut session, 2);
    assert_eq!(session.wants(), Some(FETCH));
    session.put_backlog(Vec::new());
    assert_eq!(session.wants(), None);
    session.more_waits();
    assert_eq!(session.wants(), Some(FETCH));
}

#[test]
fn a_cleared_state_is_forgotten_once_the_broker_has_it_unless_it_was_set_again() {
    let mut session = session(9);
    session.put_state(note("alarm/a", "", 1));
    drain(&mut session, 1);
    session.put_state(note("alarm/a", "on", 2));
    session.acked(1, None, NOW);
    assert_eq!(drain(&mut session, 2), ["on"]);
    session.put_state(note("alarm/a", "", 3));
    drain(&mut session, 3);
    session.acked(3, None, NOW);
    connect(&mut session);
    assert!(session.next(NOW).is_none() || session.inflight() > 0);
    assert!(session.states.is_empty());
}

#[test]
fn a_gap_takes_the_number_of_the_last_message_that_is_missing() {
    let payload = kept_payload(&Body::Gap { from: 4, to: 9 }, false, 0);
    let said: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!((&said["seq"], &said["from"], &said["to"]), (&9.into(), &4.into(), &9.into()));
    assert_eq!((&said["schema"], &said["historical"]), (&"ocellus.gap/1".into(), &false.into()));
}

#[test]
fn answers_come_again_in_the_order_in_which_they_were_given() {
    let mut session = session(3);
    connect(&mut session);
    for text in ["executing", "successful", "another", "last"] {
        session.put_answer(answer("t", text, AnswerPart::End));
    }
    assert_eq!(drain(&mut session, 7), ["executing", "successful", "another"]);
    session.lost(false);
    connect(&mut session);
    assert_eq!(drain(&mut session, 2), ["executing", "successful", "another"]);
    session.acked(2, None, NOW);
    assert_eq!(drain(&mut session, 9), ["last"]);
}

#[test]
fn a_message_that_the_broker_refuses_is_found_among_others_and_only_that_one_is_set_aside() {
    let mut session = session(64);
    let mut kept = entries(20);
    let (taken, connections) = serve(&mut session, &mut kept, |text| text.contains("\"seq\":13}"));
    assert_eq!(connections, 5, "one loss in the crowd, three alone, and the rest");
    assert!(kept.is_empty(), "{kept:?}");
    let seqs: std::collections::BTreeSet<u64> = taken
        .iter()
        .map(|text| serde_json::from_str::<serde_json::Value>(text).unwrap()["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs.len(), 19);
    let aside = session.take_aside();
    assert_eq!((aside.len(), &*aside[0].topic), (1, "camera/a/event"));
    assert!(aside[0].reason.contains("closed the connection over it"), "{}", aside[0].reason);
}

#[test]
fn an_answer_that_is_refused_ends_as_failed_on_its_own_topic_and_after_two_the_next_of_that_size_at_once() {
    let mut session = session(64);
    let huge = "x".repeat(1_000);
    session.put_answer(answer("cmd/snapshot/1", "executing", AnswerPart::Progress));
    session.put_answer(answer("cmd/snapshot/1", &huge, AnswerPart::End));
    session.put_answer(answer("cmd/ping/2", "pong", AnswerPart::End));
    let refuses = |text: &str| text.starts_with("xxx");
    let (taken, _) = serve(&mut session, &mut Vec::new(), refuses);
    let failed = taken.iter().position(|text| text.contains("\"status\":\"failed\"")).unwrap();
    assert!(taken[failed].contains("the answer has 1000 bytes, the broker closed the connection over it"));
    assert!(taken.contains(&"pong".to_owned()) && taken[..failed].contains(&"executing".to_owned()));
    session.put_answer(answer("cmd/snapshot/3", &huge, AnswerPart::End));
    let (taken, _) = serve(&mut session, &mut Vec::new(), refuses);
    assert!(taken[0].contains("closed the connection over it"), "each has its own chance: {taken:?}");
    session.put_answer(answer("cmd/snapshot/4", &huge, AnswerPart::End));
    let (taken, connections) = serve(&mut session, &mut Vec::new(), refuses);
    assert_eq!((taken.len(), connections), (1, 1));
    assert!(taken[0].contains("closed the connection over one of 1000 bytes"), "{taken:?}");
}

#[test]
fn a_picture_goes_before_the_answer_that_tells_its_address_and_fails_it_when_it_is_refused() {
    let mut session = session(64);
    let end = || Box::new(answer("cmd/snapshot/1", "here it is", AnswerPart::End));
    session.put_answer(answer("camera/a/picture", "JPEG", AnswerPart::Picture(end())));
    assert_eq!(serve(&mut session, &mut Vec::new(), |_| false).0, ["JPEG", "here it is"]);
    session.put_answer(answer("camera/a/picture", "JPEG", AnswerPart::Picture(end())));
    let (taken, _) = serve(&mut session, &mut Vec::new(), |text| text == "JPEG");
    assert_eq!(taken.len(), 1, "{taken:?}");
    assert!(taken[0].contains("failed") && taken[0].contains("the answer has 4 bytes"), "{taken:?}");
}

#[test]
fn a_retained_state_that_is_refused_is_left_out_until_it_is_shorter() {
    let mut session = session(64);
    session.put_state(note("camera/a/status", "far too long", 1));
    session.put_state(note("status", "online", 1));
    let refuses = |text: &str| text.len() > 8;
    let (taken, _) = serve(&mut session, &mut Vec::new(), refuses);
    assert!(taken.contains(&"online".to_owned()));
    session.put_state(note("camera/a/status", "much too long", 2));
    session.put_state(note("camera/a/status", "short", 3));
    let (taken, connections) = serve(&mut session, &mut Vec::new(), refuses);
    assert!(taken.contains(&"short".to_owned()) && connections == 1, "{taken:?}");
}

#[test]
fn a_broker_that_restarts_again_and_again_costs_no_message() {
    let mut session = session(64);
    let all = entries(3);
    for _ in 0..5 {
        connect(&mut session);
        session.put_backlog(all.clone());
        drain(&mut session, 1);
        ping(&mut session);
        assert_eq!(drain(&mut session, 1).len(), usize::from(session.trial.is_some()));
        session.lost(true);
        // Nothing listens while the broker restarts.
        session.unreachable();
    }
    let (taken, _) = serve(&mut session, &mut all.clone(), |_| false);
    assert_eq!((taken.len(), session.take_aside().len()), (3, 0));
}

#[test]
fn a_network_that_fails_is_no_reason_to_doubt_a_message() {
    let mut session = session(64);
    for _ in 0..9 {
        connect(&mut session);
        session.put_backlog(entries(2));
        assert_eq!(drain(&mut session, 1).len(), 2);
        session.lost(false);
    }
    assert!(session.take_aside().is_empty());
}

#[test]
fn of_a_broker_of_mqtt_5_the_longest_packet_is_known_and_a_longer_message_is_not_even_tried() {
    let mut session = session(64);
    let accepted = Accepted { max_packet: Some(120), receive_max: Some(1), ..Accepted::default() };
    session.connected(Version::V5, &accepted);
    session.put_answer(answer("cmd/a/1", &"x".repeat(120), AnswerPart::End));
    session.put_state(note("status", "online", 1));
    assert_eq!(drain(&mut session, 1), ["online"], "one in flight, as the broker wants it");
    session.acked(1, None, NOW);
    assert!(drain(&mut session, 2).is_empty(), "the refusal itself is longer than this broker takes");
    let aside = session.take_aside();
    assert!(
        aside[0].reason.contains("the answer has 120 bytes, the broker takes packets of at most 120 bytes")
    );
}

#[test]
fn a_message_that_is_refused_in_its_acknowledgement_is_set_aside_and_nothing_is_deleted_as_sent() {
    let mut session = session(64);
    connect(&mut session);
    let all = entries(2);
    session.put_backlog(all.clone());
    drain(&mut session, 1);
    assert!(!session.acked(1, Some("not authorised"), NOW) && session.acked(2, None, NOW));
    assert_eq!(session.take_acked(), [all[1].key]);
    let aside = session.take_aside();
    assert_eq!((aside[0].key, aside.len()), (Some(all[0].key), 1));
    assert!(aside[0].reason.contains("refused it (not authorised)"));
}

#[test]
fn reports_that_are_refused_are_found_by_pings_and_dropped_while_shorter_ones_and_events_go_on() {
    let mut session = session(64);
    let big = session.stream("camera/a/detections", || "t/a".into());
    let small = session.stream("camera/b/detections", || "t/b".into());
    // The broker closes over each report of 500 bytes; earlier messages are confirmed if a ping follows.
    let mut losses = 0;
    for _ in 0..20 {
        connect(&mut session);
        let mut dropped = 0;
        while dropped < 3 {
            while session.once(small, 90, NOW) == Once::Later {
                ping(&mut session);
            }
            session.sent_once(small, 90);
            ping(&mut session);
            while session.once(big, 500, NOW) == Once::Later {
                ping(&mut session);
            }
            match session.once(big, 500, NOW) {
                Once::Never => dropped += 1,
                Once::Later => unreachable!(),
                Once::Now => {
                    session.sent_once(big, 500);
                    losses += 1;
                    session.lost(true);
                    break;
                }
            }
        }
        if dropped >= 3 {
            break;
        }
    }
    assert_eq!(losses, 4, "one in the crowd, three alone");
    assert_eq!(session.once(big, 499, NOW), Once::Now, "a shorter one may go");
    assert_eq!(session.once(small, 90, NOW), Once::Now);
    let aside = session.take_aside();
    assert_eq!(aside.len(), 1, "reported once: {aside:?}");
    assert_eq!(session.once(big, 600, NOW), Once::Never);
    assert!(session.take_aside().is_empty());
    let later = Stamp { mono_ns: 601_000_000_000, wall_ns: 0 };
    assert_eq!(session.once(big, 600, later), Once::Now, "after a while it is tried again");
}

#[test]
fn topics_without_an_end_take_places_of_those_whose_messages_are_confirmed() {
    let mut session = session(64);
    connect(&mut session);
    let camera = session.stream("camera/a/detections", || "t/a".into());
    session.streams[camera].is_report = true;
    for run in 0..5_000 {
        let suffix = format!("batch/{run}/progress");
        let at = session.stream(&suffix, || format!("t/{run}"));
        assert_ne!(at, camera, "a camera keeps its place");
        assert_eq!(session.streams[at].topic, format!("t/{run}"));
        assert_eq!(session.once(at, 90, NOW), Once::Now);
        session.sent_once(at, 90);
        if run % 100 == 0 {
            // The ping that keeps the connection alive.
            session.pinged();
            session.ponged();
        }
    }
    assert!(session.streams.len() <= 400, "{} streams are remembered", session.streams.len());
    assert_eq!(session.stream("camera/a/detections", || "t/b".into()), camera);
}
