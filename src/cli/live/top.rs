//! `ocellus top`: what the processor cores are busy with, by thread, stage and camera.

use std::collections::BTreeMap;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::glance::size;
use super::moment::duration;
use super::screen::Screen;
use crate::cli::{Configured, output};
use crate::commands::Command;
use crate::commands::top::TopOut;
use crate::control::{AskError, ask_for};

/// Threads that use less are not listed.
const LEAST_SHARE: f64 = 0.000_5;

/// Shares are of one core: 100 % is one core busy. A camera's share is that of the threads that capture and decode for
/// it and of the stages that process its frames; threads that a library names itself belong to no camera.
#[derive(Debug, Args)]
pub(in crate::cli) struct TopArgs {
    /// Measure once and end.
    #[arg(long)]
    once: bool,
    /// How long each measurement takes, such as 500ms or 2s.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    every: Duration,
    #[command(flatten)]
    configured: Configured,
    /// Print each measurement as one line of JSON.
    #[arg(long)]
    json: bool,
}

pub(in crate::cli) fn run(arguments: &TopArgs) -> anyhow::Result<()> {
    show(arguments, &mut |pause| {
        std::thread::sleep(pause);
        true
    })
}

/// Shows one measurement after the other for as long as `pause` answers with true.
pub(super) fn show(arguments: &TopArgs, pause: &mut dyn FnMut(Duration) -> bool) -> anyhow::Result<()> {
    let dir = arguments.configured.dir();
    let ask = || ask_for::<TopOut>(&dir, &Command::Top);
    let mut screen = Screen::new();
    let mut before = Some(output::asked(ask())?);
    while pause(arguments.every) {
        let now = match output::asked(ask()) {
            Ok(now) => now,
            Err(error) if arguments.once => return Err(error.into()),
            Err(error) => {
                if before.take().is_some() {
                    output::complain(match error {
                        // One that starts or ends may refuse for a moment.
                        AskError::Refused(_) => format!("-- {error}; asking again --"),
                        _ => "-- the service is away; waiting for it --".to_owned(),
                    });
                }
                continue;
            }
        };
        // Another process counts from zero.
        if let Some(load) =
            before.as_ref().filter(|before| before.pid == now.pid).map(|then| Load::of(then, &now))
        {
            let lines = load.in_words();
            match (arguments.json, screen.is_terminal() && !arguments.once) {
                (true, _) => screen.line(&serde_json::to_string(&load)?)?,
                (false, true) => screen.redraw(&lines)?,
                (false, false) => screen.line(&lines.join("\n"))?,
            }
            if arguments.once || screen.is_closed {
                return Ok(());
            }
        }
        before = Some(now);
    }
    Ok(())
}

/// The load between two answers, in shares of one core.
#[derive(Debug, Serialize)]
struct Load {
    pid: u32,
    /// Time between the answers in milliseconds.
    period_ms: u64,
    cores: u32,
    memory_bytes: u64,
    /// Share of one core that all threads take together.
    share: f64,
    threads: Vec<ThreadLoad>,
    stages: Vec<StageLoad>,
    cameras: Vec<CameraLoad>,
}

#[derive(Debug, Serialize)]
struct ThreadLoad {
    thread: String,
    id: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    camera: Option<String>,
    share: f64,
}

#[derive(Debug, Serialize)]
struct StageLoad {
    stage: String,
    share: f64,
    waiting: u64,
    /// Shares by camera; under an empty name the work of no camera.
    by_camera: BTreeMap<String, f64>,
}

#[derive(Debug, Serialize)]
struct CameraLoad {
    camera: String,
    share: f64,
    /// The threads that capture and decode.
    capture: f64,
    /// Its work on the stages.
    stages: f64,
}

