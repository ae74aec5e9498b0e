//! `ocellus batch` on the running service: its recipes, and the run that is under way.

use super::BatchFault;
use crate::cli::{CliOutput, Configured, output};
use crate::commands::Command;
use crate::commands::batch::{BatchCommand, BatchOut, RecipeOut, ResultsState};
use crate::contract::BatchProgress;
use crate::control::{AskError, ask};

/// Asks the service for its recipes and its run.
pub(super) fn status(configured: &Configured) -> anyhow::Result<CliOutput> {
    let answer = output::asked(ask(&configured.dir(), &Command::Batch(BatchCommand::Status)))?;
    output::answered(answer, |batch: &BatchOut| {
        let mut lines: Vec<String> = batch.recipes.iter().map(recipe_line).collect();
        if lines.is_empty() {
            lines.push(format!("no recipe in {}", batch.folder));
        }
        lines.extend(batch.run.as_ref().map(run_line));
        lines.join("\n")
    })
}

/// Asks the service to begin, to resume or to cancel a run.
pub(super) fn change(configured: &Configured, command: BatchCommand) -> anyhow::Result<CliOutput> {
    let name = command.target().unwrap_or_default().to_owned();
    let answer = output::asked(ask(&configured.dir(), &Command::Batch(command)));
    let answer = answer.map_err(|error| match error {
        AskError::NotRunning { .. } if !name.is_empty() => {
            BatchFault::NoSuch { name, service: Box::new(error) }.into()
        }
        other => anyhow::Error::from(other),
    })?;
    output::answered(answer, run_line)
}

fn recipe_line(recipe: &RecipeOut) -> String {
    let RecipeOut { recipe: name, complete, fovs, .. } = recipe;
    let words = match recipe.state {
        ResultsState::None => "no results".into(),
        ResultsState::Running => format!("running, {complete} of {fovs} fields of view complete"),
        ResultsState::Interrupted => {
            format!(
                "interrupted, {complete} of {fovs} fields of view complete; go on with `ocellus batch resume {name}`"
            )
        }
        ResultsState::Complete => format!("complete, {fovs} fields of view"),
        ResultsState::Faulty => format!("faulty: {}", recipe.fault.as_deref().unwrap_or_default()),
    };
    format!("{name}: {words}")
}

fn run_line(run: &BatchProgress) -> String {
    let left = run.eta_s.map_or(String::new(), |seconds| format!(", about {seconds} s left"));
    let share = run.permille / 10;
    let mut line =
        format!("run {} of {}: {}, {share} %{left}: {}", run.id, run.recipe, run.state.as_str(), run.message);
    if let Some(cause) = &run.cause {
        line.push_str(&format!("\n  {cause}"));
    }
    if let Some(remedy) = &run.remedy {
        line.push_str(&format!("; {remedy}"));
    }
    line
}
