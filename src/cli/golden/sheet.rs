//! A qualification as text and as JSON: the confusion tables, and the samples that changed.

use serde_json::{Value, json};

use super::qualify::{Qualification, Setup, models_of};
use super::rate::{Rating, Score};
use super::samples::LabelledSample;
use super::{CliOutput, view};

/// Samples that are listed; of the others only the number is shown.
const NAMED: usize = 40;

pub(super) fn view(of: &Qualification) -> CliOutput {
    let Qualification { setups, scores, .. } = of;
    let mut lines = vec![headline(of)];
    for (at, title) in ["in force", "candidate"].into_iter().enumerate() {
        lines.extend(table(title, &setups[at], &scores[at]));
    }
    if let Some(fault) = &of.current_fault {
        lines.push(format!("note: nothing is in force yet: {fault}"));
    }
    lines.extend(changes(of));
    lines.push(match &of.worse {
        Some(why) => format!("the candidate is WORSE: {why}"),
        None => "the candidate is not worse".to_owned(),
    });
    CliOutput::new(lines.join("\n"), in_json(of))
}

fn headline(of: &Qualification) -> String {
    let good = of.samples.iter().filter(|sample| sample.is_good).count();
    let product = &of.setups[0].recipe.product;
    format!("{product}: {good} good and {} bad samples, in {:.1} s", of.samples.len() - good, of.seconds)
}

fn table(title: &str, setup: &Setup, score: &Score) -> Vec<String> {
    let row = |label: &str, [ok, ng, error]: [usize; 3]| {
        format!("  {label:<10}  {ok:>5} ok  {ng:>5} ng  {error:>5} error")
    };
    let models = models_of(setup).into_iter();
    let models: String =
        models.map(|model| format!(", model {} {}", model.name, model.path.display())).collect();
    vec![
        format!("{title}: recipe revision {}, {}{models}", setup.recipe.revision, setup.goldens),
        row("good parts", score.good),
        row("bad parts", score.bad),
        format!(
            "  {}, {}",
            view::count(score.escapes(), "escape"),
            view::count(score.false_calls(), "false call")
        ),
    ]
}

/// Each sample with another result than before, and each that the candidate judges wrongly.
fn changes(of: &Qualification) -> Vec<String> {
    let [current, candidate] = &of.ratings;
    let mut lines = Vec::new();
    for ((sample, old), new) in of.samples.iter().zip(current).zip(candidate) {
        if of.current_fault.is_none() && old.outcome != new.outcome {
            let why = if new.why.is_empty() { &old.why } else { &new.why };
            let (old, new) = (old.outcome.as_str(), new.outcome.as_str());
            lines.push(format!("  {}: {old} -> {new} ({why})", sample.name));
        } else if let Some(what) = wrong(sample, new) {
            let why = if new.why.is_empty() { String::new() } else { format!(" ({})", new.why) };
            let before = if old.outcome == new.outcome { ", as before" } else { "" };
            lines.push(format!("  {}: {what}{before}{why}", sample.name));
        }
    }
    if lines.len() > NAMED {
        let more = lines.len() - NAMED;
        lines.truncate(NAMED);
        lines.push(format!("  and {more} more; --json lists all"));
    }
    lines
}

/// How a sample's rating is wrong, if it is.
fn wrong(sample: &LabelledSample, rating: &Rating) -> Option<&'static str> {
    match (sample.is_good, rating.outcome.as_str()) {
        (true, "ok") | (false, "ng") => None,
        (true, "ng") => Some("false call"),
        (false, "ok") => Some("escape"),
        _ => Some("error"),
    }
}

fn in_json(of: &Qualification) -> Value {
    let side = |at: usize| {
        let (setup, score) = (&of.setups[at], &of.scores[at]);
        let row = |[ok, ng, error]: [usize; 3]| json!({ "ok": ok, "ng": ng, "error": error });
        let named = |what: &str| {
            let rated = of.samples.iter().zip(&of.ratings[at]);
            let named = rated.filter(|(sample, rating)| wrong(sample, rating) == Some(what));
            named.map(|(sample, _)| sample.name.as_str()).collect::<Vec<_>>()
        };
        json!({
            "recipe": setup.recipe.path, "recipe_revision": setup.recipe.revision,
            "recipe_sha256": setup.recipe.hash, "goldens": setup.goldens, "models": models_of(setup),
            "table": { "ok": row(score.good), "ng": row(score.bad) },
            "escapes": named("escape"), "false_calls": named("false call"), "errors": named("error"),
        })
    };
    let both = of.samples.iter().zip(&of.ratings[0]).zip(&of.ratings[1]);
    let changed = both.filter(|((_, old), new)| old.outcome != new.outcome);
    let changed = changed.map(|((sample, old), new)| {
        json!({
            "sample": sample.name, "current": old.outcome.as_str(), "candidate": new.outcome.as_str(),
            "current_why": old.why, "candidate_why": new.why,
        })
    });
    json!({
        "ok": of.worse.is_none(), "product": of.setups[0].recipe.product, "samples": of.samples.len(),
        "current": side(0), "candidate": side(1), "changed": changed.collect::<Vec<_>>(), "worse": of.worse,
    })
}
