//! A configuration's text as somebody wrote it.

/// A file's text, secrets and all; shows nothing of it where it is printed.
#[derive(Clone, Default, PartialEq)]
pub struct Written(pub(crate) String);

impl std::fmt::Debug for Written {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Written({} bytes)", self.0.len())
    }
}
