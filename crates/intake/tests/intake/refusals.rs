//! Entries that are no files, bounds, and folders that cannot be read.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::sync::Arc;

use ocellus_intake::follow::{ScanSettings, SettingsError};
use ocellus_intake::{Cursor, Format, FormatSettings, Mode, Scanner};
use rustix::fs::{CWD, FileType, mknodat};

use crate::support::{DAY_S, Lab, Looks, csv, row};

#[test]
fn folders_links_pipes_and_sockets_are_refused_with_their_reason_and_block_nothing() {
    let mut lab = Lab::new(Looks::Polled, Mode::Follow, "*.csv", |_| {});
    std::fs::create_dir(lab.path("folder.csv")).unwrap();
    symlink("loop.csv", lab.path("loop.csv")).unwrap();
    symlink("/dev/zero", lab.path("zero.csv")).unwrap();
    mknodat(CWD, lab.path("pipe.csv"), FileType::Fifo, 0o600.into(), 0).unwrap();
    let _socket = UnixListener::bind(lab.path("socket.csv")).unwrap();
    lab.write("good.csv", format!("t,v\n{}", row(1, 1.0)));
    lab.polls(3);
    assert_eq!(lab.values(), [1.0]);
    let expected = [
        ("folder.csv", "is a folder"),
        ("loop.csv", "is a symbolic link"),
        ("zero.csv", "is a symbolic link"),
        ("pipe.csv", "is a named pipe"),
        ("socket.csv", "is a socket"),
    ];
    for (name, reason) in expected {
        let refused = lab.scanner.refused().find(|(refused, _)| *refused == name).unwrap().1.to_string();
        assert!(refused.starts_with(reason), "{name}: {refused}");
        // Said once, not with every poll.
        assert_eq!(lab.notices.iter().filter(|notice| notice.file.as_ref() == name).count(), 1);
    }
    std::fs::remove_dir(lab.path("folder.csv")).unwrap();
    lab.polls(3);
    assert_eq!(lab.scanner.refused().count(), 4);
}

#[test]
fn a_folder_with_many_files_is_looked_at_in_parts_and_its_limit_is_said() {
    let mut lab = Lab::new(Looks::Polled, Mode::Follow, "*.csv", |settings| {
        settings.limits.max_files = 1_000;
        settings.limits.entries_per_poll = 150;
        settings.limits.files_per_poll = 70;
    });
    for file in 0..1_100 {
        lab.write(&format!("{file}.csv"), format!("t,v\n{}", row(file, file as f64)));
    }
    lab.wait_ms(100);
    let batch = lab.scanner.poll(lab.now).unwrap();
    assert!(batch.has_more && batch.points.is_empty() && lab.scanner.files() == 0);
    assert!(lab.scanner.confirm(batch));
    for _ in 0..60 {
        let before = lab.points.len();
        lab.poll();
        assert!(lab.points.len() - before <= 70);
    }
    assert_eq!((lab.points.len(), lab.scanner.files()), (1_000, 1_000));
    assert!(lab.has_notice("more than 1000 files"), "{:?}", lab.notices.len());
    // Once there is space again, the others follow.
    let taken: Vec<Arc<str>> = lab.cursors.keys().take(200).cloned().collect();
    taken.iter().for_each(|name| std::fs::remove_file(lab.path(name)).unwrap());
    lab.polls(60);
    assert_eq!(lab.points.len(), 1_100);
}

#[test]
fn a_large_file_is_read_in_parts_beside_the_others() {
    let mut lab = Lab::new(Looks::Polled, Mode::Whole, "*.csv", |settings| {
        settings.format.max_line_bytes = 64;
        settings.limits.bytes_per_poll = 4_096;
    });
    let rows: String = (0..2_000).map(|second| row(second, second as f64)).collect();
    lab.write("a.csv", format!("t,v\n{rows}"));
    lab.write("b.csv", format!("t,v\n{}", row(1, -1.0)));
    lab.polls(4);
    assert!(lab.values().contains(&-1.0) && lab.points.len() < 2_001);
    for _ in 0..40 {
        lab.poll();
        lab.kill();
        lab.polls(1);
    }
    lab.polls(4);
    let mut values = lab.values();
    values.sort_by(f64::total_cmp);
    assert_eq!(values[1..], (0..2_000).map(f64::from).collect::<Vec<_>>());
}

#[test]
fn a_folder_that_is_not_there_is_an_error_with_its_name_and_comes_back() {
    let mut lab = Lab::new(Looks::Polled, Mode::Follow, "*.csv", |settings| settings.folder.push("later"));
    let error = lab.scanner.poll(lab.now).unwrap_err().to_string();
    assert!(error.contains("later cannot be read") && error.contains("tried again"), "{error}");
    std::fs::create_dir(lab.path("later")).unwrap();
    lab.write("later/a.csv", format!("t,v\n{}", row(1, 1.0)));
    lab.poll();
    assert_eq!(lab.values(), [1.0]);
}

#[test]
fn a_cursor_of_a_newer_program_is_refused_and_a_changed_format_begins_with_the_next_line() {
    let mut lab = Lab::new(Looks::Polled, Mode::Follow, "*.log", |_| {});
    lab.write("a.log", format!("t,v\n{}", row(1, 1.0)));
    lab.poll();
    let stored = String::from_utf8(lab.cursors.values().next().unwrap().clone()).unwrap();
    let newer = Cursor::decode(stored.replace("\"version\":1", "\"version\":2").as_bytes()).unwrap_err();
    assert!(newer.to_string().contains("newer program"), "{newer}");
    assert!(Cursor::decode(&stored.as_bytes()[..40]).is_err());
    lab.settings.format = FormatSettings::new(Format::Jsonl);
    lab.append("a.log", format!("{{\"t\": {DAY_S}, \"v\": 2}}\n"));
    lab.kill();
    lab.polls(2);
    assert_eq!(lab.values(), [1.0, 2.0]);
}

#[test]
fn settings_that_contradict_one_another_are_refused() {
    let refused = |mode, change: fn(&mut ScanSettings)| {
        let mut settings = ScanSettings::new("/tmp", "*.csv", mode, csv());
        change(&mut settings);
        Scanner::new(settings, Vec::<(Arc<str>, Cursor)>::new()).unwrap_err()
    };
    let json = refused(Mode::Follow, |settings| settings.format = FormatSettings::new(Format::Json));
    assert_eq!(json, SettingsError::FollowedDocument);
    assert!(matches!(refused(Mode::Whole, |s| s.pattern = "a/*".into()), SettingsError::Pattern(_)));
    assert!(matches!(
        refused(Mode::Whole, |s| s.limits.bytes_per_poll = 10),
        SettingsError::BytesPerPoll { .. }
    ));
    assert!(matches!(refused(Mode::Whole, |s| s.unterminated_ms = 1), SettingsError::Unterminated { .. }));
    assert!(matches!(refused(Mode::Whole, |s| s.limits.max_files = 0), SettingsError::Nothing));
    assert!(matches!(refused(Mode::Whole, |s| s.format.max_channels = 0), SettingsError::Format(_)));
}
