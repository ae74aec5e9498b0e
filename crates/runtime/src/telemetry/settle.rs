//! Returns memory that only the start needed to the kernel: pages of program text that ran once (50 MiB of a
//! decoder's libraries), and freed heap.
//!
//! Program text is the kernel's own copy of a file: a page that is needed again is mapped from the page
//! cache, by a fault of a microsecond.

use std::fs;
use std::ops::Range;

/// Blocks of at least this size are mapped separately, and return to the kernel when they are freed. Compressed pictures
/// are such blocks: each has another length, and in the heap they would lie among small blocks that stay.
const MAPPED_BYTES: libc::c_int = 64 << 10;
/// Free memory at the end of a heap that is kept for the next request.
const SPARE_BYTES: libc::c_int = 256 << 10;

/// Keeps the allocator from giving each of two dozen threads its own heap, since they allocate little after
/// the start, and from keeping what large requests took: without a fixed bound, a block of 19 MiB that was
/// freed once is from then on taken from the heap, and stays there. Call it before there are threads.
pub fn share_heaps() {
    // SAFETY: the call only sets numbers of the allocator.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 2);
        libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED_BYTES);
        libc::mallopt(libc::M_TRIM_THRESHOLD, SPARE_BYTES);
    };
}

/// Returns memory that can be restored on demand. Costs milliseconds, so call it once, when the service runs
/// steadily.
pub fn settle() {
    // SAFETY: malloc_trim only returns free heap and may be called at any time.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0)
    };
    let maps = fs::read_to_string("/proc/self/smaps").unwrap_or_default();
    for range in clean_text(&maps) {
        // SAFETY: a private, unwritable mapping of a file of which no page was ever changed: the next access
        // finds the same bytes. Only the dynamic loader changes such pages (relocation), and while it does
        // they are writable. Failure changes nothing.
        unsafe { libc::madvise(range.start as *mut _, range.len(), libc::MADV_DONTNEED) };
    }
}

/// The mappings in `smaps` that hold unchanged text, or constants beside it, of a library or program.
fn clean_text(smaps: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut candidate = None;
    for line in smaps.lines() {
        if let Some(range) = head(line) {
            candidate = range;
        } else if let Some(changed) = line.strip_prefix("Anonymous:") {
            found.extend(candidate.take().filter(|_| changed.trim() == "0 kB"));
        }
    }
    found
}

/// `Some` for the first line of a mapping, with its range if it is of the right kind.
fn head(line: &str) -> Option<Option<Range<usize>>> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let range = usize::from_str_radix(start, 16).ok()?..usize::from_str_radix(end, 16).ok()?;
    let (rights, name) = (words.next()?, words.nth(3).unwrap_or_default());
    Some((matches!(rights, "r-xp" | "r--p") && name.starts_with('/')).then_some(range))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unchanged_text_of_files_is_given_back() {
        let smaps = "\
1000-3000 r-xp 00000000 fe:00 12 /usr/lib/a.so\nRss: 8 kB\nAnonymous:             0 kB\nVmFlags: rd ex\n\
3000-4000 rw-p 00002000 fe:00 12 /usr/lib/a.so\nAnonymous:             0 kB\n\
5000-6000 r-xp 00000000 fe:00 13 /usr/lib/patched.so\nAnonymous:             4 kB\n\
7000-8000 r-xp 00000000 00:00 0 [vdso]\nAnonymous:             0 kB\n\
8000-9000 r--p 00000000 fe:00 12 /usr/lib/a.so\nAnonymous:             0 kB\n\
9000-a000 r--p 00000000 fe:00 12 /usr/lib/relocated.so\nAnonymous:             4 kB\n";
        assert_eq!(clean_text(smaps), [0x1000..0x3000, 0x8000..0x9000]);
    }

    #[test]
    fn the_process_runs_on_after_it_settled() {
        let sum = |words: &[String]| words.iter().map(String::len).sum::<usize>();
        let words: Vec<String> = (0..1000).map(|n| n.to_string()).collect();
        let before = sum(&words);
        settle();
        assert_eq!(sum(&words), before);
    }
}
