//! Results that are kept answer the same request, and say so.

use ocellus_jobs::{CacheKey, How, JobRequest, Outcome, Settings, State};

use crate::support::{Lab, done, job, plain};

fn key(seed: u64) -> CacheKey {
    CacheKey::of("variations", b"white", &["sha256 of the picture"], "sha256 of the model", seed)
}

fn keyed(seed: u64) -> JobRequest {
    JobRequest { cache_key: Some(key(seed)), ..job("variations") }
}

#[test]
fn the_same_work_is_answered_from_what_is_kept_and_says_so_also_after_a_restart() {
    let mut lab = Lab::new(plain());
    let first = lab.add(keyed(1));
    lab.finish(done("white.png"));
    lab.kill();
    let added = lab.added(keyed(1));
    assert_eq!(added.how, How::Cached { from: first });
    let report = lab.get(added.id);
    assert_eq!((report.state, report.cached_from), (State::Completed, Some(first)));
    assert_eq!(lab.result(added.id).as_deref(), Some(&b"white.png"[..]));
    assert!(report.attempts.is_empty() && lab.claim().is_none());
    assert_eq!(lab.added(keyed(2)).how, How::New, "another seed is other work");
    let totals = lab.queue.status(lab.now, 1).totals;
    assert_eq!((totals.cached, totals.completed), (1, 2));
}

#[test]
fn a_full_or_drained_queue_still_answers_from_what_is_kept() {
    let mut lab = Lab::new(Settings { max_queue_size: 1, ..plain() });
    lab.add(keyed(1));
    lab.finish(done(""));
    lab.add(job("clip"));
    lab.queue.drain();
    assert!(matches!(lab.added(keyed(1)).how, How::Cached { .. }));
}

#[test]
fn the_same_work_added_many_times_before_it_is_done_runs_once() {
    let mut lab = Lab::new(plain());
    let ids: Vec<_> = (0..5).map(|_| lab.add(keyed(1))).collect();
    lab.finish(done("once"));
    assert!(lab.claim().is_none());
    for id in &ids {
        assert_eq!(lab.result(*id).as_deref(), Some(&b"once"[..]));
    }
    assert_eq!(lab.get(ids[4]).cached_from.map(|id| id.0), Some(4));
}

#[test]
fn work_that_learns_its_inputs_late_asks_by_its_token() {
    let mut lab = Lab::new(plain());
    let first = lab.add(job("variations"));
    let token = lab.run().token;
    assert_eq!(lab.queue.complete_with_kept(lab.now, token, &key(1)).unwrap(), None);
    lab.answer(token, Outcome::Completed { result: (*b"x").into(), cache_key: Some(key(1)) }).unwrap();
    let second = lab.add(job("variations"));
    let child = lab.add(JobRequest {
        parents: vec![ocellus_jobs::Dependency { job: second, optional: false }],
        ..job("report")
    });
    let token = lab.run().token;
    let finished = lab.queue.complete_with_kept(lab.now, token, &key(1)).unwrap().unwrap();
    lab.commit();
    assert_eq!((finished.state, lab.get(second).cached_from), (State::Completed, Some(first)));
    assert_eq!(lab.run().parents[0].result.as_deref(), Some(&b"x"[..]));
    assert!(lab.queue.complete_with_kept(lab.now, token, &key(1)).is_err(), "once");
    assert_eq!(lab.state(child), State::Running);
}

#[test]
fn a_failed_job_answers_nothing_and_results_whose_files_are_gone_neither() {
    let mut lab = Lab::new(plain());
    lab.add(keyed(1));
    lab.finish(crate::support::fatal("no"));
    assert_eq!(lab.added(keyed(1)).how, How::New);
    lab.finish(done("a.png"));
    assert_eq!(lab.queue.invalidate(&key(1)), 1);
    lab.commit();
    lab.kill();
    assert_eq!(lab.added(keyed(1)).how, How::New);
    assert_eq!(lab.queue.invalidate(&key(1)), 0);
}

#[test]
fn in_a_workflow_a_kept_result_opens_the_way_for_the_others() {
    let mut lab = Lab::new(plain());
    lab.add(keyed(1));
    lab.finish(done("kept"));
    let added = lab.workflow(vec![
        ocellus_jobs::WorkflowJob::new("report", job("report"), &["cut"]),
        ocellus_jobs::WorkflowJob::new("cut", keyed(1), &[]),
    ]);
    assert!(matches!(added.jobs[1].how, How::Cached { .. }));
    let claim = lab.run();
    assert_eq!(&*claim.kind, "report");
    assert_eq!(claim.parents[0].result.as_deref(), Some(&b"kept"[..]));
}

#[test]
fn a_unique_key_answers_with_the_job_that_has_it_until_that_one_failed() {
    let mut lab = Lab::new(plain());
    let unique = || JobRequest { unique_key: Some("shift 7/photo 12".into()), ..job("variations") };
    let id = lab.add(unique());
    assert_eq!((lab.added(unique()).id, lab.added(unique()).how), (id, How::Existing));
    lab.finish(done(""));
    lab.kill();
    assert_eq!(lab.added(unique()).id, id, "delivered again after it was done");
    lab.queue.remove(id).unwrap();
    lab.commit();
    let second = lab.add(unique());
    lab.finish(crate::support::fatal("no"));
    let third = lab.add(unique());
    assert!(third > second);
    let refusal = lab.queue.retry(lab.now, second).unwrap_err().to_string();
    assert!(refusal.contains(&format!("job {third} has its unique key")), "{refusal}");
    assert_eq!(lab.queue.status(lab.now, 1).totals.existing, 3);
}

#[test]
fn a_workflow_that_is_delivered_twice_is_there_once() {
    let mut lab = Lab::new(plain());
    let part = |label: &str, after: &[&str]| {
        let request = JobRequest { unique_key: Some(format!("w/{label}")), ..job("clip") };
        ocellus_jobs::WorkflowJob::new(label, request, after)
    };
    let jobs = || vec![part("b", &["a"]), part("a", &[])];
    let (first, again) = (lab.workflow(jobs()), lab.workflow(jobs()));
    assert_eq!(first.id, again.id);
    assert!(
        first.jobs.iter().zip(&again.jobs).all(|(one, two)| one.id == two.id && two.how == How::Existing)
    );
    assert_eq!(lab.queue.status(lab.now, 1).queue_size, 2);
}
