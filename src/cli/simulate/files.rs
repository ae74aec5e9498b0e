//! The files of the simulated measurement programs: a table of the vacuum gauge, and a LabVIEW measurement file. Both grow
//! line by line, pause in the middle of some lines, and begin a new file from time to time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;

use super::trap::TrapReadings;

/// Lines of a file before the next one begins.
const LINES_IN_FILE: u32 = 600;
/// Files of each kind that stay.
const FILES_KEPT: usize = 4;
/// How the names of its files begin.
const PREFIX: &str = "simulated-";
/// Every so many lines the writer pauses in the middle of one.
const PAUSES_EVERY: u32 = 7;

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Comma-separated values with the time in seconds since 1970.
    Csv,
    /// A measurement file of LabVIEW with a decimal comma, and times from the start of the file.
    Lvm,
}

/// Writes one file after the other into a folder.
pub(super) struct Writer {
    kind: Kind,
    folder: PathBuf,
    open: Option<OpenFile>,
    /// Files that were written so far, the oldest first.
    written: VecDeque<PathBuf>,
}

struct OpenFile {
    file: File,
    begun: Timestamp,
    lines: u32,
    /// The rest of a line that was begun.
    rest: String,
}

impl Writer {
    /// Writes into `folder`, which is created where it is absent; files of an earlier run count as written. Errors: it cannot
    /// be created, or has other files, among which simulated values would be taken for measured ones.
    pub(super) fn new(kind: Kind, folder: &Path) -> anyhow::Result<Writer> {
        let refused = || format!("files cannot be written into {}", folder.display());
        std::fs::create_dir_all(folder).with_context(refused)?;
        let mut written = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(refused)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !name.starts_with(PREFIX) {
                bail!(
                    "{} has a file of somebody else, {name}: simulated values would be taken for measured ones; name an \
                     empty folder in the configuration",
                    folder.display()
                );
            }
            written.push(entry.path());
        }
        written.sort();
        Ok(Writer { kind, folder: folder.to_owned(), open: None, written: written.into() })
    }

    /// Appends a line with `readings` at `now`. Errors: the disk does not take it; the next call begins another file.
    pub(super) fn write(&mut self, readings: &TrapReadings, now: Timestamp) -> io::Result<()> {
        let mut open = match self.open.take() {
            Some(open) if open.lines < LINES_IN_FILE => open,
            before => {
                // The last line of the file before is ended.
                before.map_or(Ok(()), |mut before| before.file.write_all(before.rest.as_bytes()))?;
                self.begin(now)?
            }
        };
        let line = match self.kind {
            Kind::Csv => csv_line(readings, now),
            Kind::Lvm => lvm_line(readings, now.duration_since(open.begun).as_secs_f64()),
        };
        let mut text = std::mem::take(&mut open.rest) + &line;
        open.lines += 1;
        if open.lines % PAUSES_EVERY == 0 {
            open.rest = text.split_off(text.len() - line.len() / 2);
        }
        open.file.write_all(text.as_bytes())?;
        self.open = Some(open);
        Ok(())
    }

    fn begin(&mut self, now: Timestamp) -> io::Result<OpenFile> {
        let (ending, header) = match self.kind {
            Kind::Csv => ("csv", "timestamp,pressure,temperature\n".to_owned()),
            Kind::Lvm => ("lvm", lvm_header(now)),
        };
        let path = self.folder.join(format!("{PREFIX}{}.{ending}", now.strftime("%Y-%m-%d_%H-%M-%S_%3f")));
        let mut file = File::create_new(&path)?;
        file.write_all(header.as_bytes())?;
        self.written.push_back(path);
        while self.written.len() > FILES_KEPT {
            // Somebody else may have removed it.
            let _ = self.written.pop_front().map(std::fs::remove_file);
        }
        Ok(OpenFile { file, begun: now, lines: 0, rest: String::new() })
    }
}

