//! A box that has run out of file handles.

use std::collections::BTreeSet;
use std::net::TcpStream;

use crate::support::messages::listen;
use crate::support::wait_until;
use crate::web::client::{SCENE, place};

const LINE: &str = "no connection to the page can be taken";

/// Sets the limit of open files of `process`, and gives the former one.
fn limit(process: u32, files: u64) -> u64 {
    let mut former = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    let process = process as libc::pid_t;
    // SAFETY: both structures outlive the calls; the process is a child that was not yet waited for.
    unsafe {
        assert_eq!(libc::prlimit(process, libc::RLIMIT_NOFILE, std::ptr::null(), &mut former), 0);
        let wanted = libc::rlimit { rlim_cur: files.min(former.rlim_max), ..former };
        assert_eq!(libc::prlimit(process, libc::RLIMIT_NOFILE, &wanted, std::ptr::null_mut()), 0);
    }
    former.rlim_cur
}

/// The lowest handle that `process` does not use: with a limit of so many it gets no other.
fn lowest_free(process: u32) -> u64 {
    let entries = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().flatten();
    let used: BTreeSet<u64> =
        entries.map(|entry| entry.file_name().to_str().unwrap().parse().unwrap()).collect();
    (0..).find(|handle| !used.contains(handle)).unwrap()
}

#[test]
fn without_file_handles_the_log_has_one_line_and_the_page_is_back_when_they_are() {
    let place = place("", SCENE);
    let watcher = listen(place.broker.port);
    let failed =
        |reported: &serde_json::Value| reported["counters"]["web/accepts_failed"].as_u64().unwrap_or(0);
    let process = place.service.id();
    let usual = limit(process, lowest_free(process));
    let (mut waiting, mut heard) = (Vec::new(), 0);
    wait_until("connections that are not taken", || {
        // What the service had open for a moment may have been closed meanwhile.
        limit(process, lowest_free(process));
        let telemetry = watcher.json("telemetry");
        let count = telemetry.iter().map(failed).max().unwrap_or(0);
        // One more for each message, and not more than the system lets wait.
        if count == 0 && telemetry.len() > heard {
            heard = telemetry.len();
            waiting.push(TcpStream::connect(place.at).unwrap());
        }
        count >= 5
    });
    let lines = place.service.log().lines().filter(|line| line.contains(LINE)).count();
    assert_eq!(lines, 1, "{}", place.service.log());
    limit(process, usual);
    place.service.wait_log(&["connections to the page are taken again"]);
    drop(waiting);
    wait_until("the page answers", || place.client().get("/healthz").status == 200);
    place.end();
}
