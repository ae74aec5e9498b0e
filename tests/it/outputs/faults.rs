//! A disk that refuses, a store that was lost, a machine that was started anew, a flood of requests: each has its clear
//! words, and the output is off.

use ocellus::contract::OutputState;
use ocellus::store::Store;

use super::direct::{Direct, Host, gun};
use super::support::Instrument;
use crate::support::disk::SmallDisk;
use crate::support::{PATIENCE, wait_until};

const STAYS: &str = "off_on_stop = false\noff_after_ms = 3600000";

#[test]
fn what_cannot_be_stored_is_not_turned_on_and_what_is_on_can_be_turned_off() {
    let Some(disk) = SmallDisk::mount(8 << 20) else { return };
    let instrument = Instrument::start();
    let store = Store::open(disk.path()).unwrap().store;
    let mut gun = Direct::start(&gun(instrument.port, STAYS), store, Host::default());
    gun.run_when_ready().unwrap();
    disk.fill();
    // What the store had reserved on the disk is used up first.
    let mut refused = None;
    wait_until("the disk refuses", || {
        refused = gun.run().err();
        refused.is_some()
    });
    let refusal = refused.unwrap();
    assert_eq!(refusal.code, "not_stored");
    assert!(refusal.message.contains("cannot be stored") && refusal.message.contains("full"), "{refusal}");
    let sent = instrument.lines().len();
    assert!(gun.run().is_err());
    assert_eq!(instrument.lines().len(), sent, "nothing is sent that is not on record");
    assert!(gun.is(OutputState::On));
    gun.off("gun").recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(gun.off_cause().contains("asked for"));
    assert_eq!(instrument.lines().last().unwrap(), "OFF");
    disk.free();
    wait_until("it can be run again", || gun.run().is_ok());
    gun.off("gun").recv_timeout(PATIENCE).unwrap().unwrap();
    gun.end();
}

#[test]
fn a_disk_that_is_full_at_the_start_refuses_runs_until_the_records_are_read_and_turns_off() {
    let Some(disk) = SmallDisk::mount(8 << 20) else { return };
    disk.fill();
    let instrument = Instrument::start();
    let opened = Store::open(disk.path()).unwrap();
    assert!(opened.waiting.is_some(), "it cannot be opened yet");
    let mut gun = Direct::start(&gun(instrument.port, STAYS), opened.store, Host::default());
    wait_until("the disk is asked", || gun.run().unwrap_err().message.contains("full"));
    let refusal = gun.run().unwrap_err();
    assert_eq!(refusal.code, "not_ready");
    assert!(refusal.message.contains("the outputs of the last start are not known yet"), "{refusal}");
    gun.off("gun").recv_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(instrument.lines(), ["OFF"], "turning off needs no record");
    disk.free();
    gun.run_when_ready().unwrap();
    gun.off("gun").recv_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(instrument.lines(), ["OFF", "ON", "OFF"]);
    gun.end();
}

#[test]
fn after_a_lost_store_everything_that_can_be_is_turned_off() {
    let (instrument, dir) = (Instrument::start(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    let mut gun = Direct::start(&gun(instrument.port, STAYS), store, Host::after_a_loss());
    instrument.wait_line("OFF", 1);
    assert_eq!(gun.off_cause(), "the store was lost, so it may be on");
    assert_eq!((instrument.lines(), gun.notes("restart command off ok")), (vec!["OFF".to_owned()], 1));
    gun.end();
}

#[test]
fn a_record_of_another_boot_is_turned_off_and_one_that_cannot_be_read_raises_an_alarm() {
    let (instrument, dir) = (Instrument::start(), tempfile::tempdir().unwrap());
    let store = Store::open(dir.path()).unwrap().store;
    let commands = gun(instrument.port, STAYS);
    let mut first = Direct::start(&commands, store.clone(), Host::default());
    first.run_when_ready().unwrap();
    first.end();
    assert_eq!(instrument.lines(), ["ON"], "it may stay on");
    let table = store.outputs();
    let (name, record) = table.page(None, 10).unwrap().pop().unwrap();
    let mut record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    record["boot"] = "another boot".into();
    table.put(&name, &serde_json::to_vec(&record).unwrap()).unwrap();
    // Of a command that the configuration has lost, and more of them than are read at once.
    for number in 0..200 {
        table.put(&format!("lost-{number:03}"), b"half a rec").unwrap();
    }
    let mut second = Direct::start(&commands, store.clone(), Host::default());
    instrument.wait_line("OFF", 1);
    assert_eq!(second.off_cause(), "the machine was started anew while it was on");
    wait_until("every record is read", || second.alarm("lost-199").is_some());
    let alarm = second.alarm("lost-000").unwrap();
    assert!(alarm.contains("its record cannot be used") && alarm.contains("by hand"), "{alarm}");
    second.end();
    assert!(table.page(None, 1_000).unwrap().iter().all(|(name, _)| name != "gun"));
}

#[test]
fn a_flood_of_runs_does_not_delay_off_and_every_request_is_answered() {
    let (instrument, dir) = (Instrument::start(), tempfile::tempdir().unwrap());
    instrument.answer_by(|line| (line == "OFF").then(|| "OK".to_owned()));
    let store = Store::open(dir.path()).unwrap().store;
    let mut gun = Direct::start(&gun(instrument.port, "timeout_ms = 60000"), store, Host::default());
    wait_until("the records are read", || gun.off("gun").recv_timeout(PATIENCE).unwrap().is_ok());
    let mut answers = vec![gun.begin()];
    instrument.wait_line("ON", 1);
    answers.extend((0..2_000).map(|_| gun.begin()));
    let off = gun.off("gun");
    answers.extend((0..2_000).map(|_| gun.begin()));
    let offs: Vec<_> = (0..2_000).map(|_| gun.off("gun")).collect();
    off.recv_timeout(PATIENCE).unwrap().unwrap();
    let mut codes = std::collections::BTreeMap::<&str, u64>::new();
    for answer in answers {
        let refusal = answer.recv_timeout(PATIENCE).unwrap().unwrap_err();
        *codes.entry(refusal.code).or_default() += 1;
    }
    let crowded = offs.into_iter().filter_map(|off| off.recv_timeout(PATIENCE).unwrap().err()).count() as u64;
    println!("runs by answer: {codes:?}; {crowded} of 2,000 further requests to turn off were turned away");
    assert!(codes.keys().all(|code| ["busy", "turning_off"].contains(code)), "{codes:?}");
    let counted = gun.outputs.counters();
    assert_eq!(counted.runs, 0);
    assert_eq!(counted.refused + counted.crowded, 4_001 + crowded);
    assert_eq!(instrument.lines().iter().filter(|line| *line == "ON").count(), 1);
    gun.end();
}
