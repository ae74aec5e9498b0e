//! Password hashing: argon2id, one computation at a time in one buffer, on a separate thread.
//!
//! There are three bounded queues. Attempts from known browsers or addresses come first, then names that
//! exist, then names that do not: however many of these come, an owner waits for at most the one computation
//! in progress. A name that does not exist is never right, so if its queue is full it is answered without a
//! computation, at the time when one would have ended: neither the answer nor its time reveals which names
//! exist.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use argon2::password_hash::{Output, PasswordHash, PasswordHasher, SaltString};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use parking_lot::{Condvar, Mutex};
use tokio::sync::oneshot;

use super::limiter::Way;
use crate::supervisor::{SpawnError, Spawned, spawn};

/// Attempts that may wait: of known browsers and addresses, of names that exist, of others.
const WAITING: [usize; 3] = [16, 8, 1];
const KNOWN: usize = 0;
const NAMED: usize = 1;
const NOBODY: usize = 2;
/// The buffer (19 MiB) is freed when nobody has logged in for this long.
const IDLE: Duration = Duration::from_secs(10);
/// One hash takes much less than a second.
const JOIN: Duration = Duration::from_secs(2);
/// The assumed time of a computation, before the first one was measured.
const FIRST_GUESS: Duration = Duration::from_millis(40);

/// Why a password has no hash.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// The machine returns no random numbers for the salt.
    #[error("{0}; the system must offer random numbers (getrandom)")]
    Random(getrandom::Error),
    /// The algorithm refuses the password, which is longer than 4 GiB.
    #[error("{0}; choose a shorter password")]
    Hash(argon2::password_hash::Error),
}

/// The hash of `password` in PHC form: argon2id with the parameters that OWASP recommends (19 MiB, 2 passes).
///
/// # Errors
/// The machine returns no random numbers, or the password is longer than 4 GiB.
pub fn hash_password(password: &str) -> Result<String, HashError> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(HashError::Random)?;
    let salt = SaltString::encode_b64(&salt).map_err(HashError::Hash)?;
    let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
    Ok(hash.map_err(HashError::Hash)?.to_string())
}

/// Compares in constant time. An unreadable hash matches no password.
fn verify(password: &str, hash: &str, buffer: &mut Vec<Block>) -> bool {
    let Ok(hash) = PasswordHash::new(hash) else { return false };
    let parts = (hash.salt, hash.hash, Algorithm::try_from(hash.algorithm), Params::try_from(&hash));
    let (Some(salt), Some(wanted), Ok(algorithm), Ok(params)) = parts else { return false };
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from);
    let Ok(version) = version else { return false };
    let (mut bytes, mut out) = ([0; 64], [0; 64]);
    let Ok(salt) = salt.decode_b64(&mut bytes) else { return false };
    let Some(out) = out.get_mut(..wanted.len()) else { return false };
    compute(&Argon2::new(algorithm, version, params), password, salt, out, buffer)
        && Output::new(out).is_ok_and(|output| output == wanted)
}

/// Spends the time of a comparison for a name that does not exist.
fn waste(password: &str, buffer: &mut Vec<Block>) {
    compute(&Argon2::default(), password, b"there is no such user", &mut [0; 32], buffer);
}

fn compute(
    argon2: &Argon2<'_>,
    password: &str,
    salt: &[u8],
    out: &mut [u8],
    buffer: &mut Vec<Block>,
) -> bool {
    let blocks = argon2.params().block_count();
    if buffer.len() < blocks {
        // Freed before a larger one is allocated, so that never two exist at one time.
        *buffer = Vec::new();
        buffer.resize(blocks, Block::default());
    }
    argon2.hash_password_into_with_memory(password.as_bytes(), salt, out, &mut buffer[..blocks]).is_ok()
}

struct Job {
    password: String,
    /// Absent if the name does not exist.
    hash: Option<String>,
    reply: oneshot::Sender<bool>,
}

/// A blocking mutex, because it is never held across an await or a computation.
struct Queues {
    jobs: [VecDeque<Job>; 3],
    computing: bool,
    /// The time of recent computations.
    lately: Duration,
    closed: bool,
}

struct PasswordShared {
    queues: Mutex<Queues>,
    wake: Condvar,
}

