//! Integers out of a FlexBuffer map: the options of custom operators. Every offset is checked.
//! Layout: <https://flatbuffers.dev/internals/#flexbuffers>.

/// The integer at `key` of the map that is the buffer's root.
pub(crate) fn integer(buffer: &[u8], key: &str) -> Option<i64> {
    let [.., _, width] = *buffer else { return None };
    let width = usize::from(width);
    let at = buffer.len().checked_sub(2 + width)?;
    let map = at.checked_sub(unsigned(buffer, at, width)?)?;
    // The root's packed type holds the width of the map's own elements.
    let width = 1 << (buffer[buffer.len() - 2] & 3);
    let count = unsigned(buffer, map.checked_sub(width)?, width)?;
    let keys_at = map.checked_sub(3 * width)?;
    let keys = keys_at.checked_sub(unsigned(buffer, keys_at, width)?)?;
    let keys_width = unsigned(buffer, map.checked_sub(2 * width)?, width)?;
    for i in 0..count {
        let slot = keys.checked_add(i.checked_mul(keys_width)?)?;
        let text = slot.checked_sub(unsigned(buffer, slot, keys_width)?)?;
        let name = buffer.get(text..)?.split(|b| *b == 0).next()?;
        if name == key.as_bytes() {
            let kind = *buffer.get(map.checked_add(count.checked_mul(width)?)?.checked_add(i)?)? >> 2;
            // 1: int, 2: uint, both stored in the map's element itself.
            let value = unsigned(buffer, map + i * width, width)?;
            return matches!(kind, 1 | 2).then(|| i64::try_from(value).ok()).flatten();
        }
    }
    None
}

fn unsigned(buffer: &[u8], at: usize, width: usize) -> Option<usize> {
    if !matches!(width, 1 | 2 | 4 | 8) {
        return None;
    }
    let bytes = buffer.get(at..at.checked_add(width)?)?;
    usize::try_from(bytes.iter().rev().fold(0u64, |value, b| value << 8 | u64::from(*b))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_read_without_a_panic() {
        for length in 0..40 {
            for fill in 0..=255u8 {
                let _ = integer(&vec![fill; length], "x");
            }
        }
    }

    #[test]
    fn the_smallest_map_gives_its_integer() {
        // "a\0", keys [1 | 3], map: keys offset, keys width, count, value 7, type int; root.
        let buffer = [b'a', 0, 1, 3, 1, 1, 1, 7, 4, 2, 0x24, 1];
        assert_eq!(integer(&buffer, "a"), Some(7));
        assert_eq!(integer(&buffer, "b"), None);
    }
}
