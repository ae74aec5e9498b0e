//! Suggests a subcommand for one that does not exist, including cases in which clap would only print the
//! usage (`ocellus help statsu`, `ocellus golden help lst`, and words that resemble none).

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Command, Error};

/// Adds the likely subcommands to `error` if it reports an unknown one and suggests none yet.
pub(super) fn completed(mut error: Error, root: &Command, arguments: &[OsString]) -> Error {
    let typed = match error.get(ContextKind::InvalidSubcommand) {
        Some(ContextValue::String(typed)) => typed.clone(),
        _ => return error,
    };
    if error.get(ContextKind::SuggestedSubcommand).is_some() {
        return error;
    }
    let names = beside(root, arguments);
    let near = near(&typed, &names);
    match near.is_empty() {
        true => {
            let all = StyledStr::from(format!("the subcommands are: {}", names.join(", ")));
            error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![all]));
        }
        false => drop(error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(near))),
    }
    error
}

/// The subcommands of the last valid command in `arguments`.
fn beside(root: &Command, arguments: &[OsString]) -> Vec<String> {
    let mut command = root;
    for argument in arguments {
        command = command.find_subcommand(argument).unwrap_or(command);
    }
    command.get_subcommands().map(|known| known.get_name().to_owned()).collect()
}

/// Names that begin like `typed` or differ by a typing error; the nearest first.
fn near(typed: &str, names: &[String]) -> Vec<String> {
    let far = |name: &str| strsim::damerau_levenshtein(typed, name);
    let mut near: Vec<String> = names
        .iter()
        .filter(|name| name.starts_with(typed) || far(name) <= 1 + name.len() / 4)
        .cloned()
        .collect();
    near.sort_by_key(|name| far(name));
    near
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(arguments: &[&str]) -> String {
        let golden = Command::new("golden").subcommand(Command::new("list")).subcommand(Command::new("show"));
        let root = Command::new("ocellus").subcommand(Command::new("status")).subcommand(golden);
        let arguments: Vec<OsString> = ["ocellus"].iter().chain(arguments).map(OsString::from).collect();
        let error = root.clone().try_get_matches_from(&arguments).unwrap_err();
        completed(error, &root, &arguments[1..]).to_string()
    }

    #[test]
    fn a_subcommand_that_does_not_exist_is_reported_with_the_one_that_was_meant() {
        for arguments in [&["help", "statsu"][..], &["statsu", "--help"], &["statsu"], &["help", "stat"]] {
            assert!(said(arguments).contains("'status'"), "{arguments:?}: {}", said(arguments));
        }
        for arguments in [&["golden", "help", "lst"][..], &["help", "golden", "lst"], &["golden", "lst"]] {
            assert!(said(arguments).contains("'list'"), "{arguments:?}: {}", said(arguments));
        }
        let words = said(&["help", "people"]);
        assert!(words.contains("the subcommands are: status, golden"), "{words}");
        let words = said(&["golden", "frobnicate", "--help"]);
        assert!(words.contains("the subcommands are: list, show"), "{words}");
    }
}
