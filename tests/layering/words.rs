//! The words of the glossary: identifiers and file names use the field's terms, and a doc comment says something.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// Private words that a reader would have to learn first. Each stands for a term of the field, see the glossary in
/// `docs/decisions/2026-11-28-domains-and-words.md`.
const REFUSED: &[&str] = &[
    "told",
    "wish",
    "wishes",
    "desk",
    "desks",
    "keeper",
    "keepers",
    "clerk",
    "house",
    "houses",
    "room",
    "rooms",
    "voice",
    "voices",
    "shelf",
    "shelves",
    "album",
    "albums",
    "ear",
    "ears",
    "mouth",
    "mouths",
    "school",
    "workshop",
    "easel",
    "dice",
    "rig",
    "rigs",
    "tap",
    "taps",
    "door",
    "doors",
    "witness",
    "witnesses",
];

/// A doc comment of so few words repeats the name that it stands at.
const FEWEST_WORDS: usize = 4;

/// Every Rust file of the repository that is ours: (path from the root, text).
pub fn sources(root: &Path) -> Vec<(String, String)> {
    files(root, &["src", "crates", "tests", "benches", "examples"], &["rs"])
}

/// Every file of the page.
pub fn page(root: &Path) -> Vec<(String, String)> {
    files(root, &["src/web/page"], &["js", "html", "css"])
}

fn files(root: &Path, folders: &[&str], extensions: &[&str]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).into_iter().flatten();
        for path in entries.map(|entry| entry.expect("an entry of a folder of sources").path()) {
            if path.is_dir() && !path.ends_with("target") {
                folders.push(path);
            } else if extensions
                .iter()
                .any(|known| path.extension().is_some_and(|extension| extension == *known))
            {
                let name = path.strip_prefix(root).expect("under the root").display().to_string();
                found.push((name, std::fs::read_to_string(&path).expect("UTF-8")));
            }
        }
    }
    found.sort();
    found
}

/// Refused words among the identifiers of `text`, and in `path`, each with its place.
pub fn refused(path: &str, text: &str) -> Vec<String> {
    let tokens: TokenStream = text.parse().unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut faults = Vec::new();
    for part in path.trim_end_matches(".rs").split('/').filter(|part| is_refused(part)) {
        faults.push(format!("{path}: the file or folder `{part}` uses a refused word"));
    }
    collect(tokens, &mut |line, name| {
        if is_refused(name) {
            faults.push(format!("{path}:{line}: `{name}` uses a refused word"));
        }
    });
    faults
}

/// Refused words in a file of the page, in its texts and comments too, each with its place.
pub fn refused_in_page(path: &str, text: &str) -> Vec<String> {
    let names = |line: &'_ str| -> Vec<String> {
        let between = |letter: char| !(letter.is_alphanumeric() || letter == '_');
        line.split(between).filter(|name| is_refused(name)).map(str::to_owned).collect()
    };
    let lines = (1..).zip(text.lines());
    let found = lines.flat_map(|(line, content)| names(content).into_iter().map(move |name| (line, name)));
    found.map(|(line, name)| format!("{path}:{line}: `{name}` uses a refused word")).collect()
}

/// Doc comments of `text` that say too little, each with its place.
pub fn empty_docs(path: &str, text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    let mut comment = String::new();
    let mut begun = 0;
    for (line, content) in text.lines().enumerate() {
        if let Some(words) = content.trim_start().strip_prefix("///") {
            if comment.is_empty() {
                begun = line + 1;
            }
            comment.push(' ');
            comment.push_str(words);
        } else if !comment.is_empty() {
            if comment.split_whitespace().count() < FEWEST_WORDS {
                faults.push(format!("{path}:{begun}: the doc comment {:?} says too little", comment.trim()));
            }
            comment.clear();
        }
    }
    faults
}

fn collect(tokens: TokenStream, found: &mut impl FnMut(usize, &str)) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Ident(name) => found(name.span().start().line, &name.to_string()),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether one of the words of `name`, in snake case or camel case, is refused.
fn is_refused(name: &str) -> bool {
    words_of(name).iter().any(|word| REFUSED.contains(&word.as_str()))
}

fn words_of(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = '_';
    for letter in name.trim_start_matches("r#").chars() {
        let begins = letter.is_uppercase() && !before.is_uppercase();
        if letter == '_' || letter == '-' || begins {
            words.push(String::new());
        }
        if letter.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(letter.to_lowercase());
        }
        before = letter;
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_every_way_of_writing_a_name() {
        for name in ["told", "TriggerDesk", "told_ns", "MAX_ROOM", "at_the_door", "r#dice"] {
            assert!(is_refused(name), "{name}");
        }
        for name in ["threshold", "early", "tapered", "headroom", "broom", "outdoor", "Reported"] {
            assert!(!is_refused(name), "{name}");
        }
        assert_eq!(refused("src/x/desk.rs", "fn f() { let told = \"desk\"; } // desk").len(), 2);
        assert_eq!(refused_in_page("a.js", "const threshold = 1;\nuse(told, aDesk); // a wish").len(), 3);
    }

    #[test]
    fn a_doc_comment_is_counted_over_all_its_lines() {
        assert_eq!(empty_docs("a.rs", "/// The name.\nstruct A;\n").len(), 1);
        assert_eq!(empty_docs("a.rs", "/// The\n/// name of it, UTF-8.\nstruct A;\n"), Vec::<String>::new());
    }
}
