//! How many run at once: in all, by kind, by class; and when a full queue has places again.

use ocellus_jobs::{AddError, Class, Limits, Settings};

use crate::support::{Lab, done, job, plain};

fn running(lab: &mut Lab, limits: &Limits) -> Vec<String> {
    std::iter::from_fn(|| lab.claim_under(limits)).map(|claim| claim.kind.to_string()).collect()
}

#[test]
fn a_kind_at_its_limit_lets_the_others_pass() {
    let mut lab = Lab::new(plain());
    for kind in ["upscale", "upscale", "upscale", "fetch", "clip", "upload"] {
        lab.add(job(kind));
    }
    let limits = Limits { kinds: [("upscale".into(), 1), ("upload".into(), 0)].into(), ..Limits::total(10) };
    assert_eq!(running(&mut lab, &limits), ["upscale", "fetch", "clip"]);
    assert_eq!(running(&mut lab, &Limits::total(4)), ["upscale"]);
    assert_eq!(running(&mut lab, &Limits::total(4)), [""; 0]);
}

#[test]
fn kinds_of_a_class_share_its_limit() {
    let mut lab = Lab::new(plain());
    for kind in ["fetch", "upload", "fetch", "upload", "clip", "clip"] {
        lab.add(job(kind));
    }
    let network = Class { kinds: ["fetch".into(), "upload".into()].into(), limit: 2 };
    let limits = Limits { classes: vec![network], ..Limits::total(10) };
    assert_eq!(running(&mut lab, &limits), ["fetch", "upload", "clip", "clip"]);
}

#[test]
fn a_job_that_nobody_may_run_does_not_hold_the_others_after_a_crash() {
    let mut lab = Lab::new(plain());
    lab.add(job("clip"));
    lab.run();
    lab.add(job("fetch"));
    lab.kill();
    let limits = Limits { kinds: [("clip".into(), 0)].into(), ..Limits::total(4) };
    assert_eq!(running(&mut lab, &limits), ["fetch"]);
}

#[test]
fn what_ran_at_a_crash_waits_until_nothing_else_runs_and_is_not_overtaken_for_ever() {
    let mut lab = Lab::new(plain());
    let limits = Limits::total(3);
    let ids = ["a", "b", "c", "d", "e"].map(|kind| lab.add(job(kind)));
    assert_eq!(running(&mut lab, &limits), ["a", "b", "c"]);
    lab.kill();
    for expected in ["a", "b", "c"] {
        let claim = lab.claim_under(&limits).unwrap();
        assert_eq!(&*claim.kind, expected);
        assert!(lab.claim_under(&limits).is_none(), "{expected} runs alone");
        lab.answer(claim.token, done("")).unwrap();
    }
    assert_eq!(running(&mut lab, &limits), ["d", "e"]);
    assert_eq!(lab.get(ids[0]).tries, 2);
}

#[test]
fn a_full_queue_answers_at_once_with_the_number_that_waits_and_an_estimate() {
    let mut lab = Lab::new(Settings { max_queue_size: 3, ..plain() });
    for _ in 0..3 {
        lab.add(job("clip"));
    }
    let refusal = lab.queue.add(lab.now, job("clip")).unwrap_err();
    let AddError::Full { waiting: 3, max: 3, needed: 1, retry_after_s: 5 } = refusal else {
        panic!("{refusal:?}")
    };
    assert!(!lab.queue.has_changes(), "a refusal costs no write");
    assert_eq!(lab.queue.status(lab.now, 1).totals.refused, 1);

    // Attempts take 40 s, and two run at once: the next place is free in 20 s.
    let (one, two) = (lab.run().token, lab.run().token);
    lab.wait_ms(40_000);
    lab.answer(one, done("")).unwrap();
    lab.answer(two, done("")).unwrap();
    lab.add(job("clip"));
    lab.run();
    lab.run();
    for _ in 0..3 {
        lab.add(job("clip"));
    }
    let refusal = lab.queue.add(lab.now, job("clip")).unwrap_err();
    let AddError::Full { retry_after_s, .. } = refusal else { panic!("{refusal:?}") };
    assert_eq!(retry_after_s, 20, "{refusal}");
    lab.queue.pause_all();
    let AddError::Full { retry_after_s, .. } = lab.queue.add(lab.now, job("clip")).unwrap_err() else {
        panic!()
    };
    assert_eq!(retry_after_s, 60, "a person has to resume it");
}

#[test]
fn a_queue_of_jobs_for_tomorrow_says_when_there_is_a_place() {
    let mut lab = Lab::new(Settings { max_queue_size: 1, ..plain() });
    let run_at_ms = Some(lab.now.utc_ms + 600_000);
    lab.add(ocellus_jobs::JobRequest { run_at_ms, ..job("clip") });
    let refusal = lab.queue.add(lab.now, job("clip")).unwrap_err();
    assert!(refusal.to_string().ends_with("try again in 600 s"), "{refusal}");
}

#[test]
fn retries_and_what_ran_at_a_crash_are_never_refused() {
    let mut lab = Lab::new(Settings { max_queue_size: 1, ..plain() });
    lab.add(job("clip"));
    lab.run();
    lab.add(job("clip"));
    lab.kill();
    assert_eq!(lab.queue.status(lab.now, 1).queue_size, 2);
}
