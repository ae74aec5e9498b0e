//! Reads one Rust file as tokens, so that comments, strings and test code do not count, and notes what the rules
//! look at: paths into the crate, `unsafe`, threads started by hand, errors that are only text, JSON looked up by key,
//! and how long the file is.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};

/// A path into the crate, from the crate's root: `use super::b::{C, D}` in module `a::x` is `a::b::C` and `a::b::D`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// Its segments; a glob is `*`.
    pub path: Vec<String>,
    /// Line in the file, from 1.
    pub line: usize,
}

/// What was seen in one file, test code left out.
#[derive(Debug, Default)]
pub struct Scan {
    /// Paths that start with `crate`, `super`, `self` or the crate's own name.
    pub references: Vec<Reference>,
    /// `use` trees that start with a plain name, as written: in a `mod.rs`, re-exports of its children.
    pub relative: Vec<Reference>,
    /// Lines with the word `unsafe`.
    pub unsafes: Vec<usize>,
    /// Lines with `thread::spawn`.
    pub naked_threads: Vec<usize>,
    /// Lines with `Result<…, String>`: an error without a type.
    pub text_errors: Vec<usize>,
    /// Lines with `value["key"]`: JSON that is looked up by key.
    pub key_lookups: Vec<usize>,
    /// Modules in files of their own that are declared for tests only.
    pub test_modules: Vec<Vec<String>>,
    /// Lines of test-only items.
    pub test_lines: usize,
    /// The whole file is test code (`#![cfg(test)]`).
    pub all_test: bool,
}

/// Scans `text`, the file of module `module` (empty for the crate's root). `root` is another name for the crate's
/// root: `ocellus` in a binary.
pub fn scan(text: &str, module: &[String], root: Option<&str>) -> Result<Scan, String> {
    let tokens: TokenStream = text.parse().map_err(|e: proc_macro2::LexError| format!("{e}"))?;
    let mut scan = Scan::default();
    Walk { scan: &mut scan, root }.stream(tokens, module);
    Ok(scan)
}

struct Walk<'a> {
    scan: &'a mut Scan,
    root: Option<&'a str>,
}

