//! RTSP, from a server that the test starts, stops and starts again.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use gstreamer::glib;
use gstreamer_rtsp_server as rtsp;
use gstreamer_rtsp_server::prelude::*;
use ocellus::config::Source;
use ocellus::types::PixelFormat;

use crate::camera::support::{camera, start};

/// A server on its own thread.
struct Server {
    quit: glib::MainLoop,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(address: SocketAddr, launch: String) -> Server {
        let context = glib::MainContext::new();
        let quit = glib::MainLoop::new(Some(&context), false);
        let main_loop = quit.clone();
        let serve = move || {
            context
                .with_thread_default(|| {
                    let server = rtsp::RTSPServer::new();
                    server.set_address(&address.ip().to_string());
                    server.set_service(&address.port().to_string());
                    let factory = rtsp::RTSPMediaFactory::new();
                    factory.set_launch(&launch);
                    factory.set_shared(true);
                    server.mount_points().unwrap().add_factory("/cam", factory);
                    let listening =
                        server.create_source(None::<&rtsp::gio::Cancellable>).expect("the port is free");
                    listening.attach(Some(&context));
                    main_loop.run();
                    server.client_filter(Some(&mut |_, _| rtsp::RTSPFilterResult::Remove));
                    listening.destroy();
                })
                .unwrap();
        };
        let thread = std::thread::Builder::new().name("rtsp-server".into()).spawn(serve).unwrap();
        Server { quit, thread: Some(thread) }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.quit.quit();
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A live source, as a camera is.
fn h264(rate: u32) -> String {
    format!(
        "( videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate={rate}/1 \
         ! openh264enc gop-size=10 ! h264parse config-interval=-1 ! rtph264pay name=pay0 pt=96 )"
    )
}

#[test]
fn an_rtsp_camera_is_found_when_it_comes_lost_when_it_goes_and_found_again() {
    gstreamer::init().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = start(camera(Source::Rtsp(format!("rtsp://me:secret@{address}/cam").parse().unwrap())));
    let cause = running.until_offline("connection refused");
    assert!(cause.contains(&address.to_string()) && !cause.contains("secret"), "{cause}");
    let server = Server::start(address, h264(20));
    let frame = running.frame();
    assert_eq!((frame.size, frame.format), ((320, 240), PixelFormat::I420));
    running.until_online();
    drop(server);
    running.until_offline("");
    let _server = Server::start(address, h264(20));
    running.until_online();
    assert!(running.frame().seq > frame.seq);
}

#[test]
fn rtsp_with_jpeg_is_decoded_too() {
    gstreamer::init().unwrap();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let caps = "video/x-raw,format=I420,width=160,height=120,framerate=20/1";
    let _server = Server::start(
        address,
        format!("( videotestsrc is-live=true ! {caps} ! jpegenc ! rtpjpegpay name=pay0 pt=26 )"),
    );
    let running = start(camera(Source::Rtsp(format!("rtsp://{address}/cam").parse().unwrap())));
    assert_eq!(running.frame().size, (160, 120));
}

/// A server that gives every request the same status, as a camera does that knows neither path nor user.
pub fn refusing(status: &'static str) -> SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move || {
        // Ends with the process: the listener has no other way to be let go.
        for stream in listener.incoming().map_while(Result::ok) {
            let mut answers = stream.try_clone().unwrap();
            let mut number = String::from("1");
            for line in BufReader::new(stream).lines().map_while(Result::ok) {
                if let Some(given) = line.strip_prefix("CSeq: ") {
                    number = given.to_owned();
                }
                if line.is_empty() && write!(answers, "RTSP/1.0 {status}\r\nCSeq: {number}\r\n\r\n").is_err()
                {
                    break;
                }
            }
        }
    };
    std::thread::Builder::new().name("refusing".into()).spawn(serve).unwrap();
    address
}

#[test]
fn each_refusal_of_an_rtsp_camera_is_named_with_its_status_and_a_remedy() {
    for (status, word) in [
        ("401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"cam\"", "(401)"),
        ("403 Forbidden", "it forbids this (403)"),
        ("404 Not Found", "there is nothing at this path (404)"),
        ("453 Not Enough Bandwidth", "close other viewers"),
        ("503 Service Unavailable", "(503)"),
    ] {
        let address = refusing(status);
        let running =
            start(camera(Source::Rtsp(format!("rtsp://joe:SECRET@{address}/x?k=SECRET").parse().unwrap())));
        let cause = running.until_offline(word);
        assert!(cause.starts_with(&address.to_string()) && !cause.contains("SECRET"), "{cause}");
    }
}

#[test]
fn an_rtsp_camera_that_accepts_and_never_answers_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let running = start(camera(Source::Rtsp(format!("rtsp://{address}/cam").parse().unwrap())));
    running.until_offline("connected, but it sent nothing for");
}
