//! Frames over TCP, from the reference sender and from hostile ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

use ocellus::camera::tcp::FrameHeader;
use ocellus::config::{CameraConfig, Source, TcpConfig};
use ocellus::types::PixelFormat;

use crate::camera::send_frames::{send_jpeg, send_raw, send_secret};
use crate::camera::support::{DEADLINE, Running, camera, jpeg, start};

fn listening() -> (Running, SocketAddr) {
    listening_to(|camera| camera)
}

/// The same with other settings.
fn listening_to(change: impl FnOnce(CameraConfig) -> CameraConfig) -> (Running, SocketAddr) {
    let address = unused();
    (start(change(camera(Source::Tcp(address)))), address)
}

/// An address at which nobody listens yet.
pub fn unused() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// The camera with other settings of its server.
pub fn with_tcp(camera: CameraConfig, change: impl FnOnce(TcpConfig) -> TcpConfig) -> CameraConfig {
    CameraConfig { tcp: change(camera.tcp.clone()), ..camera }
}

/// Waits until the other side has closed this connection.
pub fn assert_closed(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let read = stream.read(&mut [0; 1]);
    let closed = match &read {
        Ok(bytes) => *bytes == 0,
        // Closed with bytes of ours unread.
        Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
    };
    assert!(closed, "{read:?}");
}

