//! Serves the addresses until the end: accepts connections, and admits or refuses each peer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::ZmqError;
use super::bind::Bindings;
use super::error::PeerFault;
use super::handle::{Zmq, ZmqShared};
use super::part::Part;
use super::speak::speak;
use crate::backoff::Backoff;
use crate::commands::CommandQueue;
use crate::config::ZmqConfig;
use crate::supervisor::{Beat, Stop};
use crate::types::Explanation;

/// How often the unit shows that it lives, and looks whether it is to stop.
const LOOK: Duration = Duration::from_millis(100);
/// The first and the longest pause after accepting failed, for example because of too many open files.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The bridge as each peer's task needs it.
#[derive(Clone)]
pub(super) struct Bridge {
    pub(super) shared: Arc<ZmqShared>,
    /// The settings of this run.
    pub(super) settings: Arc<ZmqConfig>,
    pub(super) commands: CommandQueue,
    /// Places for peers, of all addresses together.
    places: Arc<Semaphore>,
}

/// Serves the bridge until `stop`. An address that cannot be listened on is retried, and `alarm` gets the reason
/// meanwhile (`None` once all are).
///
/// # Errors
/// The system gives no event queue.
pub fn run(
    zmq: &Zmq,
    commands: &CommandQueue,
    alarm: &dyn Fn(Option<&Explanation>),
    stop: &Stop,
    beat: &Beat,
) -> Result<(), ZmqError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ZmqError)?;
    let settings = zmq.settings();
    let places = Arc::new(Semaphore::new(settings.max_peers));
    let bridge = Bridge { shared: zmq.shared.clone(), settings, commands: commands.clone(), places };
    let bindings = Bindings::new(alarm);
    runtime.block_on(async {
        let ZmqConfig { status, commands, data, .. } = *bridge.settings;
        tokio::select! {
            () = until_stopped(stop, beat) => {}
            () = serve(Part::Status, status, &bindings, &bridge) => {}
            () = serve(Part::Commands, commands, &bindings, &bridge) => {}
            () = serve(Part::Data, data, &bindings, &bridge) => {}
        }
    });
    Ok(())
}

async fn until_stopped(stop: &Stop, beat: &Beat) {
    while !stop.is_stopped() {
        beat.beat();
        tokio::time::sleep(LOOK).await;
    }
}

/// Serves one address without an end; dropping it disconnects its peers, too.
async fn serve(part: Part, address: Option<SocketAddr>, bindings: &Bindings<'_>, bridge: &Bridge) {
    let Some(address) = address else { return std::future::pending().await };
    let listener = bindings.listen(part, address).await;
    let (mut peers, mut backoff) = (JoinSet::new(), Backoff::new(PAUSE, PAUSE_MAX));
    loop {
        let accepted = listener.accept().await;
        while peers.try_join_next().is_some() {}
        match accepted {
            Ok((stream, from)) => {
                backoff.reset();
                match bridge.admit(from) {
                    Ok(place) => drop(peers.spawn(serve_peer(stream, from, part, bridge.clone(), place))),
                    Err(fault) => bridge.note(part, from, &fault),
                }
            }
            Err(error) => {
                bridge.shared.totals.accepts_failed.inc();
                if let Some(attempts) = bridge.again(part, "accept") {
                    tracing::warn!(attempts, "zmq.{}: no connection can be accepted: {error}", part.key());
                }
                tokio::time::sleep(backoff.pause()).await;
            }
        }
    }
}

async fn serve_peer(
    stream: TcpStream,
    from: SocketAddr,
    part: Part,
    bridge: Bridge,
    place: OwnedSemaphorePermit,
) {
    let Err(fault) = speak(stream, part, &bridge).await;
    bridge.note(part, from, &fault);
    drop(place);
}

impl Bridge {
    /// The place of a peer that may connect from this address.
    fn admit(&self, from: SocketAddr) -> Result<OwnedSemaphorePermit, PeerFault> {
        let allow = &self.settings.allow;
        let is_allowed = match allow.is_empty() {
            true => from.ip().to_canonical().is_loopback(),
            false => allow.iter().any(|network| network.holds(from.ip())),
        };
        if !is_allowed {
            return Err(PeerFault::NotAllowed);
        }
        self.places.clone().try_acquire_owned().map_err(|_| PeerFault::TooMany)
    }

    /// Counts why a peer was refused or disconnected, and logs it at a bounded rate.
    fn note(&self, part: Part, from: SocketAddr, fault: &PeerFault) {
        let Some(counter) = fault.counter(&self.shared.totals) else { return };
        counter.inc();
        if let Some(peers) = self.again(part, fault.reason()) {
            tracing::warn!(%from, peers, "zmq.{}: a peer was disconnected: {fault}", part.key());
        }
    }

    fn again(&self, part: Part, reason: &'static str) -> Option<u64> {
        self.shared.log.again(part, reason, self.shared.clock.now().mono_ns)
    }
}
