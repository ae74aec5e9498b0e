//! `ocellus reload`: reads the configuration and the recipes again, as SIGHUP does, and reports the outcome.

use clap::Args;

use super::LiveCommon;
use crate::commands::Command;
use crate::types::{ReloadedCameras, ReloadedOut};

/// A file that cannot be applied leaves the old configuration in force.
#[derive(Debug, Args)]
pub(in crate::cli) struct ReloadArgs {
    #[command(flatten)]
    common: LiveCommon,
}

pub(in crate::cli) fn run(arguments: &ReloadArgs) -> anyhow::Result<()> {
    arguments.common.show(&Command::Reload, in_words)
}

fn in_words(answer: &ReloadedOut) -> String {
    let Some(cameras) = &answer.cameras else {
        return "the file is in order; the service restarts from it".to_owned();
    };
    let ReloadedCameras { added, removed, changed, unchanged } = cameras;
    let parts = [("added", added), ("removed", removed), ("changed", changed), ("unchanged", unchanged)];
    let parts = parts.into_iter().filter(|(_, names)| !names.is_empty());
    let parts: Vec<_> = parts.map(|(what, names)| format!("{what}: {}", names.join(", "))).collect();
    format!("reloaded; cameras {}", parts.join("; "))
}