impl Walk<'_> {
    fn stream(&mut self, tokens: TokenStream, module: &[String]) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            at = self.one(&tokens, at, module);
        }
    }

    /// Looks at the token at `at`; says where to go on.
    fn one(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        if let Some((attribute, inner, after)) = attribute(tokens, at) {
            return match (only_for_tests(attribute), inner) {
                (true, true) => {
                    self.scan.all_test = true;
                    after
                }
                (true, false) => self.skip_item(tokens, at, after, module),
                (false, _) => {
                    self.stream(attribute.stream(), module);
                    after
                }
            };
        }
        match &tokens[at] {
            TokenTree::Group(group) => {
                if is_key_lookup(tokens, at, group) {
                    self.scan.key_lookups.push(line(&tokens[at]));
                }
                if !is_visibility(tokens, at, group) {
                    self.stream(group.stream(), module);
                }
                at + 1
            }
            TokenTree::Ident(word) => self.word(&word.to_string(), tokens, at, module),
            _ => at + 1,
        }
    }

    fn word(&mut self, word: &str, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let line = line(&tokens[at]);
        match word {
            "unsafe" => self.scan.unsafes.push(line),
            "Result" if last_argument(&tokens[at + 1..]).as_deref() == Some("String") => {
                self.scan.text_errors.push(line);
            }
            "thread" if is_path(tokens, at) && ident(tokens.get(at + 3)) == Some("spawn".into()) => {
                self.scan.naked_threads.push(line);
            }
            "mod" => {
                if let (Some(name), Some(TokenTree::Group(body))) =
                    (ident(tokens.get(at + 1)), tokens.get(at + 2))
                {
                    self.stream(body.stream(), &joined(module, name));
                    return at + 3;
                }
            }
            "use" => return self.use_item(tokens, at + 1, module),
            _ if is_path(tokens, at) && !follows_path(tokens, at) => {
                if let Some(base) = self.base(word, module) {
                    let mut found = Vec::new();
                    let after = tree(tokens, at + 3, base, &mut found);
                    self.scan.references.extend(found);
                    return after;
                }
            }
            _ => {}
        }
        at + 1
    }

    /// The tree after `use`, which starts with a known root, a plain name or, rarely, a group of both.
    fn use_item(&mut self, tokens: &[TokenTree], at: usize, module: &[String]) -> usize {
        let start = if is_path_sign(tokens, at) { at + 2 } else { at };
        let Some(first) = ident(tokens.get(start)) else {
            if let Some(TokenTree::Group(group)) = tokens.get(start) {
                for part in parts(group) {
                    self.use_item(&part, 0, module);
                }
            }
            return start + 1;
        };
        let mut found = Vec::new();
        let after = match self.base(&first, module) {
            Some(base) if is_path(tokens, start) => tree(tokens, start + 3, base, &mut found),
            // `use crate as c;` would let every arrow through unseen.
            Some(_) => {
                found.push(Reference { path: vec!["*".into()], line: line(&tokens[start]) });
                start + 1
            }
            None => {
                tree(tokens, start, Vec::new(), &mut self.scan.relative);
                return start + 1;
            }
        };
        self.scan.references.extend(found);
        after
    }

    /// The module that a path's first word stands for; `None` where it is not ours.
    fn base(&self, word: &str, module: &[String]) -> Option<Vec<String>> {
        match word {
            "crate" => Some(Vec::new()),
            "self" => Some(module.to_vec()),
            "super" => Some(module.split_last().map_or(Vec::new(), |(_, up)| up.to_vec())),
            _ if Some(word) == self.root => Some(Vec::new()),
            _ => None,
        }
    }

    /// Passes over the item after a test-only attribute; `start` is where the attribute began.
    fn skip_item(&mut self, tokens: &[TokenTree], start: usize, mut at: usize, module: &[String]) -> usize {
        while let Some((_, _, after)) = attribute(tokens, at) {
            at = after;
        }
        // These end at a semicolon and may have braces before it; the others end with their braces.
        let to_semicolon = matches!(ident(tokens.get(at)).as_deref(), Some("use" | "static" | "let"));
        let first = at;
        while let Some(token) = tokens.get(at) {
            at += 1;
            match token {
                TokenTree::Punct(p) if p.as_char() == ';' => break,
                TokenTree::Group(g) if g.delimiter() == Delimiter::Brace && !to_semicolon => break,
                _ => {}
            }
        }
        let words: Vec<_> = (first..at).map(|i| ident(tokens.get(i))).collect();
        if let [.., Some(key), Some(name), None] = words.as_slice()
            && key == "mod"
            && matches!(tokens[at - 1], TokenTree::Punct(_))
        {
            self.scan.test_modules.push(joined(module, name.clone()));
        }
        let last = tokens[at - 1].span().end().line;
        self.scan.test_lines += last + 1 - line(&tokens[start]);
        at
    }
}

/// Reads a path or `use` tree from `at` on, below `prefix`; says where it ends.
fn tree(tokens: &[TokenTree], mut at: usize, mut prefix: Vec<String>, found: &mut Vec<Reference>) -> usize {
    let start = tokens.get(at).map_or(0, line);
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(word)) => match word.to_string().as_str() {
                "self" => {}
                "super" => drop(prefix.pop()),
                name => prefix.push(name.trim_start_matches("r#").into()),
            },
            Some(TokenTree::Punct(p)) if p.as_char() == '*' => prefix.push("*".into()),
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                for part in parts(group) {
                    tree(&part, 0, prefix.clone(), found);
                }
                return at + 1;
            }
            _ => break,
        }
        at += 1;
        if !is_path_sign(tokens, at) {
            break;
        }
        at += 2;
    }
    found.push(Reference { path: prefix, line: start });
    at
}

/// The attribute at `at`: its brackets, whether it is an inner one (`#![...]`), and what follows it.
fn attribute(tokens: &[TokenTree], at: usize) -> Option<(&Group, bool, usize)> {
    let punct = |i: usize, c: char| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == c);
    if !punct(at, '#') {
        return None;
    }
    let inner = punct(at + 1, '!');
    match tokens.get(at + 1 + usize::from(inner)) {
        Some(TokenTree::Group(g)) if g.delimiter() == Delimiter::Bracket => {
            Some((g, inner, at + 2 + usize::from(inner)))
        }
        _ => None,
    }
}

