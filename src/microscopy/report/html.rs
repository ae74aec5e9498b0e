//! Pieces of the page: texts that cannot become markup, figures, tables that scroll.

use std::fmt::Display;
use std::io::{self, Write};

/// What the page looks like. Pictures are in it, scripts are not, and nothing is loaded from anywhere.
const STYLE: &str = include_str!("report.css");

/// `text` with every letter that means something in HTML replaced.
pub(super) fn escaped(text: impl Display) -> String {
    let mut escaped = String::new();
    for letter in text.to_string().chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// A number with its noun: `1 cell`, `2 cells`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The page up to its first section.
pub(super) fn head(out: &mut dyn Write, title: &str) -> io::Result<()> {
    let title = escaped(title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n\
         </head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    )
}

/// A figure with its caption, or why there is none.
pub(super) fn figure(
    out: &mut dyn Write,
    content: Result<String, impl Display>,
    caption: &str,
) -> io::Result<()> {
    match content {
        Ok(content) => {
            writeln!(out, "<figure>{content}<figcaption>{}</figcaption></figure>", escaped(caption))
        }
        Err(error) => fault(out, &format!("{caption}: {error}")),
    }
}

/// Something that is missing, and why.
pub(super) fn fault(out: &mut dyn Write, text: &str) -> io::Result<()> {
    writeln!(out, "<p class=\"fault\">{}</p>", escaped(text))
}

/// A table; columns whose name begins with `#` hold numbers.
pub(super) fn table(out: &mut dyn Write, columns: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
    writeln!(out, "<div class=\"scroll\"><table>\n<thead><tr>")?;
    let class = |column: &str| if column.starts_with('#') { " class=\"number\"" } else { "" };
    for column in columns {
        write!(out, "<th{}>{}</th>", class(column), escaped(column.trim_start_matches('#')))?;
    }
    writeln!(out, "</tr></thead>\n<tbody>")?;
    for row in rows {
        write!(out, "<tr>")?;
        for (column, field) in columns.iter().zip(row) {
            write!(out, "<td{}>{}</td>", class(column), escaped(field))?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div>")
}
