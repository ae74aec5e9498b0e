//! The queue of outgoing lines in bounded memory, so that a peer that does not read loses lines but never
//! blocks.

use std::collections::VecDeque;

/// Most bytes in the queue. At 9600 baud they take 17 s to write; an older answer is useless.
const MOST_BYTES: usize = 16 * 1024;
/// Most bytes of minor lines in the queue, so that complaints about invalid input never displace a verdict.
const MOST_MINOR_BYTES: usize = MOST_BYTES / 4;

/// Lines that wait to be written to the port.
#[derive(Debug)]
pub struct AnswerQueue {
    bytes: VecDeque<u8>,
    /// The unwritten bytes of each line, the oldest line first.
    lines: VecDeque<usize>,
}

impl AnswerQueue {
    /// Starts with an empty queue.
    pub fn new() -> AnswerQueue {
        AnswerQueue { bytes: VecDeque::with_capacity(MOST_BYTES), lines: VecDeque::new() }
    }

    /// Adds a line; returns false where the whole of it does not fit.
    pub fn push(&mut self, line: &[u8]) -> bool {
        self.push_below(line, MOST_BYTES)
    }

    /// Adds a minor line, within its smaller limit; returns false where it does not fit.
    pub fn push_minor(&mut self, line: &[u8]) -> bool {
        self.push_below(line, MOST_MINOR_BYTES)
    }

    fn push_below(&mut self, line: &[u8], most: usize) -> bool {
        let fits = self.bytes.len() + line.len() <= most;
        if fits && !line.is_empty() {
            self.bytes.extend(line);
            self.lines.push_back(line.len());
        }
        fits
    }

    /// The bytes to write next; empty where nothing waits.
    pub fn front(&self) -> &[u8] {
        self.bytes.as_slices().0
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Removes the first `bytes` bytes, which have been written.
    pub fn written(&mut self, bytes: usize) {
        let mut left = bytes.min(self.bytes.len());
        self.bytes.drain(..left);
        while let Some(line) = self.lines.front_mut() {
            let gone = left.min(*line);
            *line -= gone;
            left -= gone;
            if *line > 0 {
                break;
            }
            self.lines.pop_front();
        }
    }

    /// Drops all lines; returns how many were not written completely.
    pub fn clear(&mut self) -> u64 {
        let lines = self.lines.len() as u64;
        self.bytes.clear();
        self.lines.clear();
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_as_they_went_in_whatever_the_pieces() {
        let mut out = AnswerQueue::new();
        let (mut put, mut got) = (Vec::new(), Vec::new());
        for turn in 0..2_000_usize {
            let line = format!("OK {turn}\r\n").into_bytes();
            assert!(out.push(&line));
            put.extend_from_slice(&line);
            let piece = out.front().len().min(turn % 19);
            got.extend_from_slice(&out.front()[..piece]);
            out.written(piece);
        }
        while !out.is_empty() {
            got.extend_from_slice(out.front());
            out.written(out.front().len());
        }
        assert_eq!(got, put);
        assert_eq!(out.clear(), 0);
    }

    #[test]
    fn a_line_without_space_is_refused_whole_and_the_others_stay() {
        let mut out = AnswerQueue::new();
        let line = [b'x'; 1_000];
        let taken = (0..100).filter(|_| out.push(&line)).count();
        assert_eq!(taken, MOST_BYTES / 1_000);
        out.written(1);
        assert!(!out.push(&line));
        out.written(1_000);
        assert!(out.push(&line));
        assert_eq!(out.clear(), taken as u64, "a line that was begun is not whole");
    }

    #[test]
    fn complaints_leave_space_for_verdicts() {
        let mut out = AnswerQueue::new();
        while out.push_minor(b"ERR unknown request\r\n") {}
        assert!(out.front().len() <= MOST_MINOR_BYTES);
        assert!(out.push(b"OK 1\r\n"));
    }
}
