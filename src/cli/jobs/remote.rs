//! `ocellus jobs add fetch`, `upload` and `generate`: the kinds that reach other servers.

use std::collections::BTreeMap;

use clap::Args;

use super::add::{AddCommon, here};
use crate::commands::jobs::{FetchIn, GenerateIn, JobIn, UploadIn, ValueIn};

/// The arguments of `jobs add fetch`.
#[derive(Debug, Args)]
pub(super) struct FetchArgs {
    /// The URLs of the pictures, http or https.
    #[arg(required = true, value_name = "URL")]
    urls: Vec<String>,
    /// SHA-256 that the file must have; for one URL.
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    #[command(flatten)]
    common: AddCommon,
}

impl FetchArgs {
    pub(super) fn jobs(&self) -> Vec<JobIn> {
        let job = |url: &String| {
            self.common.job("fetch", &FetchIn { url: url.clone(), sha256: self.sha256.clone() })
        };
        self.urls.iter().map(job).collect()
    }
}

/// The arguments of `jobs add upload`.
#[derive(Debug, Args)]
pub(super) struct UploadArgs {
    /// The picture; without it, all that the jobs of --after made.
    #[arg(value_name = "PICTURE")]
    picture: Option<String>,
    /// Where it goes: a presigned URL for each file, or one URL with {name} or {sha256} in its path for all of them.
    #[arg(long = "to", required = true, value_name = "URL")]
    urls: Vec<String>,
    /// The header Content-Type, where a URL was signed with another one than that of the file.
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    common: AddCommon,
}

impl UploadArgs {
    pub(super) fn jobs(&self) -> Vec<JobIn> {
        let parameters = UploadIn {
            picture: self.picture.as_deref().map(here),
            from_jobs: self.picture.is_none(),
            urls: self.urls.clone(),
            content_type: self.content_type.clone(),
        };
        vec![self.common.job("upload", &parameters)]
    }
}

/// The arguments of `jobs add generate`.
#[derive(Debug, Args)]
pub(super) struct GenerateArgs {
    /// A value that the service takes, such as prompt="a red shoe"; may be given several times.
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = value)]
    values: Vec<(String, ValueIn)>,
    /// The picture that the service takes.
    #[arg(long, value_name = "PICTURE")]
    picture: Option<String>,
    #[command(flatten)]
    common: AddCommon,
}

impl GenerateArgs {
    pub(super) fn jobs(&self) -> Vec<JobIn> {
        let values: BTreeMap<String, ValueIn> = self.values.iter().cloned().collect();
        let picture = self.picture.as_deref().map(here);
        vec![self.common.job("generate", &GenerateIn { values, picture })]
    }
}

/// An argument that is no value with a name.
#[derive(Debug, thiserror::Error)]
#[error("write NAME=VALUE")]
struct NoValue;

/// A whole number and true or false have their type; anything else is text.
fn value(text: &str) -> Result<(String, ValueIn), NoValue> {
    let (name, value) = text.split_once('=').ok_or(NoValue)?;
    let value = match (value.parse::<i64>(), value) {
        (Ok(whole), _) => ValueIn::Whole(whole),
        (_, "true") => ValueIn::Flag(true),
        (_, "false") => ValueIn::Flag(false),
        _ => ValueIn::Text(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}
