//! The reference sender of frames over TCP (`tcp://` sources): a moving picture, raw or JPEG.
//!
//!     cargo run --example send_frames -- 127.0.0.1:5558 [raw|FILE.jpg] [FRAMES] [FPS] [SECRET_FILE]

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ocellus::camera::tcp::FrameHeader;
use ocellus::types::PixelFormat;

/// Sends one packed frame.
pub fn send_raw(
    to: &mut impl Write,
    (format, width, height): (PixelFormat, u32, u32),
    pts_ns: Option<u64>,
    planes: &[u8],
) -> io::Result<()> {
    let header = FrameHeader::raw(format, width, height, pts_ns)
        .filter(|header| header.bytes as usize == planes.len())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "the planes do not fit their size"))?;
    to.write_all(&header.to_bytes())?;
    to.write_all(planes)
}

/// Sends one JPEG picture.
pub fn send_jpeg(to: &mut impl Write, pts_ns: Option<u64>, picture: &[u8]) -> io::Result<()> {
    let bytes = u32::try_from(picture.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&FrameHeader::jpeg(bytes, pts_ns).to_bytes())?;
    to.write_all(picture)
}

/// Sends the secret, which stands before the first frame.
pub fn send_secret(to: &mut impl Write, secret: &str) -> io::Result<()> {
    let bytes = u32::try_from(secret.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    to.write_all(&FrameHeader::secret(bytes).to_bytes())?;
    to.write_all(secret.as_bytes())
}

#[allow(dead_code, reason = "the tests use this file for its senders only")]
fn main() -> io::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let arg = |at: usize, default: &str| args.get(at).cloned().unwrap_or_else(|| default.into());
    let number = |at: usize, default: &str| {
        let text = arg(at, default);
        text.parse::<u64>().map_err(|e| io::Error::other(format!("argument {}: `{text}`: {e}", at + 1)))
    };
    let (address, what) = (arg(0, "127.0.0.1:5558"), arg(1, "raw"));
    let (frames, fps) = (number(2, "300")?, number(3, "30")?.max(1));
    let picture = if what == "raw" { None } else { Some(std::fs::read(&what)?) };
    let mut stream = TcpStream::connect(&address)?;
    stream.set_nodelay(true)?;
    if let Some(file) = args.get(4) {
        let secret = std::fs::read_to_string(file)?;
        send_secret(&mut stream, secret.lines().next().unwrap_or_default())?;
    }
    let (width, height) = (640u32, 480u32);
    let mut luma = vec![0u8; (width * height) as usize];
    let begun = Instant::now();
    for n in 0..frames {
        let pts = n * 1_000_000_000 / fps;
        std::thread::sleep(Duration::from_nanos(pts).saturating_sub(begun.elapsed()));
        match &picture {
            Some(picture) => send_jpeg(&mut stream, Some(pts), picture)?,
            None => {
                for (at, value) in luma.iter_mut().enumerate() {
                    *value = (at as u32 % width + n as u32 * 4) as u8;
                }
                send_raw(&mut stream, (PixelFormat::Gray8, width, height), Some(pts), &luma)?;
            }
        }
    }
    println!("sent {frames} frames to {address}");
    Ok(())
}
