//! Failures, pauses, time limits, crashes: what is tried again, and what is not.

use std::time::Duration;

use ocellus_jobs::{End, Outcome, Reason, Retry, Settings, State, Stop, TokenError};

use crate::support::{Lab, done, failed, fatal, job, plain};

#[test]
fn a_failing_job_is_tried_as_often_as_it_says_and_fails_with_the_last_reason() {
    let mut lab = Lab::new(plain());
    let id = lab.add(ocellus_jobs::JobRequest { max_attempts: Some(3), ..job("clip") });
    for attempt in 1..=3 {
        let claim = lab.run();
        assert_eq!((claim.token.attempt(), claim.is_last), (attempt, attempt == 3));
        lab.answer(claim.token, failed(&format!("no encoder, attempt {attempt}"))).unwrap();
    }
    assert!(lab.claim().is_none());
    assert_eq!((lab.state(id), lab.message(id)), (State::Failed, "no encoder, attempt 3".into()));
    let ends: Vec<_> = lab.get(id).attempts.iter().map(|attempt| attempt.end).collect();
    assert_eq!(ends, [Some(End::Failed); 3]);
    let totals = lab.queue.status(lab.now, 1).totals;
    assert_eq!((totals.retried, totals.failed), (2, 1));
}

#[test]
fn a_failure_that_no_retry_mends_is_not_retried() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("clip"));
    lab.finish(fatal("broken.jpg: not a picture"));
    assert_eq!((lab.state(id), lab.get(id).tries), (State::Failed, 1));
}

#[test]
fn pauses_are_drawn_from_nothing_to_the_doubled_step_up_to_the_cap() {
    let settings =
        Settings { backoff_first_ms: 1_000, backoff_longest_ms: 4_000, max_queue_size: 1_000, ..plain() };
    let mut lab = Lab::new(settings);
    let mut pauses = [const { Vec::new() }; 4];
    for _ in 0..400 {
        lab.add(ocellus_jobs::JobRequest { max_attempts: Some(5), ..job("clip") });
        for pauses in &mut pauses {
            let token = lab.run().token;
            let pause_ms = lab.answer(token, failed("no")).unwrap().pause_ms.unwrap_or(0);
            lab.wait_ms(pause_ms);
            pauses.push(pause_ms);
        }
        lab.finish(done(""));
    }
    for (pauses, step_ms) in pauses.iter().zip([1_000, 2_000, 4_000, 4_000]) {
        let mean = pauses.iter().sum::<u64>() / 400;
        assert!(pauses.iter().all(|&pause| pause <= step_ms));
        // Even from 0 to the step: the mean of 400 is the half, give or take 1.4 % of the step (a standard deviation).
        assert!((mean as i64 - step_ms as i64 / 2).unsigned_abs() < step_ms / 14, "{mean} of {step_ms}");
        assert!(
            *pauses.iter().max().unwrap() > step_ms * 9 / 10 && *pauses.iter().min().unwrap() < step_ms / 10
        );
    }
}

#[test]
fn what_a_server_says_about_the_pause_is_obeyed() {
    let mut lab = Lab::new(Settings { backoff_first_ms: 100, backoff_longest_ms: 100, ..plain() });
    lab.add(job("fetch"));
    let token = lab.run().token;
    let outcome = Outcome::Failed { text: "429".into(), retry: Retry::After(30_000) };
    let pause_ms = lab.answer(token, outcome).unwrap().pause_ms.unwrap();
    assert!((30_000..=30_100).contains(&pause_ms), "{pause_ms}");
    lab.wait_ms(29_999);
    assert!(lab.claim().is_none());
    assert!(lab.queue.next_wake(lab.now).unwrap() <= Duration::from_millis(101));
    lab.wait_ms(101);
    lab.run();
}

#[test]
fn an_attempt_that_takes_too_long_is_asked_to_stop_and_then_cut_off() {
    let mut lab = Lab::new(Settings { stop_grace_ms: 2_000, ..plain() });
    let request =
        || ocellus_jobs::JobRequest { time_limit_ms: Some(10_000), max_attempts: Some(2), ..job("clip") };
    let id = lab.add(request());
    let claim = lab.run();
    assert_eq!(lab.queue.next_wake(lab.now), Some(Duration::from_secs(10)));
    lab.wait_ms(10_000);
    assert_eq!(claim.stop.get(), None);
    assert_eq!(lab.queue.expire(lab.now), []);
    assert!(!lab.queue.has_changes());
    assert_eq!(claim.stop.get(), Some(Stop::TimedOut));
    // The work listens.
    lab.answer(claim.token, Outcome::Stopped).unwrap();
    assert_eq!(lab.get(id).reason, Some(Reason::TimedOut { limit_ms: 10_000 }));

    // The second attempt does not listen.
    let claim = lab.run();
    lab.wait_ms(10_000);
    lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!(lab.queue.next_wake(lab.now), Some(Duration::from_secs(2)));
    lab.wait_ms(2_000);
    let expired = lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!((expired[0].token, expired[0].state), (claim.token, State::Failed));
    assert_eq!(lab.message(id), "took longer than its limit of 10 s");
    assert!(
        matches!(lab.answer(claim.token, done("")), Err(TokenError::Stale { .. })),
        "its answer comes too late"
    );
    assert_eq!(lab.queue.status(lab.now, 1).totals.timed_out, 2);
}

