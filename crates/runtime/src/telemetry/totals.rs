//! The counts of one module: live counters to add to, and their values at one moment.

/// Declares `Totals`, the counts as one moment saw them, which are published as `PREFIX/NAME`, and
/// `LiveTotals`, the counters behind it.
#[macro_export]
macro_rules! totals {
    ($prefix:literal { $($(#[doc = $doc:literal])+ $name:ident,)* }) => {
        /// Counts since the process began, as one moment saw them.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        pub struct Totals { $($(#[doc = $doc])+ pub $name: u64,)* }

        /// The live counters behind [`Totals`].
        #[derive(Debug, Default)]
        pub(super) struct LiveTotals { $(pub(super) $name: $crate::telemetry::Counter,)* }

        impl LiveTotals {
            /// The counts as they are now.
            pub(super) fn read(&self) -> Totals {
                Totals { $($name: self.$name.get(),)* }
            }
        }

        impl Totals {
            /// What each of them counts: the doc comment at its declaration.
            pub const DESCRIBED: &[$crate::telemetry::Described] = &[$(
                $crate::telemetry::Described::counter(
                    concat!($prefix, "/", stringify!($name)), concat!($($doc),+).trim_ascii(),
                ),
            )*];

            /// The counts by name, as `telemetry` publishes them.
            pub fn named(&self) -> impl Iterator<Item = (String, u64)> + use<> {
                [$((concat!($prefix, "/", stringify!($name)).to_owned(), self.$name),)*].into_iter()
            }
        }
    };
}
pub use totals;
