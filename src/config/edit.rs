//! Changes single keys of a configuration that a person wrote; comments, order and layout stay.

use toml_edit::{DocumentMut, Item, Table, TomlError};

/// A key of a section, and the text that it gets; without one the key is removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigEdit {
    /// The section, such as `mqtt`.
    pub section: &'static str,
    /// The key in it, such as `url`.
    pub key: &'static str,
    /// The new value, always text.
    pub value: Option<String>,
}

/// `text` with all of `edits`. A new key becomes the first of its section, a new section the last of the file.
///
/// # Errors
/// `text` is not TOML, or a section is something else than a table.
pub fn edited(text: &str, edits: &[ConfigEdit]) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    for ConfigEdit { section, key, value } in edits {
        if value.is_none() && !document.contains_key(section) {
            continue;
        }
        let section = document.entry(section).or_insert_with(toml_edit::table);
        match (section, value) {
            (Item::Table(table), Some(value)) => set_first(table, key, value),
            (Item::Table(table), None) => remove(table, key),
            (section, Some(value)) => section[key] = toml_edit::value(value),
            (section, None) => drop(section.as_table_like_mut().and_then(|table| table.remove(key))),
        }
    }
    Ok(document.to_string())
}

fn set_first(table: &mut Table, key: &str, text: &str) {
    let mut fresh = toml_edit::value(text);
    match table.get_mut(key) {
        Some(known) => {
            // The comment behind the old value stays.
            if let (Some(old), Some(new)) = (known.as_value(), fresh.as_value_mut()) {
                *new.decor_mut() = old.decor().clone();
            }
            *known = fresh;
        }
        None => {
            table.insert(key, fresh);
            table.sort_values_by(|one, _, other, _| (one.get() != key).cmp(&(other.get() != key)));
        }
    }
}

/// Removes `key`. Comment lines above it may belong to other keys, so they stay with the next one.
fn remove(table: &mut Table, key: &str) {
    let next = table.iter().map(|(name, _)| name.to_owned()).skip_while(|name| name != key).nth(1);
    let Some((removed, _)) = table.remove_entry(key) else { return };
    let above =
        removed.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
    if let Some(mut next) = next.as_deref().and_then(|next| table.key_mut(next)) {
        let own =
            next.leaf_decor().prefix().and_then(|prefix| prefix.as_str()).unwrap_or_default().to_owned();
        next.leaf_decor_mut().set_prefix(above + &own);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(section: &'static str, key: &'static str, value: Option<&str>) -> ConfigEdit {
        ConfigEdit { section, key, value: value.map(str::to_owned) }
    }

    #[test]
    fn keys_change_while_comments_order_and_other_keys_stay() {
        let text = "# The box of line 3.\n[device]\n# name = \"box1\"  # the topics\nstate_dir = \"/s\"   # kept\n\n\
            [mqtt]          # the broker\nurl = \"mqtt://old\"  # plain\n# client_id = \"x\"\nusername = \"u\"\nprefix = \"p\"\n";
        let edits = [
            edit("device", "name", Some("line-3")),
            edit("mqtt", "url", Some("mqtts://new:8883")),
            edit("mqtt", "username", None),
            edit("mqtt", "ca_file", None),
            edit("web", "bind", Some("0.0.0.0:8080")),
        ];
        let expected = "# The box of line 3.\n[device]\nname = \"line-3\"\n# name = \"box1\"  # the topics\nstate_dir = \"/s\"   # kept\n\n\
            [mqtt]          # the broker\nurl = \"mqtts://new:8883\"  # plain\n# client_id = \"x\"\nprefix = \"p\"\n\n\
            [web]\nbind = \"0.0.0.0:8080\"\n";
        assert_eq!(edited(text, &edits).unwrap(), expected);
        assert_eq!(edited(expected, &edits).unwrap(), expected, "twice is once");
    }

    #[test]
    fn the_default_configuration_keeps_every_comment() {
        let before = crate::config::Config::default_text();
        let after =
            edited(before, &[edit("device", "name", Some("a")), edit("mqtt", "url", Some("mqtt://b"))]);
        let after = after.unwrap();
        let lost: Vec<_> =
            before.lines().filter(|line| !line.starts_with("url") && !after.contains(line)).collect();
        assert!(lost.is_empty(), "{lost:?}");
        assert!(
            after.contains("\n[device]\nname = \"a\"\n") && after.contains("url = \"mqtt://b\""),
            "{after}"
        );
    }

    #[test]
    fn inline_tables_and_dotted_keys_are_edited_too() {
        let edits = [edit("mqtt", "url", Some("mqtt://b"))];
        assert_eq!(
            edited("mqtt = { url = \"mqtt://a\" }\n", &edits).unwrap(),
            "mqtt = { url = \"mqtt://b\" }\n"
        );
        let text = edited("mqtt.url = \"mqtt://a\"\n", &edits).unwrap();
        assert!(text.contains("mqtt.url") && text.contains("mqtt://b"), "{text}");
        assert!(edited("mqtt = ", &edits).is_err());
    }
}
