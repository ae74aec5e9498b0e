//! Public models that do not ship with us: where each is to be had, its SHA-256, its licence and its card.

use std::sync::OnceLock;

use serde::Deserialize;

/// A public model.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// What it is called here.
    pub name: String,
    /// What its file is called.
    pub file: String,
    /// What it does.
    pub what: String,
    /// Length of its file.
    pub bytes: u64,
    /// SHA-256 of its file, 64 hexadecimal digits.
    pub sha256: String,
    /// The public repository on GitHub, `OWNER/NAME`.
    pub repository: String,
    /// The file's path in it.
    pub path: String,
    /// The commit at which it was taken.
    pub commit: String,
    /// The licence that is stated there.
    pub licence: String,
    /// What to think of before it is used.
    #[serde(default)]
    pub caution: Option<String>,
    card: String,
}

impl CatalogueModel {
    /// Where the file can be fetched.
    pub fn url(&self) -> String {
        format!("https://github.com/{}/raw/{}/{}", self.repository, self.commit, self.path)
    }

    /// The text of its card, with the digest that it pins.
    pub fn card(&self) -> String {
        let head = format!("# The card of {}: {}.\n", self.file, self.what);
        format!("{head}{}sha256 = \"{}\"\n", self.card, self.sha256)
    }

    /// The line that installs it into the folder `dir`.
    pub fn command(&self, dir: &str) -> String {
        format!("ocellus models add {} --file {} --dir {dir}", self.name, self.file)
    }
}

/// The catalogue, in the order of its file.
pub fn catalogue() -> &'static [CatalogueModel] {
    #[derive(Deserialize)]
    struct Catalogue {
        model: Vec<CatalogueModel>,
    }
    static CATALOGUE: OnceLock<Vec<CatalogueModel>> = OnceLock::new();
    CATALOGUE.get_or_init(|| {
        let text = include_str!("../../models/catalogue.toml");
        // Embedded, and read by a test: no user can make it wrong.
        toml::from_str::<Catalogue>(text).map(|catalogue| catalogue.model).unwrap_or_default()
    })
}

/// The model that is called `name`, or whose file is.
pub fn catalogue_model(name: &str) -> Option<&'static CatalogueModel> {
    let is = |model: &&CatalogueModel| model.name == name || model.file == name;
    catalogue().iter().find(is)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::{Task, parse_card};

    #[test]
    fn every_entry_has_a_card_that_can_be_read_and_pins_its_file() {
        assert_eq!(catalogue().len(), 3);
        for model in catalogue() {
            let card = parse_card(&model.card(), Path::new("card")).unwrap();
            assert_eq!(card.sha256.as_deref(), Some(&*model.sha256));
            assert_eq!((model.sha256.len(), model.commit.len()), (64, 40), "{}", model.name);
            assert!(matches!(card.task, Some(Task::BlazeFace | Task::Embed)), "{}", model.name);
        }
        let caution = catalogue_model("mobilefacenet").unwrap().caution.as_deref().unwrap();
        assert!(caution.contains("reviewed"), "{caution}");
    }
}
