//! What tests of SIGKILL share: what may come twice.

use std::collections::BTreeMap;

use serde_json::Value;

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
