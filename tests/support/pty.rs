//! A pseudo-terminal: the end of the cable that the plant holds.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

use super::DEADLINE;

/// The master's side of a pseudo-terminal, raw, and every line that came out of it.
pub struct Pty {
    master: Arc<File>,
    path: PathBuf,
    heard: Arc<Heard>,
    listener: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Heard {
    state: Mutex<Hearing>,
    changed: Condvar,
}

#[derive(Default)]
struct Hearing {
    bytes: Vec<u8>,
    /// Bytes that were given out as lines.
    taken: usize,
    closed: bool,
}

impl Pty {
    /// A terminal whose answers are read all the time.
    pub fn new() -> Pty {
        let mut pty = Pty::silent();
        pty.listen();
        pty
    }

    /// A terminal whose answers nobody reads until [`Pty::listen`].
    pub fn silent() -> Pty {
        let master =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("/dev/ptmx");
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let path =
            PathBuf::from(std::ffi::OsString::from_vec(ptsname(&master, Vec::new()).unwrap().into_bytes()));
        let mut termios = tcgetattr(&master).unwrap();
        termios.make_raw();
        tcsetattr(&master, OptionalActions::Now, &termios).unwrap();
        fcntl_setfl(&master, fcntl_getfl(&master).unwrap() | OFlags::NONBLOCK).unwrap();
        Pty { master: Arc::new(File::from(master)), path, heard: Arc::default(), listener: None }
    }

    /// The slave's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the answers from now on.
    pub fn listen(&mut self) {
        let (master, heard) = (self.master.clone(), self.heard.clone());
        self.listener = Some(std::thread::spawn(move || listen(&master, &heard)));
    }

    /// The master itself, as a file whose reads and writes wait; for measuring.
    pub fn blocking(&self) -> File {
        let flags = fcntl_getfl(&*self.master).unwrap() - OFlags::NONBLOCK;
        fcntl_setfl(&*self.master, flags).unwrap();
        self.master.try_clone().unwrap()
    }

    /// Writes all of it; waits where the other side does not read.
    pub fn write(&self, mut bytes: &[u8]) {
        let deadline = Instant::now() + DEADLINE;
        while !bytes.is_empty() {
            match (&*self.master).write(bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < deadline, "the port does not read");
                    let mut fds = [PollFd::new(&*self.master, PollFlags::OUT)];
                    poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 10_000_000 }))
                        .unwrap();
                }
                Err(e) => panic!("{e}"),
            }
        }
    }

    /// The next line that comes out, without its end.
    pub fn line(&self) -> String {
        self.line_or_end().expect("the terminal is open")
    }

    /// The same; `None` once the terminal is closed and everything was given out.
    pub fn line_or_end(&self) -> Option<String> {
        let deadline = Instant::now() + DEADLINE;
        let mut state = self.heard.state.lock().unwrap();
        loop {
            let rest = &state.bytes[state.taken..];
            if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
                let line = String::from_utf8(rest[..end].to_vec()).expect("ASCII");
                state.taken += end + 1;
                return Some(line.trim_end_matches('\r').to_owned());
            }
            if state.closed {
                return None;
            }
            let Some(left) = deadline.checked_duration_since(Instant::now()) else {
                let heard = String::from_utf8_lossy(&state.bytes).into_owned();
                drop(state);
                panic!("no further line in {DEADLINE:?}; this came out so far:\n{heard}");
            };
            state = self.heard.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Pulls the plug: everything that is read by then is in the lines returned (the last one may be half).
    pub fn pull(mut self) -> Vec<String> {
        // The listener ends when it sees the flag; the last handle of the master then closes it.
        self.heard.state.lock().unwrap().closed = true;
        if let Some(listener) = self.listener.take() {
            listener.join().unwrap();
        }
        let state = self.heard.state.lock().unwrap();
        let rest = String::from_utf8(state.bytes[state.taken..].to_vec()).expect("ASCII");
        rest.split_terminator('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect()
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        self.heard.state.lock().unwrap_or_else(|e| e.into_inner()).closed = true;
    }
}

fn listen(mut master: &File, heard: &Heard) {
    let mut chunk = [0; 4_096];
    while !heard.state.lock().unwrap().closed {
        let mut fds = [PollFd::new(master, PollFlags::IN)];
        poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 10_000_000 })).unwrap();
        match master.read(&mut chunk) {
            Ok(bytes) => {
                heard.state.lock().unwrap().bytes.extend_from_slice(&chunk[..bytes]);
                heard.changed.notify_all();
            }
            // `EIO`: nobody has the slave open at the moment.
            Err(e) if e.kind() == ErrorKind::WouldBlock || e.raw_os_error() == Some(libc::EIO) => {}
            Err(e) => panic!("{e}"),
        }
    }
}
