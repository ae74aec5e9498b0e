//! What each format yields, and what it refuses.

use jiff::tz::TimeZone;
use ocellus_intake::format::{FormatError, Separator};
use ocellus_intake::{Format, FormatSettings, TimeFormat};

use crate::support::{DAY_S, csv, plain, read, reasons};

const DAY_NS: i64 = DAY_S * 1_000_000_000;

#[test]
fn csv_with_a_header_becomes_points_of_its_columns() {
    let out = read(&csv(), format!("timestamp,pressure,laser\n{DAY_S}.25,1.5e-9,\n{DAY_S}.5,2,384.1\n"));
    let expected = [
        ("pressure", DAY_NS + 250_000_000, 1.5e-9),
        ("pressure", DAY_NS + 500_000_000, 2.0),
        ("laser", DAY_NS + 500_000_000, 384.1),
    ];
    assert_eq!(plain(&out.points), expected);
    assert_eq!(out.bad_count, 0);
}

#[test]
fn csv_of_a_german_excel_is_read_with_its_separator_comma_mark_and_line_ends() {
    let settings = FormatSettings { decimal_comma: true, ..csv() };
    let text =
        format!("\u{feff}Zeit;Druck;\"Strom; innen\"\r\n{DAY_S},125;1,5;-2,25\r\n\r\n{DAY_S},25;+1e-3;4\r\n");
    let out = read(&settings, text);
    let first = DAY_NS + 125_000_000;
    let second = DAY_NS + 250_000_000;
    let expected = [
        ("Druck", first, 1.5),
        ("Strom; innen", first, -2.25),
        ("Druck", second, 0.001),
        ("Strom; innen", second, 4.0),
    ];
    assert_eq!(plain(&out.points), expected);
    let ambiguous = read(&settings, format!("Zeit;Druck\n{DAY_S};1.234,5\n"));
    assert!(reasons(&ambiguous)[0].1.contains("thousands separators"), "{:?}", ambiguous.bad);
}

#[test]
fn csv_with_given_columns_skips_its_header_lines_and_takes_what_is_wanted() {
    let settings = FormatSettings {
        columns: ["a", "", "when", "b"].map(String::from).to_vec(),
        header_lines: 2,
        separator: Some(Separator::Tab),
        time_column: Some("when".into()),
        channels: vec!["b".into()],
        ..csv()
    };
    let out = read(&settings, format!("Device 7\nx\ty\tz\tw\n1\t2\t{DAY_S}\t3\n1\t2\t{DAY_S}\n"));
    assert_eq!(plain(&out.points), [("b", DAY_NS, 3.0)]);
    assert_eq!(reasons(&out), [(4, "3 fields, and 4 columns: nothing of the line was taken".to_owned())]);
}

#[test]
fn a_value_never_gets_into_the_channel_of_another_column() {
    // Fewer and more fields, an open quotation mark, and a writer that was started again with other columns.
    let text = format!(
        "t,a,b\n{DAY_S},1,2\n{DAY_S},1\n{DAY_S},1,2,3\n{DAY_S},\"1,2\nt,b,c\n{DAY_S},20,30\nt,b,c\n{DAY_S},21,31\n"
    );
    let out = read(&csv(), text);
    let expected = [
        ("a", DAY_NS, 1.0),
        ("b", DAY_NS, 2.0),
        ("b", DAY_NS, 20.0),
        ("c", DAY_NS, 30.0),
        ("b", DAY_NS, 21.0),
        ("c", DAY_NS, 31.0),
    ];
    assert_eq!(plain(&out.points), expected);
    assert_eq!(out.bad.iter().map(|bad| bad.line).collect::<Vec<_>>(), [3, 4, 5]);
    let twice = read(&csv(), format!("t,a,a,b\n{DAY_S},1,2,3\n"));
    assert_eq!(plain(&twice.points), [("b", DAY_NS, 3.0)]);
    assert_eq!(twice.notices[0].to_string(), "two columns are called `a`: neither is taken");
    let none = read(&csv(), format!("{DAY_S},1\n{DAY_S},2\n"));
    assert!(none.points.is_empty() && none.bad_count == 2);
    assert!(reasons(&none)[0].1.contains("before a header"));
}

