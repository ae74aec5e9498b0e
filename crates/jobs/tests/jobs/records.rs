//! What is stored: old versions are read, damaged records are named and set aside, and nothing panics.

use std::collections::BTreeMap;

use ocellus_jobs::{Key, RecordError, Restored, State, VERSION, restore};
use proptest::prelude::*;

use crate::support::{Lab, Store, done, fatal, job, plain};

/// A store as version 1 wrote it, as `key value` in hexadecimal digits. It is never written anew: when the format changes,
/// another file is added.
const VERSION_1: &str = include_str!("version-1.txt");

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap()).collect()
}

fn read(lab: &Lab, store: &Store) -> Restored {
    restore(lab.settings.clone(), 1, lab.now, store.0.clone()).unwrap()
}

/// A store with something of everything, for the file above: `OCELLUS_JOBS_WRITE=1` prints it.
fn something_of_everything() -> Lab {
    let mut lab = Lab::new(plain());
    let cache_key = Some(ocellus_jobs::CacheKey::of("clip", b"", &[], "", 1));
    let clip = lab.add(ocellus_jobs::JobRequest { cache_key, unique_key: Some("k".into()), ..job("clip") });
    let token = lab.run().token;
    lab.queue.progress(lab.now, token, 0.5, Some("encode")).unwrap();
    lab.wait_ms(1_500);
    lab.answer(token, done("clip.mp4")).unwrap();
    lab.workflow(vec![
        ocellus_jobs::WorkflowJob::new("a", job("fetch"), &[]),
        ocellus_jobs::WorkflowJob::new("b", job("upload"), &["a"]),
    ]);
    lab.finish(fatal("404"));
    let parents = vec![ocellus_jobs::Dependency { job: clip, optional: true }];
    let run_at_ms = Some(lab.now.utc_ms + 60_000);
    lab.add(ocellus_jobs::JobRequest { parents, run_at_ms, priority: Some(7), ..job("report") });
    lab.add(job("upscale"));
    lab.run();
    lab
}

#[test]
fn a_store_of_version_1_is_read() {
    if std::env::var_os("OCELLUS_JOBS_WRITE").is_some() {
        for (key, value) in something_of_everything().store.0 {
            let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            println!("RECORD {} {}", hex(&key), hex(&value));
        }
    }
    let mut lab = Lab::new(plain());
    let pairs = VERSION_1.lines().map(|line| line.split_once(' ').expect("key value"));
    lab.store = Store(pairs.map(|(key, value)| (bytes(key), bytes(value))).collect());
    let restored = lab.kill();
    assert!(restored.damaged.is_empty(), "{:?}", restored.damaged);
    let states: Vec<State> = (1..=5).map(|id| lab.state(ocellus_jobs::JobId(id))).collect();
    assert_eq!(states, [State::Completed, State::Failed, State::Failed, State::Pending, State::Pending]);
    let clip = lab.get(ocellus_jobs::JobId(1));
    assert_eq!((&*clip.name, clip.unique_key.as_deref()), ("clip.jpg", Some("k")));
    assert_eq!(serde_json::to_string(&clip.processing_times).unwrap(), r#"{"encode":1.5,"total":1.5}"#);
    assert_eq!(lab.result(clip.id).as_deref(), Some(&b"clip.mp4"[..]));
    assert_eq!(lab.queue.payload(clip.id).as_deref(), Some(&b"clip"[..]));
    assert_eq!(lab.message(ocellus_jobs::JobId(3)), "needs job 2 (fetch.jpg), which did not complete: 404");
    assert_eq!(restored.killed, [ocellus_jobs::JobId(5)]);
    assert_eq!(lab.add(job("a")), ocellus_jobs::JobId(6));
}

#[test]
fn a_job_whose_state_is_damaged_is_set_aside_and_the_others_go_on() {
    let mut lab = Lab::new(plain());
    let ids = ["a", "b", "c"].map(|kind| lab.add(job(kind)));
    let key = Key::Facts(ids[1]).encode();
    lab.store.0.get_mut(&key).unwrap()[40] ^= 1;
    let broken = lab.store.0[&key].clone();
    let restored = lab.kill();
    assert_eq!(restored.damaged.len(), 1);
    let words = restored.damaged[0].to_string();
    assert!(words.contains("(job 2): its checksum is wrong"), "{words}");
    assert_eq!(lab.state(ids[1]), State::Quarantined);
    assert!(lab.message(ids[1]).contains("may have run or not"), "{}", lab.message(ids[1]));
    assert_eq!(lab.store.0[&Key::SetAside(key.into()).encode()], broken, "its bytes are kept");
    assert_eq!([lab.finish(done("")), lab.finish(done(""))], [ids[0], ids[2]]);
    lab.queue.retry(lab.now, ids[1]).unwrap();
    lab.commit();
    assert_eq!(lab.finish(done("")), ids[1]);
    assert_eq!(lab.queue.status(lab.now, 1).totals.damaged, 1);
}

#[test]
fn a_job_whose_request_is_damaged_is_gone_by_name_and_what_needs_it_fails() {
    let mut lab = Lab::new(plain());
    let parent = lab.add(job("a"));
    let parents = vec![ocellus_jobs::Dependency { job: parent, optional: false }];
    let child = lab.add(ocellus_jobs::JobRequest { parents, ..job("b") });
    lab.store.0.insert(Key::Spec(parent).encode(), b"rubbish".to_vec());
    let restored = lab.kill();
    let words: Vec<String> = restored.damaged.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(lab.queue.get(lab.now, parent).is_none());
    assert!(lab.message(child).contains("needs job 1"), "{}", lab.message(child));
    assert!(lab.claim().is_none());
}

#[test]
fn what_a_newer_program_wrote_is_kept_for_it_and_comes_back() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("a"));
    let keys = [Key::Spec(id).encode(), Key::Facts(id).encode()];
    for key in &keys {
        lab.store.0.get_mut(key).unwrap()[0] = VERSION + 1;
    }
    let restored = lab.kill();
    let newer = restored.damaged.iter().all(|damage| matches!(damage.error, RecordError::Version { .. }));
    assert!(newer && restored.damaged.len() == 2, "{:?}", restored.damaged);
    assert!(lab.claim().is_none());
    assert_ne!(lab.add(job("b")), id, "its number is not given to another job");
    for key in &keys {
        let aside = Key::SetAside(key.as_slice().into()).encode();
        lab.store.0.get_mut(&aside).unwrap()[0] = VERSION;
    }
    lab.kill();
    assert_eq!(lab.finish(done("")), id);
    assert!(lab.store.0.keys().all(|key| key[0] != b'd'));
}

