//! Files of a folder as instruments and rotating programs treat them.

use std::fs;
use std::time::{Duration, SystemTime};

use ocellus_intake::{Format, FormatSettings, Mode, TimeFormat};

use crate::support::{DAY_S, Lab, Looks, row};

const HEADER: &str = "t,v\n";

#[test]
fn a_whole_file_is_taken_once_when_it_has_settled() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |settings| settings.settle_ms = 300);
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
        lab.polls(2);
        lab.append("a.csv", row(2, 2.0));
        lab.polls(3);
        assert!(lab.values().is_empty());
        lab.polls(2);
        assert_eq!(lab.values(), [1.0, 2.0]);
        lab.kill();
        lab.polls(10);
        assert_eq!(lab.values(), [1.0, 2.0]);
        // A writer that goes on after a pause longer than `settle_ms`, and stops in the middle of a line.
        lab.append("a.csv", &row(3, 3.25)[..13]);
        lab.polls(6);
        lab.append("a.csv", &row(3, 3.25)[13..]);
        lab.polls(10);
        assert_eq!(lab.values(), [1.0, 2.0, 3.25]);
    }
}

#[test]
fn a_last_line_without_line_feed_is_taken_after_its_time_and_said_if_it_goes_on() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |settings| settings.unterminated_ms = 1_000);
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0).trim_end()));
        lab.write("b.csv", format!("{HEADER}{}", row(2, 2.0).trim_end()));
        lab.polls(8);
        assert!(lab.values().is_empty());
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0]);
        lab.append("a.csv", format!("\n{}", row(3, 3.0)));
        lab.append("b.csv", format!("5\n{}", row(4, 4.0)));
        lab.kill();
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(lab.bad.len(), 1);
        assert!(lab.bad[0].1.reason.to_string().contains("went on after it was taken"));
    }
}

#[test]
fn a_file_that_is_written_again_is_a_new_one_and_a_longer_version_goes_on() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |_| {});
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
        lab.polls(4);
        lab.write("a.csv", format!("{HEADER}{}", row(2, 2.0)));
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0]);
        // Replaced by renaming: once with one line more, once with other lines.
        lab.write("new", format!("{HEADER}{}{}", row(2, 2.0), row(3, 3.0)));
        lab.rename("new", "a.csv");
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0, 3.0]);
        lab.write("new", format!("{HEADER}{}", row(4, 4.0)));
        lab.rename("new", "a.csv");
        lab.polls(5);
        // A renamed file is no new one.
        lab.rename("a.csv", "b.csv");
        lab.polls(5);
        lab.kill();
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0, 3.0, 4.0]);
    }
}

#[test]
fn a_followed_file_is_read_on_over_rename_and_new_file() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Follow, "a.csv", |settings| settings.unterminated_ms = 300);
        lab.write("a.csv", format!("{HEADER}{}{}", row(1, 1.0), &row(2, 2.5)[..13]));
        lab.poll();
        assert_eq!(lab.values(), [1.0]);
        lab.append("a.csv", format!("{}{}", &row(2, 2.5)[13..], row(3, 3.0)));
        lab.rename("a.csv", "a.csv.1");
        lab.write("a.csv", format!("{HEADER}{}", row(4, 4.0)));
        lab.kill();
        lab.polls(3);
        // The old writer still has the rotated file open.
        lab.append("a.csv.1", row(5, 5.0).trim_end());
        lab.append("a.csv", row(6, 6.0));
        lab.polls(6);
        lab.rename("a.csv.1", "a.csv.2");
        lab.rename("a.csv", "a.csv.1");
        lab.write("a.csv", format!("{HEADER}{}", row(7, 7.0)));
        lab.polls(5);
        let mut values = lab.values();
        values.sort_by(f64::total_cmp);
        assert_eq!(values, [1.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0]);
        assert!(lab.has_notice("a.csv: is called a.csv.1 now"), "{:?}", lab.notices);
    }
}