impl Load {
    fn of(then: &TopOut, now: &TopOut) -> Load {
        let period_ns = now.at_ns.saturating_sub(then.at_ns).max(1) as f64;
        let share = |then: u64, now: u64| now.saturating_sub(then) as f64 / period_ns;
        let mut threads: Vec<_> = now
            .threads
            .iter()
            .map(|thread| {
                // A thread that began meanwhile has counted from zero.
                let known =
                    then.threads.iter().find(|known| known.id == thread.id && known.name == thread.name);
                let before = known.map_or(0, |known| known.cpu_ns);
                ThreadLoad {
                    thread: thread.name.clone(),
                    id: thread.id,
                    camera: thread.camera.clone(),
                    share: share(before, thread.cpu_ns),
                }
            })
            .collect();
        threads.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.thread.cmp(&b.thread)));
        let stages: Vec<_> = now
            .stages
            .iter()
            .map(|stage| {
                let known = then.stages.iter().find(|known| known.stage == stage.stage);
                let before =
                    |camera: &str| known.and_then(|known| known.cpu_ns.get(camera)).copied().unwrap_or(0);
                let by_camera: BTreeMap<_, _> = stage
                    .cpu_ns
                    .iter()
                    .map(|(camera, cpu_ns)| (camera.clone(), share(before(camera), *cpu_ns)))
                    .collect();
                let (stage, waiting) = (stage.stage.clone(), stage.waiting);
                StageLoad { stage, share: by_camera.values().sum(), waiting, by_camera }
            })
            .collect();
        let cameras = now.cameras.iter().map(|camera| {
            let of_camera = threads.iter().filter(|thread| thread.camera.as_ref() == Some(camera));
            let capture: f64 = of_camera.map(|thread| thread.share).sum();
            let on_stages: f64 = stages.iter().filter_map(|stage| stage.by_camera.get(camera)).sum();
            CameraLoad { camera: camera.clone(), share: capture + on_stages, capture, stages: on_stages }
        });
        Load {
            pid: now.pid,
            period_ms: (period_ns / 1e6) as u64,
            cores: now.cores,
            memory_bytes: now.memory_bytes,
            share: share(then.cpu_ns, now.cpu_ns),
            cameras: cameras.collect(),
            threads,
            stages,
        }
    }

    fn in_words(&self) -> Vec<String> {
        let percent = |share: f64| format!("{:>6.1}", share * 100.0);
        let mut lines = vec![format!(
            "process {}: {} % of one core ({} cores), {}",
            self.pid,
            percent(self.share).trim_start(),
            self.cores,
            size(self.memory_bytes)
        )];
        lines.push("  CPU%  CAMERA          CAPTURE  STAGES".to_owned());
        lines.extend(self.cameras.iter().map(|one| {
            let CameraLoad { camera, share, capture, stages } = one;
            format!("{}  {camera:<14}  {:>7}  {:>6}", percent(*share), percent(*capture), percent(*stages))
        }));
        lines.push("  CPU%  STAGE           WAITING".to_owned());
        lines.extend(
            self.stages
                .iter()
                .map(|one| format!("{}  {:<14}  {:>7}", percent(one.share), one.stage, one.waiting)),
        );
        lines.push("  CPU%  THREAD".to_owned());
        let busy = self.threads.iter().take_while(|thread| thread.share >= LEAST_SHARE);
        lines.extend(busy.map(|thread| format!("{}  {}", percent(thread.share), thread.thread)));
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::{StageCpu, ThreadCpu};

    fn at(at_ms: u64, cpu_ms: [u64; 3], staged_ms: u64) -> TopOut {
        let ns = 1_000_000;
        let names = [("worker/0", None), ("a:queue0", Some("a")), ("web", None)];
        let threads = names.iter().zip(cpu_ms).enumerate();
        TopOut {
            pid: 1,
            at_ns: at_ms * ns,
            cores: 2,
            cpu_ns: cpu_ms.iter().sum::<u64>() * ns,
            memory_bytes: 64 << 20,
            threads: threads
                .map(|(id, ((name, camera), ms))| ThreadCpu {
                    id: id as u32,
                    name: (*name).to_owned(),
                    camera: camera.map(str::to_owned),
                    cpu_ns: ms * ns,
                })
                .collect(),
            stages: vec![StageCpu {
                stage: "m".into(),
                waiting: 3,
                running: 1,
                cpu_ns: BTreeMap::from([("a".to_owned(), staged_ms * ns)]),
            }],
            cameras: vec!["a".into()],
        }
    }

    #[test]
    fn shares_are_of_one_core_and_a_camera_has_its_threads_and_its_stages() {
        let load = Load::of(&at(1_000, [10, 100, 5], 10), &at(2_000, [510, 350, 5], 490));
        let near = |share: f64, wanted: f64| assert!((share - wanted).abs() < 1e-9, "{share} {wanted}");
        near(load.share, 0.75);
        assert_eq!(load.threads[0].thread, "worker/0");
        near(load.threads[0].share, 0.5);
        near(load.stages[0].share, 0.48);
        near(load.cameras[0].capture, 0.25);
        near(load.cameras[0].share, 0.73);
        let text = load.in_words().join("\n");
        assert!(text.contains("75.0 % of one core (2 cores), 64.0 MiB"), "{text}");
        assert!(text.contains("  73.0  a ") && text.contains("  50.0  worker/0"), "{text}");
        assert!(!text.contains("web"), "an idle thread is not listed: {text}");
    }
}
