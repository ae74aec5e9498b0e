//! What the intake costs: 100 files a second in 20 folders, a large file, and a folder with 100,000 files.
//!
//! `cargo bench -p ocellus-intake`. Times are processor time, so that a busy machine does not count.

#![allow(missing_docs)]

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use ocellus_intake::follow::ScanSettings;
use ocellus_intake::history::buckets;
use ocellus_intake::point::Channels;
use ocellus_intake::{Cursor, Format, FormatSettings, History, Mode, Now, Parsed, Parser, Scanner};
use rustix::time::{ClockId, clock_gettime};

const DAY_S: u64 = 1_795_910_400;

/// Processor time of this process so far.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn now(ms: u64) -> Now {
    Now { monotonic: Duration::from_millis(ms), utc_ns: (DAY_S * 1_000 + ms) as i64 * 1_000_000 }
}

fn scanner(folder: &std::path::Path, mode: Mode) -> Scanner {
    let mut settings = ScanSettings::new(folder, "*.csv", mode, FormatSettings::new(Format::Csv));
    settings.limits.max_files = 200_000;
    Scanner::new(settings, Vec::<(Arc<str>, Cursor)>::new()).unwrap()
}

/// One second: in each of 20 folders 10 polls, and 5 new files of 10 lines. What is timed is the polls, the encoding of
/// cursors, buckets and histories; not the writing.
fn files_of_a_second(c: &mut Criterion) {
    c.bench_function("a second of 100 files in 20 folders", |b| {
        b.iter_custom(|seconds| {
            let root = tempfile::tempdir().unwrap();
            let folders: Vec<_> = (0..20).map(|folder| root.path().join(folder.to_string())).collect();
            let mut scanners: Vec<_> = folders
                .iter()
                .map(|folder| {
                    fs::create_dir(folder).unwrap();
                    (scanner(folder, Mode::Whole), History::default())
                })
                .collect();
            let (mut used, mut points) = (Duration::ZERO, 0);
            for tick in 0..seconds * 10 {
                if tick % 2 == 0 {
                    for folder in &folders {
                        let lines: String =
                            (0..10).map(|line| format!("{DAY_S}.{tick:07}{line},1.5e-9\n")).collect();
                        fs::write(folder.join(format!("{tick}.csv")), format!("timestamp,value\n{lines}"))
                            .unwrap();
                    }
                }
                let begun = cpu();
                for (scanner, history) in &mut scanners {
                    let batch = scanner.poll(now(tick * 100)).unwrap();
                    for cursor in batch.cursors.values().flatten() {
                        black_box(cursor.encode());
                    }
                    black_box(buckets(batch.points.iter().map(|point| (point.time_ns, point.value))));
                    for point in &batch.points {
                        history.push(point.time_ns, point.value);
                    }
                    points += batch.points.len();
                    scanner.confirm(batch);
                }
                used += cpu() - begun;
            }
            black_box(points);
            used
        });
    });
}

fn bytes_of_a_format(c: &mut Criterion) {
    let text: String =
        (0..20_000).map(|line| format!("{}.{line:06},{},{}\n", DAY_S, line as f64 * 0.37, -line)).collect();
    let text = format!("t,a,b\n{text}");
    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(text.len() as u64));
    group.bench_function("csv", |b| {
        let settings = FormatSettings::new(Format::Csv);
        let mut out = Parsed::new(Channels::new(16), 10);
        b.iter(|| {
            out.clear();
            let mut parser = Parser::new(&settings, 0);
            text.as_bytes().chunks(65_536).for_each(|chunk| parser.push(chunk, &mut out));
            parser.finish(&mut out);
            black_box(out.points.len())
        });
    });
}

/// A poll of a folder whose 100,000 files are all read: a tenth of it, as the limit says.
fn many_files(c: &mut Criterion) {
    let root = tempfile::tempdir().unwrap();
    for file in 0..100_000 {
        fs::write(root.path().join(format!("{file}.csv")), format!("t,v\n{DAY_S}.{file:06},1\n")).unwrap();
    }
    let mut scanner = scanner(root.path(), Mode::Follow);
    let mut polls = 0;
    let begun = cpu();
    while scanner.files() < 100_000 || scanner.waiting() > 0 {
        let batch = scanner.poll(now(polls * 100)).unwrap();
        scanner.confirm(batch);
        polls += 1;
    }
    println!("100,000 files are read in {polls} polls and {:?} of processor time", cpu() - begun);
    println!(
        "resident: {}",
        fs::read_to_string("/proc/self/status")
            .unwrap()
            .lines()
            .find(|line| line.starts_with("VmRSS"))
            .unwrap()
    );
    c.bench_function("a poll of a folder with 100,000 files", |b| {
        b.iter_custom(|iterations| {
            let begun = cpu();
            for _ in 0..iterations {
                polls += 1;
                let batch = scanner.poll(now(polls * 100)).unwrap();
                scanner.confirm(batch);
            }
            cpu() - begun
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(3));
    targets = files_of_a_second, bytes_of_a_format, many_files
}
criterion_main!(benches);
