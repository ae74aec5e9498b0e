//! Public models that are not part of Ocellus: where to download each, its SHA-256, its licence and its card.

use std::sync::OnceLock;

use serde::Deserialize;

/// One public model of the catalogue.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct CatalogueModel {
    /// Name of the model in the catalogue.
    pub name: String,
    /// Name of the model file.
    pub file: String,
    /// What the model does, in a few words.
    pub what: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// The public repository on GitHub, `OWNER/NAME`.
    pub repository: String,
    /// Path of the file in the repository.
    pub path: String,
    /// Commit of the repository that holds this file.
    pub commit: String,
    /// Licence that the repository states.
    pub licence: String,
    /// What to consider before it is used, where anything.
    #[serde(default)]
    pub caution: Option<String>,
    card: String,
}

impl CatalogueModel {
    /// URL from which the file can be downloaded.
    pub fn url(&self) -> String {
        format!("https://github.com/{}/raw/{}/{}", self.repository, self.commit, self.path)
    }

    /// Text of the model's card, with its digest pinned.
    pub fn card(&self) -> String {
        let head = format!("# The card of {}: {}.\n", self.file, self.what);
        format!("{head}{}sha256 = \"{}\"\n", self.card, self.sha256)
    }

    /// Command line that installs it into the folder `dir`.
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
        // The file is embedded and a test reads it, so no user can break it.
        toml::from_str::<Catalogue>(text).map(|catalogue| catalogue.model).unwrap_or_default()
    })
}

/// The model whose name or file name is `name`; `None` where there is none.
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
