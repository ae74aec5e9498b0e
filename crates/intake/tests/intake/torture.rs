//! Writers that pause in the middle of a line, rotate, copy and truncate, and replace, while the reader is killed at random
//! moments: every line is taken once, with its own value.
//!
//! `OCELLUS_INTAKE_FILES=10000 cargo test --release -p ocellus-intake torture -- --nocapture` runs it on more files.

use std::collections::BTreeMap;
use std::fs;

use ocellus_intake::Mode;

use crate::support::{DAY_S, Lab, Looks};

const HEADER: &str = "t,v\n";

/// The generator of Marsaglia's xorshift, so that a run can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// The writer of one file.
struct Writer {
    name: String,
    /// The file that it has open: after a rotation still the old one, until it opens a new one.
    open: String,
    id: u64,
    lines: u64,
    /// The rest of a line whose first part is written.
    rest: Option<String>,
    rotations: u32,
    /// A copy was made, and the file is to be truncated.
    is_copied: bool,
    /// The header of the file was read: it has lines that are stored.
    is_header_read: bool,
    /// It was written anew or renamed, and its lines are not stored yet: it is not rotated or replaced before, since nothing
    /// would tell that it is the same file.
    is_anew: bool,
    /// The file begins with its header.
    has_header: bool,
    /// The file has lines after its header.
    has_rows: bool,
}

impl Writer {
    fn row(&mut self) -> String {
        self.lines += 1;
        format!("{}.{:03},{}\n", DAY_S + self.lines as i64, self.id % 1_000, self.id * 1_000 + self.lines)
    }

    /// Appends lines; the last one perhaps only in part.
    fn append(&mut self, lab: &Lab, random: &mut Random) {
        let mut text: String = (0..=random.below(2)).map(|_| self.row()).collect();
        if random.below(2) == 0 {
            let row = self.row();
            let cut = 1 + random.below(row.len() as u64 - 1) as usize;
            text.push_str(&row[..cut]);
            self.rest = Some(row[cut..].to_owned());
        }
        lab.append(&self.open, text);
        self.has_rows = true;
    }

    fn shift(&mut self, lab: &Lab) {
        self.rotations += 1;
        for number in (1..self.rotations).rev() {
            lab.rename(&format!("{}.{number}", self.name), &format!("{}.{}", self.name, number + 1));
        }
    }

    /// What a followed file may go through. `is_stored` is whether all its lines are.
    fn act_followed(&mut self, lab: &Lab, random: &mut Random, is_stored: bool) {
        let first = format!("{}.1", self.name);
        self.is_anew &= !is_stored;
        self.is_header_read |= is_stored && self.has_rows && self.open == self.name;
        if self.is_copied {
            let has_header = !self.is_header_read || random.below(2) == 0;
            fs::write(lab.path(&self.name), if has_header { HEADER } else { "" }).unwrap();
            self.is_header_read &= !has_header;
            (self.has_header, self.has_rows) = (has_header, false);
            self.is_copied = false;
        } else if let Some(rest) = self.rest.take() {
            lab.append(&self.open, rest);
        } else if self.open != self.name {
            // The rotated file was the last one that it had open: now it opens the new one.
            self.open = self.name.clone();
            lab.append(&self.name, HEADER);
            (self.has_header, self.is_header_read, self.has_rows) = (true, false, false);
        } else {
            match random.below(12) {
                0 | 1 if self.rotations < 3 && !self.is_anew => {
                    if random.below(2) == 0 {
                        self.append(lab, random);
                    }
                    self.shift(lab);
                    lab.rename(&self.name, &first);
                    self.open = first;
                }
                2 if self.rotations < 3 && !self.is_anew => {
                    self.shift(lab);
                    fs::copy(lab.path(&self.name), lab.path(&first)).unwrap();
                    self.is_copied = true;
                }
                3 if self.has_header => self.replace(lab, true),
                4 if is_stored => {
                    self.is_anew = true;
                    let row = self.row();
                    fs::write(lab.path(&self.name), format!("{HEADER}{row}")).unwrap();
                    (self.has_header, self.is_header_read, self.has_rows) = (true, false, true);
                }
                _ => self.append(lab, random),
            }
        }
    }

    /// Writes a new version aside and renames it over the file, with or without the lines of before.
    fn replace(&mut self, lab: &Lab, keeps_lines: bool) {
        let mut text =
            if keeps_lines { fs::read_to_string(lab.path(&self.name)).unwrap() } else { HEADER.to_owned() };
        text.push_str(&self.row());
        lab.write("aside.tmp", text);
        lab.rename("aside.tmp", &self.name);
        (self.is_header_read, self.has_rows) = (false, true);
    }

    /// What a settled file may go through.
    fn act_whole(&mut self, lab: &Lab, random: &mut Random, is_stored: bool) {
        self.is_anew &= !is_stored;
        if let Some(rest) = self.rest.take() {
            return lab.append(&self.open, rest);
        }
        match random.below(10) {
            0 if !self.is_anew => self.replace(lab, true),
            1 if is_stored => self.replace(lab, false),
            2 if is_stored => {
                let row = self.row();
                fs::write(lab.path(&self.name), format!("{HEADER}{row}")).unwrap();
            }
            3 if is_stored => {
                let name = format!("{}-{}.csv", self.id, self.lines);
                lab.rename(&self.name, &name);
                (self.name, self.open, self.is_anew) = (name.clone(), name, true);
                self.append(lab, random);
            }
            _ => self.append(lab, random),
        }
    }
}

