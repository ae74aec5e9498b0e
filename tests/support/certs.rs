//! A certificate authority, a server and a client certificate, made by `openssl` for one test.

use super::complaint;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

pub struct Certs {
    pub dir: tempfile::TempDir,
}

impl Certs {
    /// `ca`, `server` (for 127.0.0.1 and localhost) and `client`, each `.crt` and `.key`.
    pub fn make() -> Certs {
        let dir = tempfile::tempdir().unwrap();
        let certs = Certs { dir };
        certs.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 \
             -subj /CN=test-authority -keyout ca.key -out ca.crt",
        );
        fs::write(certs.file("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
        for name in ["server", "client"] {
            certs.openssl(&format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ));
            certs.openssl(&format!(
                "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile san -out {name}.crt"
            ));
        }
        certs
    }

    /// Signs the certificate `name` again as one that ended yesterday.
    pub fn expire(&self, name: &str) {
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days -1 -extfile san -out {name}.crt"
        ));
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let done = Command::new("openssl")
            .args(arguments.split_whitespace())
            .current_dir(self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .output()
            .expect("openssl is installed");
        assert!(done.status.success(), "{}", complaint(&done));
    }
}