fn csv_line(readings: &TrapReadings, now: Timestamp) -> String {
    let TrapReadings { pressure_mbar, temperature_c, .. } = readings;
    let (seconds, millis) = (now.as_millisecond() / 1_000, now.as_millisecond() % 1_000);
    format!("{seconds}.{millis:03},{pressure_mbar:.3e},{temperature_c:.2}\n")
}

fn lvm_line(readings: &TrapReadings, seconds: f64) -> String {
    let TrapReadings { laser_mhz, pmt_per_s, rf_mv, .. } = readings;
    format!("{seconds:.6}\t{laser_mhz:.3}\t{pmt_per_s:.0}\t{rf_mv:.1}\n").replace('.', ",")
}

/// The header as *Write To Measurement File* of a German Windows writes it; its time is UTC.
fn lvm_header(now: Timestamp) -> String {
    let (date, time) = (now.strftime("%Y/%m/%d"), now.strftime("%H:%M:%S,%6f"));
    let repeated = |value: &str| [value; 3].join("\t");
    let (dates, times) = (repeated(&date.to_string()), repeated(&time.to_string()));
    let (dimensions, starts, steps) = (repeated("Time"), repeated("0,0"), repeated("0,1"));
    format!(
        "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t,\n\
         Multi_Headings\tNo\nX_Columns\tOne\nTime_Pref\tRelative\nOperator\tsimulated\nDate\t{date}\nTime\t{time}\n\
         ***End_of_Header***\t\n\t\nChannels\t3\t\t\nSamples\t1\t1\t1\nDate\t{dates}\nTime\t{times}\n\
         Y_Unit_Label\tMHz\t1/s\tmV\nX_Dimension\t{dimensions}\nX0\t{starts}\nDelta_X\t{steps}\n\
         ***End_of_Header***\t\t\t\nX_Value\tLaser\tPMT\tRF\tComment\n"
    )
}

#[cfg(test)]
mod tests {
    use super::super::trap::Trap;
    use super::*;

    #[test]
    fn a_line_is_written_in_two_pieces_now_and_then_and_none_is_lost_over_a_rotation() {
        let (dir, mut trap) = (tempfile::tempdir().unwrap(), Trap::new());
        for kind in [Kind::Csv, Kind::Lvm] {
            let folder = dir.path().join(format!("{kind:?}"));
            let mut writer = Writer::new(kind, &folder).unwrap();
            let mut halves = 0;
            for n in 0..LINES_IN_FILE * 6 {
                let now = Timestamp::from_millisecond(1_764_489_600_000 + i64::from(n) * 100).unwrap();
                writer.write(&trap.readings(), now).unwrap();
                halves += u32::from(!writer.open.as_ref().unwrap().rest.is_empty());
            }
            assert!(halves > LINES_IN_FILE / 2);
            assert_eq!(std::fs::read_dir(&folder).unwrap().count(), FILES_KEPT);
            let oldest = std::fs::read_to_string(&writer.written[0]).unwrap();
            let header =
                if kind == Kind::Csv { 1 } else { lvm_header(Timestamp::UNIX_EPOCH).lines().count() };
            assert_eq!(oldest.lines().count(), header + LINES_IN_FILE as usize);
            assert!(oldest.ends_with('\n'));
        }
    }

    #[test]
    fn files_of_an_earlier_run_are_replaced_in_time_and_others_are_left_alone_by_refusing_the_folder() {
        let (dir, mut trap) = (tempfile::tempdir().unwrap(), Trap::new());
        for hour in 0..6 {
            let now = Timestamp::from_second(1_764_489_600 + hour * 3_600).unwrap();
            let mut writer = Writer::new(Kind::Csv, dir.path()).unwrap();
            writer.write(&trap.readings(), now).unwrap();
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), FILES_KEPT);
        std::fs::write(dir.path().join("run-7.csv"), "").unwrap();
        let refused = Writer::new(Kind::Csv, dir.path()).map(drop).unwrap_err().to_string();
        assert!(refused.contains("a file of somebody else, run-7.csv"), "{refused}");
    }
}