#[test]
fn values_that_are_no_numbers_are_counted_with_their_reason_and_the_others_of_the_line_are_kept() {
    let text = format!(
        "t,a,b\n{DAY_S},NaN,1\n{DAY_S},-Inf,2\n{DAY_S},1e999,3\n{DAY_S},1.#QNAN,4\n{DAY_S},x,5\n,1,6\nnow,1,7\n"
    );
    let out = read(&csv(), text);
    assert_eq!(plain(&out.points).iter().map(|point| point.2).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0]);
    let all = reasons(&out);
    assert!(all[..4].iter().all(|(_, reason)| reason == "`a` is not finite (NaN or Inf)"), "{all:?}");
    assert_eq!(all[4].1, "`a` is not a number");
    assert!(all[5].1.contains("no time") && all[6].1.contains("`now` cannot be read"));
    assert_eq!(out.bad_count, 7);
}

#[test]
fn times_are_read_to_the_nanosecond_and_a_wrong_unit_is_named() {
    let time = |format, zone, text: &str| {
        let settings = FormatSettings { time: format, zone, separator: Some(Separator::Comma), ..csv() };
        let out = read(&settings, format!("t,v\n{text},1\n"));
        out.points.first().map(|point| point.time_ns).ok_or_else(|| reasons(&out)[0].1.clone())
    };
    let utc = || TimeZone::UTC;
    let berlin = || TimeZone::get("Europe/Berlin").unwrap();
    let ns = DAY_NS + 123_456_789;
    assert_eq!(time(TimeFormat::Seconds, utc(), &format!("{DAY_S}.123456789")), Ok(ns));
    assert_eq!(time(TimeFormat::Milliseconds, utc(), &format!("{DAY_S}123.456789")), Ok(ns));
    assert_eq!(time(TimeFormat::Labview, utc(), &format!("{}.123456789", DAY_S + 2_082_844_800)), Ok(ns));
    assert_eq!(time(TimeFormat::Rfc3339, utc(), "2026-11-29T01:00:00.123456789+01:00"), Ok(ns));
    assert_eq!(time(TimeFormat::Rfc3339, berlin(), "2026-11-29 01:00:00.123456789"), Ok(ns));
    assert_eq!(time(TimeFormat::Seconds, utc(), "1.7959104E+9"), Ok(DAY_NS));
    assert_eq!(time(TimeFormat::FileTime, utc(), "5"), Ok(7));
    assert!(
        time(TimeFormat::Seconds, utc(), &format!("{DAY_S}000"))
            .unwrap_err()
            .contains("another unit or epoch")
    );
    assert!(time(TimeFormat::Seconds, utc(), "12.5").unwrap_err().contains("before 1990"));
    assert!(time(TimeFormat::Rfc3339, utc(), "29.11.2026").unwrap_err().contains("cannot be read"));
}

#[test]
fn json_lines_become_points_of_their_keys() {
    let text = format!(
        "{{\"timestamp\": {DAY_S}.125, \"pos\": {{\"x\": 1, \"y\": -2.5}}, \"on\": true, \"name\": \"a\", \"none\": null, \"l\": [1]}}\n\
         \n{{\"timestamp\": {DAY_S}, \"v\": NaN, \"w\": -Infinity, \"x\": 3}}\n\
         {{\"timestamp\": {DAY_S}, \"v\": 1, \"v\": 2}}\n[1]\n{{\"v\": 1}}\n{{\"timestamp\": {DAY_S}, \"v\"\n\
         {{\"timestamp\": {DAY_S}, \"v\": 9}}"
    );
    let out = read(&FormatSettings::new(Format::Jsonl), text);
    let time = DAY_NS + 125_000_000;
    let expected = [
        ("pos.x", time, 1.0),
        ("pos.y", time, -2.5),
        ("on", time, 1.0),
        ("x", DAY_NS, 3.0),
        ("v", DAY_NS, 9.0),
    ];
    assert_eq!(plain(&out.points), expected);
    let all = reasons(&out);
    assert_eq!(all.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [3, 3, 4, 5, 6, 7]);
    assert!(
        all[0].1.contains("`v` is not finite")
            && all[2].1.contains("twice")
            && all[3].1.contains("not a JSON object")
    );
    assert!(all[4].1.contains("no time") && all[5].1.contains("not JSON"));
}

