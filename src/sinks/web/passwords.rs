//! Passwords: argon2id, one at a time, on a thread of their own.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::time::{Duration, Instant};

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::oneshot;

use crate::supervisor::{SpawnError, Spawned, spawn};

/// Shorter passwords are refused.
pub const MIN_PASSWORD: usize = 10;
/// Logins that may wait while one is looked at.
const WAITING: usize = 4;
/// One hash takes well under a second.
const JOIN: Duration = Duration::from_secs(2);

/// The hash of `password` in PHC form: argon2id with the parameters that OWASP recommends (19 MiB, 2 passes).
///
/// # Errors
/// The machine gives no random numbers, or the password is longer than 4 GiB.
pub fn hash_password(password: &str) -> Result<String, String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(|error| error.to_string())?.to_string())
}

/// Compared in constant time. A hash that cannot be read fits no password.
fn verify(password: &str, hash: &str) -> bool {
    let hash = PasswordHash::new(hash);
    hash.is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

struct Job {
    password: String,
    hash: Option<String>,
    reply: oneshot::Sender<bool>,
}

/// The thread that compares passwords.
pub(super) struct Checker {
    jobs: Option<SyncSender<Job>>,
    /// A `std::sync::Mutex` only because requests share us.
    thread: Mutex<Option<Spawned<()>>>,
}

impl Checker {
    pub(super) fn start() -> Result<Checker, SpawnError> {
        let (jobs, inbox) = sync_channel(WAITING);
        let thread = spawn("web-passwords", None, move || serve(&inbox))?;
        Ok(Checker { jobs: Some(jobs), thread: Mutex::new(Some(thread)) })
    }

    /// Whether `password` is the one of `hash`; without a hash it is not, and takes as long. `None`: too many wait.
    pub(super) async fn check(&self, password: String, hash: Option<String>) -> Option<bool> {
        let (reply, answer) = oneshot::channel();
        match self.jobs.as_ref()?.try_send(Job { password, hash, reply }) {
            Ok(()) => answer.await.ok(),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => None,
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.get_mut().unwrap_or_else(|e| e.into_inner()).take() {
            let _ = thread.join_until(Instant::now() + JOIN);
        }
    }
}

fn serve(inbox: &Receiver<Job>) {
    // What an unknown user's password is compared with: nobody knows its password.
    let mut nobody: Option<String> = None;
    while let Ok(Job { password, hash, reply }) = inbox.recv() {
        let known = hash.is_some();
        let hash = hash.or_else(|| {
            nobody.get_or_insert_with(|| hash_password("").unwrap_or_default());
            nobody.clone()
        });
        let right = verify(&password, &hash.unwrap_or_default());
        let _ = reply.send(right && known);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_only_and_no_two_hashes_are_the_same() {
        let (one, two) = (hash_password("correct horse").unwrap(), hash_password("correct horse").unwrap());
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert_ne!(one, two);
        assert!(verify("correct horse", &one) && !verify("correct horsf", &one));
        assert!(!verify("x", "no hash"));
    }
}
