//! Compares a code's text with the pattern of a recipe.

/// Whether all of `text` fits `pattern`: `#` is one ASCII digit, `?` any one character, `*` any run of
/// characters (also none), any other character itself. There is no escape, since a literal `#`, `?` or `*`
/// fits its wildcard.
///
/// At most `pattern` × `text` steps and no recursion: only the last `*` is ever tried again, because whatever an
/// earlier one could take, the last can take instead.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (mut wanted, mut rest) = (pattern.chars(), text.chars());
    // Where to go on when a character does not fit: the pattern after the last `*`, the text one further on.
    let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let text_here = rest.clone();
        let fits = match (wanted.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                rest = text_here;
                again = Some((wanted.clone(), rest.clone()));
                continue;
            }
            (Some('?'), Some(_)) => true,
            (Some('#'), Some(c)) => c.is_ascii_digit(),
            (Some(p), Some(c)) => p == c,
            (Some(_), None) => return false,
            (None, Some(_)) => false,
        };
        if !fits {
            let Some((after_star, from)) = &mut again else { return false };
            if from.next().is_none() {
                return false;
            }
            (wanted, rest) = (after_star.clone(), from.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;
    use proptest::prelude::*;

    /// The definition as plain dynamic programming, to compare with.
    fn reference(pattern: &[char], text: &[char]) -> bool {
        let mut row = vec![false; text.len() + 1];
        row[0] = true;
        for &p in pattern {
            let mut next = vec![false; text.len() + 1];
            next[0] = p == '*' && row[0];
            for (i, &c) in text.iter().enumerate() {
                next[i + 1] = match p {
                    '*' => row[i + 1] || next[i],
                    '?' => row[i],
                    '#' => row[i] && c.is_ascii_digit(),
                    p => row[i] && p == c,
                };
            }
            row = next;
        }
        row[text.len()]
    }

    proptest! {
        #[test]
        fn it_is_what_the_definition_says(pattern in "[ab1#?*é]{0,12}", text in "[ab12é#*]{0,16}") {
            let (p, t): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(matches(&pattern, &text), reference(&p, &t));
        }

        #[test]
        fn a_text_without_signs_fits_itself_alone(text in "[A-Za-z0-9 é-]{0,20}", other in "[A-Za-z0-9 é-]{0,20}") {
            prop_assert!(matches(&text, &text));
            prop_assert_eq!(matches(&text, &other), text == other);
        }

        #[test]
        fn a_star_fits_everything_between(head in "[a-z]{0,5}", middle in ".{0,9}", tail in "[a-z]{0,5}") {
            prop_assert!(matches(&format!("{head}*{tail}"), &format!("{head}{middle}{tail}")), "{}", middle);
        }
    }

    #[test]
    fn examples() {
        for (pattern, text, fits) in [
            ("SN-####", "SN-0042", true),
            ("SN-####", "SN-00A2", false),
            ("SN-####", "SN-00421", false),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("A?C*", "ABC", true),
            ("*.png", "a.png.png", true),
            ("#", "٣", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn a_pattern_made_to_be_slow_is_not() {
        let (pattern, text) = ("*a".repeat(2000) + "b", "a".repeat(4000));
        // Backtracking over every star would take exponential time; this takes 8 million steps at most.
        assert!(!matches(&pattern, &text));
    }
}
