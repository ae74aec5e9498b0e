//! MJPEG over HTTP, from a server that stalls, closes, refuses and comes late.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use ocellus::config::Source;

use crate::support::{camera, jpeg, start};

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// Reads a request and answers with the head of an endless multipart reply.
fn answer(listener: &TcpListener) -> (TcpStream, String) {
    let (mut stream, _) = listener.accept().unwrap();
    let mut request = String::new();
    for line in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
        if line.is_empty() {
            break;
        }
        request += &line;
        request += "\n";
    }
    stream
        .write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=part\r\n\r\n--part\r\n",
        )
        .unwrap();
    (stream, request)
}

fn send(stream: &mut TcpStream, picture: &[u8]) {
    write!(stream, "Content-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", picture.len()).unwrap();
    stream.write_all(picture).unwrap();
    stream.write_all(b"\r\n--part\r\n").unwrap();
}

#[test]
fn a_server_that_comes_late_stalls_and_closes_is_offline_online_frozen_online_offline_online() {
    let address = free();
    let running = start(camera(Source::Http(format!("http://user:secret@{address}/video").parse().unwrap())));
    let cause = running.until_offline("souphttpsrc");
    assert!(!cause.contains("secret"), "{cause}");
    let listener = TcpListener::bind(address).unwrap();
    let (mut stream, request) = answer(&listener);
    assert!(request.starts_with("GET /video "), "{request}");
    for grey in [50, 60, 70] {
        send(&mut stream, &jpeg(grey));
    }
    assert!(running.frame().first.abs_diff(50) < 4);
    assert!(running.frame().first.abs_diff(60) < 4);
    assert_eq!(running.frame().size, (64, 48));
    running.until_online();
    running.until_frozen();
    send(&mut stream, &jpeg(80));
    send(&mut stream, &jpeg(80));
    running.until_online();
    drop(stream);
    running.until_offline("");
    let (mut stream, _) = answer(&listener);
    send(&mut stream, &jpeg(90));
    send(&mut stream, &jpeg(90));
    running.until_online();
}

#[test]
fn a_server_that_wants_a_password_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let running =
        start(camera(Source::Http(format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap())));
    let refuse = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
        request.find(|line| line.is_empty());
        let reply = "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"camera\"\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(reply.as_bytes()).unwrap();
    });
    running.until_offline("user name and password");
    refuse.join().unwrap();
}

#[test]
fn a_part_that_was_cut_off_is_counted_and_not_delivered_half_grey() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let running = start(camera(Source::Http(format!("http://{address}/video").parse().unwrap())));
    let (mut stream, _) = answer(&listener);
    let cut = jpeg(60);
    // The demuxer gives a part on when the next one begins.
    for picture in [&jpeg(120), &cut[..cut.len() / 2], &jpeg(200), &jpeg(200)] {
        send(&mut stream, picture);
    }
    assert!(running.frame().first.abs_diff(120) < 4);
    assert!(running.frame().first.abs_diff(200) < 4);
    assert_eq!(running.damaged.get(), 1);
}
