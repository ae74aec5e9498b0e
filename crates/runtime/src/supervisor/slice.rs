//! Sets how long a thread runs before the scheduler may switch.

use std::sync::Once;
use std::time::Duration;

/// Gives the calling thread time slices of `slice` (0.1 to 100 ms; 0: the kernel's default). Its share of a
/// core still follows its nice value. But a thread that wakes up takes the core at once from one with longer
/// slices, instead of waiting for up to a tick (sched(7); EEVDF, Linux 6.12). Older kernels ignore it, and
/// threads under another policy than the normal one keep theirs.
pub fn time_slice(slice: Duration) {
    static WARNED: Once = Once::new();
    if let Err(error) = set(slice) {
        WARNED.call_once(|| {
            tracing::warn!(
                "threads keep the kernel's time slices, so a result may wait some ms for a decoder: {error}; \
                 allow sched_setattr"
            );
        });
    }
}

fn set(slice: Duration) -> std::io::Result<()> {
    let mut attributes = get()?;
    if attributes.sched_policy != libc::SCHED_OTHER as u32 {
        return Ok(());
    }
    attributes.sched_runtime = slice.as_nanos() as u64;
    // SAFETY: the kernel reads `attributes.size` bytes of the struct, a size that it reported itself.
    checked(unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) })
}

/// How the calling thread is scheduled.
fn get() -> std::io::Result<libc::sched_attr> {
    let size = u32::try_from(size_of::<libc::sched_attr>()).unwrap_or(0);
    // SAFETY: all zeros is a value of this struct of integers.
    let mut attributes: libc::sched_attr = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes at most `size` bytes to the struct, which has that size; 0 is the calling
    // thread.
    checked(unsafe { libc::syscall(libc::SYS_sched_getattr, 0, &raw mut attributes, size, 0) })?;
    Ok(attributes)
}

fn checked(rc: libc::c_long) -> std::io::Result<()> {
    if rc < 0 { Err(std::io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the kernel supports slices for each thread.
    fn has_slices() -> bool {
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        let mut numbers = release.split(['.', '-']).map_while(|word| word.parse::<u32>().ok());
        (numbers.next(), numbers.next()) >= (Some(6), Some(12))
    }

    #[test]
    fn a_thread_gets_its_slices_and_keeps_its_nice_value_and_its_cores() {
        std::thread::spawn(|| {
            rustix::process::nice(3).unwrap();
            let cores = crate::supervisor::usable_cores();
            let (usual, own) = (get().unwrap().sched_runtime, Duration::from_millis(20));
            set(own).unwrap();
            let changed = get().unwrap().sched_runtime;
            set(Duration::ZERO).unwrap();
            let reset = get().unwrap().sched_runtime;
            if has_slices() {
                assert_eq!((changed, reset), (own.as_nanos() as u64, usual));
            } else {
                println!("skipped in part: this kernel is older than 6.12");
            }
            assert_eq!(rustix::process::getpriority_process(None).unwrap(), 3);
            assert_eq!(crate::supervisor::usable_cores(), cores);
        })
        .join()
        .unwrap();
    }
}
