//! Connections that have not yet proved to be the camera; they are read without waiting for any of them.

use std::net::{IpAddr, TcpListener};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::connection::Connection;
use super::wire::PayloadKind;
use super::{TcpError, TcpOptions};
use crate::config::read_password;

/// Most candidates at one time; one more replaces the oldest.
const MOST: usize = 16;
/// Most connections accepted in one call; the system keeps a few hundred more in its own queue.
const MOST_AT_ONCE: usize = 256;
/// The first refusal is shown at once, later ones at growing intervals, so that strangers can fill neither
/// log nor status.
const SHOWN_FIRST: Duration = Duration::from_secs(1);
const SHOWN_LAST: Duration = Duration::from_secs(60);
const LOGGED_EVERY: Duration = Duration::from_secs(60);

/// Candidates, and the record of those that were refused.
pub struct Candidates {
    options: TcpOptions,
    waiting: Vec<TcpCandidate>,
    newest: Option<String>,
    shown: Option<(Instant, String)>,
    shown_every: Duration,
    logged: Option<Instant>,
    unlogged: u64,
}

struct TcpCandidate {
    connection: Connection,
    since: Instant,
    /// Whether the right secret has come, or none is required.
    trusted: bool,
}

impl Candidates {
    /// Starts with no candidates under the limits of `options`.
    pub fn new(options: TcpOptions) -> Candidates {
        Candidates {
            options,
            waiting: Vec::new(),
            newest: None,
            shown: None,
            shown_every: SHOWN_FIRST,
            logged: None,
            unlogged: 0,
        }
    }

    /// Whether there are no candidates.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Accepts all waiting connections that are permitted; returns whether there is a candidate now.
    pub fn accept(&mut self, listener: &TcpListener) -> bool {
        for _ in 0..MOST_AT_ONCE {
            let Some(connection) = Connection::accept(listener) else { break };
            let peer = connection.peer().ip();
            let allowed = |peer: IpAddr| self.options.peers.iter().any(|known| known.holds(peer));
            if !self.options.peers.is_empty() && !allowed(peer) {
                self.refuse(peer, "its address is not in the camera's peers");
                continue;
            }
            if self.waiting.len() == MOST {
                let oldest = self.waiting.remove(0);
                self.refuse(oldest.connection.peer().ip(), "it sent nothing, and others wait");
            }
            let trusted = self.options.secret_file.is_none();
            self.waiting.push(TcpCandidate { connection, since: Instant::now(), trusted });
        }
        !self.waiting.is_empty()
    }

    /// The first candidate whose first frame begins correctly; the others are kept. Wrong ones are refused.
    pub fn proven(&mut self) -> Option<Connection> {
        let mut at = 0;
        while at < self.waiting.len() {
            match self.waiting[at].look(&self.options) {
                Ok(false) => at += 1,
                Ok(true) => return self.waiting.remove(at).connection.settled(),
                Err(error) => {
                    let peer = self.waiting.remove(at).connection.peer().ip();
                    self.refuse(peer, &error.to_string());
                }
            }
        }
        None
    }

    /// Closes all candidates' connections, with `why` as the recorded cause.
    pub fn refuse_all(&mut self, why: &str) {
        for candidate in std::mem::take(&mut self.waiting) {
            self.refuse(candidate.connection.peer().ip(), why);
        }
    }

    /// Why the last one was refused; updated after 1, 2, 4, … s, up to a minute.
    pub fn last_refusal(&mut self) -> Option<&str> {
        let since = self.shown.as_ref().map(|(at, _)| at.elapsed());
        let due = since.is_none_or(|since| since >= self.shown_every);
        if let Some(newest) = self.newest.take_if(|_| due) {
            let goes_on = since.is_some_and(|since| since < 2 * SHOWN_LAST);
            self.shown_every = if goes_on { (self.shown_every * 2).min(SHOWN_LAST) } else { SHOWN_FIRST };
            self.shown = Some((Instant::now(), newest));
        }
        self.shown.as_ref().map(|(_, text)| text.as_str())
    }

    fn refuse(&mut self, peer: IpAddr, why: &str) {
        self.options.refused.inc();
        self.newest = Some(format!("{peer}: {why}"));
        self.unlogged += 1;
        if self.logged.is_none_or(|at| at.elapsed() >= LOGGED_EVERY) {
            tracing::warn!(connections = self.unlogged, "refused as the camera: {peer}: {why}");
            (self.logged, self.unlogged) = (Some(Instant::now()), 0);
        }
    }
}

impl TcpCandidate {
    /// Reads what has come without waiting; returns whether the first frame's header is complete and valid.
    fn look(&mut self, options: &TcpOptions) -> Result<bool, TcpError> {
        let peer = self.connection.peer();
        if !self.trusted && self.since.elapsed() >= options.frame_within {
            return Err(TcpError::NoSecret { peer });
        }
        let Some(header) = self.connection.header(options)? else { return Ok(false) };
        if header.payload != PayloadKind::Secret {
            return if self.trusted { Ok(true) } else { Err(TcpError::NoSecret { peer }) };
        }
        let Some(given) = self.connection.secret(header.bytes as usize)? else { return Ok(false) };
        if let Some(file) = &options.secret_file {
            let wanted =
                read_password(file).map_err(|error| TcpError::SecretFile { cause: error.to_string() })?;
            if wanted.is_empty() || !same(wanted.as_bytes(), &given) {
                return Err(TcpError::WrongSecret { peer });
            }
        }
        self.trusted = true;
        self.look(options)
    }
}

/// Compares digests of both secrets, so that the time taken does not reveal where they differ.
fn same(wanted: &[u8], given: &[u8]) -> bool {
    let (wanted, given) = (Sha256::digest(wanted), Sha256::digest(given));
    let different =
        wanted.iter().zip(given.iter()).fold(0, |all, (a, b)| std::hint::black_box(all | (a ^ b)));
    different == 0
}
