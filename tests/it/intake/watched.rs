//! Folders that the kernel watches: they cost next to nothing while nothing is written, and nothing is lost with a notification.

use std::fs;
use std::time::Instant;

use super::support::{Lab, now_s};
use crate::support::messages::counter;
use crate::support::wait_until;

fn source(watch: &str) -> String {
    format!(
        "[[intake]]\nname = \"gauge\"\nfolder = \"FOLDER/gauge\"\nwatch = \"{watch}\"\nstale_after_ms = 600000\n\
         [intake_store]\npublish_ms = 100\n"
    )
}

fn lab(watch: &str) -> Lab {
    let lab = Lab::stopped(&source(watch));
    fs::create_dir(lab.path("gauge")).unwrap();
    lab
}

fn shot(value: u32) -> String {
    format!("t,v\n{:.3},{value}\n", now_s())
}

fn total(lab: &Lab, name: &str) -> u64 {
    counter(&lab.watcher, &format!("intake/{name}")).unwrap_or_default()
}

/// Looks at the folder in the time of five messages of `telemetry`, and how many a quiet folder may have in it: one every
/// 10 s is a look at the whole folder.
fn looks_meanwhile(lab: &Lab) -> (u64, u64) {
    // The count of the last message may be older than what the test did before.
    let messages = lab.watcher.on("/telemetry").len();
    wait_until("two more messages", || lab.watcher.on("/telemetry").len() >= messages + 2);
    let begun = Instant::now();
    let (before, messages) = (total(lab, "polls"), lab.watcher.on("/telemetry").len());
    wait_until("five more messages", || lab.watcher.on("/telemetry").len() >= messages + 5);
    (total(lab, "polls") - before, 4 + begun.elapsed().as_secs() / 10)
}

#[test]
fn a_local_folder_is_looked_at_only_when_something_changes() {
    let mut lab = lab("auto");
    lab.run();
    lab.put("gauge/1.csv", shot(1));
    lab.wait_points("gauge", 1);
    let (idle, allowed) = looks_meanwhile(&lab);
    assert!(idle <= allowed, "{idle} looks while nothing changed");
    for value in 2..=20 {
        lab.put(&format!("gauge/{value}.csv"), shot(value));
    }
    lab.wait_points("gauge", 20);
    assert_eq!(lab.service().stop(), Some(0));
}

#[test]
fn a_polled_folder_is_looked_at_all_the_time() {
    let mut lab = lab("poll");
    lab.run();
    lab.put("gauge/1.csv", shot(1));
    lab.wait_points("gauge", 1);
    let (looks, _) = looks_meanwhile(&lab);
    assert!(looks > 20, "{looks} looks");
    assert_eq!(lab.service().stop(), Some(0));
}

#[test]
fn more_changes_than_the_kernel_keeps_are_found_by_a_look_at_the_whole_folder() {
    let mut lab = lab("notify");
    lab.run();
    lab.put("gauge/first.csv", shot(1));
    lab.wait_points("gauge", 1);
    let kept = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    // Each time, the file is written and closed. Two of them in turn, because the kernel merges a notification with the
    // one before it if they are the same.
    let writes = kept.trim().parse::<u64>().unwrap() / 2 + 500;
    lab.service().signal(libc::SIGSTOP);
    for number in 0..writes {
        fs::write(lab.path(&format!("gauge/{}.csv", number % 2)), shot(2)).unwrap();
    }
    lab.service().signal(libc::SIGCONT);
    lab.wait_points("gauge", 3);
    wait_until("the loss is counted", || total(&lab, "notifications_lost") >= 1);
    assert_eq!(lab.service().stop(), Some(0));
}

#[test]
fn a_folder_that_is_replaced_is_watched_anew() {
    let mut lab = lab("notify");
    lab.run();
    lab.put("gauge/1.csv", shot(1));
    lab.wait_points("gauge", 1);
    fs::rename(lab.path("gauge"), lab.path("before")).unwrap();
    fs::create_dir(lab.path("gauge")).unwrap();
    lab.put("gauge/2.csv", shot(2));
    lab.wait_points("gauge", 2);
    // It is not only polled from now on.
    wait_until("the new folder is watched", || {
        let (idle, allowed) = looks_meanwhile(&lab);
        idle <= allowed
    });
    lab.put("gauge/3.csv", shot(3));
    lab.wait_points("gauge", 3);
    assert_eq!(lab.service().stop(), Some(0));
}
