//! Cores that the kernel has switched off.

use std::collections::BTreeSet;

use super::Machine;
use crate::examine::Note;
use crate::types::Explanation;

/// The kernel's lists of cores, `0-3,6` (Linux, admin-guide/cputopology.rst).
const FOLDER: &str = "sys/devices/system/cpu";

/// Whether every core of the machine is online; `wanted` are those of `workers.cores`.
pub(in crate::examine) fn cores(machine: &Machine, wanted: &[usize]) -> Vec<Note> {
    let place = format!("/{FOLDER}/online");
    let list = |name: &str| machine.text(format!("{FOLDER}/{name}")).and_then(|text| parsed(&text));
    let (Some(present), Some(online)) = (list("present"), list("online")) else {
        return vec![Note::ok(place, "the kernel lists no cores here")];
    };
    let off: Vec<usize> = present.difference(&online).copied().collect();
    if off.is_empty() {
        return vec![Note::ok(place, format!("{} cores are online", online.len()))];
    }
    let missed: Vec<usize> = off.iter().copied().filter(|core| wanted.contains(core)).collect();
    let remedy = format!(
        "echo 1 > /{FOLDER}/cpu{}/online; if it is off again after a restart, look for maxcpus=, nr_cpus= or nosmt in /proc/cmdline, \
         and for a fault of the core in `dmesg`",
        off[0]
    );
    let named = |cores: &[usize]| {
        let words: Vec<String> = cores.iter().map(usize::to_string).collect();
        let (noun, verb) = if cores.len() == 1 { ("core", "is") } else { ("cores", "are") };
        format!("{noun} {} {verb} offline", words.join(", "))
    };
    let of = format!("of {} that the machine has", present.len());
    vec![match missed.is_empty() {
        true => Note::warning(place, Explanation::new(format!("{} {of}", named(&off)), remedy)),
        false => {
            let cause = format!("{} {of}, and workers.cores names it", named(&missed));
            Note::fault(place, Explanation::new(cause, remedy))
        }
    }]
}

/// A list such as `0-3,6`.
fn parsed(text: &str) -> Option<BTreeSet<usize>> {
    let mut cores = BTreeSet::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if last > 1 << 16 {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::examine::Severity;

    #[test]
    fn an_offline_core_is_a_fault_where_a_worker_needs_it_and_a_warning_elsewhere() {
        let files =
            [("sys/devices/system/cpu/present", "0-3\n"), ("sys/devices/system/cpu/online", "0,2-3\n")];
        let (_dir, machine) = fixture(&files);
        let note = &cores(&machine, &[0, 1])[0];
        assert_eq!(note.state, Severity::Fault);
        assert!(note.what.cause.starts_with("core 1 is offline of 4"), "{note:?}");
        assert!(note.what.remedy.contains("cpu1/online"), "{note:?}");
        assert_eq!(cores(&machine, &[0])[0].state, Severity::Warning);
        let (_dir, whole) = fixture(&[files[0], ("sys/devices/system/cpu/online", "0-3\n")]);
        assert_eq!(cores(&whole, &[0, 1])[0].state, Severity::Ok);
        assert_eq!(parsed("0-1,x"), None);
    }
}