#[test]
fn a_json_document_is_read_object_by_object() {
    let settings = FormatSettings::new(Format::Json);
    let object = |value: u32| format!("{{\"time\": \"{DAY_S}\",\n \"s\": \"]}}\\\"\", \"v\": {value}}}");
    let values = |text: &str| {
        let out = read(&settings, text);
        (out.points.iter().map(|point| point.value).collect::<Vec<_>>(), reasons(&out))
    };
    assert_eq!(values(&format!("\u{feff} {} \n", object(1))), (vec![1.0], vec![]));
    assert_eq!(values(&format!("[{},\n{}]", object(1), object(2))), (vec![1.0, 2.0], vec![]));
    assert_eq!(values("[]"), (vec![], vec![]));
    let (kept, bad) = values(&format!("[{},\n{}", object(1), &object(2)[..20]));
    assert_eq!((kept, bad[0].1.as_str()), (vec![1.0], "the document ends in the middle"));
    let (kept, bad) = values(&format!("[{} {}]", object(1), object(2)));
    assert!(kept == [1.0] && bad[0].0 == 2 && bad[0].1.contains("comma"), "{bad:?}");
    let (kept, bad) = values(&format!("{} {}", object(1), object(2)));
    assert!(kept == [1.0] && bad[0].1.contains("more after the end"), "{bad:?}");
    assert!(values("7").1[0].1.contains("not a JSON object"));
    assert!(values("\u{fffd}").1[0].1.contains("not a JSON object"));
}

/// The file of National Instruments' specification in short, with two segments.
const LVM: &str = "LabVIEW Measurement\t\nWriter_Version\t2\nReader_Version\t2\nSeparator\tTab\nDecimal_Separator\t,\n\
Multi_Headings\tYes\nX_Columns\tOne\nTime_Pref\tRelative\nOperator\tlab\nDate\t2026/11/29\nTime\t01:00:00,5\n\
***End_of_Header***\t\n\t\nChannels\t2\t\nSamples\t2\t1\nDate\t2026/11/29\t2026/11/29\nTime\t01:00:01\t01:00:02,25\n\
Y_Unit_Label\tVolt\t\u{b0}C\nX_Dimension\tTime\tTime\nX0\t0,0\t0,0\nDelta_X\t0,5\t0,5\n***End_of_Header***\t\t\n\
X_Value\tVoltage\tUntitled\tComment\n0,000\t1,5\t20,25\tbegun\n0,500\t-1,5E+0\n\n***Start_Special***\nanything\n\
***End_Special***\nChannels\t1\nSamples\t1\nDate\t2026/11/29\nTime\t02:00:00\nX0\t0\nDelta_X\t1\n***End_of_Header***\n\
X_Value\tUntitled\tComment\n0\tNaN\n1\t7\n";

#[test]
fn labview_files_are_read_with_their_segments_local_time_and_decimal_comma() {
    let zone = TimeZone::get("Europe/Berlin").unwrap();
    let out = read(&FormatSettings { zone, ..FormatSettings::new(Format::Lvm) }, LVM);
    let expected = [
        ("Voltage", DAY_NS + 1_000_000_000, 1.5),
        ("Untitled", DAY_NS + 2_250_000_000, 20.25),
        ("Voltage", DAY_NS + 1_500_000_000, -1.5),
        ("Untitled", DAY_NS + 3_601_000_000_000, 7.0),
    ];
    assert_eq!(plain(&out.points), expected);
    assert_eq!(reasons(&out), [(38, "`Untitled` is not finite (NaN or Inf)".to_owned())]);
    // In Latin-1, as LabVIEW on Windows writes it.
    let latin: Vec<u8> = LVM.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(read(&FormatSettings::new(Format::Lvm), latin).points.len(), 4);
}

