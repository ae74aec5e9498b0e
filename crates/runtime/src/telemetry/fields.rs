//! The message and the fields of one event, as text: what the journal, the file and the lines in memory are made of.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};

/// The text of an event, collected field by field.
#[derive(Default)]
pub(super) struct Fields {
    /// What the event says.
    pub message: String,
    /// Its other fields as ` name=value`, to be appended to the message.
    pub shown: String,
    /// The same fields, each by itself.
    pub pairs: Vec<(&'static str, String)>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message.push_str(value);
        } else {
            let _ = write!(self.shown, " {}={value}", field.name());
            self.pairs.push((field.name(), value.to_owned()));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, &format!("{value:?}"));
    }
}
