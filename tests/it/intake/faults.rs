//! What goes wrong with sources: each is said with its cause, and is over by itself.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use super::support::{Lab, now_s};
use crate::support::fixture::Fixture;
use crate::support::{said, wait_until};

const GAUGE: &str = "[[intake]]\nname = \"gauge\"\nfolder = \"FOLDER\"\npattern = \"*.dat\"\nstale_after_ms = 1000\n\
    [[intake.channel]]\ncolumn = \"value\"\nname = \"pressure\"\nunit = \"mbar\"\nlow = 1e-9\nhigh = 1e-5\n\
    [intake_store]\npublish_ms = 100\n";

/// The newest message of an alarm; `Null` where it is over.
fn alarm(lab: &Lab, name: &str) -> Option<Value> {
    let messages = lab.watcher.on(&format!("alarm/{name}"));
    messages.last().map(|message| serde_json::from_slice(&message.payload).unwrap_or(Value::Null))
}

fn wait_alarm(lab: &Lab, name: &str, words: &str) {
    wait_until(&format!("{name}: {words}"), || {
        alarm(lab, name).is_some_and(|alarm| alarm["cause"].as_str().unwrap_or_default().contains(words))
    });
}

fn wait_over(lab: &Lab, name: &str) {
    wait_until(&format!("{name} is over"), || alarm(lab, name).is_some_and(|alarm| alarm.is_null()));
}

#[test]
fn silence_limits_and_an_absent_folder_are_alarms_that_end_by_themselves() {
    let lab = Lab::start(GAUGE);
    wait_alarm(&lab, "intake-gauge", "no file in");
    let line = |value: &str| format!("timestamp,value\n{},{value}\n", now_s());
    lab.put("a.dat", line("2e-6"));
    wait_over(&lab, "intake-gauge");
    wait_alarm(&lab, "intake-gauge", "no value from");

    lab.put("b.dat", line("3e-5"));
    wait_alarm(&lab, "channel-pressure", "pressure is above its limit of 0.00001 mbar");
    lab.put("c.dat", line("1e-10"));
    wait_alarm(&lab, "channel-pressure", "below its limit of 0.000000001 mbar");
    lab.put("d.dat", line("1e-6"));
    wait_over(&lab, "channel-pressure");

    // A share that is not mounted, and comes back with what it had and more.
    let elsewhere = lab.fixture.path("elsewhere");
    fs::rename(lab.folder(), &elsewhere).unwrap();
    wait_alarm(&lab, "intake-gauge", "cannot be read: No such file or directory");
    fs::write(elsewhere.join("e.dat"), line("4e-6")).unwrap();
    fs::rename(&elsewhere, lab.folder()).unwrap();
    lab.wait_value("gauge", "pressure", 4e-6);
    wait_over(&lab, "intake-gauge");
    assert_eq!(lab.wait_points("gauge", 5)["state"], "ok");
}

