//! `ocellus simulate instrument`: simulates a laboratory from outside, so that a profile such as config/lab.toml can be
//! tried without hardware. It uses the interfaces of real programs only: the camera's port, folders, and its own port.

mod camera;
mod files;
mod lines;
mod picture;
mod trap;

use std::net::{SocketAddr, TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use parking_lot::Mutex;

use super::{Configured, output};
use crate::config::output::Transport;
use crate::config::{Config, Feed, Framing, Source};
use files::{Kind, Writer};
use trap::Trap;

/// Pause between two lines of a file.
const SAMPLED_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    #[command(subcommand)]
    command: SimulateCommand,
}

#[derive(Debug, Subcommand)]
enum SimulateCommand {
    /// An ion trap with a camera, a vacuum gauge, a LabVIEW computer and an RF supply, for config/lab.toml.
    Instrument(InstrumentArgs),
}

/// Ports and folders are read from the configuration: pictures go to the first camera with framing = "length32", files into
/// the folders of the sources of telemetry (csv and lvm), and lines are answered at the address of the first command over
/// TCP. Parts that the configuration lacks are left out. It runs until it is stopped.
#[derive(Debug, Args)]
struct InstrumentArgs {
    /// Pictures a second, 1 to 100.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100))]
    fps: u32,
    #[command(flatten)]
    configured: Configured,
}

pub(super) fn run(arguments: &SimulateArgs) -> anyhow::Result<()> {
    let SimulateCommand::Instrument(arguments) = &arguments.command;
    let config = arguments.configured.options().load()?;
    let places = Places::of(&config)?;
    let (listener, writers) = (places.listen()?, places.writers()?);
    output::print(places.in_words())?;
    let trap = &Mutex::new(Trap::new());
    std::thread::scope(|scope| {
        if let Some(address) = places.camera {
            scope.spawn(move || camera::send(address, arguments.fps, trap));
        }
        if let Some(listener) = &listener {
            scope.spawn(move || lines::serve(listener, trap));
        }
        write_files(writers, trap)
    })
}

/// Advances the instrument's time, and writes what its sensors measure.
fn write_files(mut writers: Vec<Writer>, trap: &Mutex<Trap>) -> ! {
    loop {
        std::thread::sleep(SAMPLED_EVERY);
        let readings = {
            let mut trap = trap.lock();
            trap.step(SAMPLED_EVERY.as_secs_f64());
            trap.readings()
        };
        for writer in &mut writers {
            if let Err(error) = writer.write(&readings, Timestamp::now()) {
                output::complain(format_args!("a line was not written: {error}"));
            }
        }
    }
}

/// The ports and folders of the instrument.
#[derive(Debug, Default, PartialEq)]
struct Places {
    /// The port that takes pictures.
    camera: Option<SocketAddr>,
    folders: Vec<(Kind, PathBuf)>,
    /// The port at which commands are awaited.
    instrument: Option<String>,
}

impl Places {
    /// The places that `config` names. Errors: it names none.
    fn of(config: &Config) -> anyhow::Result<Places> {
        let camera = config.cameras.iter().find_map(|camera| match camera.source {
            Source::Tcp(address) if camera.tcp.framing == Framing::Length32 => Some(reachable(address)),
            _ => None,
        });
        let folders = config.intake.iter().filter_map(|source| match &source.feed {
            Feed::Folder(feed) => kind_of(feed.format.as_str()).map(|kind| (kind, feed.folder.clone())),
            Feed::Topic(_) => None,
        });
        let instrument = config.outputs.iter().find_map(|command| match &command.transport {
            Transport::Tcp { address, .. } => Some(address.clone()),
            Transport::Serial(_) | Transport::Mqtt { .. } => None,
        });
        let places = Places { camera, folders: folders.collect(), instrument };
        if places == Places::default() {
            bail!(
                "there is nothing to simulate: the configuration has no camera with framing = \"length32\", no [[intake]] of csv \
                 or lvm files and no [[command]] over TCP; try --config config/lab.toml"
            );
        }
        Ok(places)
    }

    fn listen(&self) -> anyhow::Result<Option<TcpListener>> {
        let Some(address) = &self.instrument else { return Ok(None) };
        let refused = || format!("the instrument cannot listen on {address}, where the commands are sent");
        let address = address.to_socket_addrs().with_context(refused)?.next().with_context(refused)?;
        if !address.ip().is_loopback() {
            bail!("commands are sent to {address}, a real instrument: only one on this machine is simulated");
        }
        Ok(Some(TcpListener::bind(address).with_context(refused)?))
    }

    fn writers(&self) -> anyhow::Result<Vec<Writer>> {
        self.folders.iter().map(|(kind, folder)| Writer::new(*kind, folder)).collect()
    }

    fn in_words(&self) -> String {
        let mut lines = vec!["simulated instrument; stop it with Ctrl-C".to_owned()];
        lines.extend(self.camera.map(|address| format!("  pictures to {address}")));
        lines.extend(self.folders.iter().map(|(_, folder)| format!("  files into {}", folder.display())));
        lines.extend(self.instrument.iter().map(|address| format!("  commands are answered at {address}")));
        lines.join("\n")
    }
}

/// The address at which a sender on this machine reaches a port that listens on `address`.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

/// The files that the instrument can write.
fn kind_of(format: &str) -> Option<Kind> {
    match format {
        "csv" => Some(Kind::Csv),
        "lvm" => Some(Kind::Lvm),
        _ => None,
    }
}
