use super::*;
use crate::datafiles::history::buckets;

const SECOND: i64 = 1_000_000_000;
/// Midnight UTC of 2026-11-29.
const DAY: i64 = 1_795_910_400 * SECOND;

fn change(number: u64, cursor: &str, points: &[(i64, f64)]) -> Arc<IntakeChange> {
    let found = buckets(points.iter().copied());
    Arc::new(IntakeChange {
        source: "lab".into(),
        number,
        cursors: vec![("a.csv".into(), Some(cursor.as_bytes().to_vec()))],
        names: vec![("lab.value".into(), 7)],
        buckets: found.into_iter().map(|(key, bucket)| (7, key, bucket)).collect(),
        ledger: b"ledger".to_vec(),
    })
}

fn total(tables: &IntakeTables) -> (u64, f64, f64) {
    let found = tables.buckets(7, Level::TenSeconds, (i64::MIN, i64::MAX), 1_000).unwrap();
    found.iter().fold((0, f64::INFINITY, f64::NEG_INFINITY), |(count, min, max), (_, bucket)| {
        (count + bucket.count, min.min(bucket.min), max.max(bucket.max))
    })
}

fn cursors(tables: &IntakeTables, source: &str) -> Vec<(String, Vec<u8>)> {
    let mut cursors = Vec::new();
    tables.cursors(source, |file, bytes| cursors.push((file.to_owned(), bytes.to_vec()))).unwrap();
    cursors
}

#[test]
fn points_and_cursors_are_there_together_after_a_restart_and_a_change_that_is_passed_again_counts_once() {
    let dir = tempfile::tempdir().unwrap();
    {
        let opened = Store::open(dir.path()).unwrap();
        let tables = opened.store.intake();
        tables.apply(&[change(1, "one", &[(DAY, 1.0), (DAY + SECOND, 3.0)])]).unwrap();
        tables.apply(&[change(1, "one", &[(DAY, 1.0), (DAY + SECOND, 3.0)])]).unwrap();
        tables.apply(&[change(2, "two", &[(DAY + 2 * SECOND, -5.0)])]).unwrap();
        drop(tables);
        opened.store.finish().unwrap();
    }
    let opened = Store::open(dir.path()).unwrap();
    let tables = opened.store.intake();
    assert_eq!(total(&tables), (3, -5.0, 3.0));
    assert_eq!(cursors(&tables, "lab"), [("a.csv".to_owned(), b"two".to_vec())]);
    assert_eq!(cursors(&tables, "la"), []);
    assert_eq!(tables.ledger("lab").unwrap(), Some((2, b"ledger".to_vec())));
    assert_eq!(tables.names().unwrap(), [("lab.value".to_owned(), 7)]);
}

#[test]
fn old_and_future_buckets_are_removed_and_a_channel_without_any_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open(dir.path()).unwrap();
    let tables = opened.store.intake();
    let day = 86_400 * SECOND;
    tables.apply(&[change(1, "one", &[(DAY - 40 * day, 1.0), (DAY, 2.0), (DAY + 400 * day, 3.0)])]).unwrap();
    let bounds = Pruning { before_ns: [DAY - day, DAY - 7 * day, DAY - 30 * day], after_ns: DAY + day };
    assert_eq!(tables.prune(7, &bounds).unwrap(), 6);
    assert_eq!(tables.prune(7, &bounds).unwrap(), 0);
    assert_eq!(total(&tables), (1, 2.0, 2.0));
    assert!(!tables.forget_channel("lab.value", 7).unwrap());
    let all = Pruning { before_ns: [i64::MAX; 3], after_ns: i64::MAX };
    assert_eq!(tables.prune(7, &all).unwrap(), 3);
    assert!(tables.forget_channel("lab.value", 7).unwrap());
    assert_eq!(tables.names().unwrap(), []);
}

#[test]
fn the_cursors_of_a_source_that_is_gone_are_removed_in_portions_and_those_of_others_stay() {
    let dir = tempfile::tempdir().unwrap();
    let opened = Store::open(dir.path()).unwrap();
    let tables = opened.store.intake();
    let of = |source: &str, files: usize| {
        let cursors = (0..files).map(|file| (Arc::from(format!("{file}.csv")), Some(b"here".to_vec())));
        let change = IntakeChange {
            source: source.into(),
            number: 1,
            cursors: cursors.collect(),
            names: Vec::new(),
            buckets: Vec::new(),
            ledger: b"ledger".to_vec(),
        };
        Arc::new(change)
    };
    tables.apply(&[of("lab", 2_500), of("lab2", 3)]).unwrap();
    let names = |tables: &IntakeTables| -> Vec<String> {
        tables.sources().unwrap().into_iter().map(|(name, _)| name).collect()
    };
    assert_eq!(names(&tables), ["lab", "lab2"]);
    assert_eq!(tables.forget_source("lab").unwrap(), (2_000, false));
    assert_eq!(tables.forget_source("lab").unwrap(), (500, true));
    assert_eq!(names(&tables), ["lab2"]);
    assert_eq!((cursors(&tables, "lab").len(), cursors(&tables, "lab2").len()), (0, 3));
}