#[test]
fn what_is_no_file_is_refused_and_the_files_beside_it_are_read() {
    let lab = Lab::stopped(GAUGE);
    fs::create_dir(lab.path("folder.dat")).unwrap();
    symlink("loop-b.dat", lab.path("loop-a.dat")).unwrap();
    symlink("loop-a.dat", lab.path("loop-b.dat")).unwrap();
    symlink("/dev/zero", lab.path("device.dat")).unwrap();
    let made = std::process::Command::new("mkfifo").arg(lab.path("pipe.dat")).status().unwrap();
    assert!(made.success());
    let mut lab = lab;
    lab.run();
    lab.put("a.dat", format!("timestamp,value\n{},2e-6\n", now_s()));
    lab.wait_value("gauge", "pressure", 2e-6);
    let listed = lab.fixture.command(&["intake", "bad", "gauge"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    for refused in [
        "folder.dat: is a folder",
        "loop-a.dat: is a symbolic link",
        "loop-b.dat: is a symbolic link",
        "device.dat: is a symbolic link",
        "pipe.dat: is a named pipe",
    ] {
        assert!(listed.contains(&format!("not read: {refused}")), "{refused}: {listed}");
    }
    // Once it is silent, its alarm names one that stands in the way.
    wait_alarm(&lab, "intake-gauge", ".dat: is a ");
}

#[test]
fn a_folder_that_is_a_file_is_an_alarm_with_that_cause() {
    let lab = Lab::stopped(GAUGE);
    fs::remove_dir(lab.folder()).unwrap();
    fs::write(lab.folder(), "no folder").unwrap();
    let mut lab = lab;
    lab.run();
    wait_alarm(&lab, "intake-gauge", "Not a directory");
    fs::remove_file(lab.folder()).unwrap();
    fs::create_dir(lab.folder()).unwrap();
    lab.put("a.dat", format!("timestamp,value\n{},2e-6\n", now_s()));
    wait_over(&lab, "intake-gauge");
}

#[test]
fn a_clock_that_is_ahead_is_an_alarm_and_right_times_take_the_place_of_its_values() {
    let lab = Lab::start(&GAUGE.replace("stale_after_ms = 1000", "stale_after_ms = 600000"));
    lab.put("a.dat", format!("timestamp,value\n{},2e-6\n", now_s() + 86_400.0));
    wait_alarm(&lab, "intake-gauge", "min ahead of this clock");
    lab.put("b.dat", format!("timestamp,value\n{},3e-6\n", now_s()));
    wait_over(&lab, "intake-gauge");
    lab.wait_value("gauge", "pressure", 3e-6);
}

#[test]
fn a_column_that_vanishes_and_lines_that_are_no_values_cost_nothing_else() {
    let lab = Lab::start(
        "[[intake]]\nname = \"log\"\nfolder = \"FOLDER\"\nmode = \"follow\"\nstale_after_ms = 600000\n[intake_store]\npublish_ms = 100\n",
    );
    let now = now_s().floor();
    lab.append("a.csv", &format!("t,a,b\n{now},1,10\n{},NaN,20\n{},3\n", now + 1.0, now + 2.0));
    lab.wait_value("log", "log.b", 20.0);
    // A new header without `b`, as after the instrument was started again.
    lab.append("a.csv", &format!("t,a\n{},4\n{},-inf\n", now + 3.0, now + 4.0));
    lab.wait_value("log", "log.a", 4.0);
    let last = lab.watcher.wait_for("intake/log", |message| message["bad_lines"] == 3);
    assert_eq!(last["points"], 4, "1, 10, 20 and 4: {last}");
}

#[test]
fn a_wrong_source_is_refused_with_file_line_and_key() {
    let fixture = Fixture::new();
    let check = |intake: &str| {
        fixture.config(1883, &format!("[[camera]]\nname = \"a\"\nsource = \"scene:\"\n{intake}"));
        let output = fixture.command(&["check"]);
        assert!(!output.status.success(), "{intake}");
        said(&output)
    };
    let source = "[[intake]]\nname = \"lab\"\nfolder = \"/data\"\n";
    for (more, words) in [
        ("format = \"json\"\nmode = \"follow\"\n", ["intake[0].mode", "write `jsonl`"]),
        (
            "separator = \",\"\ndecimal_comma = true\n",
            ["intake[0].separator", "set `separator` to semicolon or tab"],
        ),
        ("header_lines = 0\n", ["intake[0].header_lines", "set `columns`"]),
        ("pattern = \"a/*.csv\"\n", ["intake[0].pattern", "one folder"]),
        ("settle_ms = 5000\n", ["intake[0].unterminated_ms", "shorter than `settle_ms`"]),
        ("time = \"epoch\"\n", ["intake[0].time", "use one of: s, ms, rfc3339"]),
        ("poll_ms = 1\n", ["intake[0].poll_ms", "10 to 3600000"]),
        ("formt = \"csv\"\n", ["intake[0].formt", "did you mean \"format\"?"]),
        (
            "[[intake.channel]]\ncolumn = \"a\"\nlow = 2\nhigh = 1\n",
            ["intake[0].channel[0].low", "not below high"],
        ),
        ("[[intake.channel]]\nname = \"a\"\n", ["intake[0].channel[0].column", "missing"]),
        (
            "[[intake.channel]]\ncolumn = \"a\"\nname = \"lab.b\"\n",
            ["intake[0].channel", "another channel already"],
        ),
        ("[[intake]]\nname = \"lab\"\nfolder = \"/b\"\n", ["intake[1].name", "is also called \"lab\""]),
        ("[[intake]]\nname = \"lab.x\"\nfolder = \"/b\"\n", ["intake[1].name", "give two channels one name"]),
        ("[intake_store]\npoints = 100000\nmax_channels = 10000\n", ["intake_store.points", "MiB of memory"]),
    ] {
        let shown = check(&format!("{source}{more}"));
        assert!(words.iter().all(|word| shown.contains(word)), "{more}: {shown}");
        assert!(shown.contains("ocellus.toml:"), "{shown}");
    }
    assert!(check("[[intake]]\nname = \"lab\"\n").contains("this source has no feed"));
}

#[test]
fn the_alarm_of_a_channel_ends_when_the_channel_gets_another_name() {
    let mut lab = Lab::start(GAUGE);
    lab.put("a.dat", format!("timestamp,value\n{},3e-5\n", now_s()));
    wait_alarm(&lab, "channel-pressure", "above its limit");
    lab.configure(&GAUGE.replace("\"pressure\"", "\"vacuum\""));
    lab.service().signal(libc::SIGHUP);
    wait_over(&lab, "channel-pressure");
    lab.put("b.dat", format!("timestamp,value\n{},4e-5\n", now_s()));
    wait_alarm(&lab, "channel-vacuum", "above its limit");
}
