//! What the queue says of itself.

use ocellus_jobs::{Filter, JobRequest, Limits, ProgressError, Settings, State, WorkflowJob};

use crate::support::{Lab, done, failed, fatal, job, plain};

#[test]
fn steps_are_timed_and_added_up_with_the_total_in_the_answer() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("variations"));
    lab.wait_ms(700);
    let token = lab.run().token;
    for (step, ms) in [("analysis", 200), ("generation", 1_000), ("saving", 50), ("generation", 500)] {
        lab.queue.progress(lab.now, token, 0.5, Some(step)).unwrap();
        lab.wait_ms(ms);
        lab.queue.progress(lab.now, token, 0.6, None).unwrap();
    }
    let running = lab.get(id);
    assert_eq!((running.progress, running.step.as_deref()), (0.6, Some("generation")));
    let times = |lab: &Lab| serde_json::to_string(&lab.get(id).processing_times).unwrap();
    let expected = r#"{"analysis":0.2,"generation":1.5,"saving":0.05,"total":1.75}"#;
    assert_eq!(times(&lab), expected, "also while it runs");
    lab.answer(token, done("")).unwrap();
    lab.kill();
    assert_eq!(times(&lab), expected);
    assert_eq!((lab.get(id).waited_ms, lab.get(id).progress), (700, 1.0));
}

#[test]
fn progress_is_stored_at_most_once_in_the_stated_time() {
    let mut lab = Lab::new(Settings { progress_ms: 5_000, ..plain() });
    let id = lab.add(job("clip"));
    let token = lab.run().token;
    let mut writes = 0;
    for step in 0..100u16 {
        lab.wait_ms(100);
        lab.queue.progress(lab.now, token, f32::from(step) / 100.0, Some(&format!("slide {step}"))).unwrap();
        writes += usize::from(lab.queue.has_changes());
        lab.commit();
    }
    assert_eq!(writes, 2, "10 s of progress");
    lab.wait_ms(4_000);
    lab.kill();
    let report = lab.get(id);
    assert!(report.message.unwrap().ends_with("in step slide 99 at 99 %"));
}

#[test]
fn progress_that_is_none_is_refused() {
    let mut lab = Lab::new(plain());
    lab.add(job("clip"));
    let token = lab.run().token;
    for fraction in [-0.1, 1.5, f32::NAN, f32::INFINITY] {
        let refusal = lab.queue.progress(lab.now, token, fraction, None).unwrap_err();
        assert!(matches!(refusal, ProgressError::Fraction { .. }), "{refusal}");
    }
    let refusal = lab.queue.progress(lab.now, token, 0.5, Some("a\u{1b}[2J")).unwrap_err().to_string();
    assert!(refusal.contains("U+001B at position 2"), "{refusal}");
    lab.answer(token, done("")).unwrap();
    assert!(matches!(lab.queue.progress(lab.now, token, 0.5, None), Err(ProgressError::Token(_))));
}

#[test]
fn many_steps_are_kept_as_other() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("clip"));
    let token = lab.run().token;
    for step in 0..100 {
        lab.queue.progress(lab.now, token, 0.5, Some(&format!("s{step}"))).unwrap();
        lab.wait_ms(10);
    }
    lab.answer(token, done("")).unwrap();
    let times = lab.get(id).processing_times;
    assert_eq!((times.steps.len(), times.total_ms), (32, 1_000));
    assert_eq!(times.steps.iter().map(|step| step.ms).sum::<u64>(), 1_000);
}