/// The thread that compares passwords.
pub(super) struct Checker {
    shared: Arc<PasswordShared>,
    /// In a mutex only because requests share this type.
    thread: Mutex<Option<Spawned<()>>>,
}

impl Checker {
    pub(super) fn start() -> Result<Checker, SpawnError> {
        let queues =
            Queues { jobs: Default::default(), computing: false, lately: FIRST_GUESS, closed: false };
        let shared = Arc::new(PasswordShared { queues: Mutex::new(queues), wake: Condvar::new() });
        let served = shared.clone();
        let thread = spawn("web-passwords", None, move || serve(&served))?;
        Ok(Checker { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Whether `password` matches `hash`. Without a hash it never does, and takes the same time. `None`: too
    /// many wait.
    pub(super) async fn check(&self, password: String, hash: Option<String>, way: Way) -> Option<bool> {
        let (reply, answer) = oneshot::channel();
        let pause = {
            let mut queues = self.shared.queues.lock();
            // A name that does not exist is refused when an existing one would be.
            let as_named = if way == Way::Stranger { NAMED } else { KNOWN };
            if queues.jobs[as_named].len() >= WAITING[as_named] || queues.closed {
                return None;
            }
            let queue = if hash.is_some() { as_named } else { NOBODY };
            if queues.jobs[queue].len() < WAITING[queue] {
                queues.jobs[queue].push_back(Job { password, hash, reply });
                self.shared.wake.notify_one();
                None
            } else {
                let before =
                    queues.jobs[KNOWN].len() + queues.jobs[NAMED].len() + usize::from(queues.computing);
                Some(queues.lately * (before as u32 + 1))
            }
        };
        match pause {
            None => answer.await.ok(),
            Some(pause) => {
                tokio::time::sleep(pause).await;
                Some(false)
            }
        }
    }
}

impl Drop for Checker {
    fn drop(&mut self) {
        self.shared.queues.lock().closed = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.get_mut().take() {
            let _ = thread.join_until(Instant::now() + JOIN);
        }
    }
}

fn serve(shared: &PasswordShared) {
    let mut buffer = Vec::new();
    let mut queues = shared.queues.lock();
    loop {
        let next = queues.jobs.iter_mut().find_map(VecDeque::pop_front);
        let Some(Job { password, hash, reply }) = next else {
            if queues.closed {
                return;
            }
            if shared.wake.wait_for(&mut queues, IDLE).timed_out() {
                buffer = Vec::new();
            }
            continue;
        };
        queues.computing = true;
        drop(queues);
        let began = Instant::now();
        let right = match &hash {
            Some(hash) => verify(&password, hash, &mut buffer),
            None => {
                waste(&password, &mut buffer);
                false
            }
        };
        let _ = reply.send(right);
        queues = shared.queues.lock();
        queues.computing = false;
        queues.lately = (queues.lately * 3 + began.elapsed()) / 4;
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
        let mut buffer = Vec::new();
        assert!(verify("correct horse", &one, &mut buffer) && !verify("correct horsf", &one, &mut buffer));
        assert!(!verify("x", "no hash", &mut buffer));
        // Other parameters, as another program or an earlier version writes them.
        let params = Params::new(64, 1, 1, Some(24)).unwrap();
        let salt = SaltString::from_b64("c29tZXNhbHQ").unwrap();
        let small = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let small = small.hash_password(b"correct horse", &salt).unwrap().to_string();
        assert!(verify("correct horse", &small, &mut buffer) && !verify("wrong", &small, &mut buffer));
        assert_eq!(buffer.len(), 19_456, "one buffer serves all");
    }

    #[test]
    fn unknown_names_fill_their_own_queue_only_and_are_answered_all_the_same() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let checker = Arc::new(Checker::start().unwrap());
            let hash = hash_password("correct horse").unwrap();
            let strangers: Vec<_> = (0..200)
                .map(|n| {
                    let checker = checker.clone();
                    tokio::spawn(
                        async move { checker.check(format!("guess {n}"), None, Way::Stranger).await },
                    )
                })
                .collect();
            tokio::task::yield_now().await;
            for _ in 0..5 {
                let owner = checker.check("correct horse".into(), Some(hash.clone()), Way::Stranger).await;
                assert_eq!(owner, Some(true), "a name that exists has room, and is right");
            }
            for stranger in strangers {
                assert_eq!(stranger.await.unwrap(), Some(false));
            }
        });
    }
}
