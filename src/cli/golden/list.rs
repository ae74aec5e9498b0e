//! `ocellus golden list`: the products, and the golden pictures of each.

use clap::Args;
use serde_json::json;

use super::{CliOutput, GoldenClient, GoldenCommon, view};
use crate::config::recipe;
use crate::store::GoldenSet;

#[derive(Debug, Args)]
pub(super) struct ListGoldensArgs {
    #[command(flatten)]
    pub(super) common: GoldenCommon,
}

pub(super) fn run(arguments: &ListGoldensArgs) -> anyhow::Result<CliOutput> {
    let client = GoldenClient::open(&arguments.common)?;
    let sets = client.sets()?;
    let mut with_recipe = Vec::new();
    for folder in client.folders() {
        with_recipe.extend(recipe::products(folder)?);
    }
    let mut products = with_recipe.clone();
    products.extend(sets.iter().map(|set| set.product.clone()));
    products.sort_unstable();
    products.dedup();
    let rows: Vec<_> = products
        .iter()
        .map(|product| {
            let set = sets.iter().find(|set| set.product == *product);
            (product, set, with_recipe.contains(product))
        })
        .collect();
    let json = rows.iter().map(
        |(product, set, recipe)| json!({ "product": product, "recipe": recipe, "set": set.map(view::json) }),
    );
    let words: Vec<_> = rows.iter().map(|(product, set, recipe)| in_words(product, *set, *recipe)).collect();
    let words = match words.is_empty() {
        true => "no product has a recipe or golden pictures yet".to_owned(),
        false => words.join("\n"),
    };
    Ok(CliOutput::new(words, json!({ "ok": true, "products": json.collect::<Vec<_>>() })))
}

fn in_words(product: &str, set: Option<&GoldenSet>, recipe: bool) -> String {
    let set = match set {
        Some(set) => format!("{}, {}", view::headline(set), view::moment(set.created_ns)),
        None => format!("{product}: never taught"),
    };
    if recipe { set } else { format!("{set} (it has no recipe)") }
}
