//! How long a thread runs at a stretch.

use std::time::Duration;

/// Gives the calling thread time slices of `slice` (0.1 to 100 ms) instead of the kernel's own. Its share of a core
/// stays what its nice value makes it; but a thread that wakes up takes the core at once from one whose slices are
/// longer, instead of waiting for up to a tick (sched(7); EEVDF, Linux 6.12). Older kernels ignore it, and threads
/// that run by another policy than the normal one keep it.
pub fn time_slice(slice: Duration) {
    if let Err(error) = set(slice) {
        tracing::debug!("a thread keeps the kernel's time slice: {error}");
    }
}

fn set(slice: Duration) -> std::io::Result<()> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    // SAFETY: all zeros is a value of this struct of integers.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes to the struct, which is as large; 0 is the calling thread.
    checked(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) })?;
    if attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return Ok(());
    }
    attributes.sched_runtime = slice.as_nanos() as u64;
    // SAFETY: the kernel reads `attributes.size` bytes, which it filled in itself, of the struct.
    checked(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) })
}

fn checked(rc: libc::c_long) -> std::io::Result<()> {
    if rc < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_keeps_its_nice_value_and_its_core_when_its_slices_change() {
        std::thread::spawn(|| {
            rustix::process::nice(3).unwrap();
            let cores = crate::config::usable_cores();
            set(Duration::from_millis(20)).unwrap();
            assert_eq!(rustix::process::getpriority_process(None).unwrap(), 3);
            assert_eq!(crate::config::usable_cores(), cores);
        })
        .join()
        .unwrap();
    }
}
