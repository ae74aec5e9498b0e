//! Compares the verdicts that come back with the truth, and counts escapes and false calls. Bytes in, counts
//! out, without a port.

use crate::part::PartDefect;

/// Most parts that may wait for an answer at once; far more than can be in view.
const PENDING: usize = 64;
/// Longest line that can be an answer, in bytes.
const LINE_BYTES: usize = 256;

/// Counts of a light barrier since it was opened.
///
/// A trigger is delivered or not. A delivered one is judged (four ways), ends without a verdict, is given up,
/// or still waits for its answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Triggers written to the port.
    pub fired: u64,
    /// Triggers that were not written, because no program had the port open or its reader was too far behind.
    pub undelivered: u64,
    /// Sound parts that were answered `ok`.
    pub passed: u64,
    /// Flawed parts that were answered `ng`.
    pub caught: u64,
    /// Flawed parts that were answered `ok`.
    pub escapes: u64,
    /// Sound parts that were answered `ng`.
    pub false_calls: u64,
    /// Parts that were answered `error`, `missed` or `overrun`.
    pub unjudged: u64,
    /// Parts that were given up, because too many later ones came before their answer.
    pub unanswered: u64,
    /// Lines that match no waiting part, or are too long for an answer.
    pub unmatched: u64,
}

impl std::fmt::Display for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} parts: {} sound passed, {} flawed caught, {} escapes, {} false calls, {} without a verdict; \
             {} triggers undelivered, {} unmatched lines",
            self.fired,
            self.passed,
            self.caught,
            self.escapes,
            self.false_calls,
            self.unjudged + self.unanswered,
            self.undelivered,
            self.unmatched
        )
    }
}

/// A part whose trigger was sent, with its defect.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    id: u64,
    defect: Option<PartDefect>,
}

/// The parts that wait for an answer, the line that is being read, and the counts.
#[derive(Debug, Default)]
pub struct BarrierLedger {
    pending: heapless::Deque<Awaited, PENDING>,
    line: heapless::Vec<u8, LINE_BYTES>,
    /// Whether the line is too long; the rest of it is then dropped.
    overlong: bool,
    tally: Tally,
}

impl BarrierLedger {
    /// The counts so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Notes a trigger before it is sent, so that its answer cannot come before the note.
    pub fn fire(&mut self, part: Option<(u64, Option<PartDefect>)>) {
        self.tally.fired += 1;
        let Some((id, defect)) = part else { return };
        if self.pending.is_full() {
            self.pending.pop_front();
            self.tally.unanswered += 1;
        }
        let _ = self.pending.push_back(Awaited { id, defect });
    }

    /// Withdraws the last trigger, which was not sent: it counts as undelivered.
    pub fn take_back(&mut self, part: Option<u64>) {
        self.tally.fired -= 1;
        self.tally.undelivered += 1;
        if let Some(id) = part {
            self.pending.retain(|awaited| awaited.id != id);
        }
    }

    /// Reads bytes from the port; `log` is called with a description of each complete line.
    pub fn read(&mut self, bytes: &[u8], mut log: impl FnMut(&str)) {
        for &byte in bytes {
            match byte {
                b'\n' => self.end_line(&mut log),
                _ if self.overlong => {}
                _ => self.overlong = self.line.push(byte).is_err(),
            }
        }
    }

    fn end_line(&mut self, log: &mut impl FnMut(&str)) {
        let line = std::mem::take(&mut self.line);
        if std::mem::take(&mut self.overlong) {
            self.tally.unmatched += 1;
            return log(&format!("a line of more than {LINE_BYTES} bytes"));
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            log(&self.answer(text));
        }
    }

    /// Handles an answer, which names its part and its outcome in any order: `part-17 NG 230`.
    fn answer(&mut self, text: &str) -> String {
        let words = || text.split_ascii_whitespace();
        let named = words().find_map(|word| word.strip_prefix("part-")?.parse::<u64>().ok());
        let awaited = named.and_then(|id| self.pending.iter().copied().find(|awaited| awaited.id == id));
        let outcome = words().find_map(LedgerOutcome::of);
        let (Some(awaited), Some(outcome)) = (awaited, outcome) else {
            self.tally.unmatched += 1;
            return format!("{} (no answer to a part)", text.escape_debug());
        };
        self.tally.count(outcome, awaited.defect);
        self.pending.retain(|other| other.id != awaited.id);
        let name = format!("part-{}", awaited.id);
        let rest: Vec<_> = words().filter(|word| *word != name).collect();
        let truth = awaited.defect.map_or("sound", PartDefect::as_str);
        format!("{name} ({truth}) -> {}", rest.join(" ").escape_debug())
    }
}

