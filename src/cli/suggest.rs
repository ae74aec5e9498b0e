//! What is said of a subcommand that does not exist: the one that was meant, also where clap would only give the usage
//! (`ocellus help statsu`, `ocellus golden help lst`, and words that are too far from all).

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};
use clap::{Command, Error};

/// `error` with the subcommands that may have been meant, where it is about one that is not known and names none yet.
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

/// The subcommands of the last command in `arguments` that exists.
fn beside(root: &Command, arguments: &[OsString]) -> Vec<String> {
    let mut command = root;
    for argument in arguments {
        command = command.find_subcommand(argument).unwrap_or(command);
    }
    command.get_subcommands().map(|known| known.get_name().to_owned()).collect()
}

/// Those that begin like `typed`, or differ from it by a slip of the fingers; the nearest first.
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
