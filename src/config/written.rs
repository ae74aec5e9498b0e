//! The original text of a configuration, protected from being printed.

/// The text of a file with its secrets; its `Debug` output shows only the length.
#[derive(Clone, Default, PartialEq)]
pub struct Written(pub(crate) String);

impl std::fmt::Debug for Written {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Written({} bytes)", self.0.len())
    }
}
