//! Text that is redrawn in place on a terminal, and printed once for each time elsewhere.

use std::io::{ErrorKind, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

/// What a terminal without a known size is taken for.
const USUAL: (usize, usize) = (80, 24);

/// The standard output, as a place to redraw.
pub(in crate::cli) struct Screen {
    is_terminal: bool,
    /// Lines of the last picture, which the next one replaces.
    drawn: usize,
    /// Whether the reader needs no more.
    pub is_closed: bool,
}

impl Screen {
    pub(in crate::cli) fn new() -> Screen {
        Screen { is_terminal: std::io::stdout().is_terminal(), drawn: 0, is_closed: false }
    }

    pub(in crate::cli) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Shows `lines` in the place of those before. It is one write, and each line overwrites its former one, so that
    /// nothing flickers; the picture is cut to the size of the terminal, so that no line wraps.
    pub(in crate::cli) fn redraw(&mut self, lines: &[String]) -> std::io::Result<()> {
        let (columns, rows) = size();
        let text = picture(lines, self.drawn, columns, rows);
        self.drawn = lines.len().min(rows.saturating_sub(1));
        self.write(&text)
    }

    /// Prints one line below those that are there.
    pub(in crate::cli) fn line(&mut self, line: &str) -> std::io::Result<()> {
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, text: &str) -> std::io::Result<()> {
        let mut out = std::io::stdout().lock();
        match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            outcome => outcome?,
        }
        Ok(())
    }
}

fn size() -> (usize, usize) {
    let known = tcgetwinsize(std::io::stdout()).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
    known.map_or(USUAL, |size| (size.ws_col.into(), size.ws_row.into()))
}

/// The bytes that replace a picture of `drawn` lines by `lines`.
fn picture(lines: &[String], drawn: usize, columns: usize, rows: usize) -> String {
    let mut text = match drawn {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r"),
    };
    // The cursor stands below the last line, so one row is left for it.
    let most = rows.saturating_sub(1).max(1);
    for (at, line) in lines.iter().take(most).enumerate() {
        let is_cut = at + 1 == most && lines.len() > most;
        let line = if is_cut { format!("… {} more lines", lines.len() - at) } else { line.clone() };
        text.push_str(&fitting(&line, columns));
        text.push_str("\x1b[K\r\n");
    }
    // What is left of a longer picture.
    text + "\x1b[J"
}

/// The line, cut to the width of the terminal.
fn fitting(line: &str, columns: usize) -> String {
    if line.chars().count() <= columns {
        return line.to_owned();
    }
    let kept: String = line.chars().take(columns.saturating_sub(1)).collect();
    kept + "…"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn a_picture_replaces_the_one_before_and_no_line_wraps_or_scrolls() {
        assert_eq!(picture(&lines(&["one", "two"]), 0, 80, 24), "one\x1b[K\r\ntwo\x1b[K\r\n\x1b[J");
        assert_eq!(picture(&lines(&["one"]), 2, 80, 24), "\x1b[2A\rone\x1b[K\r\n\x1b[J");
        assert!(picture(&lines(&["überlange Zeile"]), 0, 5, 24).starts_with("über…\x1b[K"));
        let tall = picture(&lines(&["a", "b", "c", "d", "e"]), 0, 20, 4);
        assert_eq!(tall, "a\x1b[K\r\nb\x1b[K\r\n… 3 more lines\x1b[K\r\n\x1b[J");
        assert_eq!(picture(&lines(&["a", "b"]), 0, 1, 1), "…\x1b[K\r\n\x1b[J");
    }
}
