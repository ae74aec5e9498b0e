//! A virtual serial port: a pseudo-terminal in raw mode, whose other side is found under a name of our choice.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::barrier::BarrierError;

/// Where the kernel keeps the other sides.
const PTS: &str = "/dev/pts";
/// How long nobody may be on the port before it is looked at again.
const LONELY: Duration = Duration::from_millis(20);

/// Our side of the port.
#[derive(Debug)]
pub(super) struct Port {
    master: OwnedFd,
    /// The other side as the kernel calls it.
    device: PathBuf,
    /// The name that we gave it.
    link: PathBuf,
}

impl Port {
    /// Opens a port whose other side is at `link`.
    ///
    /// # Errors
    /// [`BarrierError`] where the system has no pseudo-terminal left, or `link` cannot be made or is something else.
    pub fn open(link: &Path) -> Result<Port, BarrierError> {
        let pty = || -> io::Result<(OwnedFd, PathBuf)> {
            let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
            grantpt(&master)?;
            unlockpt(&master)?;
            // A line is a line: no echo of answers, no translated ends of lines.
            let mut settings = tcgetattr(&master)?;
            settings.make_raw();
            tcsetattr(&master, OptionalActions::Now, &settings)?;
            fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
            // Only after the other side was open once does the kernel tell when nobody is there.
            let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
            drop(ioctl_tiocgptpeer(&master, flags)?);
            let device = ptsname(&master, Vec::new())?;
            Ok((master, PathBuf::from(device.to_string_lossy().into_owned())))
        };
        let (master, device) = pty().map_err(|source| BarrierError::Pty { source })?;
        name(&device, link)?;
        Ok(Port { master, device, link: link.to_owned() })
    }

    /// Where the other side is found.
    pub fn link(&self) -> &Path {
        &self.link
    }

    /// Whether somebody has the other side open.
    pub fn is_heard(&self) -> bool {
        let mut ask = [PollFd::new(&self.master, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut ask, Some(&now)).is_ok() && !ask[0].revents().contains(PollFlags::HUP)
    }

    /// Writes without waiting; returns how many bytes there was room for.
    pub fn write(&self, bytes: &[u8]) -> usize {
        rustix::io::write(&self.master, bytes).unwrap_or(0)
    }

    /// Waits for bytes from the other side. `None`: something came on `wake`; 0 bytes: nothing after all.
    pub fn read(&self, bytes: &mut [u8], wake: impl AsFd) -> Option<usize> {
        let mut both = [PollFd::new(&wake, PollFlags::IN), PollFd::new(&self.master, PollFlags::IN)];
        // Cut short by a signal, it is as if nothing had come.
        let _ = poll(&mut both, None);
        if !both[0].revents().is_empty() {
            return None;
        }
        if let Ok(count) = rustix::io::read(&self.master, bytes) {
            return Some(count);
        }
        // Nobody is on the port: the kernel says so at once each time, so it is asked only now and then.
        let pause = Timespec { tv_sec: 0, tv_nsec: LONELY.subsec_nanos().into() };
        let _ = poll(&mut both[..1], Some(&pause));
        Some(0)
    }

    /// What the other side has written and nobody has read yet.
    pub fn read_rest(&self, bytes: &mut [u8]) -> usize {
        rustix::io::read(&self.master, bytes).unwrap_or(0)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // Only our own: another barrier may have taken the name since.
        if std::fs::read_link(&self.link).is_ok_and(|target| target == self.device) {
            let _ = std::fs::remove_file(&self.link);
        }
    }
}

/// Makes `link` a symbolic link to `device`, in the place of one that a port left behind.
fn name(device: &Path, link: &Path) -> Result<(), BarrierError> {
    match std::fs::symlink_metadata(link) {
        Ok(_) if std::fs::read_link(link).is_ok_and(|target| target.starts_with(PTS)) => {
            std::fs::remove_file(link)
                .map_err(|source| BarrierError::Link { link: link.to_owned(), source })?;
        }
        Ok(_) => return Err(BarrierError::Taken { link: link.to_owned() }),
        Err(_) => {}
    }
    std::os::unix::fs::symlink(device, link)
        .map_err(|source| BarrierError::Link { link: link.to_owned(), source })
}