#[test]
fn copying_and_truncating_loses_nothing_and_takes_nothing_twice() {
    for looks in Looks::BOTH {
        for pattern in ["*.csv", "a.csv*"] {
            let mut lab = Lab::new(looks, Mode::Follow, pattern, |settings| settings.unterminated_ms = 300);
            lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
            lab.poll();
            // Lines that were not read before the copy, a copy that is seen half-way, and lines after the copy.
            lab.append("a.csv", row(2, 2.0));
            fs::copy(lab.path("a.csv"), lab.path("a.csv.1")).unwrap();
            fs::OpenOptions::new().write(true).open(lab.path("a.csv.1")).unwrap().set_len(10).unwrap();
            lab.poll();
            fs::copy(lab.path("a.csv"), lab.path("a.csv.1")).unwrap();
            lab.kill();
            lab.append("a.csv", row(3, 3.0));
            fs::copy(lab.path("a.csv"), lab.path("a.csv.1")).unwrap();
            fs::OpenOptions::new().write(true).open(lab.path("a.csv")).unwrap().set_len(0).unwrap();
            // The writer goes on without a header.
            lab.append("a.csv", row(4, 4.0));
            lab.polls(2);
            lab.kill();
            lab.append("a.csv", row(5, 5.0));
            lab.polls(6);
            let mut values = lab.values();
            values.sort_by(f64::total_cmp);
            assert_eq!(values, [1.0, 2.0, 3.0, 4.0, 5.0], "{pattern} {:?}", lab.notices);
            assert!(lab.has_notice("goes on without a header"), "{:?}", lab.notices);
            assert_eq!(lab.bad, []);
        }
    }
}

#[test]
fn a_copy_made_while_nothing_was_read_is_taken_once() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Follow, "a*", |_| {});
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
        fs::copy(lab.path("a.csv"), lab.path("a-20261129.csv")).unwrap();
        lab.polls(2);
        lab.append("a.csv", row(2, 2.0));
        lab.polls(2);
        assert_eq!(lab.values(), [1.0, 2.0]);
        assert!(lab.has_notice("is a copy of a.csv"), "{:?}", lab.notices);
        // It was a file of its own that began alike.
        lab.append("a-20261129.csv", row(3, 3.0));
        lab.polls(2);
        assert_eq!(lab.values()[2..], [1.0, 3.0]);
    }
}

#[test]
fn what_was_not_confirmed_is_handed_out_again() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Follow, "*.csv", |_| {});
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
        lab.wait_ms(100);
        let lost = lab.scanner.poll(lab.now).unwrap();
        assert_eq!(lost.points.len(), 1);
        lab.poll();
        assert_eq!(lab.values(), [1.0]);
        assert!(!lab.scanner.confirm(lost));
        lab.append("a.csv", row(2, 2.0));
        lab.wait_ms(100);
        assert_eq!(lab.scanner.poll(lab.now).unwrap().points.len(), 1);
        lab.kill();
        lab.polls(3);
        assert_eq!(lab.values(), [1.0, 2.0]);
    }
}

#[test]
fn an_unmounted_folder_and_files_that_come_back_are_not_taken_again() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |settings| settings.keep_gone_ms = 5_000);
        lab.write("a.csv", format!("{HEADER}{}", row(1, 1.0)));
        lab.write("b.csv", format!("{HEADER}{}", row(2, 2.0)));
        lab.polls(4);
        let aside = tempfile::tempdir_in(lab.folder.path().parent().unwrap()).unwrap();
        let copy = |from: &std::path::Path, to: &std::path::Path| {
            let time = fs::metadata(from).unwrap().modified().unwrap();
            fs::copy(from, to).unwrap();
            fs::File::options().write(true).open(to).unwrap().set_modified(time).unwrap();
            fs::remove_file(from).unwrap();
        };
        for name in ["a.csv", "b.csv"] {
            copy(&lab.path(name), &aside.path().join(name));
        }
        lab.wait_ms(60_000);
        lab.polls(3);
        assert_eq!(lab.scanner.files(), 2);
        copy(&aside.path().join("a.csv"), &lab.path("a.csv"));
        lab.polls(5);
        copy(&aside.path().join("b.csv"), &lab.path("b.csv"));
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0]);
        // Gone for longer, while others are there: forgotten.
        fs::remove_file(lab.path("b.csv")).unwrap();
        lab.scanner.need_whole();
        lab.polls(2);
        assert_eq!(lab.cursors.len(), 2);
        lab.wait_ms(6_000);
        lab.scanner.need_whole();
        lab.polls(2);
        assert_eq!((lab.cursors.len(), lab.scanner.files()), (1, 1));
    }
}

