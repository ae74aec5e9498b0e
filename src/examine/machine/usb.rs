//! USB: whether a bus can carry what its cameras send.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::Machine;
use crate::config::{CameraConfig, Source};
use crate::examine::Note;
use crate::types::Explanation;

const CLASS: &str = "sys/class/video4linux";
/// Share of a bus that may be reserved for streams: USB 2.0, 5.5.4 (80 % of a microframe); USB 3.2, 8.12.6 (90 %).
const HIGH_SPEED_SHARE: f64 = 0.8;
const SUPER_SPEED_SHARE: f64 = 0.9;
/// Microframes a second, which is how often a stream may send.
const MICROFRAMES: f64 = 8_000.0;
/// The slowest bus that carries a picture worth looking at, Mbit/s.
const HIGH_SPEED: f64 = 480.0;
/// What a camera sends where the configuration asks for nothing: 640x480 at 30 frames/s.
const USUAL: (u32, u32, u32) = (640, 480, 30);
/// Bits of a pixel as cameras send it uncompressed (YUYV).
const BITS: f64 = 16.0;

/// A camera of the configuration on a bus.
struct UsbCamera {
    name: String,
    bus: u64,
    /// Speed of the device and of its whole bus, Mbit/s.
    speed: f64,
    bus_speed: f64,
    /// What it has reserved, or about what it will ask for, Mbit/s.
    needs: f64,
    streams: bool,
}

/// Whether each bus carries the V4L2 cameras of `cameras` that are on it. What a streaming camera has reserved is read from its
/// endpoints; for others it is estimated from the picture that the configuration asks for, uncompressed.
pub(in crate::examine) fn usb(machine: &Machine, cameras: &[CameraConfig]) -> Vec<Note> {
    let found: Vec<UsbCamera> = cameras.iter().filter_map(|camera| usb_camera(machine, camera)).collect();
    let mut notes: Vec<Note> = found.iter().filter(|camera| camera.speed < HIGH_SPEED).map(slow).collect();
    let mut buses: BTreeMap<u64, Vec<&UsbCamera>> = BTreeMap::new();
    for camera in &found {
        buses.entry(camera.bus).or_default().push(camera);
    }
    notes.extend(buses.iter().filter_map(|(bus, cameras)| overloaded(*bus, cameras)));
    if notes.is_empty() {
        let found = match found.len() {
            0 => "no camera of the configuration is on USB".to_owned(),
            1 => "one camera of the configuration is on USB, and its bus carries it".to_owned(),
            count => format!("{count} cameras of the configuration are on USB, and their buses carry them"),
        };
        notes.push(Note::ok("/sys/bus/usb/devices", found));
    }
    notes
}

fn slow(camera: &UsbCamera) -> Note {
    let cause =
        format!("camera {} is connected at {} Mbit/s only, too slow for pictures", camera.name, camera.speed);
    let remedy =
        "connect it to another port, without a hub or a long cable in between; `lsusb -t` shows the speeds";
    Note::fault(format!("usb bus {}", camera.bus), Explanation::new(cause, remedy))
}

fn overloaded(bus: u64, cameras: &[&UsbCamera]) -> Option<Note> {
    let speed = cameras.iter().map(|camera| camera.bus_speed).fold(0.0, f64::max);
    let share = if speed > HIGH_SPEED { SUPER_SPEED_SHARE } else { HIGH_SPEED_SHARE };
    let needs: f64 = cameras.iter().map(|camera| camera.needs).sum();
    // One camera alone is given a format that fits: it offers no other.
    if needs <= speed * share || cameras.len() < 2 {
        return None;
    }
    let each: Vec<String> = cameras
        .iter()
        .map(|camera| {
            let how = if camera.streams { "reserved" } else { "asked for" };
            format!("{} {:.0} Mbit/s ({how})", camera.name, camera.needs)
        })
        .collect();
    let cause = format!(
        "USB bus {bus} ({speed} Mbit/s) cannot carry its cameras: they need {needs:.0} Mbit/s, and {:.0} may be reserved: {}",
        speed * share,
        each.join(", ")
    );
    let remedy = "connect a camera to a port of another bus (`lsusb -t` shows them), or lower v4l2.width, v4l2.height or v4l2.fps";
    Some(Note::fault(format!("usb bus {bus}"), Explanation::new(cause, remedy)))
}

fn usb_camera(machine: &Machine, camera: &CameraConfig) -> Option<UsbCamera> {
    let Source::V4l2(device) = &camera.source else { return None };
    let device = fs::canonicalize(device).unwrap_or_else(|_| device.clone());
    let name = device.file_name()?.to_str()?;
    let interface = fs::canonicalize(machine.path(CLASS).join(name).join("device")).ok()?;
    let usb = interface.parent()?;
    let number = |path: PathBuf| fs::read_to_string(path).ok()?.trim().parse::<f64>().ok();
    let bus = number(usb.join("busnum"))? as u64;
    let speed = number(usb.join("speed"))?;
    let root =
        usb.ancestors().find(|folder| folder.file_name().is_some_and(|name| *name == *format!("usb{bus}")));
    let bus_speed = root.and_then(|root| number(root.join("speed"))).unwrap_or(speed);
    let reserved = reserved(usb);
    let (width, height, fps) = USUAL;
    let v4l2 = &camera.v4l2;
    let pixels = f64::from(v4l2.width.unwrap_or(width)) * f64::from(v4l2.height.unwrap_or(height));
    let asked = pixels * f64::from(v4l2.fps.unwrap_or(fps)) * BITS / 1e6;
    // A device cannot ask for more than one stream may have.
    let needs = reserved.unwrap_or_else(|| asked.min(speed * HIGH_SPEED_SHARE));
    Some(UsbCamera { name: camera.name.clone(), bus, speed, bus_speed, needs, streams: reserved.is_some() })
}

/// Mbit/s that the streaming interfaces of the device at `usb` have reserved; `None` while it does not stream. In sysfs an
/// endpoint of a stream is there only while its setting is in force.
fn reserved(usb: &Path) -> Option<f64> {
    let mut bits = 0.0;
    let entries = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    for endpoint in entries(usb)
        .filter(|path| path.is_dir())
        .flat_map(|interface| entries(&interface).collect::<Vec<_>>())
    {
        let text = |name: &str| fs::read_to_string(endpoint.join(name)).unwrap_or_default().trim().to_owned();
        if text("type") != "Isoc" {
            continue;
        }
        let size = u32::from_str_radix(&text("wMaxPacketSize"), 16).unwrap_or(0);
        // Bits 12 and 11: further packets in the same microframe (USB 2.0, 9.6.6).
        let bytes = f64::from(size & 0x7ff) * f64::from((size >> 11 & 3) + 1);
        let every =
            text("bInterval").parse().map_or(1.0, |power: i32| f64::from(1u32 << (power - 1).clamp(0, 15)));
        bits += bytes * 8.0 * MICROFRAMES / every;
    }
    (bits > 0.0).then_some(bits / 1e6)
}
