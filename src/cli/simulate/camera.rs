//! The simulated camera program: it sends each picture as its length in 4 bytes and a JPEG.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::picture::TrapCamera;
use super::trap::Trap;
use crate::cli::output;

/// Pause before the service is connected to again: short, so that a service that starts does not miss its camera.
const PAUSE: Duration = Duration::from_millis(50);
/// How long the service may take to accept the connection, or to read a picture.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends `fps` pictures a second to `address`, for as long as the process runs. A service that is not there yet, or that
/// closes the connection, is connected to again.
pub(super) fn send(address: SocketAddr, fps: u32, trap: &Mutex<Trap>) {
    let mut camera = TrapCamera::new();
    // Only the first failure after a success is reported.
    let mut is_known = false;
    loop {
        let connected = TcpStream::connect_timeout(&address, PATIENCE).map_err(anyhow::Error::from);
        let outcome = connected.and_then(|stream| {
            is_known = false;
            session(stream, fps, trap, &mut camera)
        });
        if let Err(error) = outcome {
            if !is_known {
                output::complain(format_args!(
                    "the camera at {address} takes no pictures ({error}); trying again"
                ));
            }
            is_known = true;
        }
        std::thread::sleep(PAUSE);
    }
}

/// Sends pictures over one connection until it fails.
fn session(
    mut stream: TcpStream,
    fps: u32,
    trap: &Mutex<Trap>,
    camera: &mut TrapCamera,
) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let (mut due, mut jpeg) = (Instant::now(), Vec::new());
    loop {
        let readings = trap.lock().readings();
        camera.take(&readings, &mut jpeg)?;
        let length = u32::try_from(jpeg.len())?;
        stream.write_all(&[&length.to_be_bytes()[..], &jpeg].concat())?;
        due += Duration::from_secs(1) / fps;
        match due.checked_duration_since(Instant::now()) {
            Some(left) => std::thread::sleep(left),
            // A slow machine sends fewer pictures, not all of them later.
            None => due = Instant::now(),
        }
    }
}
