//! The three addresses: what each is for, and which sockets may connect to it.

/// The purpose of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    /// Requests for the state.
    Status,
    /// Publication of what commands do.
    Commands,
    /// Intake of data messages from pushers.
    Data,
}

impl Part {
    /// Its key in `[zmq]`.
    pub(super) fn key(self) -> &'static str {
        match self {
            Part::Status => "status",
            Part::Commands => "commands",
            Part::Data => "data",
        }
    }

    /// The type of our socket.
    pub(super) fn own_type(self) -> &'static str {
        match self {
            Part::Status => "REP",
            Part::Commands => "PUB",
            Part::Data => "PULL",
        }
    }

    /// The types of sockets that may connect, and their name for people.
    pub(super) fn wanted_types(self) -> (&'static [&'static str], &'static str) {
        match self {
            Part::Status => (&["REQ", "DEALER"], "REQ"),
            Part::Commands => (&["SUB", "XSUB"], "SUB"),
            Part::Data => (&["PUSH"], "PUSH"),
        }
    }
}
