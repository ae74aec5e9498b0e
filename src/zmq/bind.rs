//! Listens on an address as soon as that is possible: another program may have the port, or the address may be set
//! later than the service starts. Meanwhile an alarm says why it is not, and the other addresses are served.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;

use super::error::BindError;
use super::part::Part;
use crate::backoff::Backoff;
use crate::config::ZmqConfig;
use crate::types::Explanation;

/// The first and the longest pause between two attempts.
const AGAIN: Duration = Duration::from_millis(500);
const AGAIN_MAX: Duration = Duration::from_secs(10);

/// The addresses that are not listened on, and the alarm about them.
pub(super) struct Bindings<'a> {
    alarm: &'a dyn Fn(Option<&Explanation>),
    failed: RefCell<BTreeMap<Part, BindError>>,
}

impl<'a> Bindings<'a> {
    /// No address has failed yet: an alarm of an earlier run is over until one does.
    pub(super) fn new(alarm: &'a dyn Fn(Option<&Explanation>)) -> Bindings<'a> {
        Bindings { alarm, failed: RefCell::default() }
    }

    /// Listens on `address`, for as many attempts as that takes.
    pub(super) async fn listen(&self, part: Part, address: SocketAddr) -> TcpListener {
        let mut backoff = Backoff::new(AGAIN, AGAIN_MAX);
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => {
                    tracing::info!(%address, "ZeroMQ {} for {}", part.own_type(), part.key());
                    self.failed.borrow_mut().remove(&part);
                    self.report();
                    return listener;
                }
                Err(source) => {
                    self.failed.borrow_mut().insert(part, BindError { part, address, source });
                    self.report();
                }
            }
            tokio::time::sleep(backoff.pause()).await;
        }
    }

    fn report(&self) {
        (self.alarm)(explanation(self.failed.borrow().values()).as_ref());
    }
}

fn explanation<'e>(failed: impl Iterator<Item = &'e BindError>) -> Option<Explanation> {
    let causes: Vec<String> = failed.map(BindError::to_string).collect();
    let remedy =
        "end the other program that has the port, or write another address; it is retried until then";
    (!causes.is_empty()).then(|| Explanation::new(causes.join("; "), remedy))
}

/// The addresses of `settings` with their purpose.
pub(super) fn addresses(settings: &ZmqConfig) -> impl Iterator<Item = (Part, SocketAddr)> + use<> {
    let parts =
        [(Part::Status, settings.status), (Part::Commands, settings.commands), (Part::Data, settings.data)];
    parts.into_iter().filter_map(|(part, address)| Some((part, address?)))
}

/// Listens on every address for a moment. Of each: its key in `[zmq]`, and the cause as the service reports it where that
/// fails.
pub fn probe(settings: &ZmqConfig) -> Vec<(&'static str, SocketAddr, Result<(), Explanation>)> {
    let probed = addresses(settings).map(|(part, address)| {
        let bound =
            std::net::TcpListener::bind(address).map_err(|source| BindError { part, address, source });
        let failed = explanation(bound.err().iter());
        (part.key(), address, failed.map_or(Ok(()), Err))
    });
    probed.collect()
}
