//! `ocellus product`: which product a camera inspects, and another one from now on.

use clap::Args;
use serde_json::{Value, json};

use super::{LiveCommon, word};
use crate::cli::{CliOutput, output};

/// Every trigger that follows is judged by the new product; what is under way ends with the old one. Nothing is
/// stopped. A product that cannot be made ready is refused, and the one in force stays.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProductArgs {
    /// The product, as its recipe's file is called; without it, the one in force is told.
    #[arg(value_name = "NAME")]
    product: Option<String>,
    /// The camera; the only one that inspects, by default.
    #[arg(long, value_name = "NAME")]
    camera: Option<String>,
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &ProductArgs) -> anyhow::Result<()> {
    let request = json!({ "camera": arguments.camera, "product": arguments.product });
    let answer = arguments.common.ask("product", request);
    output::output(
        arguments.common.json,
        answer.map(|answer| CliOutput::new(in_words(&answer), json(answer))),
    )
}

fn in_words(answer: &Value) -> String {
    let (camera, product) = (word(answer, "camera"), word(answer, "product"));
    let (recipe, goldens) = (&answer["recipe_revision"], &answer["golden_revision"]);
    format!("{camera}: {product}, recipe revision {recipe}, golden revision {goldens}")
}

fn json(mut answer: Value) -> Value {
    answer["ok"] = true.into();
    answer
}
