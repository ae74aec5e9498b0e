//! Headers that only some servers receive, from files that the service's user can read.

use std::path::{Path, PathBuf};

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::error::HttpError;
use crate::config::{CredentialsConfig, SourceUrl, read_secret};

/// Headers that the client sets itself, and that would change what a request is.
const OWN: [&str; 6] = ["host", "content-length", "transfer-encoding", "connection", "upgrade", "te"];

/// Which headers a server receives. A server is scheme, host and port: after a redirect to another one they are not sent.
#[derive(Clone, Debug)]
pub(in crate::jobs) struct Credentials {
    entries: Vec<(Vec<String>, PathBuf)>,
}

impl Credentials {
    /// Those of the configuration.
    pub(in crate::jobs) fn new(configured: &[CredentialsConfig]) -> Credentials {
        let entries = configured.iter().map(|one| (one.origins.clone(), one.headers_file.clone()));
        Credentials { entries: entries.collect() }
    }

    /// The same, and the headers of `file` for the server of `url`.
    pub(in crate::jobs) fn with(mut self, url: &SourceUrl, file: &Path) -> Credentials {
        self.entries.push((vec![origin(url)], file.to_owned()));
        self
    }

    /// The headers for the server of `url`. They are read anew each time, so that changed ones need no restart.
    ///
    /// # Errors
    /// A file that cannot be read, or that holds something else; the message repeats nothing of it.
    pub(super) fn headers(&self, url: &SourceUrl) -> Result<HeaderMap, HttpError> {
        let server = origin(url);
        let mut headers = HeaderMap::new();
        for (_, file) in self.entries.iter().filter(|(origins, _)| origins.contains(&server)) {
            let text = read_secret(file, "file of headers")
                .map_err(|error| HttpError::Credentials { why: error.explanation() })?;
            let lines = (1..).zip(text.lines().map(str::trim));
            for (line, text) in lines.filter(|(_, text)| !text.is_empty() && !text.starts_with('#')) {
                let (name, value) =
                    header(text).ok_or_else(|| HttpError::CredentialsLine { file: file.clone(), line })?;
                headers.insert(name, value);
            }
        }
        Ok(headers)
    }
}

/// Scheme, host and port of `url`, as the configuration is compared with it.
pub(in crate::jobs) fn origin(url: &SourceUrl) -> String {
    format!("{}://{}", url.scheme(), url.address()).to_ascii_lowercase()
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name: HeaderName = name.trim().parse().ok()?;
    let mut value: HeaderValue = value.trim().parse().ok()?;
    if OWN.contains(&name.as_str()) {
        return None;
    }
    // Whatever prints headers leaves it out.
    value.set_sensitive(true);
    Some((name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_server_that_is_named_receives_the_headers_and_no_error_repeats_them() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("headers");
        std::fs::write(&file, "# for the shop\nAuthorization: Bearer SECRET\n\nX-Shop: 7\n").unwrap();
        let origins = vec!["https://shop.example:443".to_owned()];
        let credentials = Credentials::new(&[CredentialsConfig { origins, headers_file: file.clone() }]);
        let count = |url: &str| credentials.headers(&url.parse().unwrap()).unwrap().len();
        assert_eq!(count("https://shop.example/a.jpg"), 2);
        assert_eq!(count("https://SHOP.example:443/"), 2);
        for other in ["http://shop.example/", "https://shop.example:8443/", "https://shop.example.org/"] {
            assert_eq!(count(other), 0, "{other}");
        }
        let url: SourceUrl = "https://shop.example/".parse().unwrap();
        let shown = format!("{:?} {credentials:?}", credentials.headers(&url).unwrap());
        assert!(!shown.contains("SECRET"), "{shown}");
        for bad in ["SECRET", "Host: SECRET", "a b: SECRET", "X: SEC\u{1}RET"] {
            std::fs::write(&file, bad).unwrap();
            let error = credentials.headers(&url).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("SEC"), "{error:?}");
        }
    }
}