#[test]
fn a_lost_record_of_the_queue_itself_costs_totals_and_no_job() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("a"));
    lab.store.0.insert(Key::Queue.encode(), vec![1, 2, 3]);
    let restored = lab.kill();
    assert!(restored.damaged[0].to_string().contains("it is cut: 3 bytes"), "{}", restored.damaged[0]);
    assert_eq!(lab.add(job("b")).0, id.0 + 1);
    assert_eq!(lab.finish(done("")), id);
}

#[test]
fn keys_of_jobs_sort_by_number_and_come_back() {
    let ids = [1, 255, 256, 65_536, u64::MAX].map(ocellus_jobs::JobId);
    let keys: Vec<Vec<u8>> = ids.iter().map(|&id| Key::Facts(id).encode()).collect();
    assert!(keys.is_sorted());
    for key in [Key::Queue, Key::Spec(ids[2]), Key::Facts(ids[4]), Key::SetAside(b"s1".as_slice().into())] {
        assert_eq!(Key::decode(&key.encode()), Some(key));
    }
    for bytes in [&b""[..], b"x", b"q1", b"s1234567", b"p123456789"] {
        assert_eq!(Key::decode(bytes), None, "{bytes:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_damage_is_named_and_set_aside(
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1u8.., 0u8..3), 1..6),
        junk in proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..12), proptest::collection::vec(any::<u8>(), 0..40)), 0..3),
    ) {
        let mut lab = something_of_everything();
        let sound: BTreeMap<_, _> = lab.store.0.clone();
        for (which, place, bits, how) in damage {
            let at = which.index(lab.store.0.len());
            let value = lab.store.0.values_mut().nth(at).unwrap();
            if value.is_empty() {
                continue;
            }
            let place = place.index(value.len());
            match how {
                0 => value[place] ^= bits,
                1 => value.truncate(place),
                _ => value.insert(place, bits),
            }
        }
        for (key, value) in junk {
            lab.store.0.entry(key).or_insert(value);
        }
        let changed = lab.store.0.iter().filter(|(key, value)| sound.get(*key) != Some(value) && key.first() != Some(&b'd')).count();
        let restored = read(&lab, &lab.store);
        prop_assert!(restored.queue.is_consistent());
        // A state whose request is damaged is named as well.
        prop_assert!(restored.damaged.len() >= changed, "{:?}", restored.damaged);
        lab.kill();
        while let Some(claim) = lab.claim() {
            lab.answer(claim.token, done("")).unwrap();
        }
        prop_assert!(lab.queue.is_consistent());
    }
}
