//! MJPEG over HTTP: streams of every kind that cameras send, answers that are none, and servers that stall, close, refuse,
//! send elsewhere and come late.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use ocellus::config::{CameraConfig, Source};

use crate::camera::support::{Running, camera, jpeg, start};

const MULTIPART: &str = "HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=part\r\n\r\n";

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn http(url: String) -> Running {
    start(camera(Source::Http(url.parse().unwrap())))
}

/// Reads the head of a request; `None` where the other side only looked whether somebody listens.
fn request(stream: &TcpStream) -> Option<String> {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let head: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
    (!head.is_empty()).then(|| head.join("\n"))
}

/// A server that answers each request by `answer`, which writes until it has written all or nobody reads any more.
struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn start(
        answer: impl Fn(&str, &mut TcpStream, &AtomicBool) -> std::io::Result<()> + Send + 'static,
    ) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::<AtomicBool>::default();
        let stopped = stop.clone();
        let serve = move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let mut stream = stream.unwrap();
                if let Some(request) = request(&stream) {
                    let _ = answer(&request, &mut stream, &stopped);
                }
            }
        };
        let thread = std::thread::Builder::new().name("http-server".into()).spawn(serve).unwrap();
        Server { address, stop, thread: Some(thread) }
    }

    /// One that sends `head`, and then `part` of pictures of 50, 60, 70, … again and again.
    fn stream(head: &'static str, part: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Server {
        Server::start(move |_, stream, stop| {
            stream.write_all(head.as_bytes())?;
            for grey in (50..200).step_by(10).cycle() {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                stream.write_all(&part(&jpeg(grey)))?;
                std::thread::park_timeout(Duration::from_millis(20));
            }
            Ok(())
        })
    }

    /// One that always answers the same.
    fn answering(answer: Vec<u8>) -> Server {
        Server::start(move |_, stream, _| stream.write_all(&answer))
    }

    fn url(&self) -> String {
        format!("http://{}/video", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Every picture from the first on, in order.
fn assert_plays(what: &str, server: &Server) {
    let running = http(server.url());
    for grey in [50u8, 60, 70, 80] {
        let frame = running.frame();
        assert!(frame.size == (64, 48) && frame.first.abs_diff(grey) < 4, "{what}: {frame:?} is not {grey}");
    }
    running.until_online();
}

#[test]
fn multipart_is_played_as_cameras_really_send_it() {
    let of = |before: &'static str, after: &'static str| {
        move |picture: &[u8]| [before.as_bytes(), picture, after.as_bytes()].concat()
    };
    let head = "Content-Type: image/jpeg\r\n\r\n";
    assert_plays("no first boundary", &Server::stream(MULTIPART, of(head, "\r\n--part\r\n")));
    assert_plays("no head of a part", &Server::stream(MULTIPART, of("--part\r\n\r\n", "\r\n")));
    assert_plays("no line after the boundary", &Server::stream(MULTIPART, of("--part\r\n", "\r\n")));
    assert_plays("another boundary", &Server::stream(MULTIPART, of("--other\r\n\r\n", "\r\n")));
    let text = "\r\n--part\r\nContent-Type: text/plain\r\n\r\nno motion\r\n--part\r\nContent-Type: image/jpeg\r\n\r\n";
    assert_plays("text between the pictures", &Server::stream(MULTIPART, of(text, "")));
    let wrong = "--part\r\nContent-Type: image/jpeg\r\nContent-Length: 7\r\n\r\n";
    assert_plays("a wrong length", &Server::stream(MULTIPART, of(wrong, "\r\n")));
    assert_plays("no multipart at all", &Server::stream("HTTP/1.0 200 OK\r\n\r\n", of("", "")));
    let image = "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n";
    assert_plays("pictures one after the other", &Server::stream(image, of("", "")));
    let text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n";
    assert_plays("a wrong type", &Server::stream(text, of("--part\r\n\r\n", "\r\n")));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/x-mixed-replace; boundary=p\r\n\r\n";
    let chunks = |picture: &[u8]| {
        let part = [&b"--p\r\nContent-Type: image/jpeg\r\n\r\n"[..], picture, b"\r\n"].concat();
        let chunk = |bytes: &[u8]| [format!("{:x}\r\n", bytes.len()).as_bytes(), bytes, b"\r\n"].concat();
        part.chunks(100).flat_map(chunk).collect()
    };
    assert_plays("chunks", &Server::stream(chunked, chunks));
}

#[test]
fn an_answer_that_is_no_stream_is_named_by_what_the_server_says_it_is() {
    let answer = |kind: &str, body: &[u8]| {
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        Server::answering([head.as_bytes(), body].concat())
    };
    let page = answer("text/html; charset=utf-8", b"<html>Please log in</html>");
    let reported = http(page.url()).until_offline("it answered with");
    let expected =
        "it answered with text/html, not with a stream: is this the right path, are user and password right?";
    assert_eq!(reported, format!("{}: {expected}", page.address));
    let one = answer("image/jpeg", &jpeg(90));
    let running = http(one.url());
    running.until_offline("it answered with one picture, not with a stream");
    running.until_offline("it answered with one picture, not with a stream");
    assert!(running.frames.try_recv().is_err(), "a snapshot is not played as a stream of one");
    let film = answer("video/mp4", &[0; 5_000]);
    http(film.url()).until_offline("it answered with video/mp4, and http:// sources are MJPEG");
    http(answer("application/json", b"{}").url())
        .until_offline("it answered with application/json, not with a stream");
    http(answer("multipart/x-mixed-replace", b"").url()).until_offline("it answered with nothing at all");
    let cut = jpeg(90);
    let cut = [&cut[..cut.len() / 2], &cut[..cut.len() / 2], b"\xFF\xD8"].concat();
    http(answer("multipart/x-mixed-replace", &cut).url()).until_offline("was complete");
}

#[test]
fn each_refusal_is_named_with_its_status_and_a_remedy() {
    for (status, word) in [
        ("403 Forbidden", "it forbids this (403)"),
        ("404 Not Found", "there is nothing at this path (404)"),
        ("500 Internal Server Error", "it reports an error of its server (500)"),
        ("503 Service Unavailable", "close other viewers"),
    ] {
        let reply = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let server = Server::answering(reply.into_bytes());
        let reported = http(server.url()).until_offline(word);
        assert!(reported.starts_with(&server.address.to_string()), "{reported}");
    }
}

#[test]
fn a_server_that_accepts_and_never_answers_sent_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let running = http(format!("http://{}/", listener.local_addr().unwrap()));
    let reported = running.until_offline("connected, but it sent nothing for");
    assert!(reported.contains("check the port and the path"), "{reported}");
}

#[test]
fn a_host_that_does_not_exist_is_named_as_such() {
    let reported = http("http://no-such-camera.invalid/".into()).until_offline("no-such-camera.invalid:80");
    assert!(reported.contains("no host of this name") || reported.contains("nothing answered"), "{reported}");
}

#[test]
fn a_redirect_is_followed_but_a_password_is_not_sent_where_it_leads() {
    let target = Server::stream(MULTIPART, |picture| [b"--part\r\n\r\n", picture].concat());
    let to =
        format!("HTTP/1.1 302 Found\r\nLocation: {}?key=SECRET\r\nContent-Length: 0\r\n\r\n", target.url());
    let moved = Server::answering(to.into_bytes());
    assert_eq!(http(moved.url()).frame().size, (64, 48));
    let running = http(moved.url().replace("http://", "http://joe:SECRET@"));
    let reported = running.until_offline("it sends us on to");
    assert!(reported.contains("(302)") && reported.contains("write that as the source"), "{reported}");
    assert!(!reported.contains("SECRET") && running.frames.try_recv().is_err(), "{reported}");
}

#[test]
fn a_login_of_either_kind_works_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, "p@ss/word#\n").unwrap();
    for challenge in ["Basic realm=\"cam\"", "Digest realm=\"cam\", nonce=\"abc\", qop=\"auth\""] {
        let server = Server::start(move |request, stream, _| {
            if request.to_lowercase().contains("authorization: ") {
                stream.write_all(MULTIPART.as_bytes())?;
                return [50, 60].into_iter().try_for_each(|grey| stream.write_all(&jpeg(grey)));
            }
            write!(
                stream,
                "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: {challenge}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
        });
        let source = Source::Http(server.url().parse().unwrap());
        let camera = CameraConfig {
            username: Some("joe".into()),
            password_file: Some(file.path().into()),
            ..camera(source)
        };
        let running = start(camera);
        assert_eq!(running.frame().size, (64, 48), "{challenge}");
    }
}

