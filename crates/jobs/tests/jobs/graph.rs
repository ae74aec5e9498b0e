//! Jobs that depend on one another.

use ocellus_jobs::{
    AddError, After, Dependency, JobId, JobRequest, State, WaitsFor, WorkflowJob, WorkflowRequest,
};

use crate::support::{Lab, done, fatal, job, plain};

fn part(label: &str, after: &[&str]) -> WorkflowJob {
    WorkflowJob::new(label, job("clip"), after)
}

/// analysis -> variations -> upscale and clip -> save -> report
fn studio() -> Vec<WorkflowJob> {
    vec![
        part("report", &["save"]),
        part("save", &["upscale", "clip"]),
        part("upscale", &["variations"]),
        part("clip", &["variations"]),
        part("variations", &["analysis"]),
        part("analysis", &[]),
    ]
}

fn optional(job: JobId) -> Dependency {
    Dependency { job, optional: true }
}

fn needed(job: JobId) -> Dependency {
    Dependency { job, optional: false }
}

fn after(parents: Vec<Dependency>) -> JobRequest {
    JobRequest { parents, ..job("report") }
}

#[test]
fn a_workflow_runs_in_the_order_of_its_dependencies_and_children_get_results() {
    let mut lab = Lab::new(plain());
    let added = lab.workflow(studio());
    let [report, save, upscale, clip, variations, analysis] =
        [0, 1, 2, 3, 4, 5].map(|at: usize| added.jobs[at].id);
    assert_eq!(lab.get(report).waits, Some(WaitsFor::Parents { jobs: vec![save] }));
    assert_eq!(lab.finish(done("a")), analysis);
    lab.kill();
    assert_eq!(lab.finish(done("v")), variations);
    let (one, two) = (lab.run(), lab.run());
    assert_eq!([one.token.job(), two.token.job()], [upscale, clip], "both at once");
    assert_eq!(one.parents[0].result.as_deref(), Some(&b"v"[..]));
    assert!(lab.claim().is_none());
    lab.answer(two.token, done("c")).unwrap();
    assert!(lab.claim().is_none(), "it needs both");
    lab.answer(one.token, done("u")).unwrap();
    let claim = lab.run();
    let results: Vec<_> = claim.parents.iter().map(|parent| parent.result.clone().unwrap()).collect();
    assert_eq!(results, [(*b"u").into(), (*b"c").into()]);
    lab.answer(claim.token, done("s")).unwrap();
    assert_eq!(lab.finish(done("r")), report);
    assert_eq!(lab.queue.workflow(lab.now, added.id).unwrap().state, State::Completed);
}

#[test]
fn a_failed_parent_fails_what_needs_it_with_the_cause_and_lets_go_what_does_not() {
    let mut lab = Lab::new(plain());
    let mut jobs = studio();
    jobs[0].after = vec![After { label: "save".into(), optional: true }];
    let added = lab.workflow(jobs);
    lab.finish(fatal("photo.jpg: not a picture"));
    for at in 1..5 {
        let id = added.jobs[at].id;
        assert_eq!(lab.state(id), State::Failed);
        let cause = "needs job 1 (clip.jpg), which did not complete: photo.jpg: not a picture";
        assert_eq!(lab.message(id), cause);
    }
    let report = lab.run();
    assert_eq!(report.token.job(), added.jobs[0].id);
    let parent = &report.parents[0];
    assert_eq!((parent.state, parent.id), (State::Failed, added.jobs[1].id));
    assert!(parent.reason.as_ref().unwrap().contains("not a picture"), "{parent:?}");
    lab.answer(report.token, done("")).unwrap();
    assert_eq!(lab.queue.workflow(lab.now, added.id).unwrap().state, State::Failed);
    assert_eq!(lab.queue.status(lab.now, 1).totals.failed, 5);
}

#[test]
fn trying_a_failed_parent_again_opens_what_ended_because_of_it_also_in_a_diamond() {
    let mut lab = Lab::new(plain());
    let added = lab.workflow(studio());
    let analysis = added.jobs[5].id;
    lab.finish(fatal("no"));
    let refusal = lab.queue.retry(lab.now, added.jobs[0].id).unwrap_err().to_string();
    assert!(refusal.contains("needs job 1") && refusal.contains("try that job again first"), "{refusal}");
    lab.queue.retry(lab.now, analysis).unwrap();
    lab.commit();
    assert!(added.jobs.iter().all(|job| lab.state(job.id) == State::Pending));
    for _ in 0..6 {
        lab.finish(done(""));
    }
    assert!(added.jobs.iter().all(|job| lab.state(job.id) == State::Completed));
}

#[test]
fn a_child_with_two_failed_parents_waits_for_neither_when_one_is_tried_again() {
    let mut lab = Lab::new(plain());
    let (one, two) = (lab.add(job("a")), lab.add(job("b")));
    let child = lab.add(after(vec![needed(one), needed(two)]));
    lab.finish(fatal("one"));
    lab.finish(fatal("two"));
    lab.queue.retry(lab.now, one).unwrap();
    lab.commit();
    assert_eq!(lab.state(child), State::Failed);
    lab.queue.retry(lab.now, two).unwrap();
    lab.commit();
    assert_eq!(lab.state(child), State::Pending);
}

