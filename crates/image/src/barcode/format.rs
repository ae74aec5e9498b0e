//! The kinds of code that can be read, and the words for them in a recipe.

use std::fmt;
use std::str::FromStr;

use rxing::BarcodeFormat;

use super::BarcodeError;

/// A kind of code (symbology).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// QR Code, model 2 (ISO/IEC 18004).
    Qr,
    /// Micro QR (ISO/IEC 18004).
    MicroQr,
    /// Data Matrix ECC 200 (ISO/IEC 16022).
    DataMatrix,
    /// Aztec, a matrix code (ISO/IEC 24778).
    Aztec,
    /// PDF417, rows of bars stacked (ISO/IEC 15438).
    Pdf417,
    /// Code 128 and GS1-128 (ISO/IEC 15417).
    Code128,
    /// Code 39 (ISO/IEC 16388), its check digit not asked for.
    Code39,
    /// Code 93, a line code for letters and digits.
    Code93,
    /// Codabar (EN 798), without its start and stop letters.
    Codabar,
    /// Interleaved 2 of 5 (ISO/IEC 16390) of 6 digits or more.
    Itf,
    /// EAN-13, the line code of retail goods (ISO/IEC 15420).
    Ean13,
    /// EAN-8, its short form for small packages (ISO/IEC 15420).
    Ean8,
    /// UPC-A: 12 digits. Asked for together with EAN-13, an EAN-13 that begins with 0 is reported as this.
    UpcA,
    /// UPC-E, 8 digits as printed.
    UpcE,
    /// GS1 DataBar, stacked or not (ISO/IEC 24724).
    DataBar,
    /// GS1 DataBar Expanded, for weight, price or date beside the article number (ISO/IEC 24724).
    DataBarExpanded,
}

/// Each kind, its word and the library's name for it. 2D first: their checks are the strongest.
const TABLE: [(Format, &str, BarcodeFormat); 16] = [
    (Format::Qr, "qr", BarcodeFormat::QR_CODE),
    (Format::MicroQr, "micro_qr", BarcodeFormat::MICRO_QR_CODE),
    (Format::DataMatrix, "data_matrix", BarcodeFormat::DATA_MATRIX),
    (Format::Aztec, "aztec", BarcodeFormat::AZTEC),
    (Format::Pdf417, "pdf417", BarcodeFormat::PDF_417),
    (Format::Code128, "code128", BarcodeFormat::CODE_128),
    (Format::Code39, "code39", BarcodeFormat::CODE_39),
    (Format::Code93, "code93", BarcodeFormat::CODE_93),
    (Format::Codabar, "codabar", BarcodeFormat::CODABAR),
    (Format::Itf, "itf", BarcodeFormat::ITF),
    (Format::Ean13, "ean13", BarcodeFormat::EAN_13),
    (Format::Ean8, "ean8", BarcodeFormat::EAN_8),
    (Format::UpcA, "upca", BarcodeFormat::UPC_A),
    (Format::UpcE, "upce", BarcodeFormat::UPC_E),
    (Format::DataBar, "databar", BarcodeFormat::RSS_14),
    (Format::DataBarExpanded, "databar_expanded", BarcodeFormat::RSS_EXPANDED),
];

impl Format {
    /// Every kind, 2D first.
    pub const ALL: [Format; 16] = {
        let mut all = [Format::Qr; 16];
        let mut i = 0;
        while i < all.len() {
            all[i] = TABLE[i].0;
            i += 1;
        }
        all
    };

    /// Its word in a recipe.
    pub fn as_str(self) -> &'static str {
        self.row().1
    }

    /// Whether it is an area of modules and not a row of bars.
    pub fn is_2d(self) -> bool {
        self <= Format::Pdf417
    }

    /// Whether it hardly detects a misreading: it has no check digit, or one that one in ten runs of bars meets.
    pub(super) fn is_weak(self) -> bool {
        use Format::{Codabar, Code39, Ean8, Ean13, Itf, UpcA, UpcE};
        matches!(self, Itf | Codabar | Code39 | UpcE | Ean8 | Ean13 | UpcA)
    }

    pub(super) fn library(self) -> BarcodeFormat {
        self.row().2
    }

    pub(super) fn from_library(format: &BarcodeFormat) -> Option<Format> {
        TABLE.iter().find(|row| row.2 == *format).map(|row| row.0)
    }

    fn row(self) -> &'static (Format, &'static str, BarcodeFormat) {
        // The table is in the order of the enum, which a test holds.
        &TABLE[self as usize]
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = BarcodeError;

    fn from_str(word: &str) -> Result<Format, BarcodeError> {
        TABLE.iter().find(|row| row.1 == word).map(|row| row.0).ok_or_else(|| BarcodeError::UnknownFormat {
            word: word.into(),
            known: TABLE.map(|row| row.1).join(", "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_means_its_format_and_back() {
        for format in Format::ALL {
            assert_eq!(format.as_str().parse::<Format>().unwrap(), format);
            assert_eq!(Format::from_library(&format.library()), Some(format));
        }
    }

    #[test]
    fn an_unknown_word_is_refused_with_the_words_that_exist() {
        let error = "qrcode".parse::<Format>().unwrap_err().to_string();
        assert!(error.contains("\"qrcode\"") && error.contains("qr, micro_qr, data_matrix"), "{error}");
    }
}
