//! The header `Range` (RFC 9110, 14.2) with one range of bytes, as browsers ask for films.

/// Which bytes a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteRange {
    /// All of them: another unit, several ranges, or not understood, which the server may ignore.
    Whole,
    /// The bytes from the first to the last, inclusive.
    Part {
        /// The first byte that is asked for.
        from: u64,
        /// The last byte that is asked for.
        to: u64,
    },
    /// Nothing of the file is in the range.
    Unsatisfiable,
}

/// What `header` asks for of a file of `bytes` bytes.
pub(super) fn parse(header: &str, bytes: u64) -> ByteRange {
    let Some(spec) = header.trim().strip_prefix("bytes=") else { return ByteRange::Whole };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return ByteRange::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    match (number(first), number(last), first.is_empty(), last.is_empty()) {
        // The last bytes of the file.
        (None, Some(count), true, false) if count > 0 && bytes > 0 => {
            ByteRange::Part { from: bytes.saturating_sub(count), to: bytes - 1 }
        }
        (None, Some(_), true, false) => ByteRange::Unsatisfiable,
        (Some(from), _, _, _) if from >= bytes => ByteRange::Unsatisfiable,
        (Some(from), None, _, true) => ByteRange::Part { from, to: bytes - 1 },
        (Some(from), Some(to), _, _) if to >= from => ByteRange::Part { from, to: to.min(bytes - 1) },
        _ => ByteRange::Whole,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_file_and_what_is_not_understood_is_ignored() {
        let part = |from, to| ByteRange::Part { from, to };
        for (asked, range) in [
            ("bytes=0-", part(0, 99)),
            ("bytes=10-19", part(10, 19)),
            ("bytes=90-1000", part(90, 99)),
            ("bytes=-30", part(70, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=100-", ByteRange::Unsatisfiable),
            ("bytes=-0", ByteRange::Unsatisfiable),
            ("bytes=20-10", ByteRange::Whole),
            ("bytes=0-1,5-9", ByteRange::Whole),
            ("lines=0-1", ByteRange::Whole),
            ("bytes=+1-2", ByteRange::Whole),
            ("bytes=x", ByteRange::Whole),
        ] {
            assert_eq!(parse(asked, 100), range, "{asked}");
        }
        assert_eq!(parse("bytes=0-", 0), ByteRange::Unsatisfiable);
        assert_eq!(parse("bytes=-5", 0), ByteRange::Unsatisfiable);
    }
}