#[test]
fn labview_files_without_x_or_with_one_for_each_channel_have_their_times() {
    let file = |x: &str, preference: &str, body: &str| {
        format!(
            "LabVIEW Measurement\nSeparator\tTab\nDecimal_Separator\t.\nX_Columns\t{x}\nTime_Pref\t{preference}\n\
             Date\t2026/11/29\nTime\t00:00:00\n***End_of_Header***\nChannels\t2\nX0\t1\t2\nDelta_X\t0.5\t0.25\n\
             ***End_of_Header***\n{body}"
        )
    };
    let settings = FormatSettings::new(Format::Lvm);
    let times = |text: String| {
        let out = read(&settings, text);
        assert_eq!(out.bad, []);
        out.points.iter().map(|point| (point.time_ns - DAY_NS) / 1_000_000).collect::<Vec<_>>()
    };
    assert_eq!(
        times(file("No", "Relative", "X_Value\tA\tB\tComment\n\t1\t2\n\t3\t4\n")),
        [1000, 2000, 1500, 2250]
    );
    assert_eq!(times(file("Multi", "Relative", "X_Value\tA\tX_Value\tB\n3\t1\t4\t2\n")), [3000, 4000]);
    let absolute = DAY_S + 2_082_844_800;
    assert_eq!(times(file("One", "Absolute", &format!("X_Value\tA\tB\n{absolute}.5\t1\t2\n"))), [500, 500]);
    let none = read(&settings, "a,b\n1,2\n");
    assert_eq!(reasons(&none)[0].1, "the header's `LabVIEW Measurement` cannot be read");
    let date = read(&settings, file("One", "Relative", "").replace("2026/11/29", "yesterday"));
    assert_eq!(reasons(&date)[0].1, "the header's `Date` cannot be read");
}

#[test]
fn lines_and_channels_are_bounded() {
    let settings = FormatSettings { max_line_bytes: 64, max_channels: 2, ..csv() };
    let out = read(&settings, format!("t,a,b,c\n{DAY_S},1,2,3\n{}\n{DAY_S},4,5,6\n", "9".repeat(1000)));
    assert_eq!(plain(&out.points).iter().map(|point| point.2).collect::<Vec<_>>(), [1.0, 2.0, 4.0, 5.0]);
    assert_eq!(out.notices[0].to_string(), "more channels than `max_channels`: `c` is left out");
    assert_eq!(out.bad[0].line, 3);
    assert!(
        out.bad[0].reason.to_string().starts_with("longer than 64 bytes") && out.bad[0].text.len() <= 120
    );
    assert!(reasons(&read(&csv(), b"\xff\xfet\0,\0")).first().unwrap().1.contains("UTF-16"));
}

#[test]
fn settings_that_contradict_one_another_are_refused() {
    let refused = |settings: FormatSettings| settings.check().unwrap_err();
    let comma = FormatSettings { decimal_comma: true, separator: Some(Separator::Comma), ..csv() };
    assert_eq!(refused(comma), FormatError::CommaTwice);
    assert_eq!(refused(FormatSettings { header_lines: 0, ..csv() }), FormatError::NoNames);
    let twice = FormatSettings { columns: vec!["a".into(), "a".into()], ..csv() };
    assert_eq!(refused(twice), FormatError::ColumnTwice("a".into()));
    let time = FormatSettings { columns: vec!["a".into()], time_column: Some("t".into()), ..csv() };
    assert_eq!(refused(time), FormatError::TimeColumn("t".into()));
}