pub fn connect(to: SocketAddr) -> TcpStream {
    let begun = Instant::now();
    loop {
        match TcpStream::connect(to) {
            Ok(stream) => return stream,
            Err(error) => assert!(begun.elapsed() < DEADLINE, "{error}"),
        }
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
}

const GREY: (PixelFormat, u32, u32) = (PixelFormat::Gray8, 8, 4);

#[test]
fn raw_frames_of_every_format_arrive_as_they_were_sent() {
    let (running, address) = listening();
    let mut sender = connect(address);
    for (n, format) in PixelFormat::ALL.into_iter().enumerate() {
        let (width, height) = (31, 17);
        let bytes: usize = format.plane_sizes(31, 17).iter().map(|(row, rows)| row * rows).sum();
        let planes: Vec<u8> = (0..bytes).map(|at| (at * 7 + n) as u8).collect();
        let mut sum = gstreamer::glib::Checksum::new(gstreamer::glib::ChecksumType::Md5).unwrap();
        sum.update(&planes);
        for pts in [1_000, 2_000] {
            send_raw(&mut sender, (format, width, height), Some(pts), &planes).unwrap();
        }
        let seen = [running.frame(), running.frame()];
        assert!(seen.iter().all(|frame| frame.format == format && frame.size == (31, 17)), "{seen:?}");
        assert_eq!(seen[1].pts_ns, Some(2_000));
        assert_eq!(seen[0].md5, sum.string().unwrap(), "{format:?}");
    }
}

#[test]
fn jpeg_frames_are_decoded_and_may_alternate_with_raw_ones() {
    let (running, address) = listening();
    let mut sender = connect(address);
    send_jpeg(&mut sender, None, &jpeg(120)).unwrap();
    send_jpeg(&mut sender, None, &jpeg(60)).unwrap();
    send_raw(&mut sender, GREY, None, &[7; 32]).unwrap();
    send_jpeg(&mut sender, None, &jpeg(200)).unwrap();
    send_raw(&mut sender, GREY, None, &[8; 32]).unwrap();
    let seen: Vec<_> = (0..5).map(|_| running.frame()).collect();
    let sizes: Vec<_> = seen.iter().map(|frame| frame.size).collect();
    assert_eq!(sizes, [(64, 48), (64, 48), (8, 4), (64, 48), (8, 4)]);
    assert!(seen[0].first.abs_diff(120) < 4 && seen[1].first.abs_diff(60) < 4);
    assert_eq!((seen[2].first, seen[4].first), (7, 8));
}

#[test]
fn a_sender_that_breaks_the_framing_is_distinguished_and_the_next_one_is_served() {
    let (running, address) = listening();
    let good = |first: u8| {
        let mut sender = connect(address);
        send_raw(&mut sender, GREY, None, &[first; 32]).unwrap();
        assert_eq!(running.frame().first, first);
    };
    connect(address).write_all(b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n").unwrap();
    running.until_offline("does not speak Ocellus framing");
    good(1);
    let mut long = FrameHeader::raw(PixelFormat::Gray8, 16_000, 16_000, None).unwrap().to_bytes();
    connect(address).write_all(&long).unwrap();
    running.until_offline("256000000 bytes");
    long[4] = 77;
    long[24..].copy_from_slice(&9u32.to_be_bytes());
    connect(address).write_all(&long).unwrap();
    running.until_offline("unknown format 77");
    good(2);
    let mut half = connect(address);
    half.write_all(&FrameHeader::raw(PixelFormat::Gray8, 8, 4, None).unwrap().to_bytes()).unwrap();
    half.write_all(&[9; 20]).unwrap();
    drop(half);
    running.until_offline("after 20 of 32 bytes");
    good(3);
}

#[test]
fn a_frame_in_many_pieces_is_put_together() {
    let (running, address) = listening();
    let mut whole = Vec::new();
    send_raw(&mut whole, GREY, None, &[5; 32]).unwrap();
    let mut sender = connect(address);
    sender.set_nodelay(true).unwrap();
    for piece in whole.chunks(7) {
        sender.write_all(piece).unwrap();
        sender.flush().unwrap();
    }
    assert_eq!(running.frame().first, 5);
}

#[test]
fn a_second_sender_is_refused_while_the_first_sends() {
    let (running, address) = listening();
    let mut first = connect(address);
    send_raw(&mut first, GREY, None, &[1; 32]).unwrap();
    running.frame();
    let mut second = connect(address);
    // Frames of the first keep coming until the second has been turned away.
    let feeder = std::thread::spawn(move || {
        while send_raw(&mut first, GREY, None, &[1; 32]).is_ok() {
            std::thread::park_timeout(std::time::Duration::from_millis(20));
        }
    });
    assert_closed(&mut second);
    assert_eq!(running.frame().first, 1);
    drop(running);
    feeder.join().unwrap();
}

#[test]
fn a_silent_sender_is_frozen_and_gives_way_to_another() {
    let (running, address) = listening();
    running.until_offline("no sender has connected");
    let mut first = connect(address);
    send_raw(&mut first, GREY, None, &[1; 32]).unwrap();
    assert_eq!(running.frame().first, 1);
    running.until_frozen();
    let mut second = connect(address);
    send_raw(&mut second, GREY, None, &[2; 32]).unwrap();
    assert_eq!(running.frame().first, 2);
    drop(second);
    running.until_offline("closed the connection");
}

#[test]
fn a_jpeg_that_was_cut_off_is_counted_and_not_delivered_half_grey() {
    let (running, address) = listening();
    let mut sender = connect(address);
    let cut = jpeg(60);
    for picture in [&jpeg(120), &cut[..cut.len() / 2], &jpeg(200)] {
        send_jpeg(&mut sender, None, picture).unwrap();
    }
    assert!(running.frame().first.abs_diff(120) < 4);
    assert!(running.frame().first.abs_diff(200) < 4);
    assert_eq!(running.senders.counters().damaged.get(), 1);
}

#[test]
fn strangers_in_any_number_do_not_keep_the_camera_out() {
    // A pause after a failure would be longer than any test waits.
    let (running, address) = listening_to(|camera| CameraConfig {
        reconnect: 10 * DEADLINE,
        reconnect_max: 10 * DEADLINE,
        ..camera
    });
    let good = FrameHeader::raw(PixelFormat::Gray8, 8, 4, None).unwrap().to_bytes();
    let mut kept = Vec::new();
    for n in 0..100 {
        let mut stranger = connect(address);
        let bytes: &[u8] = match n % 5 {
            0 => b"GET / HTTP/1.1\r\nHost: camera\r\n\r\n",
            1 => &[0xFF; 500],
            2 => &good[..9],
            3 => &[],
            // A sender that begins rightly and goes away inside its frame.
            _ => &good,
        };
        stranger.write_all(bytes).unwrap();
        if n % 2 == 0 {
            kept.push(stranger);
        }
    }
    // The last strangers that begin rightly may be the camera for a moment: it is tried again as a real sender does.
    let begun = Instant::now();
    let frame = loop {
        let mut sender = connect(address);
        let sent = send_raw(&mut sender, GREY, None, &[3; 32]);
        if let (Ok(()), Ok(frame)) =
            (sent, running.frames.recv_timeout(std::time::Duration::from_millis(500)))
        {
            break frame;
        }
        assert!(begun.elapsed() < DEADLINE, "the camera is kept out");
    };
    assert_eq!(frame.first, 3);
}

#[test]
fn a_frame_that_trickles_in_is_given_up_and_the_next_sender_is_served() {
    let (running, address) = listening();
    let mut slow = connect(address);
    slow.write_all(&FrameHeader::raw(PixelFormat::Gray8, 640, 480, None).unwrap().to_bytes()).unwrap();
    // One byte at a time, again and again: each of them alone is a sign of life.
    let trickle = std::thread::spawn(move || {
        while slow.write_all(&[1]).is_ok() {
            std::thread::park_timeout(std::time::Duration::from_millis(50));
        }
    });
    running.until_offline("stalled after");
    trickle.join().unwrap();
    let mut sender = connect(address);
    send_raw(&mut sender, GREY, None, &[4; 32]).unwrap();
    assert_eq!(running.frame().first, 4);
}

#[test]
fn only_an_allowed_address_may_be_the_camera() {
    let config =
        "[[camera]]\nname = \"a\"\nsource = \"tcp://127.0.0.1:1\"\nallow = [\"127.0.0.2\", \"10.0.0.0/8\"]\n";
    let allow = ocellus::config::Config::parse(config, "x".as_ref(), ".".as_ref())
        .unwrap()
        .cameras
        .remove(0)
        .tcp
        .allow;
    let (running, address) =
        listening_to(|camera| with_tcp(camera, |tcp| TcpConfig { allow: allow.clone(), ..tcp }));
    let mut stranger = connect(address);
    send_raw(&mut stranger, GREY, None, &[1; 32]).unwrap();
    running.until_offline("127.0.0.1: its address is not in the camera's allow");
    assert_closed(&mut stranger);
    assert!(running.frames.try_recv().is_err(), "a stranger's frame");
    let (running, address) = listening_to(|camera| {
        with_tcp(camera, |tcp| TcpConfig { allow: vec![network("127.0.0.0/8")], ..tcp })
    });
    let mut sender = connect(address);
    send_raw(&mut sender, GREY, None, &[2; 32]).unwrap();
    assert_eq!(running.frame().first, 2);
}

/// A network as a configuration names it.
fn network(text: &str) -> ocellus::config::Network {
    let config = format!("[[camera]]\nname = \"a\"\nsource = \"tcp://127.0.0.1:1\"\nallow = [\"{text}\"]\n");
    ocellus::config::Config::parse(&config, "x".as_ref(), ".".as_ref()).unwrap().cameras[0].tcp.allow[0]
}

#[test]
fn only_a_sender_with_the_secret_is_the_camera_also_after_silence() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "open sesame\n").unwrap();
    let path = Some(file.path().to_path_buf());
    let (running, address) =
        listening_to(|camera| with_tcp(camera, |tcp| TcpConfig { secret_file: path, ..tcp }));
    let mut without = connect(address);
    send_raw(&mut without, GREY, None, &[1; 32]).unwrap();
    running.until_offline("did not send the secret");
    let mut wrong = connect(address);
    send_secret(&mut wrong, "open sesam").unwrap();
    send_raw(&mut wrong, GREY, None, &[2; 32]).unwrap();
    running.until_offline("a wrong secret");
    assert_closed(&mut wrong);
    let mut right = connect(address);
    send_secret(&mut right, "open sesame").unwrap();
    send_raw(&mut right, GREY, None, &[3; 32]).unwrap();
    assert_eq!(running.frame().first, 3);
    running.until_frozen();
    let mut stranger = connect(address);
    send_raw(&mut stranger, GREY, None, &[4; 32]).unwrap();
    assert_closed(&mut stranger);
    send_raw(&mut right, GREY, None, &[5; 32]).unwrap();
    assert_eq!(running.frame().first, 5, "the camera kept its place");
}

