//! The parameters of the kinds that reach other servers.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The parameters of `fetch`: fetch a picture from a server.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FetchIn {
    /// Its URL, `http` or `https`, without user and password.
    pub url: String,
    /// SHA-256 that the file must have, as hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// The parameters of `upload`: put files on a server, each with one PUT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UploadIn {
    /// The picture, below the folder `jobs.pictures`; from the command line also an absolute path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
    /// In the place of a picture: all files that the jobs before this one made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_jobs: bool,
    /// Where each file goes, in their order: one presigned URL for each; or one URL with `{name}` or `{sha256}` in its path
    /// for all of them.
    pub urls: Vec<String>,
    /// The header `Content-Type`, where a URL was signed with another one than that of the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
}

/// The parameters of `generate`: have pictures made by the service of `[jobs.generate]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GenerateIn {
    /// The values that the service's URL and request have in braces, such as `prompt`.
    #[serde(default)]
    pub values: BTreeMap<String, ValueIn>,
    /// The picture that takes the place of `{picture}`, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<String>,
}

/// A value of a request for a picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ValueIn {
    /// Either true or false.
    Flag(bool),
    /// A whole number, such as a seed.
    Whole(i64),
    /// Any number that is not whole.
    Number(f64),
    /// A text, such as a prompt.
    Text(String),
}