/// The outcomes that an answer can name, as far as they are counted separately.
#[derive(Clone, Copy, Debug)]
enum LedgerOutcome {
    Ok,
    Ng,
    /// `error`, `missed` or `overrun`.
    None,
}

impl LedgerOutcome {
    fn of(word: &str) -> Option<LedgerOutcome> {
        let word = word.to_ascii_lowercase();
        match word.as_str() {
            "ok" => Some(LedgerOutcome::Ok),
            "ng" => Some(LedgerOutcome::Ng),
            "error" | "missed" | "overrun" => Some(LedgerOutcome::None),
            _ => None,
        }
    }
}

impl Tally {
    fn count(&mut self, outcome: LedgerOutcome, defect: Option<PartDefect>) {
        *match (outcome, defect) {
            (LedgerOutcome::Ok, None) => &mut self.passed,
            (LedgerOutcome::Ok, Some(_)) => &mut self.escapes,
            (LedgerOutcome::Ng, None) => &mut self.false_calls,
            (LedgerOutcome::Ng, Some(_)) => &mut self.caught,
            (LedgerOutcome::None, _) => &mut self.unjudged,
        } += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(ledger: &mut BarrierLedger, bytes: &str) -> Vec<String> {
        let mut lines = Vec::new();
        ledger.read(bytes.as_bytes(), |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn answers_are_compared_with_what_the_parts_really_are() {
        let mut ledger = BarrierLedger::default();
        let truth = [None, None, Some(PartDefect::Chip), Some(PartDefect::Stain), None];
        for (id, defect) in truth.into_iter().enumerate() {
            ledger.fire(Some((id as u64, defect)));
        }
        assert_eq!(read(&mut ledger, "part-0 OK 1\r\npart-1 n"), ["part-0 (sound) -> OK 1"]);
        assert_eq!(read(&mut ledger, "g 2\r\n"), ["part-1 (sound) -> ng 2"]);
        assert_eq!(
            read(&mut ledger, "OK 3 part-2\npart-3 NG 4\n"),
            ["part-2 (chip) -> OK 3", "part-3 (stain) -> NG 4"]
        );
        assert_eq!(read(&mut ledger, "part-4 OVERRUN 5\n\r\n"), ["part-4 (sound) -> OVERRUN 5"]);
        let want = Tally {
            fired: 5,
            passed: 1,
            false_calls: 1,
            escapes: 1,
            caught: 1,
            unjudged: 1,
            ..Tally::default()
        };
        assert_eq!(ledger.tally, want);
    }

    #[test]
    fn what_is_no_answer_is_counted_and_judges_nothing() {
        let mut ledger = BarrierLedger::default();
        ledger.fire(Some((7, None)));
        let long = format!("{}\n", "x".repeat(1_000));
        for line in ["OK 1\n", "part-8 OK 1\n", "ACK part-7\n", "\u{1b}[2J\n", &long] {
            assert_eq!(read(&mut ledger, line).len(), 1, "{line:?}");
        }
        assert_eq!(ledger.tally, Tally { fired: 1, unmatched: 5, ..Tally::default() });
        read(&mut ledger, "part-7 OK 1\npart-7 OK 1\n");
        assert_eq!(
            ledger.tally,
            Tally { fired: 1, passed: 1, unmatched: 6, ..Tally::default() },
            "only once"
        );
    }

    #[test]
    fn parts_that_are_never_answered_do_not_fill_the_memory() {
        let mut ledger = BarrierLedger::default();
        (0..1_000).for_each(|id| ledger.fire(Some((id, None))));
        assert_eq!(ledger.tally.unanswered, 1_000 - PENDING as u64);
        ledger.take_back(Some(999));
        read(&mut ledger, "part-999 OK 1\npart-998 OK 1\n");
        assert_eq!((ledger.tally.passed, ledger.tally.fired, ledger.tally.undelivered), (1, 999, 1));
    }
}
