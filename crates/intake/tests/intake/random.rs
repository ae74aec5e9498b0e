//! Bytes that no writer meant: nothing panics, nothing grows, and no value is invented that is not finite.

use ocellus_intake::point::Channels;
use ocellus_intake::{Cursor, Format, FormatSettings, Parsed, Parser};
use proptest::prelude::*;

/// Bytes that steer the readers, more often than others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let steering =
        proptest::sample::select(b"{}[]\",;\t\n\r\\:.-+eE0123456789NaNInf#*\0\xef\xbb\xbf\xff".to_vec());
    let words: Vec<&[u8]> = vec![
        b"LabVIEW Measurement\n",
        b"***End_of_Header***\n",
        b"Channels\t3\n",
        b"X_Value\tA\tB\n",
        b"{\"t\":1795910400,\"v\":",
        b"t,a,b\n1795910400,",
        b"Delta_X\t1e308\n",
        b"Separator\t",
    ];
    let word = proptest::sample::select(words).prop_map(<[u8]>::to_vec);
    let one = prop_oneof![5 => steering.prop_map(|byte| vec![byte]), 1 => any::<u8>().prop_map(|byte| vec![byte]), 1 => word];
    proptest::collection::vec(one, 0..400).prop_map(|all| all.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn random_bytes_yield_finite_values_or_bad_lines_in_every_format(text in bytes(), decimal_comma in any::<bool>()) {
        for format in [Format::Csv, Format::Json, Format::Jsonl, Format::Lvm] {
            let settings = FormatSettings { decimal_comma, max_line_bytes: 128, ..FormatSettings::new(format) };
            let mut out = Parsed::new(Channels::new(8), 20);
            let mut parser = Parser::new(&settings, 0);
            for chunk in text.chunks(37) {
                parser.push(chunk, &mut out);
                prop_assert!(parser.consumed() <= text.len() as u64);
            }
            parser.finish(&mut out);
            prop_assert!(out.points.iter().all(|point| point.value.is_finite()));
            prop_assert!(out.bad.len() <= 20 && out.points.len() <= text.len());
        }
        prop_assert!(Cursor::decode(&text).is_err());
    }
}

#[test]
fn objects_in_one_another_without_end_are_refused() {
    for format in [Format::Json, Format::Jsonl] {
        let text = "{\"a\":".repeat(10_000);
        let out =
            crate::support::read(&FormatSettings::new(format), format!("{text}1{}\n", "}".repeat(10_000)));
        assert!(out.points.is_empty() && out.bad_count == 1, "{:?}", out.bad);
    }
}
