//! Which column is which channel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::parser::Parsed;
use super::settings::FormatSettings;
use crate::point::{ColumnNotice, LONGEST_NAME, Reason};

/// The columns of a file in their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Names as the file has them, without spaces around.
    names: Vec<Arc<str>>,
    /// Which columns are taken as channels.
    taken: Vec<bool>,
    /// The column of the time, where the lines have one.
    time: Option<usize>,
}

impl Columns {
    /// The columns of a header or of the settings; names that occur twice are left out.
    pub(super) fn new(
        names: &[impl AsRef<str>],
        settings: &FormatSettings,
        out: &mut Parsed,
    ) -> Result<Columns, Reason> {
        let names: Vec<&str> = names.iter().map(|name| name.as_ref().trim()).collect();
        let time = match (&settings.time_column, settings.time.is_in_file()) {
            (_, false) => None,
            (None, true) => Some(0),
            (Some(wanted), true) => {
                let found = names.iter().position(|name| *name == wanted.trim());
                Some(found.ok_or_else(|| Reason::NoTimeColumn { column: wanted.clone() })?)
            }
        };
        let mut columns = Columns { names: Vec::new(), taken: Vec::new(), time };
        for (at, name) in names.iter().enumerate() {
            let shared = if time == Some(at) {
                Some(Arc::from(cut(name)))
            } else {
                columns.channel(at, &names, settings, out)
            };
            columns.taken.push(time != Some(at) && shared.is_some());
            columns.names.push(shared.unwrap_or_else(|| Arc::from(cut(name))));
        }
        Ok(columns)
    }

    fn channel(
        &self,
        at: usize,
        names: &[&str],
        settings: &FormatSettings,
        out: &mut Parsed,
    ) -> Option<Arc<str>> {
        let name = names[at];
        if !is_name(name) || !settings.takes(name) {
            return None;
        }
        if names.iter().filter(|other| **other == name).count() > 1 {
            if !names[..at].contains(&name) {
                out.notices.push(ColumnNotice::Twice(Arc::from(name)));
            }
            return None;
        }
        out.channel(name)
    }

    /// The number of columns, taken or not.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The column of the time.
    pub(super) fn time(&self) -> Option<usize> {
        self.time
    }

    /// The name of a column.
    pub(super) fn name(&self, at: usize) -> &str {
        &self.names[at]
    }

    /// The channels: (column, name).
    pub(super) fn channels(&self) -> impl Iterator<Item = (usize, &Arc<str>)> {
        self.names.iter().enumerate().filter(|(at, _)| self.taken[*at])
    }

    /// The names that are taken as channels, in the order of the columns.
    pub fn taken(&self) -> impl Iterator<Item = &Arc<str>> {
        self.channels().map(|(_, name)| name)
    }

    /// What is new and what is gone, seen from `before`.
    pub(crate) fn compare(&self, before: &Columns, notices: &mut Vec<ColumnNotice>) {
        let lacks = |columns: &Columns, name: &Arc<str>| !columns.taken().any(|other| other == name);
        notices.extend(self.taken().filter(|name| lacks(before, name)).cloned().map(ColumnNotice::New));
        notices.extend(before.taken().filter(|name| lacks(self, name)).cloned().map(ColumnNotice::Vanished));
    }
}

/// Whether `name` can be the name of a channel.
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.chars().any(char::is_control)
}

fn cut(name: &str) -> &str {
    if name.len() <= LONGEST_NAME { name } else { "" }
}
