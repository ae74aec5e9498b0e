//! The page: one document, one style sheet and one script, inside the program. No build step, nothing from outside.
//! The script lies in small files that follow one another, so that the browser asks once.

/// Served as `/`.
pub(super) const HTML: &str = include_str!("index.html");

/// Served as `/page.css`.
pub(super) const STYLE: &str = include_str!("page.css");

/// Served as `/page.js`. `base.js` opens it (`"use strict"`), `start.js` runs what the others define.
pub(super) const SCRIPT: &str = concat!(
    include_str!("js/base.js"),
    include_str!("js/words.js"),
    include_str!("js/net.js"),
    include_str!("js/stream.js"),
    include_str!("js/live.js"),
    include_str!("js/feed.js"),
    include_str!("js/enrol.js"),
    include_str!("js/people.js"),
    include_str!("js/person.js"),
    include_str!("js/attendance.js"),
    include_str!("js/inspections.js"),
    include_str!("js/plots.js"),
    include_str!("js/box.js"),
    include_str!("js/start.js"),
);

/// Served as `/icon.svg`.
pub(super) const ICON: &str = include_str!("icon.svg");

/// What the page may load: only itself. `blob:` is for thumbnails of pictures that were chosen and not yet sent.
pub(super) const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
