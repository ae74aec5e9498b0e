//! What became of a single message that was handed to the broker's connection.

/// The end of a message that is sent once, and not again after a loss of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// The broker has acknowledged it.
    Acknowledged,
    /// No broker is connected: it was not sent.
    NotConnected,
    /// The connection was lost: it may have arrived.
    Lost,
    /// The broker refused it.
    Refused,
}