#[test]
fn a_server_that_comes_late_stalls_and_closes_is_offline_online_frozen_online_offline_online() {
    let address = free();
    let running = http(format!("http://user:secret@{address}/video"));
    let cause = running.until_offline("connection refused");
    assert!(cause.contains(&address.to_string()) && !cause.contains("secret"), "{cause}");
    let listener = TcpListener::bind(address).unwrap();
    let answer = || loop {
        let (mut stream, _) = listener.accept().unwrap();
        if let Some(request) = request(&stream) {
            stream.write_all(MULTIPART.as_bytes()).unwrap();
            return (stream, request);
        }
    };
    let send = |stream: &mut TcpStream, grey: u8| {
        let picture = jpeg(grey);
        write!(stream, "--part\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len())
            .unwrap();
        stream.write_all(&picture).unwrap();
        stream.write_all(b"\r\n").unwrap();
    };
    let (mut stream, request) = answer();
    assert!(request.starts_with("GET /video "), "{request}");
    for grey in [50, 60] {
        send(&mut stream, grey);
    }
    assert!(running.frame().first.abs_diff(50) < 4);
    assert!(running.frame().first.abs_diff(60) < 4);
    running.until_online();
    running.until_frozen();
    send(&mut stream, 80);
    running.until_online();
    drop(stream);
    running.until_offline("");
    let (mut stream, _) = answer();
    send(&mut stream, 90);
    running.until_online();
}

#[test]
fn a_server_that_wants_a_password_says_so() {
    let reply =
        "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"camera\"\r\nContent-Length: 0\r\n\r\n";
    let server = Server::answering(reply.into());
    http(server.url()).until_offline("it requires a login (401); set user name and password");
    let wrong = http(server.url().replace("http://", "http://joe:wrong@"));
    wrong.until_offline("it refused the login (401); check user name and password");
}

#[test]
fn a_part_that_was_cut_off_is_counted_and_not_delivered_half_grey() {
    let server = Server::start(|_, stream, stop| {
        stream.write_all(MULTIPART.as_bytes())?;
        let cut = jpeg(60);
        for picture in [&jpeg(120), &cut[..cut.len() / 2], &jpeg(200), &jpeg(200)] {
            write!(
                stream,
                "--part\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n",
                picture.len()
            )?;
            stream.write_all(picture)?;
        }
        while !stop.load(Ordering::SeqCst) {
            std::thread::park_timeout(Duration::from_millis(20));
        }
        Ok(())
    });
    let running = http(server.url());
    assert!(running.frame().first.abs_diff(120) < 4);
    assert!(running.frame().first.abs_diff(200) < 4);
    assert_eq!(running.damaged.get(), 1);
}
