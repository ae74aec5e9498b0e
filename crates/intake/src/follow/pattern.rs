//! Patterns of file names, and the names under which a rotated file may lie.

use super::settings::SettingsError;

/// Patterns with `*` for any characters and `?` for one.
#[derive(Clone, Debug)]
pub struct Patterns(Vec<String>);

impl Patterns {
    /// Patterns that are separated by `|`.
    pub fn new(patterns: &str) -> Result<Patterns, SettingsError> {
        let patterns: Vec<String> = patterns.split('|').map(|pattern| pattern.trim().to_owned()).collect();
        match patterns.iter().find(|pattern| pattern.is_empty() || pattern.contains('/')) {
            Some(pattern) => Err(SettingsError::Pattern(pattern.clone())),
            None => Ok(Patterns(patterns)),
        }
    }

    /// Whether a name is taken. Hidden files, which copying programs use, need a pattern that begins with a point.
    pub fn matches(&self, name: &str) -> bool {
        let is_hidden = name.starts_with('.');
        self.0.iter().any(|pattern| (!is_hidden || pattern.starts_with('.')) && matches(pattern, name))
    }
}

/// Walks back to the last `*` where a character does not fit: time grows with the product of the lengths at most.
fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match &mut star {
                Some((at, from)) => {
                    *from += 1;
                    (p, n) = (*at + 1, *from);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

/// Names that the file `name` may have had before it was rotated: `a.csv` for `a.csv.1`, `a.csv-20261129`, `a.1.csv` and
/// `a-20261129.csv`.
pub(super) fn originals(name: &str) -> impl Iterator<Item = String> + '_ {
    let ends =
        name.char_indices().skip(1).filter(|(_, c)| matches!(c, '.' | '-' | '_' | '~')).map(|(at, _)| at);
    let extension = name.rfind('.').filter(|at| *at > 0);
    ends.flat_map(move |end| {
        let inner = extension.filter(|at| *at > end).map(|at| format!("{}{}", &name[..end], &name[at..]));
        [Some(name[..end].to_owned()), inner]
    })
    .flatten()
}

/// Whether `other` may be a rotated `name`, or both may be the rotated files of a third.
pub(super) fn are_related(name: &str, other: &str) -> bool {
    originals(other).any(|original| original == name || originals(name).any(|third| third == original))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_match_names() {
        let takes = |pattern: &str, name| Patterns::new(pattern).unwrap().matches(name);
        for (pattern, name) in [
            ("*.csv", "a.csv"),
            ("*", "x"),
            ("a?c*", "abcd"),
            ("*.dat|*.lvm", "p.lvm"),
            ("*a*b*", "xaayb"),
            (".*", ".x"),
        ] {
            assert!(takes(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("*.csv", "a.csv.1"), ("*.csv", ".a.csv"), ("a?c", "ac"), ("*.csv", "a.CSV"), ("abc", "abcd")]
        {
            assert!(!takes(pattern, name), "{pattern} {name}");
        }
        assert!(Patterns::new("a/*.csv").is_err() && Patterns::new("").is_err());
        assert!(!takes(&"*a".repeat(50), &"a".repeat(49)));
    }

    #[test]
    fn a_rotated_name_leads_to_its_original() {
        for name in ["a.csv.1", "a.csv-20261129", "a.1.csv", "a-20261129.csv", "a.csv.1.gz", "a.csv~"] {
            assert!(originals(name).any(|original| original == "a.csv"), "{name}");
        }
        assert!(!originals("run2.csv").any(|original| original == "run1.csv"));
        assert!(!originals("a.csv").any(|original| original == "a.csv"));
    }
}
