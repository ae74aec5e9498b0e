//! Which commands are allowed over MQTT, and how often.
//!
//! The broker decides who may publish (`docs/mqtt-acl.md`). Against an open broker or a compromised client
//! there are two limits here: the commands that the configuration names, and a token bucket for each of them.

use parking_lot::MutexGuard;

use super::handle::MqttShared;
use crate::audit::{AuditSource, RefusedRequest};
use crate::types::Refusal;

/// A burst of this many, and one more after each pause.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    burst: u32,
    every_ms: u64,
}

/// The limit of a command; `None` for none. Triggers come at a machine's rate and are limited by the camera:
/// one that comes too soon is answered with `overrun` and counted.
fn rule(word: &str) -> Option<Allowance> {
    let rule = |burst, every_ms| Some(Allowance { burst, every_ms });
    match word {
        "trigger" => None,
        // A line may change its product with every part.
        "product" => rule(120, 100),
        // A laboratory may change a value as often, and turning off must not wait behind it; a shop brings a hundred
        // pictures at once.
        "command" | "jobs" => rule(120, 100),
        "ping" | "status" => rule(50, 100),
        "snapshot" => rule(20, 200),
        "reload" => rule(6, 10_000),
        "restart" => rule(3, 20_000),
        _ => rule(30, 500),
    }
}

/// The tokens that are left.
#[derive(Debug)]
struct Bucket {
    word: String,
    tokens: f64,
    at_ns: u64,
}

/// The allowed commands, and their buckets.
#[derive(Debug, Default)]
pub(super) struct Rights {
    allowed: Vec<String>,
    /// One for each allowed command that was used.
    buckets: Vec<Bucket>,
}

impl Rights {
    pub(super) fn new(allowed: &[String]) -> Rights {
        Rights { allowed: allowed.to_vec(), buckets: Vec::new() }
    }

    /// Errors: `not_allowed` or `too_many`.
    fn admit(&mut self, word: &str, now_ns: u64) -> Result<(), Refusal> {
        if !self.allowed.iter().any(|allowed| allowed == word) {
            let message = format!("{word:?} is not allowed over MQTT on this device");
            let remedy = "add it to mqtt.commands in the configuration and reload";
            return Err(Refusal::new("not_allowed", message, remedy));
        }
        let Some(Allowance { burst, every_ms }) = rule(word) else { return Ok(()) };
        let at = self.buckets.iter().position(|bucket| bucket.word == word).unwrap_or_else(|| {
            self.buckets.push(Bucket { word: word.to_owned(), tokens: f64::from(burst), at_ns: now_ns });
            self.buckets.len() - 1
        });
        let bucket = &mut self.buckets[at];
        let passed_ms = now_ns.saturating_sub(bucket.at_ns) as f64 / 1e6;
        bucket.tokens = (bucket.tokens + passed_ms / every_ms as f64).min(f64::from(burst));
        bucket.at_ns = now_ns;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let seconds = ((1.0 - bucket.tokens) * every_ms as f64 / 1e3).ceil();
        let every_s = every_ms as f64 / 1e3;
        let message = format!("too many requests of {word:?} ({burst} at once, then one every {every_s} s)");
        Err(Refusal::new("too_many", message, format!("try again in {seconds} s")))
    }
}

impl MqttShared {
    /// Whether the command `word` may be executed now. Errors: the refusal, which has been counted.
    pub(super) fn admit(&self, word: &str) -> Result<(), Refusal> {
        let now_ns = self.clock.now().mono_ns;
        self.rights().admit(word, now_ns).inspect_err(|refusal| {
            self.totals.commands_refused.inc();
            if let Some(audit) = self.audit.get() {
                // Without the id, which the sender chooses, so that each command has one line a minute.
                let from = self.topics.full(&format!("cmd/{word}"));
                let (source, cause) = (AuditSource::Mqtt, refusal.code);
                audit.refuse(&RefusedRequest { source, from: &from, user: "", cause });
            }
        })
    }

    pub(super) fn rights(&self) -> MutexGuard<'_, Rights> {
        self.rights.lock()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND_NS: u64 = 1_000_000_000;

    fn rights(words: &[&str]) -> Rights {
        Rights::new(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_named_is_refused_with_the_key_that_names_it() {
        let refusal = rights(&["ping"]).admit("faces", 0).unwrap_err();
        assert_eq!(refusal.code, "not_allowed");
        assert!(
            refusal.message.contains("\"faces\"") && refusal.remedy.contains("mqtt.commands"),
            "{refusal}"
        );
    }

    #[test]
    fn restarts_come_in_small_numbers_and_the_refusal_says_when_to_try_again() {
        let mut rights = rights(&["restart", "ping"]);
        let done = (0..46u64).filter(|n| rights.admit("restart", n * SECOND_NS / 5).is_ok()).count();
        assert_eq!(done, 3, "of 46 in ten seconds");
        let refusal = rights.admit("restart", 10 * SECOND_NS).unwrap_err();
        assert_eq!((refusal.code, refusal.remedy.as_str()), ("too_many", "try again in 10 s"));
        assert!(refusal.message.contains("too many"), "{refusal}");
        assert!(rights.admit("ping", 10 * SECOND_NS).is_ok(), "each command has its own");
        assert!(rights.admit("restart", 20 * SECOND_NS).is_ok());
        assert!(rights.admit("restart", 21 * SECOND_NS).is_err());
        // A long pause allows one burst and no more.
        let again = (0..50).filter(|_| rights.admit("restart", 9_000 * SECOND_NS).is_ok()).count();
        assert_eq!(again, 3);
    }

    #[test]
    fn a_machine_is_never_kept_from_its_triggers() {
        let mut rights = rights(&["trigger"]);
        assert!((0..100_000).all(|_| rights.admit("trigger", 0).is_ok()));
    }
}
