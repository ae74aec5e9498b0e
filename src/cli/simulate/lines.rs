//! The instrument's own port: lines over TCP, each with one line as its answer.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::trap::Trap;
use crate::cli::output;

/// Longest line, in bytes; a client that sends a longer one is disconnected.
const MAX_LINE_BYTES: u64 = 1_024;
/// Clients at one time; one more is disconnected at once.
const MOST_CLIENTS: usize = 16;

/// Serves the clients of `listener`, for as long as the process runs.
pub(super) fn serve(listener: &TcpListener, trap: &Mutex<Trap>) {
    let clients = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        // A client that has disconnected already is not an error.
        for stream in listener.incoming().filter_map(Result::ok) {
            if clients.fetch_add(1, Ordering::Relaxed) < MOST_CLIENTS {
                scope.spawn(|| {
                    talk(stream, trap);
                    clients.fetch_sub(1, Ordering::Relaxed);
                });
            } else {
                clients.fetch_sub(1, Ordering::Relaxed);
            }
        }
    });
}

/// Answers one client until it disconnects.
fn talk(mut stream: TcpStream, trap: &Mutex<Trap>) {
    let Ok(reading) = stream.try_clone() else { return };
    let mut reading = BufReader::new(reading);
    loop {
        let mut line = String::new();
        match reading.by_ref().take(MAX_LINE_BYTES).read_line(&mut line) {
            Ok(bytes) if bytes > 0 && line.ends_with('\n') => {}
            _ => return,
        }
        let answer = trap.lock().answer(&line);
        output::complain(format_args!("{} -> {answer}", line.trim_end()));
        if stream.write_all(format!("{answer}\n").as_bytes()).is_err() {
            return;
        }
    }
}