#[test]
fn an_optional_parent_that_is_tried_again_is_waited_for_and_does_not_open_the_way_twice() {
    let mut lab = Lab::new(plain());
    let (may, must) = (lab.add(job("a")), lab.add(job("b")));
    let child = lab.add(after(vec![optional(may), needed(must)]));
    lab.finish(fatal("no"));
    lab.wait_ms(1);
    lab.queue.retry(lab.now, may).unwrap();
    lab.commit();
    assert_eq!(lab.finish(done("")), must, "it came first");
    assert_eq!(lab.get(child).waits, Some(WaitsFor::Parents { jobs: vec![may] }));
    lab.finish(done("a"));
    assert_eq!(lab.finish(done("")), child);
}

#[test]
fn circles_and_unknown_parents_are_refused_with_their_names_and_nothing_is_added() {
    let mut lab = Lab::new(plain());
    let mut add = |jobs| lab.queue.add_workflow(lab.now, &WorkflowRequest { jobs }).unwrap_err();
    let cases = [
        (
            vec![part("a", &["c"]), part("b", &["a"]), part("c", &["b"]), part("d", &["a"])],
            "a -> b -> c -> a",
        ),
        (vec![part("a", &["a"])], "a -> a"),
        (vec![part("x", &["b", "nowhere"]), part("b", &[])], "job \"x\": it depends on \"nowhere\""),
        (vec![part("a", &[]), part("a", &[])], "two jobs of the workflow have the label \"a\""),
        (vec![], "has no jobs"),
    ];
    for (jobs, words) in cases {
        let error = add(jobs).to_string();
        // A circle has no first job.
        let turned = ["b -> c -> a -> b", "c -> a -> b -> c"];
        assert!(error.contains(words) || turned.iter().any(|circle| error.contains(circle)), "{error}");
    }
    let error = lab.queue.add(lab.now, after(vec![needed(JobId(7)), needed(JobId(9))])).unwrap_err();
    assert!(error.to_string().contains("depends on job 7, job 9, which do not exist here"), "{error}");
    assert_eq!(lab.queue.status(lab.now, 1).queue_size, 0);
    assert!(!lab.queue.has_changes());
}

#[test]
fn a_job_after_one_that_failed_is_refused_unless_it_is_optional() {
    let mut lab = Lab::new(plain());
    let parent = lab.add(job("a"));
    lab.finish(fatal("no"));
    let refusal = lab.queue.add(lab.now, after(vec![needed(parent)])).unwrap_err();
    assert!(matches!(refusal, AddError::ParentEnded { state: State::Failed, .. }), "{refusal}");
    let child = lab.add(after(vec![optional(parent)]));
    assert_eq!(lab.finish(done("")), child);
}

#[test]
fn a_workflow_that_does_not_fit_is_refused_whole() {
    let mut lab = Lab::new(ocellus_jobs::Settings { max_queue_size: 8, ..plain() });
    for _ in 0..3 {
        lab.add(job("clip"));
    }
    let error = lab.queue.add_workflow(lab.now, &WorkflowRequest { jobs: studio() }).unwrap_err();
    assert!(matches!(error, AddError::Full { waiting: 3, needed: 6, .. }), "{error}");
    let many = (0..9).map(|at| part(&at.to_string(), &[])).collect();
    let error = lab.queue.add_workflow(lab.now, &WorkflowRequest { jobs: many }).unwrap_err();
    assert!(matches!(error, AddError::TooLarge { jobs: 9, max: 8 }), "{error}");
    assert_eq!(lab.queue.status(lab.now, 1).queue_size, 3);
    lab.finish(done(""));
    lab.workflow(studio());
    assert_eq!(lab.queue.status(lab.now, 1).queue_size, 8);
}

#[test]
fn a_child_with_a_time_waits_for_both() {
    let mut lab = Lab::new(plain());
    let parent = lab.add(job("a"));
    let run_at_ms = Some(lab.now.utc_ms + 60_000);
    let child = lab.add(JobRequest { run_at_ms, ..after(vec![needed(parent)]) });
    lab.finish(done(""));
    assert!(lab.claim().is_none());
    lab.wait_ms(60_000);
    assert_eq!(lab.finish(done("")), child);
}

#[test]
fn a_chain_of_ten_thousand_jobs_fails_at_once_when_its_first_does() {
    let mut lab =
        Lab::new(ocellus_jobs::Settings { max_queue_size: 10_000, history_count: 20_000, ..plain() });
    let jobs = (0..10_000_u32)
        .map(|at| {
            let before = at.checked_sub(1).map(|at| at.to_string());
            part(&at.to_string(), &before.iter().map(String::as_str).collect::<Vec<_>>())
        })
        .collect();
    let added = lab.workflow(jobs);
    lab.finish(fatal("the first one"));
    let last = added.jobs.last().unwrap().id;
    assert_eq!(lab.message(last), "needs job 1 (clip.jpg), which did not complete: the first one");
    assert!(lab.queue.is_empty());
}
