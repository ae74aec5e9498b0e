//! Finds the place of a key in a file, for faults found after it was read (such as a model that the runtime
//! rejects).

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::raw::line_and_column;
use super::{Fault, text};

impl Fault {
    /// A fault of `key` (such as `camera[1].source`) in `file`, at the place of the key or of the nearest
    /// table around it. Line and column are 0 where the file can no longer be read.
    pub fn of_key(file: &Path, key: &str, reason: impl Into<String>, remedy: impl Into<String>) -> Fault {
        let text = text::read(file).unwrap_or_default();
        let (line, column) = place(&text, key).map(|found| found.0).unwrap_or_default();
        Fault { line, column, key: key.to_owned(), ..Fault::whole(file, reason, remedy) }
    }

    /// A fault of `key` (such as `model.scene.labels_file`) of the model at `model`. It points to the model's
    /// card where only the card has the key, because it must be corrected there.
    pub fn of_model(
        file: &Path,
        model: &Path,
        key: &str,
        reason: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Fault {
        let (card, in_card) = (model.with_extension("toml"), key.rsplit('.').next().unwrap_or(key));
        let has = |file: &Path, key| {
            let text = text::read(file).unwrap_or_default();
            place(&text, key).is_some_and(|(_, is_whole)| is_whole)
        };
        match !has(file, key) && has(&card, in_card) {
            true => Fault::of_key(&card, in_card, reason, remedy),
            false => Fault::of_key(file, key, reason, remedy),
        }
    }
}

/// Line and column, from 1, of the value of `key` in `text`, or of the nearest existing table around it; the
/// flag is true where it is the key itself.
fn place(text: &str, key: &str) -> Option<((usize, usize), bool)> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut table = Some(root.get_ref());
    let (mut start, mut is_whole) = (None, false);
    for part in key.split('.') {
        let (name, index) = part.split_once('[').map_or((part, None), |(name, index)| (name, Some(index)));
        is_whole = false;
        let Some(mut value) = table.and_then(|table| table.get(name)) else { break };
        if let Some(index) = index.and_then(|index| index.trim_end_matches(']').parse::<usize>().ok()) {
            match value.get_ref() {
                DeValue::Array(items) if index < items.len() => value = &items[index],
                _ => break,
            }
        }
        start = Some(value.span().start);
        table = value.get_ref().as_table();
        is_whole = true;
    }
    start.map(|start| (line_and_column(text, start), is_whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_again_and_a_missing_one_at_its_table() {
        let text =
            "[model.a]\npath = \"x\"\n[[camera]]\nname = \"b\"\n[[camera]]\ndetect = { model = \"a\" }\n";
        assert_eq!(place(text, "model.a.path"), Some(((2, 8), true)));
        assert_eq!(place(text, "model.a"), Some(((1, 1), true)));
        assert_eq!(place(text, "model.a.sha256"), Some(((1, 1), false)));
        assert_eq!(place(text, "camera[1].detect.model"), Some(((6, 20), true)));
        assert_eq!(place(text, "runtime.library"), None);
    }

    #[test]
    fn a_fault_of_a_file_that_is_gone_still_names_it() {
        let fault = Fault::of_key(Path::new("/gone.toml"), "model.a", "truncated", "copy it again");
        assert_eq!(fault.to_string(), "/gone.toml: model.a: truncated\n    next: copy it again");
    }
}
