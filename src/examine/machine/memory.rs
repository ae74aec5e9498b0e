//! Memory that is left, and time lost by waiting for memory or disks.

use super::Machine;
use crate::examine::Note;
use crate::types::Explanation;

/// Less available memory than this, or than this part of all, is short: the kernel begins to throw away the program's own
/// pages and reads them again.
const LEAST_KIB: u64 = 48 << 10;
const LEAST_PART: u64 = 20;
/// Share of time in percent, over ten seconds, in which everything stood still for a resource.
const STALLED_PERCENT: f32 = 10.0;

/// Whether memory is short: `/proc/meminfo` (proc(5)), `/proc/vmstat` and pressure stall information.
pub(in crate::examine) fn memory(machine: &Machine) -> Vec<Note> {
    let place = "/proc/meminfo";
    let text = machine.text("proc/meminfo").unwrap_or_default();
    let (Some(total), Some(available)) = (kib(&text, "MemTotal:"), kib(&text, "MemAvailable:")) else {
        return vec![Note::ok(place, "the kernel reports no memory here")];
    };
    let stalled = pressure(machine, "memory").unwrap_or(0.0);
    let figures = format!("{} of {} MiB are available", available >> 10, total >> 10);
    let remedy = "see what uses it (`top -o %MEM`); fewer workers, a smaller model or `ring_slots`, and end other programs";
    let mut notes = vec![];
    if available < LEAST_KIB || available < total / LEAST_PART {
        notes.push(Note::fault(place, Explanation::new(format!("memory is short: {figures}"), remedy)));
    } else if stalled >= STALLED_PERCENT {
        let cause = format!(
            "memory is short: everything waited for it in {stalled:.0} % of the last 10 s, though {figures}"
        );
        notes.push(Note::fault("/proc/pressure/memory", Explanation::new(cause, remedy)));
    } else {
        notes.push(Note::ok(place, figures));
    }
    let killed = machine.text("proc/vmstat").unwrap_or_default();
    if let Some(killed) = number(&killed, "oom_kill ").filter(|killed| *killed > 0) {
        let cause =
            format!("the kernel has ended {killed} programs since the start, because memory was used up");
        let what = Explanation::new(cause, "`dmesg | grep -i oom` names them");
        notes.push(Note::warning("/proc/vmstat", what));
    }
    notes
}

/// The share of the last 10 s, in percent, in which every task waited for `what` (`io`, `memory`); `None` where the kernel
/// does not measure it (Linux, accounting/psi.rst).
pub(in crate::examine) fn pressure(machine: &Machine, what: &str) -> Option<f32> {
    let text = machine.text(format!("proc/pressure/{what}"))?;
    let full = text.lines().find_map(|line| line.strip_prefix("full "))?;
    full.split_whitespace().find_map(|field| field.strip_prefix("avg10=")?.parse().ok())
}

fn kib(text: &str, name: &str) -> Option<u64> {
    number(text, name)
}

/// The first number after `name` at the start of a line.
fn number(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::examine::Severity;

    #[test]
    fn short_memory_is_a_fault_and_programs_that_were_ended_are_a_warning() {
        let meminfo = |available: u64| {
            format!("MemTotal:        1980000 kB\nMemFree:   20000 kB\nMemAvailable:   {available} kB\n")
        };
        let state = |files: &[(&str, &str)]| {
            let (_dir, machine) = fixture(files);
            memory(&machine).into_iter().map(|note| note.state).collect::<Vec<_>>()
        };
        assert_eq!(state(&[("proc/meminfo", &meminfo(900_000))]), [Severity::Ok]);
        assert_eq!(state(&[("proc/meminfo", &meminfo(60_000))]), [Severity::Fault]);
        let stalls = "some avg10=40.10 avg60=9.00 avg300=1.00 total=5\nfull avg10=31.20 avg60=7.00 avg300=1.00 total=4\n";
        assert_eq!(
            state(&[("proc/meminfo", &meminfo(900_000)), ("proc/pressure/memory", stalls)]),
            [Severity::Fault]
        );
        assert_eq!(
            state(&[("proc/meminfo", &meminfo(900_000)), ("proc/vmstat", "nr_free_pages 7\noom_kill 3\n")]),
            [Severity::Ok, Severity::Warning]
        );
        assert_eq!(state(&[]), [Severity::Ok]);
    }
}
