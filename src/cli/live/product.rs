//! `ocellus product`: shows the product that a camera inspects, or selects another one.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::commands::inspection::{ProductOut, ProductRequest};

/// The new product judges every trigger that follows; parts in progress end with the old one. Nothing is
/// stopped. A product that cannot be loaded is refused, and the current one stays.
#[derive(Debug, Args)]
pub(in crate::cli) struct ProductArgs {
    /// The product; the name of its recipe file. Without it the current one is shown.
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
