//! A virtual serial port: a pseudo-terminal in raw mode, whose other side has a configurable path.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::LightBarrierError;

/// The folder in which the kernel creates the other sides.
const PTS: &str = "/dev/pts";
/// How often a port that no program has open is polled.
const UNUSED_POLL: Duration = Duration::from_millis(20);

/// The master side of the virtual port.
#[derive(Debug)]
pub(super) struct VirtualPort {
    master: OwnedFd,
    /// The kernel's path of the other side.
    device: PathBuf,
    /// The symbolic link to it that this port made.
    link: PathBuf,
}

impl VirtualPort {
    /// Opens a port whose other side is at `link`.
    ///
    /// # Errors
    /// [`LightBarrierError`] where the system has no pseudo-terminal left, `link` cannot be made, or another
    /// file is there.
    pub fn open(link: &Path) -> Result<VirtualPort, LightBarrierError> {
        let pty = || -> io::Result<(OwnedFd, PathBuf)> {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
            grantpt(&master)?;
            unlockpt(&master)?;
            // Raw mode: answers must not be echoed, and line ends must not be translated.
            let mut settings = tcgetattr(&master)?;
            settings.make_raw();
            tcsetattr(&master, OptionalActions::Now, &settings)?;
            fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
            // The kernel reports a hang-up only after the other side was open once.
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            drop(ioctl_tiocgptpeer(&master, flags)?);
            let device = ptsname(&master, Vec::new())?;
            Ok((master, PathBuf::from(device.to_string_lossy().into_owned())))
        };
        let (master, device) = pty().map_err(|source| LightBarrierError::Pty { source })?;
        name(&device, link)?;
        Ok(VirtualPort { master, device, link: link.to_owned() })
    }

    /// The path of the other side.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Whether a program has the other side open.
    pub fn is_open(&self) -> bool {
        let mut side = [PollFd::new(&self.master, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut side, Some(&now)).is_ok() && !side[0].revents().contains(PollFlags::HUP)
    }

    /// Writes without waiting; returns how many bytes were written.
    pub fn write(&self, bytes: &[u8]) -> usize {
        rustix::io::write(&self.master, bytes).unwrap_or(0)
    }

    /// Waits for bytes from the other side. `None`: `wake` was signalled; 0 bytes: a spurious wake-up.
    pub fn read(&self, bytes: &mut [u8], wake: impl AsFd) -> Option<usize> {
        let mut both = [PollFd::new(&wake, PollFlags::IN), PollFd::new(&self.master, PollFlags::IN)];
        // A signal that interrupts the poll counts as a wake-up without bytes.
        let _ = poll(&mut both, None);
        if !both[0].revents().is_empty() {
            return None;
        }
        if let Ok(count) = rustix::io::read(&self.master, bytes) {
            return Some(count);
        }
        // While no program has the port open, `poll` returns at once each time, so the loop pauses.
        let pause = Timespec { tv_sec: 0, tv_nsec: UNUSED_POLL.subsec_nanos().into() };
        let _ = poll(&mut both[..1], Some(&pause));
        Some(0)
    }

    /// Reads what the other side has written and nobody has read yet.
    pub fn read_rest(&self, bytes: &mut [u8]) -> usize {
        rustix::io::read(&self.master, bytes).unwrap_or(0)
    }
}

impl Drop for VirtualPort {
    fn drop(&mut self) {
        // Removes only its own link, because another barrier may have taken the path since.
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.device) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

/// Makes `link` a symbolic link to `device`, replacing one that an earlier port left behind.
fn name(device: &Path, link: &Path) -> Result<(), LightBarrierError> {
    match std::fs::symlink_metadata(link) {
        Ok(_) if std::fs::read_link(link).is_ok_and(|target| target.starts_with(PTS)) => {
            std::fs::remove_file(link)
                .map_err(|source| LightBarrierError::Link { link: link.to_owned(), source })?;
        }
        Ok(_) => return Err(LightBarrierError::Taken { link: link.to_owned() }),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(device, link)
        .map_err(|source| LightBarrierError::Link { link: link.to_owned(), source })
}
