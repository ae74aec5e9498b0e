//! Holds the source tree against DESIGN.md: who may import whom, and the habits that a reader counts on.

mod dependencies;
mod rules;
mod scan;
mod table;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use rules::Tree;

/// Files are mostly under 300 lines; past this one, a file holds more than one idea.
const LONGEST_FILE: usize = 400;

/// The tree that is looked at: this one, or the one that `OCELLUS_SOURCE` names.
fn root() -> PathBuf {
    std::env::var_os("OCELLUS_SOURCE").map_or(PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from)
}

fn tree() -> Tree {
    let root = root();
    let tree = Tree::read(&root);
    assert!(
        tree.0.iter().any(|s| s.path == "src/lib.rs"),
        "{}: no src/lib.rs: nothing was checked",
        root.display()
    );
    tree
}

fn crates() -> Tree {
    let tree = Tree::read_crates(&root());
    assert!(tree.0.iter().any(|s| s.path == "crates/ring/src/lib.rs"), "no crates: nothing was checked");
    tree
}

fn none(faults: Vec<String>) {
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_import_is_an_arrow_of_the_table() {
    none(tree().forbidden_arrows());
}

#[test]
fn no_domain_may_import_a_sibling() {
    let faults = table::DOMAINS.iter().flat_map(|domain| {
        let row = table::may_import(domain).expect("each domain has a row");
        let siblings: Vec<_> = row.names().filter(|(name, _)| table::DOMAINS.contains(name)).collect();
        siblings.into_iter().map(move |(name, _)| format!("`{domain}` may import `{name}`"))
    });
    none(faults.collect());
}

#[test]
fn no_modules_import_each_other_in_a_circle() {
    none(tree().circle().into_iter().collect());
}

#[test]
fn unsafe_code_stays_where_foreign_or_shared_memory_is_wrapped() {
    none([tree(), crates()].iter().flat_map(Tree::strayed_unsafe).collect());
}

#[test]
fn every_thread_is_started_by_the_helper_that_names_it() {
    none([tree(), crates()].iter().flat_map(Tree::naked_threads).collect());
}

#[test]
fn every_error_has_a_type() {
    none([tree(), crates()].iter().flat_map(Tree::text_errors).collect());
}

#[test]
fn no_json_is_looked_up_by_key_inside_the_program() {
    none([tree(), crates()].iter().flat_map(Tree::key_lookups).collect());
}

#[test]
fn no_file_is_too_long_to_hold_one_idea() {
    let mut tree = tree();
    tree.0.extend(crates().0);
    let mut lines: Vec<usize> = tree.0.iter().map(|s| s.lines).collect();
    lines.sort_unstable();
    println!("{} files, median {} lines without tests", lines.len(), lines[lines.len() / 2]);
    none(tree.too_long(LONGEST_FILE));
}

#[test]
fn the_table_itself_has_no_circle_and_names_only_its_own_modules() {
    let arrows: BTreeMap<&str, BTreeSet<String>> = (table::MODULES.iter())
        .map(|(from, _)| {
            (*from, table::may_import(from).expect("a row").names().map(|(to, _)| to.to_string()).collect())
        })
        .collect();
    none(rules::circle_in(&arrows).into_iter().collect());
    let strangers: Vec<_> =
        arrows.values().flatten().filter(|to| !arrows.contains_key(to.as_str())).collect();
    assert!(strangers.is_empty(), "{strangers:?} have no row");
}

#[test]
fn the_map_of_the_sources_names_only_what_is_there() {
    let root = root();
    let map = std::fs::read_to_string(root.join("src/lib.rs")).expect("src/lib.rs");
    let words = map.lines().filter_map(|line| line.strip_prefix("//!")).flat_map(str::split_whitespace);
    let named: Vec<_> = words
        .map(|word| word.trim_matches(|letter: char| "`;,.:".contains(letter)))
        .filter(|word| word.ends_with(".rs") || word.ends_with('/') && word.len() > 1)
        .collect();
    assert!(named.len() > 25, "the map names {} places", named.len());
    let is_there = |name: &&str| root.join("src").join(name).exists() || root.join(name).exists();
    none(
        named
            .iter()
            .filter(|name| !is_there(name))
            .map(|name| format!("src/lib.rs: {name} is not there"))
            .collect(),
    );
}

#[test]
fn identifiers_and_files_use_no_private_word() {
    none(words::sources(&root()).iter().flat_map(|(path, text)| words::refused(path, text)).collect());
}

#[test]
fn the_page_uses_no_private_word() {
    let files = words::page(&root());
    assert!(files.len() > 10, "the page's files are found");
    none(files.iter().flat_map(|(path, text)| words::refused_in_page(path, text)).collect());
}

#[test]
fn every_doc_comment_says_more_than_the_name() {
    let sources = words::sources(&root());
    let ours = sources.iter().filter(|(path, _)| path.starts_with("src/") || path.contains("/src/"));
    none(ours.flat_map(|(path, text)| words::empty_docs(path, text)).collect());
}

/// The rules on made-up trees, so that each is seen to fail.
mod the_rules {
    use super::*;

    fn arrows(path: &str, text: &str) -> Vec<String> {
        Tree::of([
            ("src/lib.rs", "pub mod types; pub use types::Frame;"),
            ("src/types/mod.rs", ""),
            (path, text),
        ])
        .forbidden_arrows()
    }

    #[test]
    fn an_arrow_up_is_found_with_its_file_and_line() {
        let faults = arrows("src/control/slots.rs", "\nuse crate::pipeline::Road;\n");
        assert_eq!(
            faults,
            ["src/control/slots.rs:2: `control` may not import `pipeline` (crate::pipeline::Road)"]
        );
    }

    #[test]
    fn an_arrow_is_found_however_it_is_written() {
        for text in [
            "use crate::{types::{Frame, Point}, service};",
            "use crate::{types::Frame, store::{self as s}};",
            "fn f() { let a = crate::service::App::new(); }",
            "fn f(a: &[crate::service::App]) {}",
            "use super::super::service::App;",
            "mod inner { use super::super::super::service::App; }",
            "macro_rules! m { () => { $crate::service::go() } }",
            "pub(crate) use crate::service::App;",
            "#[cfg(any(test, feature = \"stub\"))] use crate::service::App;",
            "#[cfg(not(test))] use crate::service::App;",
            "#[cfg(test)] mod tests { use crate::service::App; } use crate::service::App;",
            "#[cfg(test)] use crate::types::{a, b}; use crate::service::App;",
            "use crate::*;",
            "use crate as root;",
            "use ::std::fmt; use {std::io, crate::service::App};",
        ] {
            assert_eq!(
                arrows("src/control/slots.rs", text).len(),
                1,
                "{text}: {:?}",
                arrows("src/control/slots.rs", text)
            );
        }
    }

    #[test]
    fn what_is_allowed_and_what_only_looks_like_an_import_passes() {
        for text in [
            "use crate::types::Frame;",
            "use crate::Frame;",
            "use crate::control::wait::Bell; use super::wait::Bell as B; use self::inner::X;",
            "// use crate::service::App;\n/* crate::service */ /// [`crate::service::App`]\nstruct S;",
            "const S: &str = \"crate::service::App\"; const R: &str = r#\"use crate::service;\"#;",
            "pub(in crate::service) struct S; pub(crate) fn f() {}",
            "#[cfg(test)] mod tests { use super::*; use crate::service::App; }",
            "#[cfg(all(test, not(loom)))] mod tests { use crate::service::App; }",
            "#[cfg(test)] use crate::service::App;",
            "#[test] fn t() { crate::service::go(); }",
            "use other::service::App; use std::{io, fmt::{self, Write}};",
        ] {
            assert_eq!(arrows("src/control/slots.rs", text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn of_the_supervisor_a_capture_thread_may_use_only_the_small_words() {
        assert_eq!(
            arrows("src/camera/appsink.rs", "use crate::supervisor::{Beat, Stop};"),
            Vec::<String>::new()
        );
        for text in ["use crate::supervisor::Unit;", "use crate::supervisor;", "use crate::supervisor::*;"] {
            assert_eq!(arrows("src/camera/appsink.rs", text).len(), 1, "{text}");
        }
    }

    #[test]
    fn a_module_that_the_table_does_not_know_is_a_fault() {
        assert_eq!(
            arrows("src/helpers.rs", ""),
            ["src/helpers.rs: module `helpers` has no row in the table"]
        );
        assert_eq!(arrows("src/main.rs", "fn main() { ocellus::service::run() }").len(), 1);
        assert_eq!(arrows("src/main.rs", "fn main() { ocellus::cli::main() }"), Vec::<String>::new());
    }

    #[test]
    fn a_circle_is_shown_as_its_road() {
        let circle = Tree::of([
            ("src/store/mod.rs", "use crate::config::A;"),
            ("src/config/mod.rs", "use crate::telemetry::B;"),
            ("src/telemetry/mod.rs", "use crate::store::C;"),
        ])
        .circle();
        assert_eq!(circle.as_deref(), Some("config -> telemetry -> store -> config"));
    }

    #[test]
    fn unsafe_and_naked_threads_count_outside_tests_and_outside_their_homes() {
        let text =
            "fn f() { unsafe { g() }; std::thread::spawn(h); }\n#[cfg(test)]\nmod tests { unsafe fn t() {} }";
        let tree = Tree::of([("src/store/mod.rs", text), ("src/trigger/tty.rs", "unsafe fn g() {}")]);
        assert_eq!(tree.strayed_unsafe(), ["src/store/mod.rs:1: `unsafe` outside its homes"]);
        assert_eq!(tree.naked_threads().len(), 1);
    }

    #[test]
    fn errors_that_are_text_and_lookups_by_key_count_outside_tests() {
        let count = |text: &str| {
            let tree = Tree::of([("src/store/mod.rs", text)]);
            (tree.text_errors().len(), tree.key_lookups().len())
        };
        for text in [
            "fn f() -> Result<(), String> {}",
            "fn f() -> Result<Vec<HashMap<A, B>>, String> {}",
            "trait T { fn f(&self, g: impl FnOnce(u8) -> Result<u8, String>); }",
            "type J = Result<\n    Arc<P>,\n    String,\n>;",
        ] {
            assert_eq!(count(text), (1, 0), "{text}");
        }
        for text in [
            "fn f() -> Result<HashMap<P, String>, E> {}",
            "fn f() -> Result<String, E> {}",
            "fn f() -> io::Result<String> {}",
            "// Result<(), String>\n#[cfg(test)] mod tests { fn f() -> Result<(), String> {} }",
            "const A: &[&str] = &[\"a\"]; fn f() { for a in [\"a\"] { g([\"b\"], vec![\"c\"], x[0]); } }",
        ] {
            assert_eq!(count(text), (0, 0), "{text}");
        }
        for text in [
            "fn f() { v[\"a\"] }",
            "fn f() { g(v)[\"a\"] }",
            "fn f() { v[0][\"a\"] = 1; }",
            "fn f() { v.x[\"a\"] }",
        ] {
            assert_eq!(count(text), (0, 1), "{text}");
        }
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let text = format!(
            "{}#[cfg(test)]\nmod tests {{\n{}}}\n",
            "fn f() {}\n".repeat(10),
            "fn t() {}\n".repeat(90)
        );
        let tree = Tree::of([("src/lib.rs", text.as_str()), ("src/x/tests.rs", "#![cfg(test)]\n")]);
        assert_eq!(tree.too_long(10), Vec::<String>::new());
        assert_eq!(tree.too_long(9).len(), 1);
    }

    #[test]
    fn a_test_module_in_its_own_file_is_not_source() {
        let tree = Tree::of([
            ("src/store/mod.rs", "#[cfg(test)]\nmod tests;"),
            ("src/store/tests.rs", "use crate::service::App;"),
        ]);
        assert_eq!(tree.forbidden_arrows(), Vec::<String>::new());
    }
}
