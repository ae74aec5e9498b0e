//! TLS from files.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::config::{WebTls, text};
use crate::types::Explanation;

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.explanation())]
pub enum TlsError {
    /// The certificate or the key cannot be read.
    File {
        /// The file of the certificate or the key.
        path: PathBuf,
        /// Why the file cannot be used.
        cause: String,
    },
    /// The certificate and the key do not match.
    Pair {
        /// The file of the certificate chain.
        cert: PathBuf,
        /// The file of the private key.
        key: PathBuf,
        /// Why rustls refuses the pair.
        source: rustls::Error,
    },
}

impl TlsError {
    /// What is wrong, and what to do next.
    pub fn explanation(&self) -> Explanation {
        match self {
            TlsError::File { path, cause } => Explanation::new(
                format!("{}: {cause}", path.display()),
                "it must be PEM, and the service's user must be able to read it",
            ),
            TlsError::Pair { cert, key, source } => Explanation::new(
                format!("{} and {} cannot be used together: {source}", cert.display(), key.display()),
                "",
            ),
        }
    }
}

/// The TLS acceptor with these files.
pub(super) fn acceptor(files: &WebTls) -> Result<TlsAcceptor, TlsError> {
    let fault = |path: &Path, cause: String| TlsError::File { path: path.to_owned(), cause };
    let (cert, key) = (&files.cert_file, &files.key_file);
    let read = |path: &Path| text::read_pem(path).map_err(|error| fault(path, error.fault.to_string()));
    let chain = CertificateDer::pem_slice_iter(&read(cert)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.map_err(|error| fault(cert, error.to_string()))?;
    if chain.is_empty() {
        return Err(fault(cert, "there is no certificate in it".into()));
    }
    let secret = PrivateKeyDer::from_pem_slice(&read(key)?);
    let secret = secret.map_err(|error| fault(key, error.to_string()))?;
    let pair = |source| TlsError::Pair { cert: cert.clone(), key: key.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().map_err(pair)?;
    let mut config = builder.with_no_client_auth().with_single_cert(chain, secret).map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
