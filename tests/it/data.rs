//! Test data: `scripts/data.sh` against a server on this machine, and the manifest against the files that lie here.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data");

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a server gives for a path.
#[derive(Clone)]
enum Answer {
    Whole(Vec<u8>),
    /// The head promises all, and the connection ends after so many bytes; asked again, the rest comes.
    CutAt(usize, Vec<u8>),
}

/// A web server with these files, which understands `Range`, and remembers each request as `PATH [from BYTE]`.
struct Server {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start<const N: usize>(files: [(&str, Answer); N]) -> Server {
        let files: BTreeMap<String, Answer> =
            files.into_iter().map(|(path, answer)| (format!("/{path}"), answer)).collect();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                // A client that goes away ends its own request only.
                let _ = answer(stream.unwrap(), &files, &seen);
            }
        });
        Server { address, requests }
    }

    fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.requests.lock().unwrap())
    }
}

fn answer(
    mut stream: TcpStream,
    files: &BTreeMap<String, Answer>,
    seen: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let lines: Vec<String> = BufReader::new(stream.try_clone()?)
        .lines()
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .collect();
    let path = lines[0].split(' ').nth(1).unwrap().to_owned();
    let range = lines.iter().find_map(|line| line.strip_prefix("Range: bytes="));
    let from: usize = range.map_or(0, |range| range.trim_end_matches('-').parse().unwrap());
    seen.lock().unwrap().push(if from == 0 { path.clone() } else { format!("{path} from {from}") });
    let (bytes, most) = match files.get(&path) {
        Some(Answer::Whole(bytes)) => (bytes, usize::MAX),
        Some(Answer::CutAt(at, bytes)) => (bytes, if from == 0 { *at } else { usize::MAX }),
        None => {
            return stream
                .write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    };
    if from >= bytes.len() {
        return stream.write_all(
            b"HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
    let status = if from == 0 { "200 OK" } else { "206 Partial Content" };
    let rest = &bytes[from..];
    let range = format!("Content-Range: bytes {from}-{}/{}\r\n", bytes.len() - 1, bytes.len());
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n", rest.len())?;
    write!(stream, "{}Connection: close\r\n\r\n", if from == 0 { "" } else { &range })?;
    stream.write_all(&rest[..rest.len().min(most)])
}

/// A manifest of files to fetch, and the folder that they go to.
struct Target {
    dir: tempfile::TempDir,
}

impl Target {
    /// Each file is expected to hold these bytes, and to lie at `server` under its own path.
    fn new<const N: usize>(server: &Server, files: [(&str, &[u8]); N]) -> Target {
        let dir = tempfile::tempdir().unwrap();
        let line = |(path, bytes): (&str, &[u8])| {
            format!("{path}\t{}\t{}\tfetch\tMIT\t{}/{path}\n", bytes.len(), digest(bytes), server.address)
        };
        let lines: String = files.into_iter().map(line).collect();
        let held = "here.bin\t1\tabc\trepo\tMIT\tmade for this set\n";
        fs::write(dir.path().join("manifest.tsv"), lines + held).unwrap();
        Target { dir }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// Runs the script: whether it succeeded, and what it printed.
    fn fetch(&self) -> (bool, String) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/data.sh");
        let output =
            Command::new(script).arg(self.path("manifest.tsv")).env_remove("http_proxy").output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    }
}

fn bytes(seed: u8) -> Vec<u8> {
    (0..100_000u32).map(|n| (n.wrapping_mul(31) >> 3) as u8 ^ seed).collect()
}

#[test]
fn files_are_fetched_once_and_those_of_the_repository_not_at_all() {
    let (one, two) = (bytes(1), bytes(2));
    let server =
        Server::start([("a/one.bin", Answer::Whole(one.clone())), ("two.bin", Answer::Whole(two.clone()))]);
    let target = Target::new(&server, [("a/one.bin", &one), ("two.bin", &two)]);
    assert_eq!(target.fetch(), (true, "data: 2 fetched, 0 already there, 0 failed\n".into()));
    assert!(
        fs::read(target.path("a/one.bin")).unwrap() == one
            && fs::read(target.path("two.bin")).unwrap() == two
    );
    assert_eq!(server.requests(), ["/a/one.bin", "/two.bin"]);
    assert_eq!(target.fetch(), (true, "data: 0 fetched, 2 already there, 0 failed\n".into()));
    assert_eq!(server.requests(), [""; 0]);
    fs::write(target.path("two.bin"), "somebody's own").unwrap();
    assert_eq!(target.fetch(), (true, "data: 1 fetched, 1 already there, 0 failed\n".into()));
    assert!(fs::read(target.path("two.bin")).unwrap() == two);
}

#[test]
fn a_file_with_another_content_is_thrown_away_and_the_others_are_fetched() {
    let (wanted, other, good) = (bytes(1), bytes(2), bytes(3));
    let server = Server::start([("a.bin", Answer::Whole(other)), ("b.bin", Answer::Whole(good.clone()))]);
    let target = Target::new(&server, [("a.bin", &wanted), ("b.bin", &good)]);
    let (passed, text) = target.fetch();
    assert!(
        !passed && text.contains("a.bin: http://127.0.0.1") && text.contains("another content"),
        "{text}"
    );
    assert!(
        text.contains(&digest(&wanted)) && text.contains("1 fetched, 0 already there, 1 failed"),
        "{text}"
    );
    assert!(!target.path("a.bin").exists() && !target.path("a.bin.part").exists());
    assert!(fs::read(target.path("b.bin")).unwrap() == good);
}

#[test]
fn a_file_that_its_source_no_longer_has_is_named_and_the_others_are_fetched() {
    let good = bytes(3);
    let server = Server::start([("b.bin", Answer::Whole(good.clone()))]);
    let target = Target::new(&server, [("gone.bin", b"x"), ("b.bin", &good)]);
    let (passed, text) = target.fetch();
    assert!(!passed && text.contains("gone.bin: cannot be fetched from http://127.0.0.1"), "{text}");
    assert!(text.contains("404") && text.contains("1 fetched, 0 already there, 1 failed"), "{text}");
    assert!(!target.path("gone.bin").exists() && target.path("b.bin").exists());
}

#[test]
fn a_download_that_was_cut_short_goes_on_where_it_ended() {
    let wanted = bytes(4);
    let server = Server::start([("a.bin", Answer::CutAt(60_000, wanted.clone()))]);
    let target = Target::new(&server, [("a.bin", &wanted)]);
    let (passed, text) = target.fetch();
    assert!(!passed && text.contains("a.bin: cannot be fetched"), "{text}");
    assert!(!target.path("a.bin").exists(), "half a file is no file");
    assert_eq!((server.requests(), target.fetch().0), (vec!["/a.bin".to_owned()], true));
    assert_eq!(server.requests(), ["/a.bin from 60000"]);
    assert!(fs::read(target.path("a.bin")).unwrap() == wanted);
}

#[test]
fn a_rest_of_another_file_is_not_continued_but_replaced() {
    let wanted = bytes(5);
    let server = Server::start([("a.bin", Answer::Whole(wanted.clone()))]);
    let target = Target::new(&server, [("a.bin", &wanted)]);
    fs::write(target.path("a.bin.part"), &bytes(6)[..50_000]).unwrap();
    assert!(target.fetch().0);
    assert_eq!(server.requests(), ["/a.bin from 50000", "/a.bin"]);
    assert!(fs::read(target.path("a.bin")).unwrap() == wanted);
    // A rest that is longer than the file itself, and one that is the whole file.
    fs::remove_file(target.path("a.bin")).unwrap();
    fs::write(target.path("a.bin.part"), vec![0; 200_000]).unwrap();
    assert!(target.fetch().0 && fs::read(target.path("a.bin")).unwrap() == wanted);
    server.requests();
    fs::rename(target.path("a.bin"), target.path("a.bin.part")).unwrap();
    assert!(target.fetch().0 && server.requests().is_empty());
}

#[test]
fn a_server_that_is_away_is_named() {
    let port = crate::support::broker::free_port();
    let target = tempfile::tempdir().unwrap();
    let line = format!("a.bin\t1\t{}\tfetch\tMIT\thttp://127.0.0.1:{port}/a.bin\n", digest(b"x"));
    fs::write(target.path().join("manifest.tsv"), line).unwrap();
    let (passed, text) = Target { dir: target }.fetch();
    assert!(
        !passed && text.contains("a.bin: cannot be fetched") && text.contains("goes on where it ended"),
        "{text}"
    );
}

/// The fields of each line of the manifest.
fn manifest() -> Vec<[String; 6]> {
    let text = fs::read_to_string(Path::new(FOLDER).join("manifest.tsv")).unwrap();
    let fields = |line: &str| line.split('\t').map(str::to_owned).collect::<Vec<_>>();
    text.lines()
        .map(|line| fields(line).try_into().unwrap_or_else(|_| panic!("six fields: {line}")))
        .collect()
}

#[test]
fn the_files_of_the_repository_are_those_of_the_manifest_and_may_be_given_on() {
    let free = ["figures only", "Apache-2.0", "MIT", "CC0", "CC BY 2.0", "CC BY 4.0", "public domain"];
    let mut total = 0;
    for [path, size, hash, kept, licence, source] in manifest() {
        if kept == "fetch" {
            assert!(source.starts_with("https://"), "{path}: {source}");
            assert_eq!(hash.len(), 64, "{path}");
            continue;
        }
        assert_eq!(kept, "repo", "{path}");
        let file = fs::read(Path::new(FOLDER).join(&path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((file.len().to_string(), digest(&file)), (size, hash), "{path}");
        assert!(
            free.iter().any(|free| licence.starts_with(free)) && !licence.contains("BY-SA"),
            "{path}: {licence}"
        );
        total += file.len();
    }
    assert!(total <= 15_000_000, "{total} bytes");
}

#[test]
fn every_file_of_the_repository_s_data_is_in_the_manifest() {
    let known: Vec<String> = manifest().into_iter().map(|[path, ..]| path).collect();
    let mut folders = vec![PathBuf::from(FOLDER)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if entry.is_dir() {
                folders.push(entry);
                continue;
            }
            let path = entry.strip_prefix(FOLDER).unwrap().to_str().unwrap();
            let about =
                ["README.md", "manifest.tsv", ".gitignore"].contains(&path) || path.starts_with("licences/");
            assert!(
                about || path.ends_with(".part") || known.iter().any(|known| known == path),
                "{path} has no line"
            );
        }
    }
}
