//! A real mosquitto on a free port, in a temporary directory, stopped and started by its process id.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::certs::Certs;

/// What the broker asks of its clients.
#[derive(Default)]
pub struct Demands<'a> {
    /// Speaks TLS with these certificates; `true`: wants client certificates too.
    pub tls: Option<(&'a Certs, bool)>,
    /// User name and password, if anonymous clients are refused.
    pub login: Option<(&'a str, &'a str)>,
    /// The longest packet that it takes; over a longer one it hangs up.
    pub max_packet: Option<usize>,
    /// More of them.
    pub others: &'a [(&'a str, &'a str)],
    /// An access control list.
    pub acl: Option<&'a Path>,
}

pub struct Broker {
    pub port: u16,
    dir: tempfile::TempDir,
    child: Option<Child>,
}

impl Broker {
    /// An open broker that keeps sessions over restarts.
    pub fn start() -> Broker {
        Broker::demanding(&Demands::default())
    }

    /// A fresh broker, without memory, on a given port.
    pub fn start_on(port: u16) -> Broker {
        Broker::build(port, &Demands::default())
    }

    pub fn demanding(demands: &Demands) -> Broker {
        Broker::build(free_port(), demands)
    }

    fn build(port: u16, demands: &Demands) -> Broker {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut conf = format!(
            "listener {port} 127.0.0.1\nuser root\npersistence true\npersistence_location {}/\n\
             max_queued_messages 0\nmax_inflight_messages 1000\nlog_dest none\n",
            dir.path().display()
        );
        match demands.login {
            None => conf.push_str("allow_anonymous true\n"),
            Some(login) => {
                let file = dir.path().join("passwords");
                fs::write(&file, "").unwrap();
                for (user, password) in demands.others.iter().chain([&login]) {
                    let made = Command::new("mosquitto_passwd")
                        .args(["-b", file.to_str().unwrap(), user, password])
                        .stderr(Stdio::null())
                        .status()
                        .expect("mosquitto_passwd runs");
                    assert!(made.success());
                }
                let _ = write!(conf, "allow_anonymous false\npassword_file {}\n", file.display());
            }
        }
        if let Some(bytes) = demands.max_packet {
            let _ = writeln!(conf, "max_packet_size {bytes}");
        }
        if let Some(acl) = demands.acl {
            let _ = writeln!(conf, "acl_file {}", acl.display());
        }
        if let Some((certs, want_client)) = demands.tls {
            let at = certs.dir.path().display();
            let _ = write!(
                conf,
                "cafile {at}/ca.crt\ncertfile {at}/server.crt\nkeyfile {at}/server.key\nrequire_certificate {want_client}\n"
            );
        }
        Broker::in_folder(port, dir, &conf)
    }

    /// A broker with a configuration of one's own, which names `port`.
    pub fn configured(port: u16, conf: &str) -> Broker {
        Broker::in_folder(port, tempfile::tempdir().expect("a temporary directory"), conf)
    }

    fn in_folder(port: u16, dir: tempfile::TempDir, conf: &str) -> Broker {
        fs::write(dir.path().join("mosquitto.conf"), conf).unwrap();
        let mut broker = Broker { port, dir, child: None };
        broker.restart();
        broker
    }

    /// Publishes `bytes` bytes as a retained message, as any stranger can.
    pub fn publish_retained(&self, topic: &str, bytes: usize) {
        let file = self.dir.path().join("payload");
        fs::write(&file, vec![b'x'; bytes]).unwrap();
        let published = Command::new("mosquitto_pub")
            .args(["-p", &self.port.to_string(), "-q", "1", "-r", "-t", topic, "-f"])
            .arg(&file)
            .status()
            .expect("mosquitto_pub runs (apt package mosquitto-clients)");
        assert!(published.success());
    }

    /// Starts it (again) and waits until it listens.
    pub fn restart(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(self.dir.path().join("mosquitto.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto is installed (apt package mosquitto)");
        self.child = Some(child);
        super::wait_until("mosquitto listens", || TcpStream::connect(("127.0.0.1", self.port)).is_ok());
    }

    /// Stops it in mid-air (SIGSTOP): connections stay, nobody answers.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        let id = self.child.as_ref().expect("it runs").id();
        // SAFETY: a plain system call on the id of a child that was not yet waited for.
        unsafe { libc::kill(id as libc::pid_t, signal) };
    }

    /// Ends it in order (SIGTERM), so that it keeps its sessions.
    pub fn stop(&mut self) {
        self.signal(libc::SIGTERM);
        self.child.take().expect("it runs").wait().expect("mosquitto ends");
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A port that nobody listens on now. The kernel hands out those from 32,768 on, to listeners and to clients of every test
/// beside this one; so it is looked for below them, at another place in each process.
pub fn free_port() -> u16 {
    static TAKEN: AtomicU32 = AtomicU32::new(0);
    loop {
        let place = std::process::id().wrapping_mul(64).wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (place % 20_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
