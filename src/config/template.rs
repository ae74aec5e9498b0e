//! Text templates with fields in braces, for answers on a serial port.

/// A text with fields, such as `{OUTCOME} {id}\r\n`; `{{` and `}}` stand for the braces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerTemplate(Vec<TemplatePiece>);

/// One part of an [`AnswerTemplate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePiece {
    /// Literal text, written as it is.
    Text(String),
    /// A field that is replaced by its value.
    TemplateField(TemplateField),
}

/// The fields of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateField {
    /// `{id}`: number of the acquisition.
    Id,
    /// `{name}`: name of the trigger.
    Name,
    /// `{text}`: text that came with the trigger.
    Text,
    /// `{product}`: product that was selected.
    Product,
    /// `{outcome}`: `ok`, `ng`, `error`, `missed` or `overrun`.
    Outcome,
    /// `{OUTCOME}`: the outcome in capitals.
    OutcomeCapital,
    /// `{rois_ng}`: number of bad ROIs.
    RoisNg,
    /// `{total_us}`: time from the trigger to the end, microseconds.
    TotalUs,
}

/// The fields by the words in braces.
pub(super) const FIELDS: [(&str, TemplateField); 8] = [
    ("id", TemplateField::Id),
    ("name", TemplateField::Name),
    ("text", TemplateField::Text),
    ("product", TemplateField::Product),
    ("outcome", TemplateField::Outcome),
    ("OUTCOME", TemplateField::OutcomeCapital),
    ("rois_ng", TemplateField::RoisNg),
    ("total_us", TemplateField::TotalUs),
];

/// Why a text is not a valid template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateFault {
    /// A field that does not exist.
    TemplateField(String),
    /// An opening or closing brace without its counterpart.
    Brace,
}

impl TemplateField {
    /// Whether its value is known only at the end of the acquisition.
    pub(super) fn is_of_the_end(self) -> bool {
        matches!(
            self,
            TemplateField::Outcome
                | TemplateField::OutcomeCapital
                | TemplateField::RoisNg
                | TemplateField::TotalUs
        )
    }
}

impl AnswerTemplate {
    /// Parses `text`. Errors: an unknown field, or an unmatched brace.
    pub(super) fn parse(text: &str) -> Result<AnswerTemplate, TemplateFault> {
        let mut pieces = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            plain.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                plain.push_str(brace);
                rest = after;
                continue;
            }
            let end = rest.find('}').filter(|_| brace == "{").ok_or(TemplateFault::Brace)?;
            let word = &rest[..end];
            let known = FIELDS.iter().find(|(name, _)| *name == word);
            let (_, field) = known.ok_or_else(|| TemplateFault::TemplateField(word.to_owned()))?;
            if !plain.is_empty() {
                pieces.push(TemplatePiece::Text(std::mem::take(&mut plain)));
            }
            pieces.push(TemplatePiece::TemplateField(*field));
            rest = &rest[end + 1..];
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            pieces.push(TemplatePiece::Text(plain));
        }
        Ok(AnswerTemplate(pieces))
    }

    /// Whether the value of any field is known only at the end of the acquisition.
    pub(super) fn has_field_of_the_end(&self) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, TemplatePiece::TemplateField(field) if field.is_of_the_end()))
    }

    /// The parts of the template, in order.
    pub fn pieces(&self) -> &[TemplatePiece] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_text_and_fields_and_doubled_braces_are_text() {
        let template = AnswerTemplate::parse("{{{OUTCOME}}} {id}\r\n").unwrap();
        let text = |text: &str| TemplatePiece::Text(text.to_owned());
        let expected = [
            text("{"),
            TemplatePiece::TemplateField(TemplateField::OutcomeCapital),
            text("} "),
            TemplatePiece::TemplateField(TemplateField::Id),
            text("\r\n"),
        ];
        assert_eq!(template.pieces(), expected);
        assert_eq!(AnswerTemplate::parse("").unwrap().pieces(), []);
        assert_eq!(AnswerTemplate::parse("äöü").unwrap().pieces(), [text("äöü")]);
    }

    #[test]
    fn an_unknown_field_and_a_lonely_brace_are_refused() {
        assert_eq!(AnswerTemplate::parse("{Id}"), Err(TemplateFault::TemplateField("Id".into())));
        assert_eq!(AnswerTemplate::parse("{}"), Err(TemplateFault::TemplateField(String::new())));
        for text in ["{id", "id}", "{", "}", "a }{id}"] {
            assert_eq!(AnswerTemplate::parse(text), Err(TemplateFault::Brace), "{text}");
        }
    }
}
