//! Texts with fields in braces: what is written back to a port.

/// A text with fields, such as `{OUTCOME} {id}\r\n`; `{{` and `}}` stand for the braces themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerTemplate(Vec<TemplatePiece>);

/// A part of a [`AnswerTemplate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TemplatePiece {
    /// Text as it stands.
    Text(String),
    /// A field that is filled in.
    TemplateField(TemplateField),
}

/// What a template may have filled in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateField {
    /// The acquisition's number.
    Id,
    /// The trigger's name.
    Name,
    /// The text that came with the trigger.
    Text,
    /// The product that was selected.
    Product,
    /// `ok`, `ng`, `error`, `missed` or `overrun`.
    Outcome,
    /// The same in capitals.
    OutcomeCapital,
    /// How many ROIs are bad.
    RoisNg,
    /// Microseconds from the trigger to the end.
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

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TemplateFault {
    /// A field that does not exist.
    TemplateField(String),
    /// A brace without its partner.
    Brace,
}

impl TemplateField {
    /// Whether it is known only when the acquisition has ended.
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
    /// Reads `text`.
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

    /// Whether a field is known only when the acquisition has ended.
    pub(super) fn has_field_of_the_end(&self) -> bool {
        self.0
            .iter()
            .any(|piece| matches!(piece, TemplatePiece::TemplateField(field) if field.is_of_the_end()))
    }

    /// Its parts, in order.
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
