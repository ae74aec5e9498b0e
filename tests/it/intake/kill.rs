//! The promise held against real crashes: every line of every file is taken once, with its own value, by a process that is
//! killed while writers pause in mid-line, rotate, copy and truncate.
//!
//! `OCELLUS_INTAKE_FILES=10000 cargo nextest run --test it intake::kill` runs it on more files.

use std::fs;
use std::time::Duration;

use serde_json::Value;

use super::support::{Lab, now_s};
use crate::support::complaint;
use crate::support::random::Random;

const KILLS: u64 = 20;
/// `WATCH` stands for how changes are found.
const SOURCES: &str = "[[intake]]\nname = \"log\"\nfolder = \"FOLDER/log\"\nmode = \"follow\"\nstale_after_ms = 600000\n\
    watch = \"WATCH\"\n[[intake]]\nname = \"shots\"\nfolder = \"FOLDER/shots\"\nstale_after_ms = 600000\n\
    watch = \"WATCH\"\nunterminated_ms = 60000\n[intake_store]\npublish_ms = 100\n";

/// What was written of one source.
#[derive(Default)]
struct Written {
    lines: u64,
    sum: f64,
}

impl Written {
    /// A line with a value that no other line has.
    fn line(&mut self) -> String {
        self.lines += 1;
        self.sum += self.lines as f64;
        format!("{:.3},{}\n", now_s(), self.lines)
    }
}

/// The values and their sum in the history of a channel, as the store has them.
fn kept(lab: &Lab, channel: &str) -> (u64, f64) {
    let output =
        lab.fixture.command(&["intake", "series", channel, "--since", "1h", "--points", "5000", "--json"]);
    assert!(output.status.success(), "{}", complaint(&output));
    let series: Value = serde_json::from_slice(&output.stdout).unwrap();
    let counts = series["count"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap());
    let means = series["mean"].as_array().unwrap().iter().map(|mean| mean.as_f64().unwrap());
    counts.zip(means).fold((0, 0.0), |(total, sum), (count, mean)| (total + count, sum + count as f64 * mean))
}

#[test]
fn twenty_kills_while_writers_pause_rotate_and_truncate_lose_nothing_where_folders_are_polled() {
    twenty_kills("poll");
}

#[test]
fn twenty_kills_while_writers_pause_rotate_and_truncate_lose_nothing_where_folders_are_watched() {
    twenty_kills("notify");
}

fn twenty_kills(watch: &str) {
    let files: u64 = std::env::var("OCELLUS_INTAKE_FILES").map_or(200, |text| text.parse().unwrap());
    let seed = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64 | 1;
    println!("seed of the kills: {seed}");
    let mut random = Random(seed);
    let mut lab = Lab::stopped(&SOURCES.replace("WATCH", watch));
    for folder in ["log", "shots"] {
        fs::create_dir(lab.path(folder)).unwrap();
    }
    let (mut log, mut shots) = (Written::default(), Written::default());
    for id in 0..files {
        let line = log.line();
        lab.append(&format!("log/{id}.csv"), &format!("t,v\n{line}"));
    }
    lab.run();
    lab.wait_points("log", log.lines);
    let mut rests: Vec<(String, String)> = Vec::new();
    for round in 0..KILLS {
        // Everything that was written is stored: only then a truncation takes nothing with it.
        for _ in 0..files / 20 {
            let name = format!("log/{}.csv", random.below(files));
            let aside = lab.path(&format!("{name}.{round}"));
            if aside.exists() {
                continue;
            }
            if random.below(2) == 0 {
                // Rotated by renaming: its last lines are written and not read yet.
                lab.append(&name, &log.line());
                fs::rename(lab.path(&name), aside).unwrap();
            } else {
                fs::copy(lab.path(&name), aside).unwrap();
                fs::write(lab.path(&name), "").unwrap();
            }
            let line = log.line();
            lab.append(&name, &format!("t,v\n{line}"));
        }
        for step in 0..files / 2 {
            let line = log.line();
            let name = format!("log/{}.csv", random.below(files));
            // A writer pauses in the middle of a line, and nobody else writes to its file meanwhile.
            let is_paused = rests.iter().any(|(known, _)| *known == name);
            if is_paused {
                lab.append(&format!("log/other-{round}-{step}.csv"), &format!("t,v\n{line}"));
            } else if random.below(3) == 0 {
                let cut = 1 + random.below(line.len() as u64 - 1) as usize;
                lab.append(&name, &line[..cut]);
                rests.push((name, line[cut..].to_owned()));
            } else {
                lab.append(&name, &line);
            }
            if step % 4 == 0 {
                let line = shots.line();
                lab.put(&format!("shots/{round}-{step}.csv"), format!("t,v\n{line}"));
            }
            if step == files / 4 {
                std::thread::sleep(Duration::from_millis(random.below(150)));
                lab.service().kill();
            }
        }
        // The rests of lines come partly while nothing runs.
        let later = rests.split_off(rests.len() / 2);
        rests.drain(..).for_each(|(name, rest)| lab.append(&name, &rest));
        lab.run();
        later.into_iter().for_each(|(name, rest)| lab.append(&name, &rest));
        lab.wait_points("log", log.lines);
        lab.wait_points("shots", shots.lines);
    }
    for (written, channel, source) in [(&log, "log.v", "log"), (&shots, "shots.v", "shots")] {
        let (count, sum) = kept(&lab, channel);
        let last = lab.watcher.json(&format!("intake/{source}")).pop().unwrap();
        println!("{channel}: {} lines, {count} in the store, {} bad", written.lines, last["bad_lines"]);
        assert_eq!(count, written.lines, "{channel}");
        assert!((sum - written.sum).abs() < 1e-6 * written.sum, "{channel}: {sum} and not {}", written.sum);
        assert_eq!(last["bad_lines"], 0, "{last}");
    }
}
