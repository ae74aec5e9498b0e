//! Facts about this process and its machine: memory, CPU time, temperature.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// The kernel's figures about this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProcessFacts {
    /// Resident memory (RSS), in bytes.
    pub rss_bytes: u64,
    /// How many threads the process has.
    pub threads: u32,
    /// CPU time of all threads since the start.
    pub cpu: Duration,
}

impl ProcessFacts {
    /// Reads the facts. What cannot be read (no `/proc`) is zero.
    pub fn read() -> ProcessFacts {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let cpu = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        ProcessFacts {
            rss_bytes: field(&status, "VmRSS:").unwrap_or(0) * 1024,
            threads: field(&status, "Threads:").unwrap_or(0) as u32,
            cpu: Duration::new(cpu.tv_sec as u64, cpu.tv_nsec as u32),
        }
    }
}

/// Proportional memory (PSS): shared pages are divided among their users. The kernel walks the page tables
/// for it (milliseconds), so ask seldom. `None` where it may not be read.
pub fn pss_bytes() -> Option<u64> {
    let rollup = fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    Some(field(&rollup, "Pss:")? * 1024)
}

/// The hottest thermal zone in °C; `None` on a machine that has none.
pub fn temperature_c() -> Option<f32> {
    hottest(Path::new("/sys/class/thermal"))
}

fn hottest(folder: &Path) -> Option<f32> {
    let zones = fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let degrees = zones.filter_map(|zone| {
        // A zone whose sensor sleeps returns an error; absurd values are a driver's "no reading".
        let milli: i64 = fs::read_to_string(zone.path().join("temp")).ok()?.trim().parse().ok()?;
        (-50_000..=200_000).contains(&milli).then_some(milli as f32 / 1_000.0)
    });
    degrees.reduce(f32::max)
}

/// The first number after `name` at the start of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_facts_follow_what_the_process_does() {
        let before = ProcessFacts::read();
        let memory = vec![1u8; 64 << 20];
        let sum: u64 = memory.iter().map(|byte| u64::from(*byte)).sum();
        let after = ProcessFacts::read();
        assert_eq!(sum, 64 << 20);
        assert!(after.rss_bytes >= before.rss_bytes.saturating_add(32 << 20), "{before:?} {after:?}");
        assert!(after.cpu > before.cpu && after.threads >= 1);
        assert!(pss_bytes().is_none_or(|pss| pss > 32 << 20));
    }

    #[test]
    fn the_hottest_zone_counts_and_broken_sensors_do_not() {
        let folder = tempfile::tempdir().unwrap();
        for (zone, temp) in
            [("thermal_zone0", "41500\n"), ("thermal_zone1", "-274000\n"), ("cooling_device0", "")]
        {
            fs::create_dir(folder.path().join(zone)).unwrap();
            fs::write(folder.path().join(zone).join("temp"), temp).unwrap();
        }
        assert_eq!(hottest(folder.path()), Some(41.5));
        assert_eq!(hottest(&folder.path().join("none")), None);
    }
}
