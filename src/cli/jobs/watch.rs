//! `ocellus jobs watch`: the queue and its jobs as they change.

use std::time::Duration;

use clap::Args;

use super::words;
use crate::cli::live::moment::duration;
use crate::cli::live::screen::Screen;
use crate::cli::{Configured, output};
use crate::commands::Command;
use crate::commands::jobs::{JobsCommand, ListRequest};
use crate::contract::{JobsOut, QueueOut};
use crate::control::{AskError, ask_for};

/// On a terminal the table is redrawn in place; elsewhere each look is printed once. With --json each look is one line.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Look once and end.
    #[arg(long)]
    once: bool,
    /// End when nothing waits and nothing runs.
    #[arg(long)]
    until_idle: bool,
    /// How long each pause takes, such as 500ms or 2s.
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    every: Duration,
    /// How many jobs are shown.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=i64::from(ListRequest::MOST)))]
    limit: u16,
}

pub(super) fn run(arguments: &WatchArgs, configured: &Configured, json: bool) -> anyhow::Result<()> {
    let dir = configured.dir();
    let mut screen = Screen::new();
    let mut was_there = false;
    loop {
        let look = ask_for::<QueueOut>(&dir, &Command::Jobs(JobsCommand::Status)).and_then(|queue| {
            let request = ListRequest { limit: Some(arguments.limit), ..ListRequest::default() };
            Ok((queue, ask_for::<JobsOut>(&dir, &Command::Jobs(JobsCommand::List(request)))?))
        });
        match output::asked(look) {
            Ok((queue, jobs)) => {
                was_there = true;
                show(&mut screen, &queue, &jobs, json, arguments.once)?;
                let is_idle = queue.queue_size == 0 && queue.running_tasks == 0;
                if arguments.once || screen.is_closed || (arguments.until_idle && is_idle) {
                    return Ok(());
                }
            }
            // The service restarts; before the first look it is said at once.
            Err(AskError::NotRunning { .. } | AskError::Broken { .. }) if was_there => {}
            Err(error) => return Err(error.into()),
        }
        std::thread::sleep(arguments.every);
    }
}

fn show(screen: &mut Screen, queue: &QueueOut, jobs: &JobsOut, json: bool, once: bool) -> anyhow::Result<()> {
    if json {
        let look = serde_json::json!({ "queue": queue, "jobs": jobs.jobs });
        return Ok(screen.line(&look.to_string())?);
    }
    let mut lines = words::queue(queue);
    lines.push(String::new());
    lines.extend(jobs.jobs.iter().map(words::line));
    match screen.is_terminal() && !once {
        true => screen.redraw(&lines)?,
        false => screen.line(&lines.join("\n"))?,
    }
    Ok(())
}
