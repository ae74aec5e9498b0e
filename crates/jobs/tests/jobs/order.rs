//! Which job is next: priority, ageing, times, and what is due again after a restart.

use std::time::Duration;

use ocellus_jobs::{Dependency, JobId, JobRequest, Limits, Now, Settings, State, WaitsFor};

use crate::support::{Lab, TODAY_MS, done, failed, fatal, job, plain};

fn with_priority(lab: &mut Lab, priority: u8) -> JobId {
    lab.add(ocellus_jobs::JobRequest { priority: Some(priority), ..job("clip") })
}

#[test]
fn the_lowest_priority_number_goes_first_and_equals_go_in_turn() {
    let mut lab = Lab::new(plain());
    let ids = [5, 1, 5, 0, 255, 1].map(|priority| with_priority(&mut lab, priority));
    let order: Vec<JobId> = (0..6).map(|_| lab.finish(done(""))).collect();
    assert_eq!(order, [3, 1, 5, 0, 2, 4].map(|at: usize| ids[at]));
}

/// Two jobs of the highest priority become due for each that is done: without ageing 255 would never have its turn.
#[test]
fn a_job_of_the_lowest_priority_is_overtaken_only_by_what_is_due_within_the_stated_bound() {
    let settings = Settings { max_queue_size: 10_000, history_count: 10_000, age_ms: 20, ..plain() };
    let bound_ms = 255 * settings.age_ms;
    let mut lab = Lab::new(settings);
    let (begin, least) = (lab.now.monotonic, with_priority(&mut lab, 255));
    let mut overtaken_by = Vec::new();
    loop {
        let at = lab.now.monotonic - begin;
        for _ in 0..2 {
            let id = with_priority(&mut lab, 0);
            overtaken_by.push((id, at));
        }
        lab.wait_ms(10);
        let ran = lab.finish(done(""));
        if ran == least {
            break;
        }
        assert!(overtaken_by.len() < 4_000, "it starves");
    }
    let ran = |id| lab.state(id) == ocellus_jobs::State::Completed;
    let latest = overtaken_by.iter().filter(|(id, _)| ran(*id)).map(|(_, at)| *at).max().unwrap();
    assert!(latest <= Duration::from_millis(bound_ms), "overtaken by a job that came {latest:?} later");
    // And it did wait as long as its priority says, or priorities would mean nothing.
    assert!(latest >= Duration::from_millis(bound_ms - 40), "{latest:?}");
}

#[test]
fn waiting_counts_over_a_restart_and_a_clock_that_jumps_changes_no_order() {
    let mut lab = Lab::new(Settings { age_ms: 1_000, ..plain() });
    let old = with_priority(&mut lab, 10);
    lab.wait_ms(20_000);
    lab.kill();
    let new = with_priority(&mut lab, 0);
    assert_eq!(lab.finish(done("")), old, "it waited 20 s, which is more than ten steps of 1 s");
    assert_eq!(lab.finish(done("")), new);

    // The clock was never set: the box starts in 1970, with jobs of 2026.
    let old = with_priority(&mut lab, 10);
    lab.restart(Now { monotonic: Duration::ZERO, utc_ms: 5_000 });
    let new = with_priority(&mut lab, 0);
    assert_eq!([lab.finish(done("")), lab.finish(done(""))], [new, old]);
}

#[test]
fn a_job_waits_for_its_time_on_the_wall_clock_also_when_that_is_set() {
    let mut lab = Lab::new(plain());
    let id = lab.add(ocellus_jobs::JobRequest { run_at_ms: Some(TODAY_MS + 30_000), ..job("clip") });
    assert_eq!(lab.get(id).waits, Some(WaitsFor::RunAt { at_ms: TODAY_MS + 30_000 }));
    assert!(lab.claim().is_none());
    assert_eq!(lab.queue.next_wake(lab.now), Some(Duration::from_secs(30)));
    lab.wait_ms(29_999);
    assert!(lab.claim().is_none());
    lab.kill();
    // The second that the restart took was the last one.
    assert_eq!(lab.run().token.job(), id);

    let far = lab.now.utc_ms + 86_400_000;
    let id = lab.add(ocellus_jobs::JobRequest { run_at_ms: Some(far), ..job("clip") });
    assert!(lab.claim().is_none());
    // Somebody may set the clock: whoever sleeps looks again after a minute.
    assert_eq!(lab.queue.next_wake(lab.now), Some(Duration::from_secs(60)));
    lab.now.utc_ms = far;
    assert_eq!(lab.run().token.job(), id);
}

