//! The commands `top` and `stop`.

use std::sync::atomic::Ordering;

use super::Service;
use super::log_commands::only_here;
use crate::camera::belongs_to;
use crate::commands::top::{StageCpu, StoppingOut, ThreadCpu, TopOut};
use crate::supervisor::{pid_namespace, systemd_unit, usable_cores};
use crate::telemetry::{ProcessFacts, threads};
use crate::types::{Clock, Origin, Refusal, SystemClock};

/// `top`: the CPU times of threads, stages and cameras.
pub(super) fn top_command(service: &Service, origin: Origin) -> Result<TopOut, Refusal> {
    only_here(origin, "what the threads do")?;
    let cameras = service.cameras.all();
    let names: Vec<&str> = cameras.iter().map(|camera| camera.settings.name.as_str()).collect();
    let threads = threads().into_iter().map(|thread| ThreadCpu {
        camera: names.iter().find(|name| belongs_to(&thread.name, name)).map(|name| (*name).to_owned()),
        id: thread.id,
        name: thread.name,
        cpu_ns: thread.cpu_ns,
    });
    let stages = service.domains.scheduler.stages();
    let stages = stages.iter().map(|stage| StageCpu {
        stage: stage.spec().name.to_string(),
        waiting: stage.waiting() as u64,
        running: stage.running() as u64,
        cpu_ns: stage
            .costs()
            .into_iter()
            .map(|cost| (cost.owner.to_string(), cost.cpu_ns.load(Ordering::Relaxed)))
            .collect(),
    });
    let facts = ProcessFacts::read();
    Ok(TopOut {
        pid: std::process::id(),
        at_ns: SystemClock.now().mono_ns,
        cores: usable_cores().len() as u32,
        cpu_ns: facts.cpu.as_nanos() as u64,
        memory_bytes: facts.rss_bytes,
        threads: threads.collect(),
        stages: stages.collect(),
        cameras: names.iter().map(|name| (*name).to_owned()).collect(),
    })
}

/// `stop`: what will end; the caller stops the service once this is on its way.
pub(super) fn stop_command(service: &Service, origin: Origin) -> Result<StoppingOut, Refusal> {
    only_here(origin, "the end of the service")?;
    let settings = service.configuration.in_force.get().supervisor.settings;
    tracing::info!("stops on request");
    Ok(StoppingOut {
        pid: std::process::id(),
        pid_namespace: pid_namespace(),
        drain_ms: (settings.drain_max.max(settings.drain) + settings.drain).as_millis() as u64,
        systemd_unit: systemd_unit(),
    })
}
