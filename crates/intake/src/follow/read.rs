//! Reading what is new of the files that wait, within the bounds of a poll.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::cursor::Cursor;
use super::file::{self, Stat};
use super::notice::{Notice, NoticeKind, Refusal};
use super::scanner::{Batch, Now, Scanner};
use super::settings::Mode;
use crate::format::{Parser, ParserState, TimeFormat};
use crate::point::{BadLine, Reason};

/// Bytes of one reading.
const CHUNK_BYTES: usize = 64 * 1024;

/// Points of a poll, whatever the bytes: the shortest value has two bytes.
const MOST_POINTS: usize = 100_000;

/// Files in the queue that a poll looks at without opening them.
const MOST_VISITS: usize = 20_000;

/// What came of a file in the queue.
enum Outcome {
    /// Nothing to do before it settles or grows.
    Waits,
    /// Read, or it needs no reading: it leaves the queue.
    Leaves,
}

/// Why a file could not be read now.
enum Fault {
    Refused(Refusal),
    /// It changed while it was read: the next round finds out how.
    Changed,
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Refused(file::refusal(error))
    }
}

impl Scanner {
    pub(super) fn read_queue(&mut self, now: Now, batch: &mut Batch) {
        let mut opened = 0;
        for _ in 0..self.queue.len().min(MOST_VISITS) {
            let budget = self.settings.limits.bytes_per_poll.saturating_sub(batch.bytes as usize);
            let is_enough =
                budget < 2 * self.settings.format.max_line_bytes || batch.points.len() >= MOST_POINTS;
            if is_enough || opened >= self.settings.limits.files_per_poll {
                batch.has_more = true;
                return;
            }
            let Some(name) = self.queue.pop_front() else { return };
            match self.visit(&name, now, budget, batch, &mut opened) {
                Outcome::Waits => self.queue.push_back(name),
                Outcome::Leaves => {
                    if let Some(known) = self.known.get_mut(&name) {
                        known.is_queued = false;
                    }
                }
            }
        }
    }

    fn visit(
        &mut self,
        name: &Arc<str>,
        now: Now,
        budget: usize,
        batch: &mut Batch,
        opened: &mut usize,
    ) -> Outcome {
        let mode = self.settings.mode;
        if self.known.get(name).is_some_and(|known| known.is_suspect) {
            // The next round decides whether it is the same file.
            return Outcome::Waits;
        }
        let Some(known) = self.known.get(name).filter(|known| known.needs_reading(mode)) else {
            return Outcome::Leaves;
        };
        let stood = now.monotonic.saturating_sub(known.since);
        if mode == Mode::Whole && stood < Duration::from_millis(self.settings.settle_ms) {
            return Outcome::Waits;
        }
        let is_final = mode == Mode::Whole || known.cursor.rotated_from.is_some();
        let is_old = stood >= Duration::from_millis(self.settings.unterminated_ms);
        if known.cursor.has_rest
            && known.cursor.is_complete
            && known.cursor.stat == known.seen
            && !(is_final && is_old)
        {
            return Outcome::Waits;
        }
        *opened += 1;
        match self.read(name, now, budget, is_final && is_old, batch) {
            Ok(true) => {
                batch.read.push(Arc::clone(name));
                Outcome::Leaves
            }
            Ok(false) => Outcome::Waits,
            Err(Fault::Changed) => {
                // In a watched folder there may be no next round without this.
                self.needs_whole = true;
                Outcome::Waits
            }
            Err(Fault::Refused(refusal)) => {
                self.refuse(name, refusal);
                Outcome::Leaves
            }
        }
    }

    /// Reads one file as far as the budget goes. `false` if it is not as it was listed.
    fn read(
        &mut self,
        name: &Arc<str>,
        now: Now,
        budget: usize,
        may_close: bool,
        batch: &mut Batch,
    ) -> Result<bool, Fault> {
        let path = self.settings.folder.join(name.as_ref());
        let (file, stat) = match file::open(&path) {
            Err(Refusal::System(_)) if !path.exists() => return Err(Fault::Changed),
            other => other.map_err(Fault::Refused)?,
        };
        let Some(known) = self.known.get_mut(name) else { return Ok(false) };
        if stat != known.seen {
            // Of a file of which at most a header was read, a round that is needed finds out whether it was copied and
            // truncated meanwhile: read on, it would look like the same file.
            let is_due = self.needs_whole || self.is_unconfirmed;
            let is_open = is_due && !known.cursor.has_points && self.settings.mode == Mode::Follow;
            if is_open || !stat.is_inode_of(&known.seen) {
                // Perhaps another file has the name: a round finds out where the known one is.
                self.needs_whole = true;
                return Ok(false);
            }
            (known.seen, known.since) = (stat, now.monotonic);
            if self.settings.mode == Mode::Whole {
                return Ok(false);
            }
        }
        let reading = Reading { file: &file, stat, may_close, is_whole: self.settings.mode == Mode::Whole };
        let before = known.cursor.clone();
        let result = self.read_from(&reading, &before, now, budget.min(self.share()), batch);
        let bytes = match result {
            Ok((cursor, bytes)) => {
                self.collect(name, &before, batch);
                batch.has_more |= !cursor.is_complete;
                batch.cursors.insert(Arc::clone(name), Some(cursor));
                bytes
            }
            Err(fault) => {
                self.parsed.clear();
                return Err(fault);
            }
        };
        batch.bytes += bytes;
        Ok(true)
    }

