//! Lists from outside: the limit applies while they are read, so that a long list takes no memory.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The first `N` items of a list; those beyond are counted and take no memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded<T, const N: usize> {
    /// The first items of the list, at most `N`.
    pub items: Vec<T>,
    /// Number of items that were sent, also those beyond `N`.
    pub sent: usize,
}

impl<T, const N: usize> Bounded<T, N> {
    /// All items. Errors: the number that was sent, where it is more than `N`.
    pub fn whole(self) -> Result<Vec<T>, usize> {
        if self.sent > N { Err(self.sent) } else { Ok(self.items) }
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Bounded<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T, const N: usize>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for Items<T, N> {
            type Value = Bounded<T, N>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "a list of at most {N}")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while items.len() < N {
                    match list.next_element()? {
                        Some(item) => items.push(item),
                        None => break,
                    }
                }
                let mut sent = items.len();
                while sent >= N && list.next_element::<IgnoredAny>()?.is_some() {
                    sent += 1;
                }
                Ok(Bounded { items, sent })
            }
        }

        deserializer.deserialize_seq(Items(PhantomData))
    }
}

impl<T: JsonSchema, const N: usize> JsonSchema for Bounded<T, N> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{}_{N}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let items = generator.subschema_for::<T>();
        json_schema!({ "type": "array", "items": items, "maxItems": N })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_beyond_the_bound_are_counted_and_not_kept() {
        let read = |text: &str| serde_json::from_str::<Bounded<String, 2>>(text);
        assert_eq!(read("[]").unwrap().whole(), Ok(vec![]));
        assert_eq!(read(r#"["a","b"]"#).unwrap().whole(), Ok(vec!["a".into(), "b".into()]));
        let many = format!("[\"\"{}]", ",\"\"".repeat(99_999));
        let many = read(&many).unwrap();
        assert_eq!((many.items.len(), many.items.capacity() < 16, many.whole()), (2, true, Err(100_000)));
        assert!(
            read(r#"["a",7]"#).is_err() && read(r#"{"a":1}"#).is_err() && read(r#"["a","b","c""#).is_err()
        );
    }
}
