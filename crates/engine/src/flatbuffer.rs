//! Reads FlatBuffers with every offset checked, because a model file comes from outside and may be
//! damaged. Layout: <https://flatbuffers.dev/internals/>.

/// An offset, length or text of the file is not valid, or leads outside of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged at byte {at}: an offset leads outside the file, or a text is not UTF-8")]
pub(crate) struct Damaged {
    /// Where in the file.
    pub at: usize,
}

type Read<T> = Result<T, Damaged>;

fn bytes<const N: usize>(buf: &[u8], at: usize) -> Read<[u8; N]> {
    let end = at.checked_add(N).ok_or(Damaged { at })?;
    buf.get(at..end).and_then(|part| part.try_into().ok()).ok_or(Damaged { at })
}

fn u32_at(buf: &[u8], at: usize) -> Read<usize> {
    Ok(u32::from_le_bytes(bytes(buf, at)?) as usize)
}

fn follow(buf: &[u8], at: usize) -> Read<usize> {
    let to = at.checked_add(u32_at(buf, at)?).ok_or(Damaged { at })?;
    if to < buf.len() { Ok(to) } else { Err(Damaged { at }) }
}

/// A table: fields by their numbers in the schema; an absent field is `None`.
#[derive(Clone, Copy)]
pub(crate) struct FlatTable<'a> {
    buf: &'a [u8],
    at: usize,
    vtable: usize,
    vtable_bytes: usize,
}

impl<'a> FlatTable<'a> {
    /// The file's root table.
    pub fn root(buf: &'a [u8]) -> Read<FlatTable<'a>> {
        FlatTable::at(buf, follow(buf, 0)?)
    }

    fn at(buf: &'a [u8], at: usize) -> Read<FlatTable<'a>> {
        let back = i64::from(i32::from_le_bytes(bytes(buf, at)?));
        let vtable = usize::try_from(at as i64 - back).map_err(|_| Damaged { at })?;
        let vtable_bytes = usize::from(u16::from_le_bytes(bytes(buf, vtable)?));
        let table_bytes = usize::from(u16::from_le_bytes(bytes(buf, vtable + 2)?));
        let end = (vtable + vtable_bytes).max(at + table_bytes);
        if vtable_bytes < 4 || end > buf.len() {
            return Err(Damaged { at: vtable });
        }
        Ok(FlatTable { buf, at, vtable, vtable_bytes })
    }

    fn field(&self, id: usize) -> Read<Option<usize>> {
        let entry = 4 + 2 * id;
        if entry + 2 > self.vtable_bytes {
            return Ok(None);
        }
        let offset = usize::from(u16::from_le_bytes(bytes(self.buf, self.vtable + entry)?));
        Ok((offset != 0).then_some(self.at + offset))
    }

    fn scalar<const N: usize>(&self, id: usize) -> Read<Option<[u8; N]>> {
        self.field(id)?.map(|at| bytes(self.buf, at)).transpose()
    }

    /// A `byte` or `ubyte`.
    pub fn byte(&self, id: usize) -> Read<Option<u8>> {
        Ok(self.scalar::<1>(id)?.map(|b| b[0]))
    }

    /// Field `id` as a `uint`.
    pub fn uint(&self, id: usize) -> Read<Option<u32>> {
        Ok(self.scalar(id)?.map(u32::from_le_bytes))
    }

    /// Field `id` as a `ulong`.
    pub fn ulong(&self, id: usize) -> Read<Option<u64>> {
        Ok(self.scalar(id)?.map(u64::from_le_bytes))
    }

    /// Field `id` as a table.
    pub fn table(&self, id: usize) -> Read<Option<FlatTable<'a>>> {
        self.field(id)?.map(|at| FlatTable::at(self.buf, follow(self.buf, at)?)).transpose()
    }

    /// Field `id` as UTF-8 text.
    pub fn string(&self, id: usize) -> Read<Option<&'a str>> {
        let Some(raw) = self.elements(id, 1)? else { return Ok(None) };
        let at = self.at;
        let end = raw.as_ptr() as usize - self.buf.as_ptr() as usize + raw.len();
        if self.buf.get(end) != Some(&0) {
            // C++ readers rely on the zero that ends every text.
            return Err(Damaged { at: end });
        }
        std::str::from_utf8(raw).map(Some).map_err(|_| Damaged { at })
    }

    /// The bytes of a vector whose elements have `width` bytes each.
    fn elements(&self, id: usize, width: usize) -> Read<Option<&'a [u8]>> {
        let Some(at) = self.field(id)? else { return Ok(None) };
        let at = follow(self.buf, at)?;
        let bytes = u32_at(self.buf, at)?.checked_mul(width).ok_or(Damaged { at })?;
        let end = (at + 4).checked_add(bytes).ok_or(Damaged { at })?;
        self.buf.get(at + 4..end).map(Some).ok_or(Damaged { at })
    }

    /// A vector of `ubyte`.
    pub fn ubytes(&self, id: usize) -> Read<Option<&'a [u8]>> {
        self.elements(id, 1)
    }

    /// A vector of `int`; empty where absent.
    pub fn ints(&self, id: usize) -> Read<Vec<i32>> {
        let raw = self.elements(id, 4)?.unwrap_or(&[]);
        Ok(raw.chunks_exact(4).map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// A vector of `float`; empty where absent.
    pub fn floats(&self, id: usize) -> Read<Vec<f32>> {
        Ok(self.ints(id)?.into_iter().map(|bits| f32::from_bits(bits as u32)).collect())
    }

    /// The first element of a vector of `long`.
    pub fn first_long(&self, id: usize) -> Read<Option<i64>> {
        let raw = self.elements(id, 8)?.unwrap_or(&[]);
        Ok(raw.first_chunk::<8>().map(|b| i64::from_le_bytes(*b)))
    }

    /// A vector of tables; empty where absent.
    pub fn tables(&self, id: usize) -> Read<Vec<FlatTable<'a>>> {
        let Some(raw) = self.elements(id, 4)? else { return Ok(Vec::new()) };
        let start = raw.as_ptr() as usize - self.buf.as_ptr() as usize;
        (0..raw.len() / 4).map(|i| FlatTable::at(self.buf, follow(self.buf, start + 4 * i)?)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_any_length_and_content_is_read_without_a_panic() {
        for length in 0..64 {
            for fill in [0u8, 1, 4, 0x7f, 0x80, 0xff] {
                let buf = vec![fill; length];
                if let Ok(root) = FlatTable::root(&buf) {
                    for id in 0..8 {
                        let _ = (root.tables(id), root.string(id), root.ints(id), root.ulong(id));
                    }
                }
            }
        }
    }

    #[test]
    fn a_table_behind_the_end_is_named_as_damage() {
        assert_eq!(FlatTable::root(&[200, 0, 0, 0]).err(), Some(Damaged { at: 0 }));
    }
}
