//! What a result depends on, as one key.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The key of a result: the same inputs, kind, parameters, model and seed have the same key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CacheKey(Arc<str>);

impl CacheKey {
    /// The key for content hashes of `inputs` (their order counts), the job's `kind`, its `parameters` in one fixed form, the
    /// content hash of the `model` (empty where none is used) and the `seed`.
    pub fn of(kind: &str, parameters: &[u8], inputs: &[&str], model: &str, seed: u64) -> CacheKey {
        let mut text = Vec::with_capacity(128 + parameters.len() + inputs.len() * 72);
        // Each field with its length before it: no two different lists of fields make the same bytes.
        let mut push = |field: &[u8]| {
            text.extend_from_slice(&(field.len() as u64).to_le_bytes());
            text.extend_from_slice(field);
        };
        push(kind.as_bytes());
        push(parameters);
        push(model.as_bytes());
        push(&seed.to_le_bytes());
        for input in inputs {
            push(input.as_bytes());
        }
        CacheKey(ocellus_text::sha256(&text).into())
    }

    /// The key as 64 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_a_key_counts_and_parts_do_not_run_together() {
        let base = CacheKey::of("upscale", b"x2", &["ab", "c"], "m", 1);
        assert_eq!(base, CacheKey::of("upscale", b"x2", &["ab", "c"], "m", 1));
        assert_eq!(base.as_str().len(), 64);
        for other in [
            CacheKey::of("clip", b"x2", &["ab", "c"], "m", 1),
            CacheKey::of("upscale", b"x4", &["ab", "c"], "m", 1),
            CacheKey::of("upscale", b"x2", &["a", "bc"], "m", 1),
            CacheKey::of("upscale", b"x2", &["c", "ab"], "m", 1),
            CacheKey::of("upscale", b"x2", &["ab", "c", ""], "m", 1),
            CacheKey::of("upscale", b"x2", &["ab", "c"], "n", 1),
            CacheKey::of("upscale", b"x2", &["ab", "c"], "m", 2),
        ] {
            assert_ne!(base, other);
        }
    }
}
