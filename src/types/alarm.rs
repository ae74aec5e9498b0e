//! How a domain raises and clears the alarms that it knows of.

/// Raises and clears alarms by their names. None of its calls blocks.
pub trait Alarms: Send + Sync {
    /// Raises the alarm `name`, or updates its cause.
    fn raise(&self, name: &str, cause: &str);

    /// Clears the alarm `name`, if it is raised.
    fn clear(&self, name: &str);
}
