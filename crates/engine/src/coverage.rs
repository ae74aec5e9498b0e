//! How much of a model the runtime's delegate took over, such as an NPU's or XNNPACK; the rest runs on the CPU, operator by
//! operator.

use std::fmt;

/// The part of a model's operators that the delegate took.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Coverage {
    /// The runtime does not tell.
    #[default]
    Unknown,
    /// The delegate took every operator.
    All,
    /// It did not take every operator; the runtime tells no more.
    NotAll,
    /// It took some operators, and the others are known.
    Part {
        /// Operators of the model.
        operators: usize,
        /// Those that the CPU runs, by name.
        left: Vec<String>,
    },
}

impl Coverage {
    /// Whether at least the share `least`, 0 to 1, is known to be taken.
    pub fn reaches(&self, least: f32) -> bool {
        match self {
            _ if least <= 0.0 => true,
            Coverage::All => true,
            Coverage::Unknown | Coverage::NotAll => false,
            // As the setting was written: 0.8 as `f32` is a little more than eight tenths of an `f64`.
            Coverage::Part { .. } => self.share() as f32 >= least,
        }
    }

    /// The share that is taken, 0 to 1, as far as it is known.
    fn share(&self) -> f64 {
        match self {
            Coverage::All => 1.0,
            Coverage::Unknown | Coverage::NotAll => 0.0,
            Coverage::Part { operators, left } => {
                operators.saturating_sub(left.len()) as f64 / (*operators).max(1) as f64
            }
        }
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Coverage::Unknown => f.write_str("this runtime does not tell what its delegate took"),
            Coverage::All => f.write_str("the delegate took every operator"),
            Coverage::NotAll => f.write_str(
                "the delegate left some operators to the CPU (this runtime does not tell which, or how many)",
            ),
            Coverage::Part { operators, left } => {
                let taken = operators.saturating_sub(left.len());
                let percent = (self.share() * 100.0).floor();
                write!(f, "the delegate took {taken} of {operators} operators ({percent} %)")?;
                if left.is_empty() { Ok(()) } else { write!(f, "; on the CPU: {}", counted(left)) }
            }
        }
    }
}

/// Each name once, in the order of the graph, with how often it occurs: `Conv2d (14)`.
fn counted(names: &[String]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for name in names {
        match counts.iter_mut().find(|(known, _)| *known == name.as_str()) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let words = counts.into_iter().map(|(name, count)| match count {
        1 => name.to_owned(),
        _ => format!("{name} ({count})"),
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_to_be_taken_counts() {
        let part = Coverage::Part { operators: 10, left: vec!["CUMSUM".into(), "FFT".into()] };
        assert!(part.reaches(0.8) && !part.reaches(0.81));
        assert_eq!(part.to_string(), "the delegate took 8 of 10 operators (80 %); on the CPU: CUMSUM, FFT");
        assert!(Coverage::All.reaches(1.0));
        let twice =
            Coverage::Part { operators: 3, left: ["FFT", "CUMSUM", "FFT"].map(str::to_owned).to_vec() };
        assert!(twice.to_string().ends_with("on the CPU: FFT (2), CUMSUM"), "{twice}");
        for unknown in [Coverage::Unknown, Coverage::NotAll] {
            assert!(unknown.reaches(0.0) && !unknown.reaches(0.01), "{unknown}");
        }
    }
}
