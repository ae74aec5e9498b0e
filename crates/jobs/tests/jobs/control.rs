//! What people do: cancel, try again, remove.

use ocellus_jobs::{Cancelled, Dependency, JobId, JobRequest, Outcome, Settings, State, Stop, TokenError};

use crate::support::{Lab, done, failed, fatal, job, plain};

fn after(parent: JobId, optional: bool) -> JobRequest {
    JobRequest { parents: vec![Dependency { job: parent, optional }], ..job("report") }
}

#[test]
fn a_waiting_job_is_cancelled_at_once_with_what_needs_it() {
    let mut lab = Lab::new(plain());
    let parent = lab.add(job("a"));
    let (child, may) = (lab.add(after(parent, false)), lab.add(after(parent, true)));
    let grandchild = lab.add(after(child, false));
    assert_eq!(lab.queue.cancel(lab.now, parent).unwrap(), Cancelled::AtOnce);
    lab.commit();
    lab.kill();
    for id in [parent, child, grandchild] {
        assert_eq!(lab.state(id), State::Cancelled);
    }
    assert_eq!(lab.message(grandchild), "needs job 1 (a.jpg), which did not complete: cancelled");
    assert_eq!(lab.finish(done("")), may);
    let refusal = lab.queue.cancel(lab.now, parent).unwrap_err().to_string();
    assert_eq!(refusal, "job 1 cannot be cancelled: it is cancelled already");
}

#[test]
fn running_work_sees_its_flag_once_that_is_stored_and_is_cut_off_if_it_does_not_listen() {
    let mut lab = Lab::new(Settings { stop_grace_ms: 1_000, ..plain() });
    let id = lab.add(job("a"));
    let child = lab.add(after(id, false));
    let claim = lab.run();
    assert_eq!(lab.queue.cancel(lab.now, id).unwrap(), Cancelled::Requested);
    assert_eq!(claim.stop.get(), None);
    lab.commit();
    assert_eq!(claim.stop.get(), Some(Stop::Cancelled));
    assert!(lab.get(id).is_cancelling && lab.state(child) == State::Cancelled);
    let late = lab.add(after(id, false));
    assert_eq!(lab.queue.cancel(lab.now, id).unwrap(), Cancelled::Requested, "twice is once");
    lab.commit();
    assert_eq!(lab.state(late), State::Cancelled, "it came later, and needs what is being cancelled");
    lab.wait_ms(1_000);
    let expired = lab.queue.expire(lab.now);
    lab.commit();
    assert_eq!((expired[0].why, expired[0].state), (Stop::Cancelled, State::Cancelled));
    assert!(matches!(lab.answer(claim.token, done("")), Err(TokenError::Stale { .. })));
    assert_eq!(lab.state(id), State::Cancelled);
}

#[test]
fn a_cancelled_attempt_that_fails_is_cancelled_and_one_that_was_done_before_is_completed() {
    let mut lab = Lab::new(plain());
    for (outcome, state) in [
        (Outcome::Stopped, State::Cancelled),
        (failed("the encoder was closed"), State::Cancelled),
        (Outcome::Released { after_ms: 5 }, State::Cancelled),
        (done("there"), State::Completed),
    ] {
        let id = lab.add(job("a"));
        let token = lab.run().token;
        lab.queue.cancel(lab.now, id).unwrap();
        lab.commit();
        lab.answer(token, outcome).unwrap();
        assert_eq!(lab.state(id), state);
    }
}

#[test]
fn a_job_that_was_being_cancelled_when_the_process_died_does_not_start_again() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("a"));
    lab.run();
    lab.queue.cancel(lab.now, id).unwrap();
    lab.commit();
    lab.kill();
    assert_eq!(lab.state(id), State::Cancelled);
    assert!(lab.claim().is_none());
}

