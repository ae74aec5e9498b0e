//! URLs of sources: the parts for the connection, and the part that may be shown.

use std::fmt;
use std::str::FromStr;

use super::source::{SourceError, percent_decoded, refused};

/// Why a URL with a raw delimiter in its user or password is rejected. The message repeats no part of the
/// URL.
const RAW: &str = "the password holds a character that must be written as %2F or %23";
const RAW_QUERY: &str = "the password holds a character that must be written as %3F";
const RAW_REMEDY: &str = "in user and password write / as %2F, # as %23, ? as %3F, @ as %40 (an @ in the path too), or set \
                          username and password_file instead";

/// A URL of a network source (RFC 3986). Printed as text or for debugging it shows scheme, host, port and
/// path: never the user, the password or the query, which may hold a key under any name.
#[derive(Clone, PartialEq, Eq)]
pub struct SourceUrl {
    scheme: String,
    /// Host, with brackets around an IPv6 address.
    host: String,
    port: Option<u16>,
    path: String,
    /// Query with its question mark; empty where there is none.
    query: String,
    user: Option<String>,
    password: Option<String>,
}

impl SourceUrl {
    /// Parses `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][PATH][?QUERY]`. Errors: why the URL is rejected, with a
    /// remedy.
    pub(crate) fn parse(text: &str) -> Result<SourceUrl, SourceError> {
        let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
        let rest = rest.strip_prefix("//").unwrap_or_default();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        refuse_raw_delimiter(authority, tail)?;
        let (login, host) = authority.rsplit_once('@').map_or((None, authority), |(l, h)| (Some(l), h));
        let (host, port) = host_and_port(host)?;
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return refused("the URL contains a blank", "write blanks as %20");
        }
        if tail.contains('#') {
            return refused(
                "the URL contains a #, which is never sent to a server",
                "write it as %23, or leave it out",
            );
        }
        let (path, query) = tail.split_at(tail.find('?').unwrap_or(tail.len()));
        let decoded = |text: &str| percent_decoded(text).unwrap_or_else(|| text.to_owned());
        let (user, password) = match login.map(|login| login.split_once(':').ok_or(login)) {
            None => (None, None),
            Some(Ok((user, password))) => (Some(decoded(user)), Some(decoded(password))),
            Some(Err(user)) => (Some(decoded(user)), None),
        };
        let (scheme, host, path, query) = (scheme.into(), host.into(), path.into(), query.into());
        Ok(SourceUrl { scheme, host, port, path, query, user, password })
    }

    /// The URL without user and password. For the connection only: the query may hold a secret.
    pub fn location(&self) -> String {
        format!("{}{}{}", self.origin(), self.path, self.query)
    }

    /// The user in the URL, decoded; `None` where there is none.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The password in the URL, decoded. For the connection only.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The scheme: `rtsp`, `rtsps`, `http` or `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The host's name or address, without brackets.
    pub fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The port; the scheme's default where the URL has none.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.scheme.as_str() {
            "rtsp" => 554,
            "rtsps" => 322,
            "https" => 443,
            _ => 80,
        })
    }

    /// Host and port as `HOST:PORT`, for messages.
    pub fn address(&self) -> String {
        format!("{}:{}", self.host, self.port())
    }

    fn origin(&self) -> String {
        let port = self.port.map_or_else(String::new, |port| format!(":{port}"));
        format!("{}://{}{port}", self.scheme, self.host)
    }
}

impl fmt::Display for SourceUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", self.origin(), shown_path(&self.path))
    }
}

impl fmt::Debug for SourceUrl {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SourceUrl({self})")
    }
}

impl FromStr for SourceUrl {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<SourceUrl, SourceError> {
        SourceUrl::parse(text)
    }
}

/// The part of a foreign URL (such as a redirect) that may be shown; empty where the URL cannot be parsed.
pub fn shown_url(text: &str) -> String {
    SourceUrl::parse(text).map_or_else(|_| "(an address that cannot be shown)".into(), |url| url.to_string())
}

/// The part of a path that may be shown. Some cameras take parameters in the path (`/user=admin&password=…`),
/// so the path is cut where they begin, and segments that assign a value are left out.
fn shown_path(path: &str) -> String {
    let path = path.split(['?', '#', ';', '&']).next().unwrap_or_default();
    let shown = path.split('/').map(|part| if part.contains(['=', '@']) { "…" } else { part });
    shown.collect::<Vec<_>>().join("/")
}

/// Rejects a raw delimiter in the password. The authority ends at the first `/`, `?` or `#` (RFC 3986, 3.2),
/// so a raw one in a password leaves an `@` behind it and makes part of the password look like the host.
fn refuse_raw_delimiter(authority: &str, tail: &str) -> Result<(), SourceError> {
    let Some(at) = tail.rfind('@') else { return Ok(()) };
    let before = &tail[..at];
    let host = authority.rsplit('@').next().unwrap_or_default();
    // The value of a query's key may be an e-mail address, which also contains an `@`.
    let value = before.rfind('?').is_some_and(|query| {
        let key = before[query + 1..].rsplit('&').next().unwrap_or_default();
        before.starts_with('/') && key.contains('=') && !before[query..].contains('#')
    });
    if value && !before.split('?').next().unwrap_or_default().contains('@') && host_and_port(host).is_ok() {
        return Ok(());
    }
    refused(if before.contains(['/', '#']) { RAW } else { RAW_QUERY }, RAW_REMEDY)
}

