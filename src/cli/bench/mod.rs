//! `ocellus bench`: pipeline speed compared with inference alone on the same cores.
//!
//! Three measurements alternate, round by round, because the machines on which this runs are shared and
//! drift: inference alone (the limit), decoded frames from memory, and the configured source with its
//! decoding. A camera that recognises is measured with recognition against a gallery of random people.

mod faces;
mod figures;
mod road;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;

use super::{Configured, output};
use crate::config::{self, Config, Pace};
use figures::{BenchRound, Figures};
use road::BenchRoad;

#[derive(Debug, Args)]
pub(super) struct BenchArgs {
    #[command(flatten)]
    configured: Configured,
    /// The camera to measure; the first one with `detect` by default.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    /// Seconds of each measurement of a round.
    #[arg(long, value_name = "S", default_value_t = 3.0)]
    seconds: f64,
    /// Number of rounds; the medians are reported.
    #[arg(long, value_name = "N", default_value_t = 5)]
    rounds: usize,
    /// Print the figures as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &BenchArgs) -> anyhow::Result<()> {
    let config = arguments.configured.options().load()?;
    let camera = chosen(&config, arguments.camera.as_deref())?;
    let span = Duration::from_secs_f64(arguments.seconds.clamp(0.1, 600.0));
    let road = BenchRoad::build(&config, &camera)?;
    let frames = road.decoded_frames(&camera)?;
    let mut figures = Figures::new(&config, &camera, road.publishes());
    for round in 0..arguments.rounds.max(1) {
        figures.push(BenchRound {
            limit: road.limit(span)?,
            faces: road.faces_limit(&frames, span)?,
            decode_ms: road.decode_ms(&camera, span)?,
            memory: road.with_memory(&frames, span)?,
            source: road.with_source(&camera, span)?,
        });
        if !arguments.json {
            let (round, rounds) = (round + 1, arguments.rounds.max(1));
            output::complain(format_args!("round {round} of {rounds}: {}", figures.last_line()));
        }
    }
    let output = if arguments.json { figures.to_json() } else { figures.to_words() };
    output::print(output)?;
    Ok(())
}

/// The camera to measure, with its source at full speed and endless.
fn chosen(config: &Config, name: Option<&str>) -> anyhow::Result<config::CameraConfig> {
    let mut with_model = config.cameras.iter().filter(|camera| camera.detect.is_some());
    let camera = match name {
        Some(name) => with_model
            .find(|camera| camera.name == name)
            .with_context(|| format!("there is no camera {name:?} with `detect` in the configuration"))?,
        None => match with_model.next() {
            Some(camera) => camera,
            None => bail!("no camera of the configuration has `detect`; there is no model to measure"),
        },
    };
    let camera = camera.clone();
    // Tracking is kept only if faces are recognised, because it would blur the measurement.
    let track = camera.track.clone().filter(|_| camera.recognise.is_some());
    Ok(config::CameraConfig { pace: Pace::Max, repeat: true, skip_frames: 0, track, inspect: None, ..camera })
}