    /// What one file may have of a poll, so that a large one does not hold up the others.
    fn share(&self) -> usize {
        (self.settings.limits.bytes_per_poll / 4).max(2 * self.settings.format.max_line_bytes)
    }

    fn read_from(
        &mut self,
        reading: &Reading<'_>,
        before: &Cursor,
        now: Now,
        budget: usize,
        batch: &Batch,
    ) -> Result<(Cursor, u64), Fault> {
        let time_ns = match self.settings.format.time {
            TimeFormat::FileTime => reading.stat.mtime_ns,
            _ => now.utc_ns,
        };
        let mut state = match &before.state {
            Some(state) => (**state).clone(),
            None => ParserState::new(&self.settings.format),
        };
        if before.is_closed && reading.stat.size > before.offset {
            reading.go_on_after_last_line(before.offset, &mut state, &mut self.parsed)?;
        }
        let mut parser = Parser::resume(&self.settings.format, time_ns, state);
        let mut bytes = Vec::new();
        // Kept for the next file: the allocator maps a block of this size anew each time.
        self.chunk.resize(CHUNK_BYTES, 0);
        let mut at_end = false;
        while bytes.len() < budget && batch.points.len() + self.parsed.points.len() < MOST_POINTS {
            let from = before.offset + bytes.len() as u64;
            let wanted = usize::try_from(reading.stat.size.saturating_sub(from)).unwrap_or(usize::MAX);
            let wanted = wanted.min(CHUNK_BYTES).min(budget - bytes.len());
            let read =
                if wanted == 0 { 0 } else { file::read_at(reading.file, &mut self.chunk[..wanted], from)? };
            if read == 0 {
                at_end = true;
                break;
            }
            parser.push(&self.chunk[..read], &mut self.parsed);
            bytes.extend_from_slice(&self.chunk[..read]);
        }
        let mut is_closed = false;
        if at_end && reading.may_close && parser.has_rest() {
            parser.finish(&mut self.parsed);
            is_closed = true;
        }
        reading.verify(before, bytes.len() as u64)?;
        let has_rest = parser.has_rest();
        let consumed = usize::try_from(parser.consumed()).unwrap_or(bytes.len()).min(bytes.len());
        let offset = before.offset + consumed as u64;
        let mut cursor = Cursor {
            offset,
            stat: reading.stat,
            print: before.print.after(reading.file, offset, &bytes[..consumed])?,
            state: Some(Arc::new(parser.into_state().sharing(self.last_columns.as_ref()))),
            has_points: before.has_points || !self.parsed.points.is_empty(),
            is_complete: at_end,
            has_rest,
            is_closed: is_closed || before.is_closed && consumed == 0,
            rotated_from: before.rotated_from.clone(),
            copy_of: None,
            gone_ns: None,
        };
        cursor.share(&mut self.last_state);
        Ok((cursor, bytes.len() as u64))
    }

    /// Moves what was read of one file into the batch.
    fn collect(&mut self, name: &Arc<str>, before: &Cursor, batch: &mut Batch) {
        let kept = self.settings.limits.details_per_poll;
        batch.bad_count += self.parsed.bad_count;
        let free = kept.saturating_sub(batch.bad.len());
        batch.bad.extend(self.parsed.bad.drain(..).take(free).map(|bad| (Arc::clone(name), bad)));
        batch.points.append(&mut self.parsed.points);
        let mut known =
            before.state.as_ref().and_then(|state| state.columns().cloned()).or(self.last_columns.take());
        let mut notices = std::mem::take(&mut self.parsed.notices);
        for header in self.parsed.headers.drain(..) {
            if let Some(known) = known.as_ref().filter(|known| ***known != *header) {
                header.compare(known, &mut notices);
            }
            known = Some(header);
        }
        self.last_columns = known;
        let free = kept.saturating_sub(batch.notices.len());
        let notices = notices.into_iter().take(free);
        batch.notices.extend(
            notices.map(|notice| Notice { file: Arc::clone(name), kind: NoticeKind::Column(notice) }),
        );
        self.parsed.clear();
    }
}

/// An open file that is being read.
struct Reading<'a> {
    file: &'a File,
    stat: Stat,
    may_close: bool,
    is_whole: bool,
}

impl Reading<'_> {
    /// The last line was taken without its line feed. If only the line feed came, nothing is wrong.
    fn go_on_after_last_line(
        &self,
        offset: u64,
        state: &mut ParserState,
        parsed: &mut crate::format::Parsed,
    ) -> Result<(), Fault> {
        let mut next = [0; 64];
        let read = file::read_at(self.file, &mut next, offset)?;
        if !matches!(next[..read], [b'\n', ..] | [b'\r', b'\n', ..] | [b'\r']) {
            parsed.refuse(BadLine::new(state.lines() + 1, Reason::Continued, &next[..read]));
        }
        state.skip_rest_of_line();
        Ok(())
    }

    /// After reading: the file still begins with what was read before, so the new bytes belong to it. A truncation cannot be
    /// undone, which is why it is enough to look afterwards.
    fn verify(&self, before: &Cursor, bytes: u64) -> Result<(), Fault> {
        let stat = Stat::of(&self.file.metadata()?).map_err(Fault::Refused)?;
        let is_long = stat.size >= before.offset + bytes;
        let is_still = !self.is_whole || stat == self.stat;
        let holds = file::holds(self.file, &stat, before.offset, &before.print, self.is_whole)?;
        if is_long && is_still && holds { Ok(()) } else { Err(Fault::Changed) }
    }
}
