//! Requests that are refused: each with what, where, why and what to do next, and nothing of them is taken.

use ocellus_jobs::{Dependency, JobId, JobRequest, Settings};

use crate::support::{Lab, job, plain};

#[test]
fn faulty_requests_are_refused_by_name_before_any_work() {
    let settings = Settings { kinds: Some(["clip".into(), "report".into()].into()), ..plain() };
    let mut lab = Lab::new(settings);
    let named = |name: &str| JobRequest { name: name.into(), ..job("clip") };
    let cases = [
        (job(""), "kind is empty: give it 1 to 32 characters"),
        (
            job("Clip"),
            "kind has the character U+0043 at position 1, which is not allowed: use a-z, 0-9, _ and -",
        ),
        (job(&"k".repeat(33)), "kind has 33 characters, at most 32 are allowed"),
        (job("paint"), "kind \"paint\" does not exist: use one of clip, report"),
        (named(""), "name is empty"),
        (named("../etc/passwd"), "U+002F at position 3"),
        (named("..passwd"), "name is \"..passwd\", a path"),
        (named("."), "a path"),
        (named("a\nb"), "U+000A at position 2"),
        (named("a\u{202e}gpj.exe"), "U+202E at position 2"),
        (named("a\0"), "U+0000 at position 2"),
        (named("C:\\a"), "U+005C at position 3"),
        (named(&"ü".repeat(129)), "name has 129 characters, at most 128 are allowed: shorten \"üüü"),
        (JobRequest { unique_key: Some("".into()), ..job("clip") }, "unique_key is empty"),
        (JobRequest { unique_key: Some("k".repeat(257)), ..job("clip") }, "unique_key has 257 characters"),
        (
            JobRequest { payload: vec![0; 65_537].into(), ..job("clip") },
            "the payload has 65537 bytes, at most 65536",
        ),
        (JobRequest { max_attempts: Some(0), ..job("clip") }, "max_attempts is 0: use 1 to 100"),
        (JobRequest { max_attempts: Some(101), ..job("clip") }, "max_attempts is 101"),
        (JobRequest { time_limit_ms: Some(0), ..job("clip") }, "time_limit_ms is 0: use 1 to 86400000"),
        (JobRequest { time_limit_ms: Some(u64::MAX), ..job("clip") }, "time_limit_ms is"),
        (JobRequest { run_at_ms: Some(i64::MAX), ..job("clip") }, "run_at_ms is"),
        (JobRequest { run_at_ms: Some(-1), ..job("clip") }, "run_at_ms is -1: use 0 to"),
        (
            JobRequest { parents: vec![Dependency { job: JobId(1), optional: true }; 65], ..job("clip") },
            "it depends on 65 jobs, at most 64 are allowed",
        ),
    ];
    let count = cases.len() as u64;
    for (request, words) in cases {
        let refusal = lab.queue.add(lab.now, request).unwrap_err().to_string();
        assert!(refusal.contains(words), "{refusal:?} has not {words:?}");
        assert!(!refusal.chars().any(char::is_control), "{refusal:?} is safe on a terminal");
    }
    assert!(!lab.queue.has_changes() && lab.queue.is_empty());
    assert_eq!(lab.queue.status(lab.now, 1).totals.refused, count);
}

#[test]
fn a_name_is_not_a_formula_and_letters_of_all_scripts_are_names() {
    let mut lab = Lab::new(plain());
    for name in ["Größe 42.png", "写真.jpg", "=SUM(A1)", ".hidden.png", "a..b"] {
        lab.add(JobRequest { name: name.into(), ..job("clip") });
    }
}

#[test]
fn reasons_of_failing_work_are_cut_and_cleaned() {
    let mut lab = Lab::new(plain());
    let id = lab.add(job("clip"));
    lab.finish(crate::support::fatal(&format!("\u{1b}[31m{}", "x".repeat(5_000))));
    let message = lab.message(id);
    assert_eq!(message.chars().count(), 1_001);
    assert!(message.starts_with(" [31mxxx") && message.ends_with('…'));
}

#[test]
fn settings_out_of_range_are_refused_by_name() {
    let check = |change: fn(&mut Settings)| {
        let mut settings = Settings::default();
        change(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    assert_eq!(check(|s| s.max_queue_size = 0), "max_queue_size is 0: use 1 to 1000000");
    assert_eq!(check(|s| s.age_ms = 0), "age_ms is 0: use 1 to 86400000");
    assert_eq!(check(|s| s.backoff_longest_ms = 5), "backoff_longest_ms is 5: use 1000 to 86400000");
    assert_eq!(check(|s| s.bounds.steps = 0), "bounds.steps is 0: use 1 to 1000");
    Settings::default().check().unwrap();
}