#[test]
fn what_ran_when_the_process_died_is_due_at_once_and_goes_first() {
    let mut lab = Lab::new(plain());
    let first = with_priority(&mut lab, 200);
    assert_eq!(lab.run().token.job(), first);
    let other = with_priority(&mut lab, 0);
    let restored = lab.kill();
    assert_eq!(restored.killed, [first]);
    assert_eq!(lab.queue.next_wake(lab.now), None, "nothing is to be waited for");
    let again = lab.run();
    assert_eq!((again.token.job(), again.token.attempt()), (first, 2));
    assert!(lab.claim().is_none(), "what ran when the process died runs alone");
    lab.answer(again.token, done("")).unwrap();
    assert_eq!(lab.run().token.job(), other);
}

#[test]
fn a_pause_is_never_longer_after_a_restart_whatever_the_clock_says() {
    let settings = Settings { backoff_first_ms: 8_000, backoff_longest_ms: 8_000, ..Settings::default() };
    for utc_ms in [5_000, TODAY_MS - 86_400_000, TODAY_MS, TODAY_MS + 86_400_000] {
        let mut lab = Lab::new(settings.clone());
        let id = lab.add(job("clip"));
        let token = lab.run().token;
        let finished = lab.answer(token, failed("no")).unwrap();
        let pause_ms = finished.pause_ms.unwrap_or(0);
        lab.restart(Now { monotonic: Duration::ZERO, utc_ms });
        lab.wait_ms(pause_ms);
        assert_eq!(lab.run().token.job(), id, "{utc_ms}");
    }
}

#[test]
fn other_settings_change_the_order_of_what_waits() {
    let mut lab = Lab::new(Settings { age_ms: 1, ..plain() });
    let old = with_priority(&mut lab, 10);
    lab.wait_ms(1_000);
    let new = with_priority(&mut lab, 0);
    lab.queue.configure(Settings { age_ms: 1_000, ..plain() }).unwrap();
    assert!(lab.queue.is_consistent());
    assert_eq!([lab.finish(done("")), lab.finish(done(""))], [new, old]);
}

#[test]
fn a_paused_queue_starts_nothing_also_after_a_restart_and_a_drained_one_takes_nothing() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("clip"));
    lab.queue.pause_all();
    lab.commit();
    assert!(lab.claim().is_none());
    lab.kill();
    assert!(lab.claim().is_none() && !lab.queue.status(lab.now, 1).is_running);
    lab.queue.resume();
    lab.queue.drain();
    lab.commit();
    let refusal = lab.queue.add(lab.now, job("clip")).unwrap_err().to_string();
    assert!(refusal.contains("drained"), "{refusal}");
    assert!(!lab.queue.is_empty());
    assert_eq!(lab.finish(done("")), id);
    assert!(lab.queue.is_empty());
    lab.kill();
    lab.add(job("clip"));
    assert!(lab.claim_under(&Limits::total(1)).is_some());
}

#[test]
fn a_job_that_waits_keeps_its_place_over_a_restart_that_sets_an_earlier_one_aside() {
    let mut lab = Lab::new(Settings { age_ms: 50, ..plain() });
    let needs = |job: JobId, optional: bool| vec![Dependency { job, optional }];
    let first = lab.add(JobRequest { priority: Some(0), ..job("a") });
    let second = lab.add(JobRequest { parents: needs(first, false), ..job("b") });
    assert_eq!(lab.finish(fatal("no picture")), first);
    let waits = lab.add(JobRequest { priority: Some(3), parents: needs(second, true), ..job("c") });
    lab.queue.retry(lab.now, first).unwrap();
    lab.commit();
    let restart = |lab: &mut Lab| {
        let now = Now { monotonic: lab.now.monotonic, utc_ms: lab.now.utc_ms };
        lab.restart(now);
    };
    assert_eq!(lab.run().token.job(), first);
    restart(&mut lab);
    lab.wait_ms(60);
    assert_eq!(lab.run().token.job(), first);
    // Its place is at 60 + 2 · 50 ms, after that of the one that waits since 0 ms: 3 · 50 ms.
    with_priority(&mut lab, 2);
    restart(&mut lab);
    assert_eq!(lab.state(first), State::Quarantined);
    assert_eq!(lab.run().token.job(), waits);
}