/// How fast files are read, and how late the whole folder is looked at.
#[derive(Clone, Copy)]
struct Pace {
    files_per_poll: u64,
    deferrals: u32,
}

/// `polls_a_round`: how many polls it takes to look at the whole folder; the writers are slower by as much.
fn torture(looks: Looks, mode: Mode, pattern: &str, files: u64, polls_a_round: u64) {
    torture_at(looks, mode, pattern, files, polls_a_round, Pace { files_per_poll: 2 * files, deferrals: 0 });
}

fn torture_at(looks: Looks, mode: Mode, pattern: &str, files: u64, polls_a_round: u64, pace: Pace) {
    let mut random = Random(files + polls_a_round);
    let mut lab = Lab::new(looks, mode, pattern, |settings| {
        settings.settle_ms = 150;
        settings.unterminated_ms = 60_000;
        settings.limits.entries_per_poll = usize::try_from(4 * files / polls_a_round).unwrap();
        settings.limits.files_per_poll = usize::try_from(pace.files_per_poll).unwrap();
    });
    lab.deferrals = pace.deferrals;
    let mut writers = Vec::new();
    for id in 0..files {
        let name = format!("{id}.csv");
        lab.write(&name, HEADER);
        let open = name.clone();
        writers.push(Writer {
            name,
            open,
            id,
            lines: 0,
            rest: None,
            rotations: 0,
            is_copied: false,
            is_header_read: false,
            is_anew: false,
            has_header: true,
            has_rows: false,
        });
    }
    // Every file is known before it is rotated for the first time.
    lab.polls(20);
    let (mut kills, mut counted, mut stored) = (0, 0, vec![0u64; files as usize]);
    for _ in 0..40 {
        for point in &lab.points[counted..] {
            stored[point.value as usize / 1_000] += 1;
        }
        counted = lab.points.len();
        for _ in 0..files / 5 / polls_a_round {
            let writer = &mut writers[random.below(files) as usize];
            let is_stored = stored[writer.id as usize] == writer.lines;
            match mode {
                Mode::Follow => writer.act_followed(&lab, &mut random, is_stored),
                Mode::Whole => writer.act_whole(&lab, &mut random, is_stored),
            }
        }
        lab.wait_ms(100);
        let batch = lab.look();
        match random.below(6) {
            0 => {
                // Killed before the transaction: its points and cursors are lost together.
                drop(batch);
                lab.kill();
                kills += 1;
            }
            1 => {
                // Killed after the transaction and before the confirmation.
                lab.store(&batch);
                lab.kill();
                kills += 1;
            }
            2 => drop(batch),
            _ => {
                lab.store(&batch);
                assert!(lab.scanner.confirm(batch));
            }
        }
    }
    for writer in &mut writers {
        if let Some(rest) = writer.rest.take() {
            lab.append(&writer.open, rest);
        }
    }
    for _ in 0..15 * polls_a_round {
        lab.wait_ms(100);
        lab.poll();
    }
    let mut counts: BTreeMap<(u64, i64), u32> = BTreeMap::new();
    for point in &lab.points {
        *counts.entry((point.value as u64, point.time_ns)).or_default() += 1;
    }
    let expected = writers.iter().flat_map(|writer| {
        (1..=writer.lines).map(move |line| {
            let time_ns = (DAY_S + line as i64) * 1_000_000_000 + (writer.id % 1_000) as i64 * 1_000_000;
            (writer.id * 1_000 + line, time_ns)
        })
    });
    let expected: Vec<(u64, i64)> = expected.collect();
    let lost: Vec<_> = expected.iter().filter(|line| !counts.contains_key(line)).collect();
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    let wrong = counts.len() + lost.len() - expected.len();
    println!(
        "{looks:?} {mode:?} {pattern}: {files} files, {} lines, {kills} kills: {wrong} wrong, {} lost, {} twice",
        expected.len(),
        lost.len(),
        twice.len()
    );
    assert!(lost.is_empty() && twice.is_empty() && wrong == 0, "lost {lost:?}, twice {twice:?}");
    assert_eq!(lab.bad, [], "{mode:?} {pattern}");
}

#[test]
fn no_line_is_lost_or_taken_twice_or_wrong_whatever_writers_do_and_wherever_the_reader_is_killed() {
    let files = std::env::var("OCELLUS_INTAKE_FILES").map_or(2_000, |files| files.parse().unwrap());
    for looks in Looks::BOTH {
        torture(looks, Mode::Follow, "*.csv", files * 2 / 5, 1);
        torture(looks, Mode::Follow, "*.csv*", files * 2 / 5, 1);
        torture(looks, Mode::Whole, "*.csv", files / 10, 1);
        torture(looks, Mode::Follow, "*.csv", files / 10, 3);
        // A look at the whole folder is needed and not allowed yet, and files wait to be read meanwhile.
        let slow = Pace { files_per_poll: 20, deferrals: 2 };
        torture_at(looks, Mode::Follow, "*.csv", files / 20, 4, slow);
        torture_at(looks, Mode::Whole, "*.csv", files / 20, 4, slow);
    }
}
