//! Values of files, over MQTT: every format, what is published of them, and that nothing is lost or doubled by an end.

use serde_json::json;

use super::support::{Lab, now_s};
use crate::support::messages::assert_valid;
use crate::support::wait_until;

const PRESSURE: &str = "[[intake]]\nname = \"gauge\"\nfolder = \"FOLDER\"\npattern = \"*.dat\"\nstale_after_ms = 600000\n\
    [[intake.channel]]\ncolumn = \"value\"\nname = \"pressure\"\nunit = \"mbar\"\nlow = 1e-9\nhigh = 1e-5\n\
    [intake_store]\npublish_ms = 100\n";

#[test]
fn values_of_files_are_published_under_their_names_and_a_restart_reads_nothing_again() {
    let mut lab = Lab::stopped(PRESSURE);
    // What is there before the start is read, too.
    let begin = now_s().floor();
    lab.put("first.dat", format!("timestamp,value\n{begin},2e-6\n{},3e-6\n", begin + 1.0));
    lab.run();
    let first = lab.wait_value("gauge", "pressure", 3e-6);
    assert_eq!(first["unit"], "mbar");
    lab.put("second.dat", format!("timestamp,value\n{},4e-6\nnonsense\n{},nan\n", begin + 2.0, begin + 3.0));
    let second = lab.watcher.wait_for("intake/gauge", |message| message["bad_lines"] == 2);
    assert_eq!((&second["points"], &second["state"]), (&json!(3), &json!("ok")), "{second}");
    assert_eq!(lab.service().stop(), Some(0));

    lab.run();
    lab.put("third.dat", format!("timestamp,value\n{},5e-6\n", begin + 4.0));
    lab.wait_value("gauge", "pressure", 5e-6);
    let last = lab.watcher.json("intake/gauge").pop().unwrap();
    assert_eq!((&last["points"], &last["bad_lines"]), (&json!(4), &json!(2)), "{last}");
    assert_valid(&lab.watcher);
}

#[test]
fn formats_of_instruments_are_read_as_they_write_them() {
    let lab = Lab::start(
        "[[intake]]\nname = \"beam\"\nfolder = \"FOLDER\"\nformat = \"json\"\nstale_after_ms = 600000\n\
         [[intake]]\nname = \"daq\"\nfolder = \"FOLDER\"\nformat = \"lvm\"\nmode = \"follow\"\ntime_zone = \"Europe/Berlin\"\nstale_after_ms = 600000\n\
         [[intake]]\nname = \"log\"\nfolder = \"FOLDER\"\nformat = \"jsonl\"\nmode = \"follow\"\ntime = \"rfc3339\"\ntake = [\"temp\"]\nstale_after_ms = 600000\n\
         [[intake]]\nname = \"table\"\nfolder = \"FOLDER\"\npattern = \"*.txt\"\nseparator = \"tab\"\ndecimal_comma = true\ntime = \"labview\"\nstale_after_ms = 600000\n\
         [intake_store]\npublish_ms = 100\n",
    );
    let now = now_s();
    lab.put(
        "b.json",
        format!("{{\"timestamp\": {now}, \"pos_x\": 1.5, \"pos_y\": -2, \"comment\": \"dark\"}}"),
    );
    lab.wait_value("beam", "beam.pos_x", 1.5);
    lab.append(
        "a.jsonl",
        "{\"time\": \"2026-11-29T08:00:00Z\", \"temp\": 21.5, \"hum\": 40}\n{\"time\": \"2026-11",
    );
    let entry = lab.wait_value("log", "log.temp", 21.5);
    assert_eq!(entry["time"], "2026-11-29T08:00:00.000000Z");
    lab.append("a.jsonl", "-29T08:00:01Z\", \"temp\": 22}\n");
    lab.wait_value("log", "log.temp", 22.0);
    assert_eq!(lab.watcher.json("intake/log").pop().unwrap()["points"], 2, "the key that is not taken");

    let labview = 2_082_844_800.0 + now.floor();
    lab.put("t.txt", format!("Zeit\tDruck\n{labview},0\t1,25\n"));
    lab.wait_value("table", "table.Druck", 1.25);
    lab.append(
        "m.lvm",
        "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t,\n\
         Multi_Headings\tNo\nX_Columns\tOne\nTime_Pref\tRelative\nDate\t2026/11/29\nTime\t09:00:00,5\n***End_of_Header***\t\n\
         Channels\t1\nSamples\t2\nDate\t2026/11/29\nTime\t09:00:00,5\nY_Unit_Label\tVolts\nX_Dimension\tTime\nX0\t0,0\nDelta_X\t0,5\n\
         ***End_of_Header***\t\nX_Value\tLaser\tComment\n0,0\t3,5\n0,5\t4,5\n",
    );
    let entry = lab.wait_value("daq", "daq.Laser", 4.5);
    assert_eq!(entry["time"], "2026-11-29T08:00:01.000000Z", "local time of Berlin, from the header");
}

/// `OCELLUS_INTAKE_MANY=100000` runs it on so many.
#[test]
fn a_folder_with_very_many_files_is_read_whole_and_what_comes_later_is_found() {
    let many: u64 = std::env::var("OCELLUS_INTAKE_MANY").map_or(3_000, |text| text.parse().unwrap());
    let lab = Lab::stopped(PRESSURE);
    let begin = now_s().floor();
    for at in 0..many {
        let time = begin + at as f64 / 1e6;
        std::fs::write(lab.path(&format!("{at}.dat")), format!("timestamp,value\n{time:.6},2e-6\n")).unwrap();
    }
    let mut lab = lab;
    lab.run();
    lab.wait_points("gauge", many);
    lab.put("last.dat", format!("timestamp,value\n{begin},3e-6\n"));
    lab.wait_points("gauge", many + 1);
}

#[test]
fn a_reload_adds_changes_and_removes_sources_and_a_changed_one_goes_on_where_it_was() {
    let lab = Lab::start(PRESSURE);
    let begin = now_s().floor();
    lab.put("a.dat", format!("timestamp,value\n{begin},2e-6\n"));
    lab.wait_points("gauge", 1);
    let more = PRESSURE.replace("\"mbar\"", "\"hPa\"")
        + "[[intake]]\nname = \"log\"\nfolder = \"FOLDER\"\nformat = \"jsonl\"\nmode = \"follow\"\nstale_after_ms = 600000\n";
    lab.configure(&more);
    lab.service.as_ref().unwrap().signal(libc::SIGHUP);
    lab.append("a.jsonl", &format!("{{\"t\": {begin}, \"temp\": 21.5}}\n"));
    lab.wait_value("log", "log.temp", 21.5);
    lab.put("b.dat", format!("timestamp,value\n{},3e-6\n", begin + 1.0));
    let entry = lab.wait_value("gauge", "pressure", 3e-6);
    assert_eq!(entry["unit"], "hPa");
    assert_eq!(lab.watcher.json("intake/gauge").pop().unwrap()["points"], 2, "nothing again");

    lab.configure("");
    lab.service.as_ref().unwrap().signal(libc::SIGHUP);
    lab.service.as_ref().unwrap().wait_log(&["configuration reloaded"]);
    wait_until("no unit of a source", || {
        let status = lab.fixture.command(&["status", "--json"]);
        !String::from_utf8_lossy(&status.stdout).contains("intake/")
    });
}
