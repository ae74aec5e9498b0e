//! The ways out of the service: broker, page, ZeroMQ and audit log.

use std::sync::Arc;

use super::figures;
use super::publisher::StatusPublisher;
use crate::audit::Audit;
use crate::config::Config;
use crate::mqtt::Mqtt;
use crate::types::SystemClock;
use crate::web::Web;
use crate::zmq::Zmq;

/// The ways out of the service. Clones share them.
#[derive(Clone)]
pub(super) struct Interfaces {
    pub(super) mqtt: Mqtt,
    pub(super) web: Web,
    /// The ZeroMQ bridge; it serves nobody where no address is configured.
    pub(super) zmq: Zmq,
    pub(super) audit: Arc<Audit>,
    /// Publishes the service's own state over both.
    pub(super) publisher: StatusPublisher,
}

impl Interfaces {
    /// The interfaces of `config`, which run once their units do.
    pub(super) fn new(config: &Config) -> Interfaces {
        let mqtt = Mqtt::new(&config.mqtt, &config.device, Arc::new(SystemClock));
        let audit = Arc::new(Audit::new(&config.device.state_dir, Arc::new(SystemClock)));
        mqtt.count_refusals_in(audit.clone());
        let web = Web::new(&config.device.name, Arc::new(SystemClock), audit.clone());
        web.describe(figures::described());
        let publisher = StatusPublisher::new(&mqtt, &web);
        let zmq = Zmq::new(&config.zmq, Arc::new(SystemClock));
        Interfaces { mqtt, web, zmq, audit, publisher }
    }
}