#[test]
fn an_answer_counts_once_and_only_from_the_newest_attempt() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("clip"));
    let old = lab.run().token;
    lab.kill();
    let stale = lab.answer(old, done("old")).unwrap_err();
    assert!(stale.to_string().contains("attempt 1 of job 1 is over, the job is pending"), "{stale}");
    let new = lab.run().token;
    assert!(lab.answer(old, fatal("old")).is_err());
    lab.answer(new, done("new")).unwrap();
    assert!(lab.answer(new, done("twice")).is_err());
    assert_eq!(lab.result(id).as_deref(), Some(&b"new"[..]));
    let totals = lab.queue.status(lab.now, 1).totals;
    assert_eq!((totals.completed, totals.stale), (1, 3));
}

#[test]
fn a_job_that_killed_the_process_twice_is_set_aside_and_can_be_tried_again_by_hand() {
    let mut lab = Lab::new(plain());
    let poison = lab.add(ocellus_jobs::JobRequest { unique_key: Some("k".into()), ..job("clip") });
    let innocent = lab.add(job("upscale"));
    assert_eq!([lab.run().token.job(), lab.run().token.job()], [poison, innocent]);
    assert_eq!(lab.kill().quarantined, []);
    let claim = lab.run();
    assert_eq!(claim.token.job(), poison);
    lab.wait_ms(5_000);
    lab.queue.progress(lab.now, claim.token, 0.25, Some("encode")).unwrap();
    lab.commit();
    assert_eq!(lab.kill().quarantined, [poison]);
    assert_eq!(lab.message(poison), "the process died 2 times while it ran, last in step encode at 25 %");
    assert_eq!(lab.finish(done("")), innocent, "what ran beside it is not blamed");
    assert!(lab.claim().is_none());

    // Asked for again, it is not made anew: it would kill the process twice again.
    let again = lab.added(ocellus_jobs::JobRequest { unique_key: Some("k".into()), ..job("clip") });
    assert_eq!(again.id, poison);
    lab.queue.retry(lab.now, poison).unwrap();
    lab.commit();
    lab.run();
    assert_eq!(lab.kill().quarantined, [poison], "one more death is enough");
    lab.queue.retry(lab.now, poison).unwrap();
    lab.commit();
    assert_eq!(lab.finish(done("ok")), poison);
    let ends: Vec<_> = lab.get(poison).attempts.iter().filter_map(|attempt| attempt.end).collect();
    assert_eq!(ends, [End::Killed, End::Killed, End::Killed, End::Completed]);
}

#[test]
fn a_job_with_one_attempt_is_not_started_twice() {
    let mut lab = Lab::new(plain());
    let id = lab.add(ocellus_jobs::JobRequest { max_attempts: Some(1), ..job("upload") });
    lab.run();
    lab.kill();
    assert_eq!(
        (lab.state(id), lab.message(id)),
        (State::Failed, "the process died once while it ran".into())
    );
}

#[test]
fn an_orderly_stop_costs_no_attempt_and_no_place() {
    let mut lab = Lab::new(plain());
    let (first, second) = (lab.add(job("clip")), lab.add(job("clip")));
    lab.wait_ms(1_000);
    let token = lab.run().token;
    lab.wait_ms(1_000);
    lab.answer(token, Outcome::Released { after_ms: 0 }).unwrap();
    lab.kill();
    assert_eq!([lab.finish(done("")), lab.finish(done(""))], [first, second]);
    assert_eq!((lab.get(first).tries, lab.get(first).attempts.len()), (1, 2));
}

#[test]
fn work_that_gives_its_job_back_without_end_fails() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("generate"));
    for _ in 0..104 {
        let token = lab.run().token;
        lab.answer(token, Outcome::Released { after_ms: 0 }).unwrap();
    }
    assert_eq!(lab.state(id), State::Failed);
    assert!(lab.message(id).contains("gave it back 100 times"), "{}", lab.message(id));
}

#[test]
fn work_may_wait_for_something_for_as_long_as_that_takes() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("batch"));
    for _ in 0..500 {
        let token = lab.run().token;
        lab.answer(token, Outcome::Released { after_ms: 5_000 }).unwrap();
        lab.wait_ms(5_000);
    }
    assert_eq!((lab.state(id), lab.get(id).tries), (State::Pending, 0));
    lab.finish(done(""));
    assert_eq!(lab.state(id), State::Completed);
}

#[test]
fn the_ends_that_a_start_decides_are_named_until_they_are_stored() {
    let mut lab = Lab::new(plain());
    let (poison, good) = (lab.add(job("clip")), lab.add(job("fetch")));
    let child = lab.add(ocellus_jobs::JobRequest {
        parents: vec![ocellus_jobs::Dependency { job: poison, optional: false }],
        ..job("report")
    });
    lab.run();
    lab.kill();
    lab.run();
    let now = lab.now;
    let restored = ocellus_jobs::restore(lab.settings.clone(), 9, now, lab.store.0.clone()).unwrap();
    let mut queue = restored.queue;
    assert_eq!(restored.quarantined, [poison]);
    // Its child ends with it, and is no job that ran.
    assert_eq!(queue.ended(), [poison, child]);
    queue.confirm();
    assert_eq!(queue.ended(), []);
    assert_eq!(queue.get(now, good).unwrap().state, State::Pending);
}

#[test]
fn a_result_that_is_too_large_is_a_failure_that_says_so() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("report"));
    let result = vec![b' '; 262_145];
    lab.finish(Outcome::Completed { result: result.into(), cache_key: None });
    assert_eq!(lab.state(id), State::Failed);
    assert!(lab.message(id).contains("262145 bytes, at most 262144"), "{}", lab.message(id));
}
