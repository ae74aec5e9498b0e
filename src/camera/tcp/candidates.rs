//! Connections that have not yet proved to be the camera; they are read without waiting for any of them.

use std::net::{IpAddr, TcpListener};
use std::time::Instant;

use super::connection::Connection;
use super::refusals::Refusals;
use super::wire::PayloadKind;
use super::{TcpError, TcpOptions, secret};
use crate::config::Framing;

/// Most candidates at one time; one more replaces the oldest.
const MOST: usize = 16;
/// Most connections accepted in one call; the system keeps a few hundred more in its own queue.
const MOST_AT_ONCE: usize = 256;

/// Why an address that is not allowed is refused.
pub const NOT_ALLOWED: &str = "its address is not in the camera's allow";

/// Candidates, and the record of those that were refused.
pub struct Candidates {
    options: TcpOptions,
    waiting: Vec<TcpCandidate>,
    refusals: Refusals,
}

struct TcpCandidate {
    connection: Connection,
    since: Instant,
    /// Whether the right secret has come, or none is required.
    trusted: bool,
    /// Whether a secret has come: a connection has one at most.
    has_sent_secret: bool,
}

impl Candidates {
    /// Starts with no candidates under the limits of `options`.
    pub fn new(options: TcpOptions) -> Candidates {
        let refusals = Refusals::new("the camera", options.control.counters().refused.clone());
        Candidates { options, waiting: Vec::new(), refusals }
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
            if !self.options.allows(peer) {
                self.refuse(peer, NOT_ALLOWED);
                continue;
            }
            if self.waiting.len() == MOST {
                let oldest = self.waiting.remove(0);
                self.refuse(oldest.connection.peer().ip(), "it sent nothing, and others wait");
            }
            let trusted = self.options.secret_file.is_none();
            let since = Instant::now();
            self.waiting.push(TcpCandidate { connection, since, trusted, has_sent_secret: false });
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

    fn refuse(&mut self, peer: IpAddr, why: &str) {
        self.refusals.note(peer, why);
        self.options.control.set_last_refusal(format!("{peer}: {why}"));
    }

    /// Why the last one was refused; updated after 1, 2, 4, … s, up to a minute.
    pub fn last_refusal(&mut self) -> Option<&str> {
        self.refusals.last()
    }
}

impl TcpCandidate {
    /// Reads what has come without waiting; returns whether the first frame's header is complete and valid.
    fn look(&mut self, options: &TcpOptions) -> Result<bool, TcpError> {
        let peer = self.connection.peer();
        if !self.trusted && self.since.elapsed() >= options.frame_within {
            return Err(TcpError::NoSecret { peer });
        }
        let header = match self.connection.first_header(options, self.trusted) {
            // A picture is longer than any secret: it came in its place.
            Err(TcpError::Length { .. }) if !self.trusted && options.framing == Framing::Length32 => None,
            header => Some(header?),
        };
        let Some(header) = header.ok_or(TcpError::NoSecret { peer })? else { return Ok(false) };
        if header.payload != PayloadKind::Secret {
            return if self.trusted { Ok(true) } else { Err(TcpError::NoSecret { peer }) };
        }
        if self.has_sent_secret {
            return Err(TcpError::LateSecret);
        }
        let Some(given) = self.connection.secret(header.bytes as usize)? else { return Ok(false) };
        if let Some(file) = &options.secret_file {
            let right = secret::is_right(file, &given);
            if !right.map_err(|error| TcpError::SecretFile { cause: error.to_string() })? {
                return Err(TcpError::WrongSecret { peer });
            }
        }
        (self.trusted, self.has_sent_secret) = (true, true);
        self.look(options)
    }
}
