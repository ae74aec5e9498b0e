//! Ended jobs are kept by count and by days.

use std::time::Duration;

use ocellus_jobs::{Dependency, JobId, JobRequest, Now, Settings, State};

use crate::support::{Lab, TODAY_MS, done, fatal, job, plain};

const DAY_MS: u64 = 86_400_000;

fn kept(lab: &Lab) -> Vec<u64> {
    let filter = ocellus_jobs::Filter { limit: 1_000, ..Default::default() };
    lab.queue.list(lab.now, &filter).iter().rev().map(|job| job.id.0).collect()
}

#[test]
fn the_oldest_ended_jobs_leave_when_there_are_too_many_and_their_records_with_them() {
    let mut lab = Lab::new(Settings { history_count: 3, ..plain() });
    for _ in 0..5 {
        lab.add(job("a"));
        lab.wait_ms(1);
        lab.finish(done("result"));
    }
    assert_eq!(kept(&lab), [3, 4, 5]);
    assert_eq!(lab.store.0.len(), 7);
    assert_eq!(lab.queue.status(lab.now, 1).totals.removed, 2);
    lab.settings.history_count = 1;
    lab.kill();
    assert_eq!(kept(&lab), [5]);
    assert_eq!(lab.add(job("a")), JobId(6), "numbers are not used again");
}

#[test]
fn jobs_leave_after_the_days_and_the_queue_says_when() {
    let mut lab = Lab::new(Settings { history_days: 2, ..plain() });
    lab.add(job("a"));
    lab.finish(done(""));
    assert_eq!(lab.queue.next_wake(lab.now), Some(Duration::from_millis(2 * DAY_MS + 1)));
    lab.wait_ms(2 * DAY_MS);
    lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!(kept(&lab), [1]);
    lab.wait_ms(1);
    lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!(kept(&lab), [0u64; 0]);
    assert_eq!(lab.queue.next_wake(lab.now), None);
}

#[test]
fn what_open_jobs_depend_on_stays_and_takes_no_place_of_others() {
    let mut lab = Lab::new(Settings { history_count: 2, max_crashes: 1, ..plain() });
    let poison = lab.add(job("poison"));
    lab.run();
    lab.kill();
    let parent = lab.add(job("parent"));
    lab.finish(done("kept"));
    let run_at_ms = Some(lab.now.utc_ms + 3_600_000);
    let parents = vec![Dependency { job: parent, optional: false }];
    let child = lab.add(JobRequest { run_at_ms, parents, ..job("child") });
    for _ in 0..3 {
        lab.add(job("a"));
        lab.wait_ms(1);
        lab.finish(done(""));
    }
    assert_eq!(kept(&lab), [poison.0, parent.0, child.0, 6]);
    lab.wait_ms(3_600_000);
    let claim = lab.run();
    assert_eq!(claim.parents[0].result.as_deref(), Some(&b"kept"[..]));
    lab.answer(claim.token, done("")).unwrap();
    lab.add(job("a"));
    lab.wait_ms(1);
    lab.finish(done(""));
    assert!(lab.queue.get(lab.now, parent).is_none());
}

#[test]
fn a_job_that_is_set_aside_outlives_those_that_are_done() {
    let mut lab = Lab::new(Settings { history_count: 2, max_crashes: 1, ..plain() });
    let poison = lab.add(job("poison"));
    lab.run();
    lab.kill();
    for _ in 0..4 {
        lab.add(job("a"));
        lab.wait_ms(1);
        lab.finish(fatal("no"));
    }
    assert_eq!(kept(&lab), [poison.0, 5]);
    // But it does not fill the history: the newest result has its place.
    lab.settings.history_count = 1;
    lab.kill();
    lab.add(job("a"));
    lab.wait_ms(1);
    lab.finish(done(""));
    assert_eq!(kept(&lab), [6]);
    lab.settings.history_count = 2;
    lab.kill();
    let poison = lab.add(job("poison"));
    lab.run();
    lab.kill();
    assert_eq!(lab.state(poison), State::Quarantined);
}

#[test]
fn a_clock_that_was_never_set_makes_nothing_old_and_nothing_lost() {
    let mut lab = Lab::new(Settings { history_count: 2, history_days: 2, ..plain() });
    for _ in 0..2 {
        lab.add(job("a"));
        lab.finish(done(""));
        lab.wait_ms(1);
    }
    // The battery is empty: 1970.
    lab.restart(Now { monotonic: Duration::ZERO, utc_ms: 3_000 });
    assert_eq!(kept(&lab), [1, 2]);
    let third = lab.add(job("a"));
    lab.finish(done("new"));
    assert_eq!(kept(&lab), [2, 3], "the newest is not the oldest, whatever the clock says");
    assert_eq!(lab.result(third).as_deref(), Some(&b"new"[..]));
    lab.now.utc_ms = TODAY_MS + DAY_MS as i64;
    lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!(kept(&lab), [2, 3]);

    // A new box: its clock is set after its first jobs.
    let mut lab = Lab::new(Settings { history_days: 2, ..plain() });
    lab.restart(Now { monotonic: Duration::ZERO, utc_ms: 3_000 });
    lab.add(job("a"));
    lab.finish(done(""));
    lab.now.utc_ms = TODAY_MS;
    lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!(kept(&lab), [1]);
}
