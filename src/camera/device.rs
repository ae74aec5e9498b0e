//! Why a V4L2 device cannot be used: the system's own error, which GStreamer does not pass on.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use super::CaptureError;
use super::bus::{BusFault, FaultKind};

/// Most programs that a message names as users of a device.
const NAMED: usize = 4;

/// Explains an error of `v4l2src` for `device`. Opens it again, without blocking, to learn the system's error
/// number.
pub fn explain(device: &Path, fault: BusFault) -> CaptureError {
    let options = OpenOptions::new().read(true).write(true).custom_flags(libc::O_NONBLOCK).to_owned();
    let (what, next) = match options.open(device) {
        _ if fault.kind == FaultKind::Busy => busy(device),
        Err(error) => unopened(device, &error),
        Ok(file) => match file.metadata() {
            // 81: the major number of video4linux (Linux, admin-guide/devices.txt).
            Ok(meta) if !meta.file_type().is_char_device() || libc::major(meta.rdev()) != 81 => no_camera(),
            _ if fault.kind == FaultKind::Resource => (
                fault.cause,
                "many cameras show several devices, of which one captures: v4l2-ctl --list-devices names them".into(),
            ),
            _ => return CaptureError::Stream(fault),
        },
    };
    CaptureError::Device { device: device.into(), what, next }
}

fn no_camera() -> (String, String) {
    ("it is not a video device".into(), "v4l2-ctl --list-devices names those that are".into())
}

fn unopened(device: &Path, error: &io::Error) -> (String, String) {
    match error.raw_os_error() {
        Some(libc::EBUSY) => busy(device),
        Some(libc::ENODEV | libc::ENXIO) => (
            format!("the device is gone ({error})"),
            "plug the camera in again; `dmesg` says why the driver let it go".into(),
        ),
        _ => match error.kind() {
            ErrorKind::NotFound => (
                format!("it is not there ({error})"),
                "check that the camera is plugged in; `ls -l /dev/v4l/by-id` lists those that are".into(),
            ),
            ErrorKind::PermissionDenied => (
                format!("this user may not open it ({error})"),
                format!(
                    "add the user to the group {} (usermod -aG GROUP USER), or write a udev rule; a systemd unit also \
                     needs DeviceAllow={} rw",
                    group_of(device),
                    device.display()
                ),
            ),
            _ => (format!("it cannot be opened ({error})"), no_camera().1),
        },
    }
}

fn busy(device: &Path) -> (String, String) {
    let holders = holders(device, Path::new("/proc"));
    let who = if holders.is_empty() { "another program".into() } else { holders.join(", ") };
    let next = match holders.is_empty() {
        true => format!("`sudo fuser -v {}` names it; stop it", device.display()),
        false => "stop it, or give it another camera".into(),
    };
    (format!("it is in use by {who}"), next)
}

/// The programs that have `device` open, as far as this user may see them: `NAME (process N)`.
fn holders(device: &Path, proc: &Path) -> Vec<String> {
    let wanted = fs::canonicalize(device).unwrap_or_else(|_| device.into());
    let processes = fs::read_dir(proc).into_iter().flatten().flatten();
    let holds = |folder: &Path| {
        let open = fs::read_dir(folder.join("fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| fs::read_link(entry.path()).is_ok_and(|target| target == wanted))
    };
    let named = processes.filter_map(|process| {
        let id: u32 = process.file_name().to_str()?.parse().ok()?;
        let name = || fs::read_to_string(process.path().join("comm")).unwrap_or_default().trim().to_owned();
        holds(&process.path()).then(|| match id == std::process::id() {
            true => "another camera of this configuration".into(),
            false => format!("{} (process {id})", name()),
        })
    });
    named.take(NAMED).collect()
}

/// The name of the group that the device belongs to; `video` where it cannot be found out.
fn group_of(device: &Path) -> String {
    let named = |id: u32| {
        let groups = fs::read_to_string("/etc/group").ok()?;
        let line = groups.lines().find(|line| line.split(':').nth(2) == Some(&id.to_string()))?;
        Some(line.split(':').next()?.to_owned())
    };
    let group = fs::metadata(device).ok().filter(|meta| meta.gid() != 0).and_then(|meta| named(meta.gid()));
    group.unwrap_or_else(|| "video".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_system_has_a_remedy_of_its_own() {
        let device = Path::new("/dev/video0");
        for (errno, what, next) in [
            (libc::ENOENT, "not there", "plugged in"),
            (libc::EACCES, "may not open", "usermod"),
            (libc::EPERM, "may not open", "DeviceAllow"),
            (libc::EBUSY, "in use", "stop it"),
            (libc::ENODEV, "gone", "dmesg"),
        ] {
            let (message, remedy) = unopened(device, &io::Error::from_raw_os_error(errno));
            assert!(message.contains(what) && remedy.contains(next), "{errno}: {message}; {remedy}");
        }
    }

    #[test]
    fn the_program_that_holds_a_device_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let device = folder.path().join("video7");
        fs::write(&device, "").unwrap();
        let proc = folder.path().join("proc");
        fs::create_dir_all(proc.join("4711/fd")).unwrap();
        fs::create_dir_all(proc.join("4712/fd")).unwrap();
        fs::write(proc.join("4711/comm"), "cheese\n").unwrap();
        std::os::unix::fs::symlink(fs::canonicalize(&device).unwrap(), proc.join("4711/fd/5")).unwrap();
        std::os::unix::fs::symlink("/dev/null", proc.join("4712/fd/5")).unwrap();
        assert_eq!(holders(&device, &proc), ["cheese (process 4711)"]);
    }
}
