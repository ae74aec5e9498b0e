//! The state that all requests share.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

use super::ask::CommandClient;
use super::body::BodyBudget;
use super::device::Devices;
use super::handle::WebShared;
use super::limiter::{self, Limiter};
use super::page::Page;
use super::passwords::Checker;
use super::run::WebError;
use super::session::Sessions;
use super::users::Users;
use crate::audit::{AuditChange, AuditSource, RefusedRequest};
use crate::commands::CommandQueue;
use crate::config;

/// The state of one run of the unit.
pub(super) struct Server {
    pub(super) shared: Arc<WebShared>,
    pub(super) settings: config::WebConfig,
    pub(super) commands: CommandClient,
    pub(super) users: Users,
    pub(super) passwords: Checker,
    pub(super) devices: Devices,
    pub(super) budget: BodyBudget,
    pub(super) page: Page,
    pub(super) openapi: String,
    sessions: Mutex<Sessions>,
    limiter: Mutex<Limiter>,
}

impl Server {
    pub(super) fn new(
        shared: Arc<WebShared>,
        settings: &config::WebConfig,
        state_dir: &Path,
        commands: CommandQueue,
    ) -> Result<Server, WebError> {
        Ok(Server {
            shared,
            commands: CommandClient::new(commands),
            users: Users::new(settings.users_file(state_dir)),
            passwords: Checker::start()?,
            devices: Devices::open(state_dir).map_err(WebError::Chance)?,
            budget: BodyBudget::new(settings.max_body_bytes),
            page: Page::new(),
            openapi: super::openapi::document().to_string(),
            sessions: Mutex::new(Sessions::new(settings.session)),
            limiter: Mutex::default(),
            settings: settings.clone(),
        })
    }

    pub(super) fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock()
    }

    pub(super) fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock()
    }

    pub(super) fn now_ns(&self) -> u64 {
        self.shared.clock.now().mono_ns
    }

    /// Writes a change, or a failed one, to the audit log.
    pub(super) fn note(&self, user: &str, action: &str, target: &str, outcome: &str) {
        self.shared.audit.note(&AuditChange { source: AuditSource::Web, user, action, target, outcome });
    }

    /// Counts a refused request of a sender who is not logged in or has no right to it.
    pub(super) fn refuse(&self, from: IpAddr, user: &str, cause: &str) {
        let from = limiter::network(from).to_string();
        self.shared.audit.refuse(&RefusedRequest { source: AuditSource::Web, from: &from, user, cause });
    }
}

/// The other end of the connection, attached to every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer {
    pub(super) address: IpAddr,
    pub(super) tls: bool,
}
