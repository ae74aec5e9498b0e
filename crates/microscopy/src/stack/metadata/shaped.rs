//! The JSON that tifffile writes: `{"shape": [5, 60, 64], "axes": "TYX"}`.

/// What tifffile says of a file.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::stack) struct Shaped {
    /// Length of each axis, slowest first.
    pub shape: Vec<usize>,
    /// A letter for each axis.
    pub axes: Option<String>,
    /// Only the first page has a directory; the others follow its pixels.
    pub truncated: bool,
}

impl Shaped {
    pub(in crate::stack) fn parse(description: &str) -> Option<Shaped> {
        if !description.starts_with('{') {
            return None;
        }
        let value: serde_json::Value = serde_json::from_str(description).ok()?;
        let length =
            |length: &serde_json::Value| length.as_u64().and_then(|length| usize::try_from(length).ok());
        let shape = value.get("shape")?.as_array()?.iter().map(length).collect::<Option<Vec<_>>>()?;
        let axes = value
            .get("axes")
            .and_then(|axes| axes.as_str())
            .filter(|axes| axes.chars().count() == shape.len());
        let truncated = value.get("truncated").and_then(serde_json::Value::as_bool).unwrap_or(false);
        Some(Shaped { shape, axes: axes.map(str::to_owned), truncated })
    }

    /// Planes: the lengths of all axes but rows, columns and colours.
    pub(in crate::stack) fn planes(&self) -> Option<usize> {
        self.leading().iter().try_fold(1usize, |product, (_, length)| product.checked_mul(*length))
    }

    /// Letter and length of each axis that counts planes; `Q` where there is no letter.
    pub(in crate::stack) fn leading(&self) -> Vec<(char, usize)> {
        match &self.axes {
            Some(axes) => axes
                .chars()
                .zip(self.shape.iter().copied())
                .filter(|(letter, _)| !"YXS".contains(*letter))
                .collect(),
            None => {
                let leading = self.shape.len().saturating_sub(2);
                self.shape.iter().take(leading).map(|length| ('Q', *length)).collect()
            }
        }
    }
}
