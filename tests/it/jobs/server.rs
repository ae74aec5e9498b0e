//! A server for jobs to reach, which does what a test says: well-behaved, hostile or broken.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::support::certs::Certs;

/// A request as the server received it.
#[derive(Clone, Debug)]
pub struct Received {
    pub at: Instant,
    pub method: String,
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Received {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What the server does with a request.
pub enum Does {
    /// Answers with a status, headers and a body, and takes further requests.
    Answers(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Answers nothing until the server ends or the client goes.
    Stalls,
    /// Announces so many bytes, sends these, and closes the connection.
    BreaksOff(u64, Vec<u8>),
    /// Sends these bytes again and again without saying how many there will be.
    SendsForever(Vec<u8>),
    /// Closes the connection without an answer.
    LosesAnswer,
}

impl Does {
    pub fn ok(body: &[u8]) -> Does {
        Does::Answers(200, Vec::new(), body.to_vec())
    }

    pub fn redirects(to: impl Into<String>) -> Does {
        Does::Answers(302, vec![("Location", to.into())], Vec::new())
    }
}

/// What the server does with a request; the number says which one it is.
type Answering = dyn Fn(&Received, usize) -> Does + Send + Sync;

/// What all connections of a server share.
struct Shared {
    does: Box<Answering>,
    received: Mutex<Vec<Received>>,
    connections: AtomicUsize,
    sent: AtomicUsize,
    busy: AtomicUsize,
    busiest: AtomicUsize,
    ends: AtomicBool,
}

/// A running server; it ends when it is dropped.
pub struct Server {
    pub at: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// A server without TLS. `does` gets a request and its number, from 0.
    pub fn start(does: impl Fn(&Received, usize) -> Does + Send + Sync + 'static) -> Server {
        Server::begin(None, Box::new(does))
    }

    /// A server with the certificate `server` of `certs`.
    pub fn with_tls(
        certs: &Certs,
        does: impl Fn(&Received, usize) -> Does + Send + Sync + 'static,
    ) -> Server {
        let chain = CertificateDer::pem_file_iter(certs.file("server.crt")).unwrap();
        let chain = chain.collect::<Result<Vec<_>, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_file(certs.file("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        Server::begin(Some(Arc::new(config)), Box::new(does))
    }

    fn begin(tls: Option<Arc<rustls::ServerConfig>>, does: Box<Answering>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            does,
            received: Mutex::default(),
            connections: AtomicUsize::new(0),
            sent: AtomicUsize::new(0),
            busy: AtomicUsize::new(0),
            busiest: AtomicUsize::new(0),
            ends: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let serve = move || {
            let mut threads = Vec::new();
            for stream in listener.incoming() {
                if serving.ends.load(Ordering::Acquire) {
                    break;
                }
                let (stream, shared, tls) = (stream.unwrap(), serving.clone(), tls.clone());
                shared.connections.fetch_add(1, Ordering::AcqRel);
                // So that a thread that waits for a request sees that the server ends.
                stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
                threads.push(std::thread::spawn(move || match tls {
                    None => shared.serve(stream),
                    Some(tls) => {
                        let session = rustls::ServerConnection::new(tls).unwrap();
                        shared.serve(rustls::StreamOwned::new(session, stream));
                    }
                }));
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        };
        Server { at, shared, thread: Some(std::thread::spawn(serve)) }
    }

    /// The URL of `path` on the server.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.at)
    }

    /// What was received so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Connections that were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// Bytes of bodies that were sent so far.
    pub fn sent(&self) -> usize {
        self.shared.sent.load(Ordering::Acquire)
    }

    /// The most requests that were under way at once.
    pub fn busiest(&self) -> usize {
        self.shared.busiest.load(Ordering::Acquire)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ends.store(true, Ordering::Release);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.at);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn serve(&self, stream: impl Read + Write) {
        let mut stream = Patient { stream, ends: &self.ends };
        // One reader for all requests of the connection: it may read ahead.
        let mut ahead = BufReader::new(&mut stream);
        while let Some(received) = receive(&mut ahead) {
            let number = {
                let mut all = self.received.lock().unwrap();
                all.push(received.clone());
                all.len() - 1
            };
            let busy = self.busy.fetch_add(1, Ordering::AcqRel) + 1;
            self.busiest.fetch_max(busy, Ordering::AcqRel);
            let goes_on = self.act((self.does)(&received, number), &mut ahead.get_mut().stream);
            self.busy.fetch_sub(1, Ordering::AcqRel);
            if !goes_on {
                return;
            }
        }
    }

    /// Does it; returns whether the connection goes on.
    fn act(&self, does: Does, stream: &mut impl Write) -> bool {
        let mut send = |bytes: &[u8]| {
            let sent = stream.write_all(bytes).and_then(|()| stream.flush()).is_ok();
            self.sent.fetch_add(if sent { bytes.len() } else { 0 }, Ordering::AcqRel);
            sent
        };
        match does {
            Does::Answers(status, headers, body) => {
                let headers: String =
                    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
                let head = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
                send(head.as_bytes()) && send(&body)
            }
            Does::Stalls => {
                while !self.ends.load(Ordering::Acquire) {
                    std::thread::park_timeout(Duration::from_millis(20));
                }
                false
            }
            Does::BreaksOff(announced, body) => {
                send(format!("HTTP/1.1 200 OK\r\nContent-Length: {announced}\r\n\r\n").as_bytes());
                send(&body);
                false
            }
            Does::SendsForever(body) => {
                send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
                // Each piece waits until the client has taken the ones before.
                while !self.ends.load(Ordering::Acquire) {
                    if !send(&body) {
                        break;
                    }
                }
                false
            }
            Does::LosesAnswer => false,
        }
    }
}

/// Waits for bytes as long as the server runs.
struct Patient<'a, S> {
    stream: S,
    ends: &'a AtomicBool,
}

impl<S: Read> Read for Patient<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        loop {
            match self.stream.read(into) {
                Err(error)
                    if matches!(
                        error.kind(),
                        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                    ) =>
                {
                    if self.ends.load(Ordering::Acquire) {
                        return Ok(0);
                    }
                }
                // A client that goes is the end, however it goes.
                Err(_) => return Ok(0),
                read => return read,
            }
        }
    }
}

fn receive(stream: &mut impl BufRead) -> Option<Received> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).ok()? == 0 {
            return None;
        }
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.first()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let headers = lines[1..].iter().filter_map(|line| line.split_once(": "));
    let headers: Vec<(String, String)> =
        headers.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    stream.read_exact(&mut body).ok()?;
    Some(Received { at: Instant::now(), method, target, headers, body })
}
