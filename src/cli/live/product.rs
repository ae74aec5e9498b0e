//! `ocellus product`: which product a camera inspects, and another one from now on.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::inspection::{ProductOut, ProductRequest};

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
    let (camera, product) = (arguments.camera.clone(), arguments.product.clone());
    arguments.common.show(&Command::Product(ProductRequest { camera, product }), in_words)
}

fn in_words(answer: &ProductOut) -> String {
    let ProductOut { camera, product, recipe_revision, golden_revision } = answer;
    format!("{camera}: {product}, recipe revision {recipe_revision}, golden revision {golden_revision}")
}
