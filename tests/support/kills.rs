//! What tests of SIGKILL share: the moments, and what may come twice.

use std::collections::BTreeMap;

use serde_json::Value;

/// xorshift64: the moments of the kills; its seed is printed, so that a failure can be played again.
pub struct Dice(pub u64);

impl Dice {
    pub fn up_to(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Each message by its number `key`, and how many were repeated; panics where one number came with two messages that
/// differ in more than `historical`.
pub fn by_number(messages: Vec<Value>, key: &str) -> (BTreeMap<u64, Value>, usize) {
    let (mut known, mut repeated) = (BTreeMap::<u64, Value>::new(), 0);
    for mut message in messages {
        message.as_object_mut().unwrap().remove("historical");
        let number = message[key].as_u64().unwrap();
        match known.get(&number) {
            Some(first) => {
                assert_eq!(first, &message, "{key} {number} came twice, and not alike");
                repeated += 1;
            }
            None => drop(known.insert(number, message)),
        }
    }
    (known, repeated)
}
