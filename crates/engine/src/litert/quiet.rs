//! Captures what the runtime writes to standard error while it compiles: its INFO lines do not belong in the
//! log, and its ERROR lines name the operator that a status code hides. No API reaches that logger. What
//! others write meanwhile is passed on.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Mutex, MutexGuard};

/// Standard error, which the first of several compiling threads sends to memory and the last one puts back:
/// sessions are built in parallel, and a process has only one.
#[derive(Debug, Default)]
pub(super) struct StderrCapture {
    redirected: Mutex<Option<Redirected>>,
}

#[derive(Debug)]
struct Redirected {
    memory: File,
    stderr: OwnedFd,
    /// Threads that are compiling.
    listeners: usize,
}

impl StderrCapture {
    /// Runs `work` with standard error going to memory, and gives the runtime's ERROR lines since, each behind
    /// `; `. They may be those of another thread that compiles meanwhile: lines carry no thread. Where the
    /// redirection fails, `work` runs without it.
    pub fn capture<T>(&self, work: impl FnOnce() -> T) -> (T, String) {
        let Some(capture) = self.begin() else { return (work(), String::new()) };
        let result = work();
        let said = capture.errors();
        (result, said)
    }

    fn begin(&self) -> Option<Capturing<'_>> {
        let mut redirected = self.lock();
        if redirected.is_none() {
            *redirected = redirect();
        }
        let state = redirected.as_mut()?;
        state.listeners += 1;
        Some(Capturing { stderr: self, from: state.memory.metadata().map_or(0, |about| about.len()) })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Redirected>> {
        self.redirected.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// One thread's share; the last one puts standard error back, also when its work panics.
struct Capturing<'a> {
    stderr: &'a StderrCapture,
    /// Offset in the memory at which this thread's share begins; earlier output is below it.
    from: u64,
}

impl Capturing<'_> {
    fn errors(&self) -> String {
        let text = self.stderr.lock().as_ref().map_or(String::new(), |state| state.text(self.from));
        text.lines()
            .filter_map(|line| line.strip_prefix("ERROR: "))
            .fold(String::new(), |said, error| said + "; " + error.trim_end())
    }
}

impl Drop for Capturing<'_> {
    fn drop(&mut self) {
        let mut redirected = self.stderr.lock();
        let Some(state) = redirected.as_mut() else { return };
        state.listeners -= 1;
        if state.listeners == 0
            && let Some(state) = redirected.take()
        {
            state.put_back();
        }
    }
}

impl Redirected {
    /// What was written from byte `from` on. Reads in place: the write position is shared with standard error.
    fn text(&self, from: u64) -> String {
        let end = self.memory.metadata().map_or(from, |about| about.len());
        let mut bytes = vec![0; end.saturating_sub(from) as usize];
        match self.memory.read_exact_at(&mut bytes, from) {
            Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => String::new(),
        }
    }

    fn put_back(self) {
        // SAFETY: both are open file descriptors; `dup2` replaces the second atomically.
        unsafe { libc::dup2(self.stderr.as_raw_fd(), libc::STDERR_FILENO) };
        let text = self.text(0);
        let runtimes = |line: &&str| {
            ["ERROR: ", "INFO: ", "See instructions: "].iter().any(|prefix| line.starts_with(prefix))
        };
        for line in text.split_inclusive('\n').filter(|line| !runtimes(line)) {
            // A standard error that is closed has no readers either.
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }
}

fn redirect() -> Option<Redirected> {
    // SAFETY: a name that ends in zero and a valid flag; the result is checked.
    let memory = unsafe { libc::memfd_create(c"stderr".as_ptr(), libc::MFD_CLOEXEC) };
    if memory < 0 {
        return None;
    }
    // SAFETY: just created, and this is its only owner.
    let memory = unsafe { File::from_raw_fd(memory) };
    // SAFETY: duplicating a descriptor has no preconditions; the result is checked.
    let stderr = unsafe { libc::fcntl(libc::STDERR_FILENO, libc::F_DUPFD_CLOEXEC, 3) };
    if stderr < 0 {
        return None;
    }
    // SAFETY: just created, and this is its only owner.
    let stderr = unsafe { OwnedFd::from_raw_fd(stderr) };
    // SAFETY: both are open file descriptors.
    let done = unsafe { libc::dup2(memory.as_raw_fd(), libc::STDERR_FILENO) };
    (done >= 0).then_some(Redirected { memory, stderr, listeners: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Barrier;

    fn say(text: &str) {
        std::io::stderr().write_all(text.as_bytes()).unwrap();
    }

    /// Which file standard error is.
    fn stderr_is() -> (u64, u64) {
        use std::os::unix::fs::MetadataExt;
        let about = std::fs::metadata("/proc/self/fd/2").unwrap();
        (about.dev(), about.ino())
    }

    #[test]
    fn threads_that_compile_at_once_all_listen_and_the_last_one_puts_standard_error_back() {
        let (stderr, before) = (StderrCapture::default(), stderr_is());
        let both = Barrier::new(2);
        std::thread::scope(|scope| {
            let short = scope.spawn(|| stderr.capture(|| both.wait()).1);
            let (during, said) = stderr.capture(|| {
                both.wait();
                short.join().unwrap();
                say("INFO: hello\nERROR: no operator X\n");
                stderr_is()
            });
            assert_ne!(during, before, "still redirected although the other thread has ended");
            assert_eq!(said, "; no operator X");
        });
        assert_eq!(stderr_is(), before);
        assert_eq!(stderr.capture(|| ()).1, "", "what was said before is not heard again");
    }

    #[test]
    fn a_panic_while_compiling_puts_standard_error_back() {
        let (stderr, before) = (StderrCapture::default(), stderr_is());
        let work = std::panic::AssertUnwindSafe(|| stderr.capture(|| panic!("compiling")));
        assert!(std::panic::catch_unwind(work).is_err());
        assert_eq!(stderr_is(), before);
    }
}