#[test]
fn a_workflow_is_cancelled_with_its_optional_jobs() {
    let mut lab = Lab::new(plain());
    let part = |label: &str, of: &[(&str, bool)]| ocellus_jobs::WorkflowJob {
        after: of
            .iter()
            .map(|&(label, optional)| ocellus_jobs::After { label: label.into(), optional })
            .collect(),
        ..ocellus_jobs::WorkflowJob::new(label, job("a"), &[])
    };
    let added = lab.workflow(vec![
        part("one", &[]),
        part("two", &[("one", true)]),
        part("three", &[("two", false)]),
        part("four", &[]),
    ]);
    let token = lab.run().token;
    assert_eq!(lab.queue.cancel_workflow(lab.now, added.id).unwrap(), 4);
    lab.commit();
    lab.answer(token, Outcome::Stopped).unwrap();
    assert!(added.jobs.iter().all(|job| lab.state(job.id) == State::Cancelled));
    assert!(lab.queue.cancel_workflow(lab.now, JobId(99)).is_err());
}

#[test]
fn jobs_that_ended_can_be_tried_again_with_all_their_attempts_unless_they_completed() {
    let mut lab = Lab::new(plain());
    let id = lab.add(JobRequest { max_attempts: Some(2), ..job("a") });
    lab.finish(failed("one"));
    lab.finish(failed("two"));
    lab.queue.retry(lab.now, id).unwrap();
    lab.commit();
    lab.finish(failed("three"));
    let token = lab.run().token;
    assert_eq!(token.attempt(), 4);
    let refusal = lab.queue.retry(lab.now, id).unwrap_err().to_string();
    assert!(refusal.contains("it is running"), "{refusal}");
    lab.answer(token, done("")).unwrap();
    let refusal = lab.queue.retry(lab.now, id).unwrap_err().to_string();
    assert!(refusal.contains("it is completed"), "{refusal}");
    assert!(lab.queue.retry(lab.now, JobId(5)).unwrap_err().to_string().contains("job 5 does not exist"));
}

#[test]
fn a_full_queue_refuses_to_try_again() {
    let mut lab = Lab::new(Settings { max_queue_size: 1, ..plain() });
    let id = lab.add(job("a"));
    lab.finish(fatal("no"));
    lab.add(job("a"));
    let refusal = lab.queue.retry(lab.now, id).unwrap_err().to_string();
    assert!(refusal.contains("1 jobs wait, 1 may"), "{refusal}");
}

#[test]
fn a_job_is_removed_only_when_nothing_needs_it() {
    let mut lab = Lab::new(plain());
    let parent = lab.add(job("a"));
    let child = lab.add(after(parent, true));
    assert!(lab.queue.remove(parent).unwrap_err().to_string().contains("cancel it first"));
    lab.finish(done(""));
    assert!(lab.queue.remove(parent).unwrap_err().to_string().contains("depend on it"));
    lab.finish(done(""));
    lab.queue.remove(parent).unwrap();
    lab.queue.remove(child).unwrap();
    lab.commit();
    assert_eq!(lab.store.0.len(), 1, "only the queue's own record is left");
    assert!(lab.queue.get(lab.now, parent).is_none());
}

#[test]
fn a_transaction_that_fails_leaves_no_trace() {
    let mut lab = Lab::new(plain());
    let (first, second) = (lab.add(job("a")), lab.add(job("b")));
    let claim = lab.run();
    let before = format!("{:?}", lab.queue.list(lab.now, &filter()));
    let store = lab.store.clone();

    lab.queue.add(lab.now, after(first, false)).unwrap();
    lab.queue.cancel(lab.now, first).unwrap();
    lab.queue.cancel(lab.now, second).unwrap();
    lab.queue.complete(lab.now, claim.token, Outcome::Stopped).unwrap();
    lab.queue.remove(second).unwrap();
    lab.queue.pause_all();
    lab.queue.abandon();

    assert!(lab.queue.is_consistent() && !lab.queue.has_changes());
    assert_eq!(format!("{:?}", lab.queue.list(lab.now, &filter())), before);
    assert_eq!(claim.stop.get(), None);
    lab.answer(claim.token, done("")).unwrap();
    assert_eq!(lab.finish(done("")), second);
    assert_ne!(lab.store, store);
}

fn filter() -> ocellus_jobs::Filter {
    ocellus_jobs::Filter { limit: 100, ..Default::default() }
}
