//! The threads of this process and the CPU time of each, as the kernel counts it.

use std::fs;
use std::path::Path;

/// The kernel's unit of CPU time in `stat`, which is 100 Hz on every architecture that the service runs on.
const TICK_NS: u64 = 1_000_000_000 / 100;

/// One thread at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThreadFacts {
    /// The kernel's number of the thread.
    pub id: u32,
    /// Its name, of which the kernel keeps 15 bytes.
    pub name: String,
    /// CPU time since it began, in nanoseconds.
    pub cpu_ns: u64,
}

/// The threads of this process. One that ends meanwhile is left out; the list is empty where there is no `/proc`.
pub fn threads() -> Vec<ThreadFacts> {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    tasks.filter_map(|task| facts(task.file_name().to_str()?.parse().ok()?, &task.path())).collect()
}

fn facts(id: u32, task: &Path) -> Option<ThreadFacts> {
    let name = fs::read_to_string(task.join("comm")).ok()?.trim_end().to_owned();
    let cpu_ns = scheduled_ns(task).or_else(|| ticks_ns(task))?;
    Some(ThreadFacts { id, name, cpu_ns })
}

/// The time on a core, to the nanosecond; a kernel may be built without it.
fn scheduled_ns(task: &Path) -> Option<u64> {
    fs::read_to_string(task.join("schedstat")).ok()?.split_whitespace().next()?.parse().ok()
}

/// The same in ticks: fields 14 and 15 of `stat`. The second field, the name, may hold spaces and parentheses.
fn ticks_ns(task: &Path) -> Option<u64> {
    let stat = fs::read_to_string(task.join("stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let (user, system): (u64, u64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) * TICK_NS)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::supervisor::{Stop, spawn};

    #[test]
    fn a_thread_that_works_has_its_name_and_its_time_and_one_that_waits_has_none() {
        let stop = Stop::new();
        let (works, waits) = (stop.clone(), stop.clone());
        let busy = spawn("busy one", None, move || while !works.is_stopped() {}).unwrap();
        let idle = spawn("idle (one)", None, move || waits.wait(Duration::from_secs(600))).unwrap();
        let cpu_ns =
            |name: &str| threads().iter().find(|thread| thread.name == name).map(|thread| thread.cpu_ns);
        let deadline = Instant::now() + Duration::from_secs(30);
        while cpu_ns("busy one") < Some(50_000_000) || cpu_ns("idle (one)").is_none() {
            assert!(Instant::now() < deadline, "{:?}", threads());
        }
        assert!(cpu_ns("idle (one)") < Some(25_000_000), "{:?}", threads());
        for thread in threads() {
            let task = Path::new("/proc/self/task").join(thread.id.to_string());
            let ticks = ticks_ns(&task);
            assert!(ticks.is_none_or(|ticks| ticks <= thread.cpu_ns + 2_000_000_000), "{thread:?} {ticks:?}");
        }
        stop.stop();
        busy.join().unwrap();
        idle.join().unwrap();
    }
}
