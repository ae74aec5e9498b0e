//! Which unit of systemd started this process, if one did: systemd may start it again when it ends.

use std::fs;

/// The unit's name where that is unknown; the shipped unit has it.
const USUAL: &str = "ocellus.service";

/// The unit of systemd whose main process this is. `None` if another program started it, also if that program is
/// itself part of a unit.
pub fn systemd_unit() -> Option<String> {
    // systemd 248 and later sets the process that it started itself (systemd.exec(5)); children inherit it.
    let started = std::env::var("SYSTEMD_EXEC_PID").ok()?;
    if started != std::process::id().to_string() {
        return None;
    }
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(unit_of(&groups).unwrap_or(USUAL).to_owned())
}

/// Tells whether two processes mean the same by a process's number: containers count by themselves. Empty where there is
/// no `/proc`.
pub fn pid_namespace() -> String {
    let link = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    link.to_string_lossy().into_owned()
}

/// The last service or scope of the control group's path.
fn unit_of(groups: &str) -> Option<&str> {
    let paths = groups.lines().filter_map(|line| line.splitn(3, ':').nth(2));
    paths.flat_map(|path| path.rsplit('/')).find(|part| part.ends_with(".service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_is_read_from_the_control_group() {
        assert_eq!(unit_of("0::/system.slice/ocellus-line2.service\n"), Some("ocellus-line2.service"));
        let nested = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/box.service/sub\n";
        assert_eq!(unit_of(nested), Some("box.service"));
        assert_eq!(unit_of("0::/\n"), None);
        assert_eq!(systemd_unit(), None, "nobody started the tests as a unit's main process");
    }
}
