//! Threads whose work nobody waits for give way to all others.

/// The nice value of the lowest priority.
const LOWEST: i32 = 19;

/// Gives the calling thread, and the threads that it starts from now on, the lowest priority: the kernel preempts it as soon
/// as another thread of the service wakes up, and it still gets a little of a busy machine, so that its work comes to its end.
pub fn lower_priority() {
    if let Err(error) = rustix::process::nice(LOWEST) {
        tracing::warn!("a thread keeps its priority and competes with the service for the cores: {error}");
    }
}
