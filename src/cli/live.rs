//! `ocellus product`, `trigger`, `status`, `alarm`, `restart` and `reload`: a service that runs is asked over its own socket.

pub(super) mod alarm;
pub(super) mod product;
pub(super) mod reload;
pub(super) mod restart;
pub(super) mod status;
pub(super) mod trigger;

use clap::Args;
use serde_json::Value;

use super::{Configured, output};
use crate::control::ask;

/// Which service, and how to print.
#[derive(Debug, Args)]
struct LiveCommon {
    #[command(flatten)]
    configured: Configured,
    /// Print the answer as JSON.
    #[arg(long)]
    json: bool,
}

impl LiveCommon {
    fn ask(&self, command: &str, payload: Value) -> anyhow::Result<Value> {
        Ok(output::asked(ask(&self.configured.dir(), command, payload))?)
    }
}

/// A word of an answer.
fn word<'a>(answer: &'a Value, key: &str) -> &'a str {
    answer[key].as_str().unwrap_or("-")
}
