//! The page: embedded, compressed once, with a policy that allows only its own scripts.

use std::io::Write;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest, Sha256};

use super::answer::{bytes, mime};

/// The script consists of small files in this order: `base.js` opens it (`"use strict"`), `start.js` runs
/// what the others define. The browser makes one request.
const HTML: &str = concat!(
    include_str!("page/head.html"),
    "<style>\n",
    include_str!("page/page.css"),
    "</style>\n</head>\n",
    include_str!("page/body.html"),
    "<script>\n",
    include_str!("page/js/base.js"),
    include_str!("page/js/words.js"),
    include_str!("page/js/net.js"),
    include_str!("page/js/stream.js"),
    include_str!("page/js/live.js"),
    include_str!("page/js/feed.js"),
    include_str!("page/js/enrol.js"),
    include_str!("page/js/people.js"),
    include_str!("page/js/person.js"),
    include_str!("page/js/attendance.js"),
    include_str!("page/js/inspections.js"),
    include_str!("page/js/recordings.js"),
    include_str!("page/js/batch.js"),
    include_str!("page/js/job.js"),
    include_str!("page/js/jobs.js"),
    include_str!("page/js/addjobs.js"),
    include_str!("page/js/commands.js"),
    include_str!("page/js/plots.js"),
    include_str!("page/js/curve.js"),
    include_str!("page/js/curves.js"),
    include_str!("page/js/box.js"),
    include_str!("page/js/start.js"),
    "</script>\n</body>\n</html>\n",
);

/// The page as it is served.
pub(super) struct Page {
    gzip: Option<Bytes>,
    tag: HeaderValue,
    policy: HeaderValue,
}

impl Page {
    pub(super) fn new() -> Page {
        let tag = format!("\"{}\"", STANDARD.encode(Sha256::digest(HTML)));
        let usual = HeaderValue::from_static("\"page\"");
        Page {
            gzip: gzip(HTML.as_bytes()).ok(),
            tag: tag.parse().unwrap_or(usual),
            policy: policy(HTML).parse().unwrap_or(HeaderValue::from_static("default-src 'none'")),
        }
    }

    pub(super) fn answer(&self, asked: &HeaderMap) -> Response {
        let has = |name, word: &str| {
            let values = asked.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
            values
                .flat_map(|value| value.split(','))
                .any(|value| value.trim().split(';').next() == Some(word))
        };
        let mut response = match &self.gzip {
            _ if has(header::IF_NONE_MATCH, self.tag.to_str().unwrap_or_default()) => {
                StatusCode::NOT_MODIFIED.into_response()
            }
            Some(gzip) if has(header::ACCEPT_ENCODING, "gzip") => {
                let mut response = bytes(mime::HTML, gzip.clone());
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                response
            }
            _ => bytes(mime::HTML, Bytes::from_static(HTML.as_bytes())),
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.tag.clone());
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(header::CONTENT_SECURITY_POLICY, self.policy.clone());
        response
    }
}

fn gzip(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}

/// The content security policy: the page's own scripts and styles by hash, data of this device, and nothing
/// else.
fn policy(html: &str) -> String {
    format!(
        "default-src 'none'; script-src {}; style-src {}; img-src 'self' data: blob:; media-src 'self' blob:; \
         connect-src 'self'; manifest-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
        hashes(html, "script"),
        hashes(html, "style")
    )
}

/// The CSP hashes of all elements called `name`.
fn hashes(html: &str, name: &str) -> String {
    let (open, close) = (format!("<{name}"), format!("</{name}>"));
    let mut sources = Vec::new();
    let mut rest = html;
    while let Some(at) = rest.find(&open) {
        rest = &rest[at..];
        let (Some(start), Some(end)) = (rest.find('>'), rest.find(&close)) else { break };
        if let Some(text) = rest.get(start + 1..end) {
            sources.push(format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text))));
        }
        rest = &rest[end + close.len()..];
    }
    if sources.is_empty() { "'none'".to_owned() } else { sources.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_may_run_what_stands_in_it_and_nothing_else() {
        let html = "<style>a{}</style><script type=\"module\">1</script><script>2</script>";
        let policy = policy(html);
        // echo -n 1 | openssl dgst -sha256 -binary | base64
        let one = "'sha256-a4ayc/80/OGda4BO/1o/V0etpOqiLx1JwB5S3beHW0s='";
        let two = "'sha256-1HNeOiZeFu7gP1lxi5tdAwGcB9i2xR+Q2jpmbuwTqzU='";
        assert!(policy.contains(&format!("script-src {one} {two};")), "{policy}");
        assert!(!policy.contains("unsafe") && policy.contains("style-src 'sha256-"));
        assert_eq!(hashes("<p>none</p>", "script"), "'none'");
    }

    /// The files are one script: of two functions with one name the later would silently take the place of the other.
    #[test]
    fn no_two_functions_of_the_page_have_one_name() {
        let lines = HTML.lines().map(|line| line.strip_prefix("async ").unwrap_or(line));
        let names = lines.filter_map(|line| line.strip_prefix("function ")?.split('(').next());
        let mut names: Vec<&str> = names.collect();
        names.sort_unstable();
        let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
        assert!(names.len() > 50 && twice.is_none(), "{twice:?} of {}", names.len());
    }

    /// The address names a view by its hash. Of an element with the same id the browser would make its own target, and take
    /// the focus away from where the page has put it, such as the name field of the login.
    #[test]
    fn no_element_has_the_name_of_a_view_as_its_id() {
        let views = HTML.split("href=\"#").skip(1).filter_map(|rest| rest.split('"').next());
        let views: Vec<&str> = views.filter(|view| HTML.contains(&format!("id=\"view-{view}\""))).collect();
        assert!(views.len() >= 10, "{views:?}");
        for view in views {
            assert!(!HTML.contains(&format!("id=\"{view}\"")), "{view}");
        }
    }

    #[test]
    fn the_page_has_no_outside_assets_and_is_small() {
        for word in ["src=\"http", "href=\"http", "@import", "//cdn", " onclick=", " style=\""] {
            assert!(!HTML.contains(word), "{word}");
        }
        // The bound of the design is what goes over the wire.
        let sent = Page::new().gzip.map_or(HTML.len(), |gzip| gzip.len());
        assert!(sent < 120 << 10 && HTML.len() < 240 << 10, "{sent} bytes of {}", HTML.len());
    }
}