fn host_and_port(text: &str) -> Result<(&str, Option<u16>), SourceError> {
    let (host, port) = match text.strip_prefix('[').and_then(|v6| v6.find(']')) {
        Some(end) => (&text[..end + 2], text[end + 2..].strip_prefix(':')),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    if name.is_empty() {
        return refused("the URL has no host", "write scheme://host:port/path");
    }
    let allowed =
        |c: char| c.is_alphanumeric() || "-_.".contains(c) || (host.starts_with('[') && ":%".contains(c));
    if !name.chars().all(allowed) {
        return refused("the URL's host is neither a name nor an address", "write scheme://host:port/path");
    }
    match port.map(str::parse::<u16>) {
        None => Ok((host, None)),
        Some(Ok(port)) if port > 0 => Ok((host, Some(port))),
        Some(_) => refused(
            "the port is not a number from 1 to 65535",
            "write a port from 1 to 65535, or leave it out",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> SourceUrl {
        text.parse().unwrap_or_else(|refused| panic!("{text}: {refused:?}"))
    }

    #[test]
    fn only_scheme_host_port_and_path_are_ever_printed() {
        for (text, shown) in [
            ("rtsp://joe:SECRET@cam:554/live", "rtsp://cam:554/live"),
            ("rtsp://SECRET@[::1]:554/live", "rtsp://[::1]:554/live"),
            ("rtsp://joe:p@SECRET@cam/live", "rtsp://cam/live"),
            ("http://cam/mjpg?user=a&Password=SECRET", "http://cam/mjpg"),
            ("http://cam?SECRET", "http://cam"),
            ("rtsp://cam/user=admin&password=SECRET&channel=1", "rtsp://cam/…"),
            ("rtsp://cam/live;pwd=SECRET/x", "rtsp://cam/live"),
            ("rtsp://cam/user=admin_password=SECRET_stream=0.sdp", "rtsp://cam/…"),
            ("https://cam/a/b.mjpg", "https://cam/a/b.mjpg"),
        ] {
            let url = url(text);
            assert_eq!(url.to_string(), shown);
            assert!(!format!("{url:?}").contains("SECRET"), "{url:?}");
        }
        assert_eq!(shown_url("http://a:SECRET@other/login?next=SECRET"), "http://other/login");
        assert!(!shown_url("http://a:SEC/RET@other/").contains("RET"));
    }

    #[test]
    fn user_and_password_are_taken_out_of_the_location_and_decoded() {
        let url = url("rtsp://admin:p%40s%2Fs%23@cam.local:554/stream?x=a@b");
        assert_eq!(url.location(), "rtsp://cam.local:554/stream?x=a@b");
        assert_eq!((url.user(), url.password()), (Some("admin"), Some("p@s/s#")));
        let plain = "http://10.0.0.9/cgi?mail=a@b";
        assert_eq!(super::tests::url(plain).location(), plain);
        assert_eq!(super::tests::url(plain).user(), None);
    }

    #[test]
    fn a_raw_delimiter_in_a_password_is_refused_and_nothing_of_it_is_shown() {
        for text in [
            "rtsp://admin:SEC/RET@10.0.0.7:8554/stream",
            "rtsp://admin:SEC#RET@10.0.0.7:8554/stream",
            "rtsp://admin:12/34@10.0.0.7/stream",
            "rtsp://admin:SE@C/RET@10.0.0.7/stream",
            "rtsp://SEC/RET@10.0.0.7/stream",
            "rtsp://admin:/SECRET@10.0.0.7/stream",
            "http://admin:1/2?a=SECRET@10.0.0.7#x@y",
            "http://admin:SEC/RET?x=1@10.0.0.7/",
        ] {
            let refused = text.parse::<SourceUrl>().unwrap_err();
            assert_eq!(refused.reason, RAW, "{text}");
            assert!(!format!("{refused:?}").contains("SEC"), "{refused:?}");
        }
        for text in ["http://admin:SEC?RET@10.0.0.7/mjpg", "http://admin:12?34@10.0.0.7/mjpg"] {
            assert_eq!(text.parse::<SourceUrl>().unwrap_err().reason, RAW_QUERY, "{text}");
        }
    }

    #[test]
    fn no_refusal_repeats_a_part_of_the_url() {
        for text in [
            "rtsp://cam:SECRET/live",
            "rtsp://SEC RET@cam/x",
            "http://SECRET!/x",
            "http://cam/x?pwd=SEC#RET",
            "http://:SECRET@/x",
            "SECRET",
            "rtsp:SECRET",
        ] {
            let refused = text.parse::<SourceUrl>().unwrap_err();
            assert!(!format!("{refused:?}").contains("SEC"), "{text}: {refused:?}");
        }
    }
}
