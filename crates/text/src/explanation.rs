//! What an error tells a person, in two parts, so that nobody takes its text apart again.

use std::fmt;

/// What is wrong, where and why; and what to do next. Its text is both, joined by a semicolon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explanation {
    /// What is wrong, where and why.
    pub cause: String,
    /// What to do next; empty where nobody can do anything, or the cause already says it.
    pub remedy: String,
}

impl Explanation {
    /// Both parts of what an error tells.
    pub fn new(cause: impl Into<String>, remedy: impl Into<String>) -> Explanation {
        Explanation { cause: cause.into(), remedy: remedy.into() }
    }

    /// The explanation with what it is about in front of its cause.
    pub fn within(self, place: impl fmt::Display) -> Explanation {
        Explanation { cause: format!("{place}: {}", self.cause), remedy: self.remedy }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.cause)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "; {}", self.remedy) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_and_a_remedy_are_one_line_and_a_cause_alone_stays_alone() {
        let both = Explanation::new("the file is empty", "save it again");
        assert_eq!(both.to_string(), "the file is empty; save it again");
        assert_eq!(both.within("model a").to_string(), "model a: the file is empty; save it again");
        assert_eq!(Explanation::new("it ended", "").to_string(), "it ended");
    }
}
