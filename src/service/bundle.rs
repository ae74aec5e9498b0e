//! The archive for support, made by the running service for the page: what `ocellus doctor --bundle` writes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;

use super::Service;
use crate::commands::CommandAnswer;
use crate::commands::service::BundleOut;
use crate::config::Config;
use crate::examine::{self, Asked, BundleInput, Machine, Report, write_bundle};
use crate::supervisor::spawn;
use crate::types::{Clock, Origin, Refusal, Responder, SystemClock, rfc3339};

/// How long the checks of the machine may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Makes the archive on a thread of its own, and answers with it. Not over MQTT, where every subscriber could read it.
pub(super) fn bundle(service: &Arc<Service>, origin: Origin, reply: Responder<CommandAnswer>) {
    if origin == Origin::Mqtt {
        let message = "the archive for support is not sent over MQTT";
        return reply.failed(Refusal::new(
            "not_here",
            message,
            "ask the page or REST, or run `ocellus doctor --bundle`",
        ));
    }
    if service.bundling.swap(true, Ordering::AcqRel) {
        return reply.failed(Refusal::new(
            "busy",
            "an archive for support is being made",
            "try again in a moment",
        ));
    }
    let making = Making(service.bundling.clone());
    let service = service.clone();
    // Not waited for: its answer goes to whoever asked, and it holds nothing but what it reads.
    let thread = spawn("doctor", None, move || {
        let archive = made(&service).map(CommandAnswer::from);
        // Before the answer: who has it may ask for the next one.
        drop(making);
        reply.answer(archive);
    });
    if let Err(error) = thread {
        tracing::warn!("no archive for support is made: {error}");
    }
}

/// Lets the next archive be made when this one is, or has failed.
struct Making(Arc<AtomicBool>);

impl Drop for Making {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

fn made(service: &Service) -> Result<BundleOut, Refusal> {
    let options = &service.configuration.options;
    let (begun, time) = (Instant::now(), rfc3339(SystemClock.now().wall_ns));
    let (config, faults) = Config::with_faults(options.config.as_deref(), options.state_dir.as_deref());
    let asked = || Asked::Answered {
        status: Box::new(service.reporter.status_now()),
        process: Some(std::process::id()),
    };
    let checks = examine::checks(&config, &faults, asked(), &Machine::default());
    let results = examine::run(checks, begun + PATIENCE);
    let report = Report::new(time, true, begun.elapsed().as_millis() as u64, results);
    let file = format!("ocellus-support-{}.tar.gz", config.device.name);
    // Where this service writes its log: the file of the configuration may have changed since it was applied.
    let log = service.configuration.logging.file();
    let log = log.map(|file| file.paths().collect()).unwrap_or_default();
    let hour = service.reporter.hour();
    let input =
        BundleInput { config, config_file: options.config.clone(), asked: asked(), log, hour, report };
    let mut archive = Vec::new();
    write_bundle(&input, &mut archive).map_err(|error| Refusal::from(error.to_string()))?;
    Ok(BundleOut { file, base64: base64::engine::general_purpose::STANDARD.encode(archive) })
}