#[test]
fn the_status_has_the_field_names_that_services_of_this_kind_use() {
    let mut lab = Lab::new(plain());
    for _ in 0..3 {
        lab.add(job("clip"));
    }
    lab.add(JobRequest { run_at_ms: Some(lab.now.utc_ms + 1_000_000), ..job("fetch") });
    lab.finish(done(""));
    lab.wait_ms(2_000);
    lab.run();
    let parents = vec![ocellus_jobs::Dependency { job: ocellus_jobs::JobId(2), optional: false }];
    lab.add(JobRequest { parents, ..job("report") });
    lab.wait_ms(1_000);
    let status = serde_json::to_value(lab.queue.status(lab.now, 4)).unwrap();
    for (field, value) in [
        ("queue_size", 3),
        ("max_queue_size", 100),
        ("running_tasks", 1),
        ("max_workers", 4),
        ("total_results", 1),
        ("completed_tasks", 1),
        ("failed_tasks", 0),
        ("due_tasks", 1),
        ("delayed_tasks", 1),
        ("blocked_tasks", 1),
        ("oldest_age_ms", 3_000),
    ] {
        assert_eq!(status.get(field).and_then(serde_json::Value::as_u64), Some(value), "{field}: {status}");
    }
    assert_eq!(status["is_running"], true);
    assert_eq!(status["running_kinds"]["clip"], 1);
    assert_eq!(status["wait"]["count"], 2);
    assert_eq!(status["wait"]["p50_ms"], 0);
    assert_eq!(status["wait"]["p99_ms"], 2_000);
}

#[test]
fn totals_are_kept_over_restarts() {
    let mut lab = Lab::new(plain());
    lab.add(job("clip"));
    lab.add(JobRequest { max_attempts: Some(2), ..job("clip") });
    lab.finish(done(""));
    lab.finish(failed("no"));
    lab.finish(failed("no"));
    let before = lab.queue.status(lab.now, 1).totals;
    lab.kill();
    assert_eq!(lab.queue.status(lab.now, 1).totals, before);
    assert_eq!((before.added, before.completed, before.retried, before.failed), (2, 1, 1, 1));
}

#[test]
fn lists_are_filtered_newest_first_and_in_pages() {
    let mut lab = Lab::new(plain());
    for name in ["Cup.jpg", "shoe.jpg", "cup 2.jpg", "lamp.jpg"] {
        lab.add(JobRequest { name: name.into(), ..job("clip") });
    }
    lab.add(job("report"));
    lab.finish(fatal("no"));
    let list = |filter: Filter| -> Vec<u64> {
        lab.queue.list(lab.now, &filter).iter().map(|job| job.id.0).collect()
    };
    let all = || Filter { limit: 10, ..Filter::default() };
    assert_eq!(list(all()), [5, 4, 3, 2, 1]);
    assert_eq!(list(Filter { name: Some("CUP".into()), ..all() }), [3, 1]);
    assert_eq!(list(Filter { states: [State::Failed].into(), ..all() }), [1]);
    assert_eq!(list(Filter { kinds: ["report".into()].into(), ..all() }), [5]);
    assert_eq!(list(Filter { limit: 2, before: Some(ocellus_jobs::JobId(4)), ..all() }), [3, 2]);
}

#[test]
fn a_workflow_is_one_answer_with_the_steps_of_all_its_jobs() {
    let mut lab = Lab::new(plain());
    let part = |label: &str| WorkflowJob::new(label, job("upscale"), &[]);
    let added = lab.workflow(vec![part("a"), part("b")]);
    lab.add(job("clip"));
    let report = |lab: &Lab| lab.queue.workflow(lab.now, added.id).unwrap();
    assert_eq!(report(&lab).state, State::Pending);
    let tokens = [(); 2].map(|()| lab.claim_under(&Limits::total(2)).unwrap().token);
    for token in tokens {
        lab.queue.progress(lab.now, token, 0.5, Some("tiles")).unwrap();
    }
    lab.wait_ms(2_000);
    lab.answer(tokens[0], done("")).unwrap();
    assert_eq!((report(&lab).state, report(&lab).progress), (State::Running, 0.75));
    lab.wait_ms(1_000);
    lab.answer(tokens[1], done("")).unwrap();
    let report = report(&lab);
    assert_eq!((report.state, report.jobs.len()), (State::Completed, 2));
    let times = serde_json::to_string(&report.processing_times).unwrap();
    assert_eq!(times, r#"{"tiles":5.0,"total":3.0}"#);
    assert!(lab.queue.workflow(lab.now, ocellus_jobs::JobId(3)).is_none());
}
