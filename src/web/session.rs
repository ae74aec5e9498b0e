//! Sessions: a bounded table in memory, by the hash of their token. Pure, except for random tokens.

use std::collections::HashMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// Sessions at one time; beyond it, the one unused for longest is removed.
const MOST: usize = 256;

/// The hash that identifies a token: the time of a lookup by hash reveals nothing about the token.
pub(super) type TokenHash = [u8; 32];

/// A user's login, which lives until it is idle too long.
#[derive(Clone, Debug)]
pub(super) struct LoginSession {
    pub(super) user: String,
    /// The user's password hash at the login: a new password ends the session.
    pub(super) hash: String,
    pub(super) csrf: String,
    used_ns: u64,
}

/// All sessions that are open.
#[derive(Debug)]
pub(super) struct Sessions {
    idle_ns: u64,
    known: HashMap<TokenHash, LoginSession>,
}

/// A new token: 256 random bits as text.
pub(super) fn token() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The key of a token in the table.
pub(super) fn key(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

impl Sessions {
    /// Creates the table. A session that is not used for `idle` is over.
    pub(super) fn new(idle: Duration) -> Sessions {
        Sessions { idle_ns: idle.as_nanos() as u64, known: HashMap::new() }
    }

    /// Adds a session; at the limit, the one unused for longest ends.
    pub(super) fn begin(&mut self, key: TokenHash, user: &str, hash: &str, csrf: String, now_ns: u64) {
        let idle_ns = self.idle_ns;
        self.known.retain(|_, session| now_ns.saturating_sub(session.used_ns) < idle_ns);
        if self.known.len() >= MOST {
            let oldest = self.known.iter().min_by_key(|(_, session)| session.used_ns).map(|(key, _)| *key);
            oldest.and_then(|key| self.known.remove(&key));
        }
        let (user, hash) = (user.to_owned(), hash.to_owned());
        self.known.insert(key, LoginSession { user, hash, csrf, used_ns: now_ns });
    }

    /// The session of `key`; it counts as used now.
    pub(super) fn find(&mut self, key: &TokenHash, now_ns: u64) -> Option<LoginSession> {
        let session = self.known.get_mut(key)?;
        if now_ns.saturating_sub(session.used_ns) >= self.idle_ns {
            self.known.remove(key);
            return None;
        }
        session.used_ns = now_ns;
        Some(session.clone())
    }

    /// Ends the session of `key`, if there is one.
    pub(super) fn end(&mut self, key: &TokenHash) {
        self.known.remove(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_when_it_is_not_used_and_the_table_is_bounded() {
        let mut sessions = Sessions::new(Duration::from_nanos(100));
        sessions.begin(key("a"), "ann", "h", "c".into(), 0);
        assert_eq!(sessions.find(&key("a"), 99).unwrap().user, "ann");
        assert!(sessions.find(&key("a"), 198).is_some() && sessions.find(&key("a"), 298).is_none());
        assert!(sessions.find(&key("b"), 0).is_none());
        let mut sessions = Sessions::new(Duration::from_secs(9));
        (0..1_000u64).for_each(|n| sessions.begin(key(&n.to_string()), "joe", "h", String::new(), n));
        assert_eq!(sessions.known.len(), MOST);
        assert!(sessions.find(&key("999"), 1_000).is_some() && sessions.find(&key("0"), 1_000).is_none());
    }

    #[test]
    fn tokens_are_256_bits_and_never_the_same() {
        let (one, two) = (token().unwrap(), token().unwrap());
        assert_eq!(URL_SAFE_NO_PAD.decode(&one).unwrap().len(), 32);
        assert_ne!(one, two);
    }
}
