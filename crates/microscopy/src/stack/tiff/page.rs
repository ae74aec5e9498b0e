//! What one page is: its size, its kind of pixels, how they are stored.

/// What a pixel is in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::stack) enum Sample {
    U8,
    U16,
    U32,
    I8,
    I16,
    I32,
    F16,
    F32,
    F64,
}

impl Sample {
    pub(in crate::stack) fn bytes(self) -> usize {
        match self {
            Sample::U8 | Sample::I8 => 1,
            Sample::U16 | Sample::I16 | Sample::F16 => 2,
            Sample::U32 | Sample::I32 | Sample::F32 => 4,
            Sample::F64 => 8,
        }
    }

    pub(in crate::stack) fn name(self) -> &'static str {
        match self {
            Sample::U8 => "8 bit",
            Sample::U16 => "16 bit",
            Sample::U32 => "32 bit",
            Sample::I8 => "8 bit with sign",
            Sample::I16 => "16 bit with sign",
            Sample::I32 => "32 bit with sign",
            Sample::F16 => "16 bit floating point",
            Sample::F32 => "32 bit floating point",
            Sample::F64 => "64 bit floating point",
        }
    }

    /// By bits and the number of the sample format.
    pub(super) fn from_tags(bits: u64, format: u64) -> Option<Sample> {
        Some(match (format, bits) {
            // 4 is "undefined", which writers use for unsigned numbers.
            (1 | 4, 8) => Sample::U8,
            (1 | 4, 16) => Sample::U16,
            (1 | 4, 32) => Sample::U32,
            (2, 8) => Sample::I8,
            (2, 16) => Sample::I16,
            (2, 32) => Sample::I32,
            (3, 16) => Sample::F16,
            (3, 32) => Sample::F32,
            (3, 64) => Sample::F64,
            _ => return None,
        })
    }
}

/// Where a value stands in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::stack) struct Place {
    /// Bytes from the start of the directory.
    pub offset: u64,
    /// Bytes of the value: 2, 4 or 8.
    pub size: u8,
}

/// What pages have in common; a file has few of these and many pages.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(in crate::stack) struct Shape {
    pub width: u32,
    pub height: u32,
    pub sample: Sample,
    /// Values of each pixel: 1 for grey, 3 for colours.
    pub samples: u16,
    /// Whether the values of a pixel lie in planes of their own.
    pub planar: bool,
    /// Width and height of tiles, unless the page has strips.
    pub tile: Option<(u32, u32)>,
    /// Where the photometric interpretation stands.
    pub photometric: Option<Place>,
    /// Where width and height stand.
    pub sides: [Place; 2],
}

impl Shape {
    /// Bytes of the decoded page.
    pub(in crate::stack) fn page_bytes(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height) * u64::from(self.samples) * self.sample.bytes() as u64
    }

    /// Whether two pages can be planes of one stack.
    pub(in crate::stack) fn is_like(&self, other: &Shape) -> bool {
        let facts = |shape: &Shape| (shape.width, shape.height, shape.sample, shape.samples);
        facts(self) == facts(other)
    }

    /// For a person, for instance "640 x 480, 16 bit".
    pub(in crate::stack) fn describe(&self) -> String {
        let samples =
            if self.samples > 1 { format!(", {} values a pixel", self.samples) } else { String::new() };
        format!("{} x {}, {}{samples}", self.width, self.height, self.sample.name())
    }
}

/// One page of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::stack) struct Page {
    /// Where its directory is.
    pub directory: u64,
    /// Where its pixels are, if they lie there row by row without compression; 0: they do not.
    pub data: u64,
    /// Index of its shape.
    pub shape: u32,
}
