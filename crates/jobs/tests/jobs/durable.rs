//! The queue over sled, as the service keeps it: one batch of a tree for a group of operations.

use ocellus_jobs::{Change, JobRequest, Limits, Now, Queue, Settings, restore};

use crate::support::{TODAY_MS, done, job, plain};

fn store(tree: &sled::Db, changes: Vec<Change>) {
    let mut batch = sled::Batch::default();
    for Change { key, value } in changes {
        match value {
            Some(value) => batch.insert(key.encode(), value),
            None => batch.remove(key.encode()),
        }
    }
    tree.apply_batch(batch).unwrap();
    tree.flush().unwrap();
}

fn open(path: &std::path::Path, now: Now) -> (sled::Db, Queue) {
    let tree = sled::open(path).unwrap();
    let settings = Settings { max_queue_size: 2_000, history_count: 5_000, ..plain() };
    let restored = restore(settings, 1, now, tree.iter().map(Result::unwrap)).unwrap();
    assert!(restored.damaged.is_empty());
    let mut queue = restored.queue;
    store(&tree, queue.changes());
    queue.confirm();
    (tree, queue)
}

#[test]
fn what_was_confirmed_is_there_after_the_store_was_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let now = Now { monotonic: std::time::Duration::ZERO, utc_ms: TODAY_MS };
    let (tree, mut queue) = open(dir.path(), now);
    for group in 0..20 {
        for at in 0..50 {
            let name = format!("{}.jpg", group * 50 + at);
            queue.add(now, JobRequest { name, ..job("clip") }).unwrap();
        }
        store(&tree, queue.changes());
        queue.confirm();
    }
    let mut tokens = Vec::new();
    for _ in 0..10 {
        tokens.push(queue.claim(now, &Limits::total(10)).unwrap().token);
    }
    store(&tree, queue.changes());
    queue.confirm();
    queue.complete(now, tokens[0], done("there")).unwrap();
    store(&tree, queue.changes());
    queue.confirm();
    // This one is not stored: it never happened.
    queue.complete(now, tokens[1], done("lost")).unwrap();
    drop((queue, tree));

    let (_tree, queue) = open(dir.path(), now);
    let status = queue.status(now, 1);
    assert_eq!((status.queue_size, status.total_results, status.totals.killed), (999, 1, 9));
    assert_eq!(queue.result(tokens[0].job()).as_deref(), Some(&b"there"[..]));
    assert_eq!(queue.result(tokens[1].job()), None);
}
