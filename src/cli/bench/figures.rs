//! The figures of the benchmark, with their medians and ratios.

use serde::Serialize;

use crate::config::{self, Config};
use crate::telemetry::{ProcessFacts, Snapshot};

/// What went through the pipeline in one measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Passed {
    pub(super) frames: u64,
    /// Faces that went to recognition meanwhile.
    pub(super) looks: u64,
    pub(super) fps: f64,
    /// CPU time of the whole process for each frame.
    pub(super) cpu_ms: f64,
    /// Frames or reports that were lost, for any reason.
    pub(super) drops: u64,
    pub(super) steps: Vec<Step>,
}

/// The latency of one step in µs.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
}

impl Step {
    pub(super) fn new(name: &'static str, window: &Snapshot) -> Step {
        Step { name, p50_us: window.p50(), p99_us: window.p99() }
    }
}

/// Inference alone, on every worker's core.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct Limit {
    pub(super) per_s: f64,
    /// CPU time of one inference.
    pub(super) cpu_ms: f64,
}

/// The least cost of recognising one face.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub(super) struct FacesLimit {
    /// The embedding model alone, on every worker's core.
    pub(super) embed: Limit,
    /// CPU time of one alignment, with the face's quality.
    pub(super) align_ms: f64,
}

/// The figures of one round.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BenchRound {
    pub(super) limit: Limit,
    /// Absent if the camera does not recognise.
    pub(super) faces: Option<FacesLimit>,
    /// CPU time to decode one frame.
    pub(super) decode_ms: f64,
    pub(super) memory: Passed,
    pub(super) source: Passed,
}

impl BenchRound {
    /// Speed with frames from memory, as a fraction of the speed of inference alone.
    fn memory_ratio(&self) -> f64 {
        let bare = self.limit.cpu_ms + self.faces_ms(&self.memory);
        self.memory.fps / (self.limit.per_s * self.limit.cpu_ms / bare)
    }

    /// Frames each second that the cores could process if only decoding, inference and alignment cost time.
    fn source_limit(&self, cores: usize) -> f64 {
        cores as f64 * 1_000.0 / (self.decode_ms + self.limit.cpu_ms + self.faces_ms(&self.source))
    }

    /// The least CPU time that recognition needs for each frame.
    fn faces_ms(&self, passed: &Passed) -> f64 {
        let look = self.faces.map_or(0.0, |faces| faces.embed.cpu_ms + faces.align_ms);
        look * looks_a_frame(passed)
    }
}

fn looks_a_frame(passed: &Passed) -> f64 {
    passed.looks as f64 / passed.frames.max(1) as f64
}

/// The whole result, as `--json` prints it.
#[derive(Debug, Serialize)]
pub(super) struct Figures {
    camera: String,
    source: String,
    model: String,
    workers: usize,
    published: bool,
    rounds: Vec<BenchRound>,
    rss_mib: f64,
}

impl Figures {
    pub(super) fn new(config: &Config, camera: &config::CameraConfig, published: bool) -> Figures {
        Figures {
            camera: camera.name.clone(),
            source: camera.source_text.clone(),
            model: camera.detect.as_ref().map(|detect| detect.model.clone()).unwrap_or_default(),
            workers: config.workers.cores.len(),
            published,
            rounds: Vec::new(),
            rss_mib: 0.0,
        }
    }

    pub(super) fn push(&mut self, run: BenchRound) {
        self.rounds.push(run);
        self.rss_mib = ProcessFacts::read().rss_bytes as f64 / f64::from(1 << 20);
    }

    pub(super) fn last_line(&self) -> String {
        self.rounds.last().map_or_else(String::new, |run| {
            format!(
                "inference alone {:.0}/s, from memory {:.0}/s, from the source {:.0}/s",
                run.limit.per_s, run.memory.fps, run.source.fps
            )
        })
    }

    /// The median over the rounds.
    fn median(&self, value: impl Fn(&BenchRound) -> f64) -> f64 {
        let mut values: Vec<f64> = self.rounds.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
    }

    pub(super) fn to_json(&self) -> String {
        let medians = serde_json::json!({
            "limit_per_s": self.median(|run| run.limit.per_s),
            "limit_cpu_ms": self.median(|run| run.limit.cpu_ms),
            "decode_cpu_ms": self.median(|run| run.decode_ms),
            "embed_cpu_ms": self.median(|run| run.faces.map_or(f64::NAN, |faces| faces.embed.cpu_ms)),
            "align_cpu_ms": self.median(|run| run.faces.map_or(f64::NAN, |faces| faces.align_ms)),
            "looks_a_frame": self.median(|run| looks_a_frame(&run.source)),
            "memory_fps": self.median(|run| run.memory.fps),
            "memory_ratio": self.median(BenchRound::memory_ratio),
            "source_fps": self.median(|run| run.source.fps),
            "source_cpu_ms": self.median(|run| run.source.cpu_ms),
            "source_ratio": self.median(|run| run.source.fps / run.source_limit(self.workers)),
        });
        serde_json::json!({ "bench": self, "medians": medians }).to_string()
    }

    pub(super) fn to_words(&self) -> String {
        let workers = self.workers;
        let mut text = format!(
            "{} ({}), model {}, {workers} worker{}, {}; medians of {} rounds\n",
            self.camera,
            self.source,
            self.model,
            if workers == 1 { "" } else { "s" },
            if self.published { "published over MQTT" } else { "no broker: counted, not published" },
            self.rounds.len()
        );
        let mut line = |name: &str, value: String| text.push_str(&format!("  {name:<34}{value}\n"));
        let per_s = self.median(|run| run.limit.per_s);
        line("bare model", format!("{per_s:.1}/s, {:.2} ms CPU each", self.median(|run| run.limit.cpu_ms)));
        if let Some(BenchRound { faces: Some(_), .. }) = self.rounds.last() {
            let faces = |run: &BenchRound| run.faces.unwrap_or_default();
            let (embed, align) =
                (self.median(|run| faces(run).embed.cpu_ms), self.median(|run| faces(run).align_ms));
            line("recognition of one face", format!("{embed:.2} ms CPU embedding, {align:.3} ms alignment"));
            let looks = |run: &BenchRound| looks_a_frame(&run.source);
            line("faces recognised", format!("{:.3} a frame from the source", self.median(looks)));
        }
        line("decoding alone", format!("{:.2} ms CPU a frame", self.median(|run| run.decode_ms)));
        line(
            "frames in memory",
            format!(
                "{:.1}/s, {:.3} of inference alone",
                self.median(|run| run.memory.fps),
                self.median(BenchRound::memory_ratio)
            ),
        );
        line(
            "from the source",
            format!(
                "{:.1}/s, {:.3} of cores / (decoding + models), {:.2} ms CPU a frame",
                self.median(|run| run.source.fps),
                self.median(|run| run.source.fps / run.source_limit(workers)),
                self.median(|run| run.source.cpu_ms)
            ),
        );
        line(
            "dropped",
            self.rounds.iter().map(|run| run.memory.drops + run.source.drops).sum::<u64>().to_string(),
        );
        line("memory (RSS)", format!("{:.0} MiB, frames kept for the bench included", self.rss_mib));
        if let Some(run) = self.rounds.last() {
            for step in &run.source.steps {
                line(step.name, format!("p50 {} us, p99 {} us", step.p50_us, step.p99_us));
            }
        }
        text.pop();
        text
    }
}
