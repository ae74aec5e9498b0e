//! Any cut of the bytes yields the same, also where the reader is replaced by a new one with its stored state.

use ocellus_intake::format::ParserState;
use ocellus_intake::point::Channels;
use ocellus_intake::{Format, FormatSettings, Parsed, Parser, TimeFormat};
use proptest::prelude::*;

use crate::support::{DAY_S, read};

/// Reads `text` in pieces of the given lengths. Where a piece has an odd length, the reader is thrown away after it, and
/// another one goes on from the stored state with what was not consumed.
fn read_cut(settings: &FormatSettings, text: &[u8], cuts: &[usize]) -> Parsed {
    let mut out = Parsed::new(Channels::new(settings.max_channels), 1_000);
    let mut parser = Parser::new(settings, 7);
    let (mut begun, mut at) = (0, 0);
    for cut in cuts.iter().cycle() {
        if at == text.len() {
            break;
        }
        let end = (at + cut.max(&1)).min(text.len());
        parser.push(&text[at..end], &mut out);
        at = end;
        if cut % 2 == 1 {
            begun += usize::try_from(parser.consumed()).unwrap();
            let stored = serde_json::to_vec(&parser.into_state()).unwrap();
            let state: ParserState = serde_json::from_slice(&stored).unwrap();
            parser = Parser::resume(settings, 7, state);
            parser.push(&text[begun..at], &mut out);
        }
    }
    parser.finish(&mut out);
    out
}

/// Pieces of files: valid and wrong ones, in any order.
fn piece(format: Format) -> BoxedStrategy<String> {
    let day = DAY_S;
    let common = prop_oneof![
        Just("\n".to_owned()),
        Just("\r\n".into()),
        Just("\0\0".into()),
        "[ -~]{0,90}\n",
        "\\PC{0,6}"
    ];
    match format {
        Format::Csv => prop_oneof![
            Just("t,a,b\n".to_owned()),
            Just("t;b;a\n".into()),
            (any::<f64>(), -1e6..1e6f64).prop_map(move |(a, b)| format!("{day},{a},{b}\n")),
            (0..9u32).prop_map(move |a| format!("{day}.{a},\"{a}\",NaN\r\n")),
            common,
        ]
        .boxed(),
        Format::Jsonl | Format::Json => prop_oneof![
            (any::<f64>(), any::<i32>()).prop_map(move |(a, b)| format!("{{\"t\":{day},\"a\":{a:?},\n\"b\":{{\"c\":{b}}}}}")),
            (any::<u8>()).prop_map(move |a| format!("{{\"t\":{day},\"s\":\"\\\"}}]{{\",\"a\":{a}}}\n")),
            Just("[".to_owned()),
            Just(",\n".into()),
            Just("]".into()),
            common,
        ]
        .boxed(),
        Format::Lvm => prop_oneof![
            Just("LabVIEW Measurement\nSeparator\tTab\nX_Columns\tNo\nDate\t2026/11/29\nTime\t1:00:00.5\n***End_of_Header***\n".to_owned()),
            Just("Channels\t2\nX0\t0\t0.1\nDelta_X\t0.7\t0.3\n***End_of_Header***\nX_Value\tA\tB\tComment\n".into()),
            (any::<i32>(), any::<f64>()).prop_map(|(a, b)| format!("\t{a}\t{b}\n")),
            Just("***Start_Special***\nx\n***End_Special***\n".into()),
            common,
        ]
        .boxed(),
    }
}

fn file() -> impl Strategy<Value = (Format, String)> {
    let formats = [Format::Csv, Format::Json, Format::Jsonl, Format::Lvm];
    proptest::sample::select(formats.to_vec()).prop_flat_map(|format| {
        (Just(format), proptest::collection::vec(piece(format), 0..25).prop_map(|all| all.concat()))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_cut_of_a_file_yields_the_same_points_and_bad_lines(
        (format, text) in file(),
        cuts in proptest::collection::vec(1usize..90, 1..8),
        is_timed in any::<bool>(),
    ) {
        let time = if is_timed { TimeFormat::Seconds } else { TimeFormat::FileTime };
        let settings = FormatSettings { max_line_bytes: 80, time, ..FormatSettings::new(format) };
        let whole = read(&settings, &text);
        let cut = read_cut(&settings, text.as_bytes(), &cuts);
        prop_assert_eq!(&whole.points, &cut.points);
        prop_assert_eq!(&whole.bad, &cut.bad);
        prop_assert_eq!(whole.bad_count, cut.bad_count);
        prop_assert_eq!(&whole.notices, &cut.notices);
    }
}
