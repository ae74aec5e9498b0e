//! How a domain raises and clears the alarms that it knows of.

use super::Explanation;

/// Raises and clears alarms by their names. None of its calls blocks.
pub trait Alarms: Send + Sync {
    /// Raises the alarm `name`, or updates why it is raised.
    fn raise(&self, name: &str, why: &Explanation);

    /// Clears the alarm `name`, if it is raised.
    fn clear(&self, name: &str);
}