/// `cfg(test)` or `cfg(all(..., test, ...))`, and `test` itself; `any(test, ...)` is not.
fn only_for_tests(attribute: &Group) -> bool {
    let text: String = attribute.stream().to_string().split_whitespace().collect();
    let inside = |head: &str| text.strip_prefix(head).and_then(|rest| rest.strip_suffix(')'));
    text == "test"
        || inside("cfg(") == Some("test")
        || text.starts_with("cfg(all(")
            && inside("cfg(").is_some_and(|all| {
                let list = all.trim_start_matches("all(").trim_end_matches(')');
                !list.contains("any(") && list.split(',').any(|term| term == "test")
            })
}

/// `(crate)` and `(in crate::x)` of `pub(...)`: they name a module and import nothing.
fn is_visibility(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    group.delimiter() == Delimiter::Parenthesis
        && at > 0
        && ident(tokens.get(at - 1)).as_deref() == Some("pub")
        && matches!(
            ident(group.stream().into_iter().next().as_ref()).as_deref(),
            Some("crate" | "in" | "super" | "self")
        )
}

/// Whether the group is the index of `value["key"]`.
fn is_key_lookup(tokens: &[TokenTree], at: usize, group: &Group) -> bool {
    const KEYWORDS: [&str; 6] = ["in", "return", "else", "match", "mut", "break"];
    let is_value = match at.checked_sub(1).map(|before| &tokens[before]) {
        Some(TokenTree::Ident(word)) => !KEYWORDS.contains(&word.to_string().as_str()),
        Some(TokenTree::Group(before)) => before.delimiter() != Delimiter::Brace,
        _ => false,
    };
    let index: Vec<TokenTree> = group.stream().into_iter().collect();
    is_value
        && group.delimiter() == Delimiter::Bracket
        && matches!(&index[..], [TokenTree::Literal(key)] if key.to_string().starts_with('"'))
}

/// The last of the generic arguments that `tokens` begin with, if there are two or more and it is one word.
fn last_argument(tokens: &[TokenTree]) -> Option<String> {
    let sign = |at: usize| match tokens.get(at) {
        Some(TokenTree::Punct(p)) => Some(p.as_char()),
        _ => None,
    };
    if sign(0) != Some('<') {
        return None;
    }
    let (mut depth, mut word, mut count) = (0, None, 0);
    for at in 0..tokens.len() {
        match sign(at) {
            Some('<') => depth += 1,
            // The arrow of a function's type closes nothing.
            Some('>') if at > 0 && sign(at - 1) == Some('-') => {}
            Some('>') => depth -= 1,
            // The word alone: `, String` and then `>` or a last comma.
            Some(',') if depth == 1 && !matches!(sign(at + 1), Some('>')) => {
                count += 1;
                word = ident(tokens.get(at + 1)).filter(|_| matches!(sign(at + 2), Some('>' | ',')));
            }
            _ => {}
        }
        if depth == 0 {
            return word.filter(|_| count > 0);
        }
    }
    None
}

fn parts(group: &Group) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let comma = |t: &TokenTree| matches!(t, TokenTree::Punct(p) if p.as_char() == ',');
    tokens.split(comma).filter(|part| !part.is_empty()).map(<[TokenTree]>::to_vec).collect()
}

fn is_path_sign(tokens: &[TokenTree], at: usize) -> bool {
    let colon = |i: usize| matches!(tokens.get(i), Some(TokenTree::Punct(p)) if p.as_char() == ':');
    colon(at) && colon(at + 1)
}

fn is_path(tokens: &[TokenTree], at: usize) -> bool {
    is_path_sign(tokens, at + 1)
}

fn follows_path(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_path_sign(tokens, at - 2)
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(word)) => Some(word.to_string()),
        _ => None,
    }
}

fn line(token: &TokenTree) -> usize {
    token.span().start().line
}

fn joined(module: &[String], name: String) -> Vec<String> {
    module.iter().cloned().chain([name]).collect()
}
