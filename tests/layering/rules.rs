//! The rules, over a tree of sources: who may import whom, no circle, unsafe code at home.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::scan::{Reference, Scan, scan};
use crate::table;

/// One source file and what was seen in it.
pub struct Source {
    /// Its path from the crate's root, as in `src/ring/mod.rs`.
    pub path: String,
    /// Its module, from the crate's root; `main` for the binary, empty for `lib.rs`.
    pub module: Vec<String>,
    /// Lines that are not in test-only items.
    pub lines: usize,
    scan: Scan,
}

/// A source tree, without the files that only tests see.
pub struct Tree(pub Vec<Source>);

impl Tree {
    /// Reads every `.rs` file under `root`/src.
    pub fn read(root: &Path) -> Tree {
        Tree::below(root, vec![root.join("src")])
    }

    /// Reads every `.rs` file under `root`/crates/NAME/src: Cargo holds what crates import, the other rules hold for them too.
    pub fn read_crates(root: &Path) -> Tree {
        let crates = root.join("crates");
        let entries = std::fs::read_dir(&crates).unwrap_or_else(|e| panic!("{}: {e}", crates.display()));
        Tree::below(
            root,
            entries.map(|entry| entry.expect("an entry of crates").path().join("src")).collect(),
        )
    }

    fn below(root: &Path, mut folders: Vec<PathBuf>) -> Tree {
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display())) {
                let path = entry.expect("an entry of src").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|e| e == "rs") {
                    let name = path.strip_prefix(root).expect("under the root").display().to_string();
                    files.push((name, std::fs::read_to_string(&path).expect("UTF-8")));
                }
            }
        }
        files.sort();
        Tree::of(files.iter().map(|(path, text)| (path.as_str(), text.as_str())))
    }

    /// A tree of (path, text).
    pub fn of<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Tree {
        let mut sources = Vec::new();
        for (path, text) in files {
            let module = module_of(path);
            let root = (module.first().map(String::as_str) == Some("main")).then_some("ocellus");
            let scan = scan(text, &module, root).unwrap_or_else(|e| panic!("{path}: {e}"));
            let lines = text.lines().count() - scan.test_lines;
            sources.push(Source { path: path.into(), module, lines, scan });
        }
        let hidden: Vec<Vec<String>> = sources.iter().flat_map(|s| s.scan.test_modules.clone()).collect();
        sources.retain(|s| !s.scan.all_test && !hidden.iter().any(|h| s.module.starts_with(h)));
        Tree(sources)
    }

    /// Arrows that the table lacks, with file and line.
    pub fn forbidden_arrows(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for source in self.0.iter().filter(|s| !s.module.is_empty()) {
            let from = &source.module[0];
            let Some(may) = table::may_import(from) else {
                faults.push(format!("{}: module `{from}` has no row in the table", source.path));
                continue;
            };
            for reference in &source.scan.references {
                let path = self.resolved(&reference.path);
                if path.first() == Some(from) {
                    continue;
                }
                if let Err(why) = may.allows(&path) {
                    faults.push(fault(source, reference, &format!("`{from}` {why}")));
                }
            }
        }
        faults
    }

    /// A circle of imports between top-level modules, as `a -> b -> a`.
    pub fn circle(&self) -> Option<String> {
        let mut arrows: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        for source in self.0.iter().filter(|s| !s.module.is_empty()) {
            let targets =
                source.scan.references.iter().filter_map(|r| self.resolved(&r.path).first().cloned());
            arrows.entry(&source.module[0]).or_default().extend(targets.filter(|to| *to != source.module[0]));
        }
        circle_in(&arrows)
    }

    /// `unsafe` outside its homes.
    pub fn strayed_unsafe(&self) -> Vec<String> {
        self.lines_outside(table::UNSAFE_HOMES, |s| &s.scan.unsafes, "`unsafe` outside its homes")
    }

    /// Signatures with `Result<…, String>`: whoever gets such an error can only show it or take its text apart.
    pub fn text_errors(&self) -> Vec<String> {
        let what = "`Result<_, String>`: the error needs a type";
        self.lines_outside_tests(|s| &s.scan.text_errors, what)
    }

    /// `value["key"]`: inside the program the types of the contract are used, and JSON is made from them at the edge.
    pub fn key_lookups(&self) -> Vec<String> {
        let what = "JSON is looked up by key: use the type that it is made from";
        self.lines_outside_tests(|s| &s.scan.key_lookups, what)
    }

    /// Threads with no name, whose panics nobody hears.
    pub fn naked_threads(&self) -> Vec<String> {
        let what = "`thread::spawn`: use the supervisor's spawn, which names the thread and hears its panics";
        self.lines_outside(table::THREAD_HOMES, |s| &s.scan.naked_threads, what)
    }

    /// Files that hold more than one idea, by their length.
    pub fn too_long(&self, limit: usize) -> Vec<String> {
        let long = self.0.iter().filter(|s| s.lines > limit);
        long.map(|s| {
            format!("{}: {} lines without its tests, over {limit}: split it by idea", s.path, s.lines)
        })
        .collect()
    }

    /// Some test modules lie in files called `…_tests.rs`, whose path says nothing of the module that they belong to.
    fn lines_outside_tests(&self, lines: impl Fn(&Source) -> &Vec<usize>, what: &str) -> Vec<String> {
        let found = self.lines_outside(&[], lines, what);
        found.into_iter().filter(|fault| !fault.contains("tests.rs:")).collect()
    }

    fn lines_outside(
        &self,
        homes: &[&str],
        lines: impl Fn(&Source) -> &Vec<usize>,
        what: &str,
    ) -> Vec<String> {
        let away = self.0.iter().filter(|s| !homes.iter().any(|home| s.path.starts_with(home)));
        away.flat_map(|s| {
            lines(s).iter().map(|line| format!("{}:{line}: {what}", s.path)).collect::<Vec<_>>()
        })
        .collect()
    }

    /// Follows a re-export of `lib.rs`: `crate::Frame` is `types::Frame`.
    fn resolved(&self, path: &[String]) -> Vec<String> {
        match path.first() {
            Some(name) if !self.has_module(&[name]) => {
                // A crate goes by the name that `lib.rs` gives it: Cargo holds what is inside.
                let found = self.reexports(&[]).get(name).cloned();
                found.filter(|found| !found[0].starts_with("ocellus_")).unwrap_or_else(|| path.to_vec())
            }
            _ => path.to_vec(),
        }
    }

    /// Names that the file of `module` takes from its children, with where they come from.
    fn reexports(&self, module: &[String]) -> BTreeMap<String, Vec<String>> {
        let Some(source) = self.0.iter().find(|s| s.module == module) else { return BTreeMap::new() };
        let below = source.scan.references.iter().filter_map(|r| r.path.strip_prefix(module));
        let below = below.chain(source.scan.relative.iter().map(|r| r.path.as_slice()));
        let named = below.filter(|path| path.len() > 1);
        named.map(|path| (path[path.len() - 1].clone(), path.to_vec())).collect()
    }

    fn has_module(&self, path: &[&String]) -> bool {
        self.0.iter().any(|s| s.module.len() >= path.len() && s.module.iter().zip(path).all(|(a, b)| a == *b))
    }
}

