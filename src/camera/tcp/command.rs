//! The words of the command port, and lines put together from pieces of any size. Pure: bytes in, lines out.

/// Most bytes of one line, without its end.
pub const MAX_LINE_BYTES: usize = 256;

/// What a line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortCommand<'l> {
    /// Take frames from now on.
    Start,
    /// Discard frames from now on, and with `clear` also those that wait.
    Stop {
        /// Whether those that wait are discarded too.
        clear: bool,
    },
    /// The state in one line.
    Status,
    /// A sign of life.
    Ping,
    /// Whether a frame that is sent now would be taken.
    Ready,
    /// Discard the frames that wait.
    ClearFrames,
    /// The experiment to which the frames belong from now on.
    Experiment(&'l str),
    /// The secret, with which the connection may command.
    Secret(&'l str),
}

/// The words without an argument.
const WORDS: [(&str, PortCommand<'static>); 8] = [
    ("START", PortCommand::Start),
    ("START_INF", PortCommand::Start),
    ("STOP", PortCommand::Stop { clear: false }),
    ("STOP_CLEAR", PortCommand::Stop { clear: true }),
    ("STATUS", PortCommand::Status),
    ("PING", PortCommand::Ping),
    ("READY", PortCommand::Ready),
    ("CLEAR_FRAMES", PortCommand::ClearFrames),
];

impl<'l> PortCommand<'l> {
    /// The command of a line; `None` where it is none.
    pub fn parse(line: &'l str) -> Option<PortCommand<'l>> {
        let line = line.trim();
        let (word, argument) = line.split_once(':').unwrap_or((line, ""));
        match word {
            "EXP_ID" if line.contains(':') => Some(PortCommand::Experiment(argument)),
            "SECRET" if line.contains(':') => Some(PortCommand::Secret(argument)),
            _ => WORDS.iter().find(|(known, _)| *known == line).map(|(_, command)| *command),
        }
    }

    /// The word for the log.
    pub fn word(self) -> &'static str {
        match self {
            PortCommand::Experiment(_) => "EXP_ID",
            PortCommand::Secret(_) => "SECRET",
            command => WORDS.iter().find(|(_, known)| *known == command).map_or("", |(word, _)| word),
        }
    }

    /// Whether it changes something.
    pub fn changes(self) -> bool {
        !matches!(self, PortCommand::Status | PortCommand::Ping | PortCommand::Ready)
    }
}

/// A line, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'l> {
    /// The line without its end.
    Text(&'l str),
    /// The line is longer than [`MAX_LINE_BYTES`]; its bytes were dropped as they came.
    Long,
    /// The line is not UTF-8.
    NoText,
}

/// The bytes of a line that has not ended yet. It never grows beyond [`MAX_LINE_BYTES`].
#[derive(Debug, Default)]
pub struct LineBuffer {
    bytes: heapless::Vec<u8, MAX_LINE_BYTES>,
    is_long: bool,
}

impl LineBuffer {
    /// Adds what has come, and gives each line that it ends to `each`. `\r` at a line's end belongs to the end.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(Line<'_>)) {
        for byte in bytes {
            match byte {
                b'\n' => self.take(&mut each),
                byte => self.is_long |= self.bytes.push(*byte).is_err(),
            }
        }
    }

    /// Gives what has come without an end of line to `each`, because nothing will follow.
    pub fn finish(&mut self, mut each: impl FnMut(Line<'_>)) {
        if !self.bytes.is_empty() {
            self.take(&mut each);
        }
    }

    /// Whether what has come without an end of line is a command that needs no argument. Senders that write one command and
    /// wait for its answer often send no end of line.
    pub fn is_command(&self) -> bool {
        let text = std::str::from_utf8(&self.bytes).ok().filter(|_| !self.is_long);
        text.is_some_and(|text| WORDS.iter().any(|(word, _)| *word == text.trim()))
    }

    fn take(&mut self, each: &mut impl FnMut(Line<'_>)) {
        let bytes = self.bytes.strip_suffix(b"\r").unwrap_or(&self.bytes);
        match std::str::from_utf8(bytes) {
            _ if self.is_long => each(Line::Long),
            // An empty line is no command, and often the end of a former one.
            Ok(text) if text.trim().is_empty() => {}
            Ok(text) => each(Line::Text(text)),
            Err(_) => each(Line::NoText),
        }
        self.bytes.clear();
        self.is_long = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(buffer: &mut LineBuffer, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        buffer.push(bytes, |line| lines.push(format!("{line:?}")));
        lines
    }

    proptest! {
        #[test]
        fn lines_are_the_same_in_whatever_pieces_they_come(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'\r'), any::<u8>()], 0..2_000),
            cuts in proptest::collection::vec(1usize..50, 1..100),
        ) {
            let whole = lines(&mut LineBuffer::default(), &bytes);
            let (mut buffer, mut pieces, mut rest) = (LineBuffer::default(), Vec::new(), &bytes[..]);
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.extend(lines(&mut buffer, piece));
                rest = after;
            }
            prop_assert_eq!(whole, pieces);
        }
    }

    #[test]
    fn several_commands_in_one_packet_are_several_lines_with_either_end() {
        let mut buffer = LineBuffer::default();
        let seen = lines(&mut buffer, b"PING\r\nSTATUS\n\r\n\nEXP_ID:run 7: b\r\nREA");
        assert_eq!(seen, ["Text(\"PING\")", "Text(\"STATUS\")", "Text(\"EXP_ID:run 7: b\")"]);
        assert_eq!(lines(&mut buffer, b"DY\n"), ["Text(\"READY\")"]);
        assert_eq!(PortCommand::parse("EXP_ID:run 7: b"), Some(PortCommand::Experiment("run 7: b")));
        assert_eq!(PortCommand::parse(" STOP "), Some(PortCommand::Stop { clear: false }));
        for unknown in ["stop", "STOP NOW", "EXP_ID", "GET / HTTP/1.1"] {
            assert_eq!(PortCommand::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_endless_line_is_reported_once_and_the_next_one_is_read() {
        let mut buffer = LineBuffer::default();
        for _ in 0..1_000 {
            assert!(lines(&mut buffer, &[b'x'; 100]).is_empty());
        }
        assert_eq!(lines(&mut buffer, b"\nPING\n\xFF\xFE\n"), ["Long", "Text(\"PING\")", "NoText"]);
    }

    #[test]
    fn a_command_without_an_end_of_line_is_known_as_such_but_not_half_a_word_or_one_with_an_argument() {
        let unfinished = |text: &[u8]| {
            let mut buffer = LineBuffer::default();
            lines(&mut buffer, text);
            buffer.is_command()
        };
        assert!(unfinished(b"STATUS") && unfinished(b"PING\r"));
        assert!(!unfinished(b"STAT") && !unfinished(b"EXP_ID:7") && !unfinished(b""));
    }
}
