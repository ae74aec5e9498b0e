//! Counts of one part of the box: live ones to add to, and what they were at one moment.

use std::sync::atomic::{AtomicU64, Ordering};

/// Declares `Totals`, the counts as one moment saw them, which are published as `PREFIX/NAME`, and `LiveTotals`, the
/// atomics behind it.
macro_rules! totals {
    ($prefix:literal { $($(#[$meta:meta])* $name:ident,)* }) => {
        /// Counts since the process began, as one moment saw them.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        pub struct Totals { $($(#[$meta])* pub $name: u64,)* }

        /// The live counters behind [`Totals`].
        #[derive(Debug, Default)]
        pub(super) struct LiveTotals { $(pub(super) $name: std::sync::atomic::AtomicU64,)* }

        impl LiveTotals {
            /// The present values.
            pub(super) fn read(&self) -> Totals {
                Totals { $($name: self.$name.load(std::sync::atomic::Ordering::Relaxed),)* }
            }
        }

        impl Totals {
            /// The counts by name, as `telemetry` publishes them.
            pub fn named(&self) -> impl Iterator<Item = (String, u64)> + use<> {
                [$((concat!($prefix, "/", stringify!($name)).to_owned(), self.$name),)*].into_iter()
            }
        }
    };
}
pub(crate) use totals;

/// Adds `by` to a counter; order with other memory does not matter to a count.
pub(crate) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}