#[test]
fn a_sender_may_send_a_secret_where_none_is_asked_for() {
    let (running, address) = listening();
    let mut sender = connect(address);
    send_secret(&mut sender, "whatever").unwrap();
    send_raw(&mut sender, GREY, None, &[6; 32]).unwrap();
    assert_eq!(running.frame().first, 6);
}

#[test]
fn a_second_secret_or_one_after_frames_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "open sesame").unwrap();
    let path = Some(file.path().to_path_buf());
    let (running, address) =
        listening_to(|camera| with_tcp(camera, |tcp| TcpConfig { secret_file: path, ..tcp }));
    let mut twice = connect(address);
    send_secret(&mut twice, "open sesame").unwrap();
    send_secret(&mut twice, "open sesame").unwrap();
    running.until_offline("a second secret, or one after frames");
    assert_closed(&mut twice);
    let mut late = connect(address);
    send_secret(&mut late, "open sesame").unwrap();
    send_raw(&mut late, GREY, None, &[1; 32]).unwrap();
    assert_eq!(running.frame().first, 1);
    send_secret(&mut late, "open sesame").unwrap();
    running.until_offline("a second secret, or one after frames");
    assert_closed(&mut late);
    let mut right = connect(address);
    send_secret(&mut right, "open sesame").unwrap();
    send_raw(&mut right, GREY, None, &[2; 32]).unwrap();
    assert_eq!(running.frame().first, 2);
}
