//! `barcode`: the region must hold a readable code with the expected text.

use super::super::check::{Check, CheckError, Found, View};
use crate::config::recipe::Expect;
use crate::image::barcode::{CodeReader, Effort, Format, matches};
use crate::types::Channels;

pub(in super::super) struct BarcodeCheck {
    formats: Vec<Format>,
    expect: Expect,
    reader: CodeReader,
}

impl BarcodeCheck {
    pub fn new(formats: Vec<Format>, expect: Expect) -> BarcodeCheck {
        let reader = CodeReader::new(&formats, Effort::default());
        BarcodeCheck { formats, expect, reader }
    }
}

impl Check for BarcodeCheck {
    fn run(&mut self, view: &mut View<'_>) -> Result<Found, CheckError> {
        let wanted = match &self.expect {
            Expect::Trigger => Some(view.text.ok_or(CheckError::NoText)?.to_owned()),
            _ => None,
        };
        let codes = self.reader.read(view.cut(Channels::Gray)?)?;
        let fits = |text: &str| match (&self.expect, &wanted) {
            (Expect::Any, _) => true,
            (Expect::Text(expected), _) => text == expected,
            (Expect::Pattern(pattern), _) => matches(pattern, text),
            (Expect::Trigger, wanted) => wanted.as_deref() == Some(text),
        };
        let right = codes.iter().find(|code| fits(&code.text));
        let read = right.or(codes.first()).map(|code| code.text.clone());
        let good = right.is_some();
        // The score is 1 for a code with the expected text, and 0 otherwise.
        let score = if good { 1.0 } else { 0.0 };
        Ok(Found { good, score, threshold: 1.0, unit: "count", text: read, ..Found::default() })
    }

    fn fork(&self) -> Box<dyn Check> {
        Box::new(BarcodeCheck::new(self.formats.clone(), self.expect.clone()))
    }
}
