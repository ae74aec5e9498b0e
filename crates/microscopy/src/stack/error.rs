//! Why a stack was refused: what, where, why, and what to do next.

use std::path::PathBuf;

use super::PlaneAddress;

/// Why a stack was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StackError {
    /// The path leads to nothing.
    #[error("{}: there is no such file or folder; check the path, or quote a pattern with * so that the shell leaves it alone", path.display())]
    NotFound {
        /// The path as it was given.
        path: PathBuf,
    },
    /// A folder or a pattern holds no image stack.
    #[error("{}: {looked} and no image stack among them; TIFF files end in .tif, .tiff, .btf, .tf2 or .tf8", path.display())]
    NoImages {
        /// The folder or pattern.
        path: PathBuf,
        /// What was there, for instance "3 files".
        looked: String,
    },
    /// The operating system does not let the file be read.
    #[error("{}: cannot be read ({source}); check its permissions and that its disk or share is there", path.display())]
    Unreadable {
        /// The file that is refused.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// The file has no bytes.
    #[error("{}: the file is empty (0 bytes): its recording or copy failed; copy it again, or leave it out", path.display())]
    EmptyFile {
        /// The file that is refused.
        path: PathBuf,
    },
    /// A folder lies where a file is needed.
    #[error("{}: this is a folder, and a file is needed here{named}; leave it out, or give the folder itself as the input", path.display())]
    FolderAsFile {
        /// The folder that is refused.
        path: PathBuf,
        /// Which file names it, as an addition to the sentence, or nothing.
        named: String,
    },
    /// The bytes are not those of a format that can be read.
    #[error("{}: this is not an image stack ({found}); convert it to OME-TIFF, or leave it out", path.display())]
    NotAnImage {
        /// The file that is refused.
        path: PathBuf,
        /// What its first bytes are.
        found: String,
    },
    /// The file needs a part that this program was built without, or that is given by other means.
    #[error("{}: {format} is not read here ({why}); {remedy}", path.display())]
    Unsupported {
        /// The file that is refused.
        path: PathBuf,
        /// The name of the format.
        format: &'static str,
        /// Why it cannot be used.
        why: String,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The file ends before all of its pages are complete.
    #[error("{}: the file is cut off: {whole} of {} pages are complete{} ({missing}); copy or export it again, the rest is not in it", path.display(), expected.as_deref().unwrap_or("an unknown number of"), in_part(*partial))]
    Truncated {
        /// The file that is refused.
        path: PathBuf,
        /// Pages whose pixels are all there.
        whole: usize,
        /// Pages whose header is there, and not all of their pixels.
        partial: usize,
        /// How many there should be, "about" where this is an estimate.
        expected: Option<String>,
        /// What lies behind the end.
        missing: String,
    },
    /// The directories of the file lead back to an earlier one.
    #[error("{}: page {page} leads back to an earlier page (byte {offset}), so that the file has no end; it is damaged: export it again", path.display())]
    PageLoop {
        /// The file that is refused.
        path: PathBuf,
        /// Number of the page that leads back, from 1.
        page: usize,
        /// Where it leads, bytes.
        offset: u64,
    },
    /// A header contradicts itself or the file's length.
    #[error("{}: {place}: {what}; the file is damaged or not what it says: export it again", path.display())]
    Damaged {
        /// The file that is refused.
        path: PathBuf,
        /// Where in the file.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// A page claims more pixels than its bytes can hold.
    #[error("{}: page {page} claims {claimed} bytes of pixels and holds {held} bytes of data; the header lies about the size: export it again", path.display())]
    FalseSize {
        /// The file that is refused.
        path: PathBuf,
        /// Number of the page, from 1.
        page: usize,
        /// Bytes of pixels by the header.
        claimed: u64,
        /// Bytes of data in the file.
        held: u64,
    },
    /// A plane needs more memory than is allowed.
    #[error("{}: a plane of {width} x {height} pixels takes {bytes} bytes, and {limit} are allowed; cut the pictures into smaller fields", path.display())]
    TooLarge {
        /// The file that is refused.
        path: PathBuf,
        /// Pixels in a row.
        width: u64,
        /// Rows of the picture.
        height: u64,
        /// Memory of the plane, bytes.
        bytes: u64,
        /// The limit of memory, bytes.
        limit: u64,
    },
    /// Pixels or a compression that cannot be decoded.
    #[error("{}: page {page} has {what}, which is not supported; save it as grey 8, 16 or 32 bit, uncompressed, LZW or deflate", path.display())]
    UnsupportedPixels {
        /// The file that is refused.
        path: PathBuf,
        /// Number of the page, from 1.
        page: usize,
        /// What it has, in words.
        what: String,
    },
    /// Pictures of one stack differ in size or kind of pixels.
    #[error("{}: page {page} is {this}, page 1 of {} is {other}; a stack needs pictures of one kind: put those that differ into a stack of their own", path.display(), first.display())]
    Mixed {
        /// The file that differs.
        path: PathBuf,
        /// Number of the page that differs, from 1.
        page: usize,
        /// The file that it was compared with.
        first: PathBuf,
        /// Size and pixels of the one.
        this: String,
        /// Size and pixels of the other.
        other: String,
    },
    /// Positions have different channels.
    #[error("position {position} ({}) has {this} channels, position 0 has {other}; give stacks with the same channels together only", path.display())]
    MixedChannels {
        /// The file of the position.
        path: PathBuf,
        /// Index of the position.
        position: usize,
        /// Channels of this position.
        this: usize,
        /// Channels of the first position.
        other: usize,
    },
    /// Planes that the metadata or the names promise are not there.
    #[error("{}: {missing} of {expected} planes are missing, the first is {first}; add the files, or give the frames and channels that are there as a stack of their own", path.display())]
    MissingPlanes {
        /// The file or folder.
        path: PathBuf,
        /// How many are missing.
        missing: usize,
        /// How many there should be.
        expected: usize,
        /// The first of them, for instance "channel 1, frame 3, z 0".
        first: String,
    },
    /// Two pictures claim the same place in the stack.
    #[error("{}: {} has the same place ({place}); give a name pattern with one number for each axis", path.display(), other.display())]
    SamePlace {
        /// The file that is refused.
        path: PathBuf,
        /// The file that has it too.
        other: PathBuf,
        /// The place, for instance "channel 1, frame 3, z 0".
        place: String,
    },
    /// A file that belongs to the stack is not there.
    #[error("{}: it names {file}, which is not in its folder; put it there, its planes are part of the stack", path.display())]
    MissingFile {
        /// The file with the metadata.
        path: PathBuf,
        /// The name of the missing file.
        file: String,
    },
    /// Time stamps run backwards.
    #[error(
        "position {position}: frame {frame} is at {this_ms} ms, before the frame in front of it at {before_ms} ms; give the frame interval instead of the time stamps of the file"
    )]
    TimesGoBack {
        /// Name of the position.
        position: String,
        /// Index of the frame.
        frame: usize,
        /// Its time, milliseconds from the first frame.
        this_ms: f64,
        /// The time of the frame before, milliseconds.
        before_ms: f64,
    },
    /// The text of `--axes` cannot be applied.
    #[error(
        "axes {axes:?}: {why}; write the letters P, T, C and Z, slowest first, with counts where needed, for instance T5C2"
    )]
    Axes {
        /// The text that was given.
        axes: String,
        /// Why it cannot be used.
        why: String,
    },
    /// The name pattern cannot be applied.
    #[error(
        "pattern {pattern:?}: {why}; write {{t}}, {{p}}, {{c}} or {{z}} where the numbers stand, for instance img_t{{t}}_c{{c}}.tif"
    )]
    Pattern {
        /// The pattern that was given.
        pattern: String,
        /// Why it cannot be used.
        why: String,
    },
    /// The names of a folder's files can be read in more than one way.
    #[error("{}: {why}; give a name pattern{suggestion}", path.display())]
    AmbiguousNames {
        /// The folder that is refused.
        path: PathBuf,
        /// What differs between the names.
        why: String,
        /// A pattern that fits, as an addition to the sentence, or nothing.
        suggestion: String,
    },
    /// The metadata cannot be understood.
    #[error("{}: its {kind} metadata cannot be used: {why}; give the axes to read the pages without it", path.display())]
    Metadata {
        /// The file that is refused.
        path: PathBuf,
        /// Which metadata, for instance "OME-XML".
        kind: &'static str,
        /// Why it cannot be used.
        why: String,
    },
    /// The frame interval is not a time.
    #[error("frame interval {interval_ms} ms: give a number above 0")]
    Interval {
        /// The given interval, milliseconds.
        interval_ms: f64,
    },
    /// A plane was asked for that the stack does not have.
    #[error("there is no plane at position {}, channel {}, frame {}, z {}: the stack has {has}", address.position, address.channel, address.frame, address.z)]
    NoSuchPlane {
        /// What was asked for.
        address: PlaneAddress,
        /// What the stack has.
        has: String,
    },
    /// A file is another one than when the stack was opened.
    #[error("{}: the file has changed since the stack was opened ({what}); wait until its recording has ended and start again", path.display())]
    Changed {
        /// The file that is refused.
        path: PathBuf,
        /// What has changed since then.
        what: String,
    },
    /// The pixels of a page cannot be decoded.
    #[error("{}: page {page} cannot be decoded ({source}); the file is damaged: export it again", path.display())]
    Decode {
        /// The file that is refused.
        path: PathBuf,
        /// Number of the page, from 1.
        page: usize,
        /// The error of the decoder.
        source: tiff::TiffError,
    },
    /// A source of another kind than TIFF failed.
    #[error("{}: {source}", path.display())]
    Source {
        /// The file that is refused.
        path: PathBuf,
        /// The error of the source.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

fn in_part(pages: usize) -> String {
    if pages == 0 { String::new() } else { format!(", {pages} more in part") }
}
