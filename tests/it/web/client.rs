//! A small HTTP client that hides nothing: any host, any header, any address of this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Service};

/// The built-in scene without a model.
pub const SCENE: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=320&height=240\"\n";

/// A running box whose page is on a port of its own.
pub struct Place {
    pub broker: Broker,
    pub fixture: Fixture,
    pub service: Service,
    pub at: SocketAddr,
}

/// A box with these lines in `[web]` and these cameras.
pub fn place(web: &str, cameras: &str) -> Place {
    prepared(web, cameras, |_| {})
}

/// The same; `prepare` is called before the start.
pub fn prepared(web: &str, cameras: &str, prepare: impl FnOnce(&Fixture)) -> Place {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    fixture.config(broker.port, &format!("[web]\nbind = \"127.0.0.1:0\"\n{web}\n{cameras}"));
    prepare(&fixture);
    let service = fixture.run();
    let at = address(&service, 1);
    Place { broker, fixture, service, at }
}

/// Where the page is, as the `nth` such line of the log says.
pub fn address(service: &Service, nth: usize) -> SocketAddr {
    let mut found = None;
    crate::support::wait_until("the page's address", || {
        let log = service.log();
        let mut lines = log.lines().filter_map(|line| line.split("the page is at http").nth(1));
        let line =
            lines.nth(nth - 1).map(|rest| rest.trim_start_matches('s').trim_start_matches("://").to_owned());
        let text: Option<String> =
            line.map(|line| line.chars().take_while(|c| !c.is_whitespace() && *c != '\u{1b}').collect());
        found = text.and_then(|text| text.parse().ok());
        found.is_some()
    });
    found.unwrap()
}

/// Makes a user by the command line, as an installer does.
pub fn user(fixture: &Fixture, action: &[&str], password: &str) -> std::process::Output {
    fixture.command_with_input(&[&["users"], action].concat(), &format!("{password}\n"))
}

impl Place {
    /// Somebody who has not logged in.
    pub fn client(&self) -> Client {
        Client::new(self.at)
    }

    /// Ends it in order.
    pub fn end(mut self) {
        assert_eq!(self.service.stop(), Some(0), "{}", self.service.log());
    }
}

/// Somebody who asks.
#[derive(Clone)]
pub struct Client {
    pub at: SocketAddr,
    /// The address of this machine that is asked from.
    pub from: Option<SocketAddr>,
    pub headers: Vec<(String, String)>,
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The word for programs of a fault.
    pub fn code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl Client {
    pub fn new(at: SocketAddr) -> Client {
        Client { at, from: None, headers: Vec::new() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Client {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn from(mut self, ip: &str) -> Client {
        self.from = Some(format!("{ip}:0").parse().unwrap());
        self
    }

    pub fn get(&self, path: &str) -> Reply {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: Value) -> Reply {
        self.ask("POST", path, Some(body.to_string().as_bytes()))
    }

    pub fn ask(&self, method: &str, path: &str, body: Option<&[u8]>) -> Reply {
        let mut stream = self.begin(method, path, body);
        let (status, headers) = head(&mut stream);
        let mut body = Vec::new();
        match headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            true => {
                while let Some(chunk) = chunk(&mut stream) {
                    body.extend(chunk)
                }
            }
            false => drop(stream.read_to_end(&mut body)),
        }
        Reply { status, headers, body }
    }

    /// Sends a request, and gives the stream on which the answer comes.
    pub fn begin(&self, method: &str, path: &str, body: Option<&[u8]>) -> BufReader<TcpStream> {
        let mut stream = self.connect();
        stream.write_all(&self.request(method, path, body)).unwrap();
        BufReader::new(stream)
    }

    /// The request's bytes.
    pub fn request(&self, method: &str, path: &str, body: Option<&[u8]>) -> Vec<u8> {
        let mut text = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !self.headers.iter().any(|(name, _)| name == "host") {
            text += &format!("host: {}\r\n", self.at);
        }
        self.headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        if let Some(body) = body {
            text += &format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        }
        let mut bytes = (text + "\r\n").into_bytes();
        bytes.extend_from_slice(body.unwrap_or_default());
        bytes
    }

    pub fn connect(&self) -> TcpStream {
        let stream = match self.from {
            None => TcpStream::connect(self.at).unwrap(),
            Some(from) => connect_from(from, self.at),
        };
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// Logs in, and carries cookie and CSRF word from now on.
    pub fn log_in(mut self, name: &str, password: &str) -> Client {
        let reply = self.post("/api/v1/session", json!({ "name": name, "password": password }));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let cookie = reply.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
        let csrf = reply.json()["csrf"].as_str().unwrap().to_owned();
        self.headers.extend([("cookie".into(), cookie), ("x-csrf-token".into(), csrf)]);
        self
    }

    /// The same without one of the headers.
    pub fn without(mut self, name: &str) -> Client {
        self.headers.retain(|(known, _)| known != name);
        self
    }
}

fn connect_from(from: SocketAddr, to: SocketAddr) -> TcpStream {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stream = runtime.block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind(from).unwrap();
        socket.connect(to).await.unwrap().into_std().unwrap()
    });
    stream.set_nonblocking(false).unwrap();
    stream
}

/// Reads an answer's head.
pub fn head(stream: &mut impl BufRead) -> (u16, Vec<(String, String)>) {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let status =
        line.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_else(|| panic!("{line:?}"));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let Some((name, value)) = line.trim_end().split_once(": ") else { return (status, headers) };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
}

/// Reads one chunk of a body; `None` at its end.
pub fn chunk(stream: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let size = usize::from_str_radix(line.trim(), 16).ok()?;
    let mut bytes = vec![0; size + 2];
    stream.read_exact(&mut bytes).ok()?;
    bytes.truncate(size);
    (size > 0).then_some(bytes)
}

/// A body that comes in chunks, as one stream of bytes.
pub struct Chunks<R> {
    pub stream: R,
    pub left: Vec<u8>,
}

impl<R: BufRead> Read for Chunks<R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.left.is_empty() {
            let Some(chunk) = chunk(&mut self.stream) else { return Ok(0) };
            self.left = chunk;
        }
        let size = out.len().min(self.left.len());
        out[..size].copy_from_slice(&self.left[..size]);
        self.left.drain(..size);
        Ok(size)
    }
}

/// The stream of `path`, its head read.
pub fn stream(client: &Client, path: &str) -> BufReader<Chunks<BufReader<TcpStream>>> {
    let mut stream = client.begin("GET", path, None);
    let (status, headers) = head(&mut stream);
    assert_eq!(status, 200, "{path}: {headers:?}");
    BufReader::new(Chunks { stream, left: Vec::new() })
}

/// The next event: its name and its data.
pub fn next_event(stream: &mut impl BufRead) -> (String, Value) {
    let (mut name, mut data) = (String::new(), String::new());
    loop {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        match line.trim_end().split_once(": ").or(line.trim_end().split_once(':')) {
            Some(("event", value)) => name = value.to_owned(),
            Some(("data", value)) => data = value.to_owned(),
            _ if line.trim_end().is_empty() && !data.is_empty() => {
                return (name, serde_json::from_str(&data).unwrap());
            }
            _ => {}
        }
    }
}

/// A short wait for what a socket says.
pub const SHORT: Duration = Duration::from_millis(200);