#[test]
fn an_array_that_grows_is_read_on_and_lines_without_time_have_the_files() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.json", |settings| {
            settings.format = FormatSettings::new(Format::Json)
        });
        let object = |value| format!("{{\"t\": {DAY_S}, \"v\": {value}}}");
        lab.write("a.json", format!("[{}]", object(1)));
        lab.polls(4);
        lab.write("a.json", format!("[{}, {}]", object(1), object(2)));
        lab.polls(5);
        lab.write("a.json", format!("[{}]", object(3)));
        lab.polls(5);
        assert_eq!(lab.values(), [1.0, 2.0, 3.0]);

        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |settings| {
            settings.format.time = TimeFormat::FileTime;
        });
        let at =
            |second| SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(DAY_S).unwrap() + second);
        for second in [1, 2] {
            lab.write("a.csv", "v\n1.5\n");
            fs::File::options()
                .write(true)
                .open(lab.path("a.csv"))
                .unwrap()
                .set_modified(at(second))
                .unwrap();
            lab.polls(5);
        }
        let times: Vec<i64> = lab.points.iter().map(|point| point.time_ns / 1_000_000_000 - DAY_S).collect();
        assert_eq!((times, lab.values()), (vec![1, 2], vec![1.5, 1.5]));
    }
}

#[test]
fn columns_that_come_and_go_between_files_are_said() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Whole, "*.csv", |_| {});
        lab.write("a.csv", format!("t,v,w\n{DAY_S},1,2\n"));
        lab.polls(4);
        lab.write("b.csv", format!("t,x,v\n{DAY_S},3,4\n"));
        lab.polls(4);
        let got: Vec<(String, f64)> =
            lab.points.iter().map(|point| (point.channel.to_string(), point.value)).collect();
        assert_eq!(got, [("v".into(), 1.0), ("w".into(), 2.0), ("x".into(), 3.0), ("v".into(), 4.0)]);
        assert!(
            lab.has_notice("b.csv: the column `x` is new") && lab.has_notice("b.csv: the column `w` is gone")
        );
    }
}

#[test]
fn a_hole_of_zeros_after_a_truncation_is_passed() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Follow, "*.csv", |_| {});
        lab.write("a.csv", format!("{HEADER}{}{}", row(1, 1.0), row(2, 2.0)));
        lab.poll();
        // A writer that goes on at its old place: everything before it reads as zeros.
        let file = fs::OpenOptions::new().write(true).open(lab.path("a.csv")).unwrap();
        let place = file.metadata().unwrap().len();
        file.set_len(0).unwrap();
        std::os::unix::fs::FileExt::write_all_at(&file, row(3, 3.0).as_bytes(), place).unwrap();
        lab.polls(3);
        assert_eq!(lab.values(), [1.0, 2.0, 3.0]);
    }
}

#[test]
fn a_file_that_is_rotated_while_it_waits_is_read_before_the_folder_may_be_looked_at_as_a_whole_too() {
    for looks in Looks::BOTH {
        let mut lab = Lab::new(looks, Mode::Follow, "*.csv", |settings| settings.limits.files_per_poll = 1);
        lab.deferrals = 3;
        for number in 1..=8 {
            lab.write(&format!("{number}.csv"), format!("{HEADER}{}", row(number, number as f64)));
        }
        // All are known, and most of them wait.
        lab.polls(5);
        for number in 1..=8 {
            lab.rename(&format!("{number}.csv"), &format!("{number}.csv.1"));
            lab.write(
                &format!("{number}.csv"),
                format!("{HEADER}{}", row(10 + number, 10.0 + number as f64)),
            );
        }
        lab.polls(60);
        let mut values = lab.values();
        values.sort_by(f64::total_cmp);
        let expected: Vec<f64> = (1..=8).chain(11..=18).map(f64::from).collect();
        assert_eq!(values, expected, "{looks:?}");
    }
}