fn fault(source: &Source, reference: &Reference, why: &str) -> String {
    format!("{}:{}: {why} (crate::{})", source.path, reference.line, reference.path.join("::"))
}

/// `src/trigger/port.rs` is `trigger::port`, `src/trigger/mod.rs` is `trigger`, `crates/ring/src/slot.rs` is `ring::slot`.
fn module_of(path: &str) -> Vec<String> {
    let inner = path.trim_start_matches("crates/").replacen("/src/", "/", 1);
    let inner = inner.trim_start_matches("src/").trim_end_matches(".rs");
    let inner = inner.strip_suffix("/mod").or(inner.strip_suffix("/lib")).unwrap_or(inner);
    if inner == "lib" { Vec::new() } else { inner.split('/').map(String::from).collect() }
}

/// The first circle found, walking in depth.
pub fn circle_in(arrows: &BTreeMap<&str, BTreeSet<String>>) -> Option<String> {
    fn walk<'a>(
        at: &'a str,
        arrows: &'a BTreeMap<&str, BTreeSet<String>>,
        road: &mut Vec<&'a str>,
    ) -> Option<String> {
        if let Some(start) = road.iter().position(|m| *m == at) {
            return Some([&road[start..], &[at]].concat().join(" -> "));
        }
        road.push(at);
        let found = arrows.get(at).and_then(|next| next.iter().find_map(|to| walk(to, arrows, road)));
        road.pop();
        found
    }
    arrows.keys().find_map(|start| walk(start, arrows, &mut Vec::new()))
}
