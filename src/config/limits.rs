//! The limits of a parameter of a command, and what is wrong with a value.

use super::output::{ParameterKind, is_plain};

impl ParameterKind {
    /// Checks a value as it will stand in the message.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that begins with its name.
    pub fn check(&self, text: &str) -> Result<(), ValueFault> {
        match self {
            ParameterKind::Number { min, max, whole } => {
                let value: f64 = text.trim().parse().map_err(|_| ValueFault::NotANumber(text.into()))?;
                if !value.is_finite() {
                    return Err(ValueFault::NotANumber(text.into()));
                }
                if *whole && value.fract() != 0.0 {
                    return Err(ValueFault::NotWhole(value));
                }
                if !(*min..=*max).contains(&value) {
                    return Err(ValueFault::OutOfLimits { value, min: *min, max: *max });
                }
                Ok(())
            }
            ParameterKind::Choice(choices) if choices.iter().any(|choice| choice == text) => Ok(()),
            ParameterKind::Choice(choices) => {
                Err(ValueFault::NotAChoice { text: text.into(), choices: choices.join(", ") })
            }
            ParameterKind::Text(most) if text.chars().count() > *most => {
                Err(ValueFault::TooLong { length: text.chars().count(), most: *most })
            }
            ParameterKind::Text(_) if !is_plain(text) => Err(ValueFault::NotPlain(text.into())),
            ParameterKind::Text(_) => Ok(()),
        }
    }
}

/// What is wrong with the value of a parameter.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ValueFault {
    /// It cannot be read as a finite number.
    #[error("is {0:?}, which is not a finite number")]
    NotANumber(String),
    /// A fraction where only whole numbers are allowed.
    #[error("is {0}, which is not a whole number")]
    NotWhole(f64),
    /// A number below or above its limits.
    #[error("is {value}, outside its limits {min} to {max}")]
    OutOfLimits {
        /// The value that was given.
        value: f64,
        /// The least value that is allowed.
        min: f64,
        /// The greatest value that is allowed.
        max: f64,
    },
    /// A word that is not one of the choices.
    #[error("is {text:?}, which is none of {choices}")]
    NotAChoice {
        /// The word that was given.
        text: String,
        /// The words that are allowed.
        choices: String,
    },
    /// A text with too many characters.
    #[error("has {length} characters, at most {most} are allowed")]
    TooLong {
        /// Number of characters given.
        length: usize,
        /// Number of characters allowed.
        most: usize,
    },
    /// A text with characters that could end a line or a JSON text.
    #[error("is {0:?}; only letters, digits, spaces and -_.:+/ are allowed")]
    NotPlain(String),
}
