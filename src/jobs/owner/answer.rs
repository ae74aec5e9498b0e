//! What the owner of the queue answers, once what was asked for is on disk.

use super::{Answering, Owner};
use crate::contract::{AddedOut, JobsHealthOut, JobsOut};
use crate::jobqueue::{ControlError, Filter, How, JobId};
use crate::jobs::command::{JobsAnswer, ListRequest};
use crate::jobs::{refuse, report};
use crate::types::{Refusal, Responder};

impl Owner<'_> {
    pub(super) fn answer(&self, answers: Vec<(Responder<JobsAnswer>, Answering)>) {
        for (reply, answering) in answers {
            reply.answer(self.answer_to(&answering));
        }
    }

    fn answer_to(&self, answering: &Answering) -> Result<JobsAnswer, Refusal> {
        let now = self.service.now();
        let job = |id: &JobId| {
            let unknown = || refuse::not_done(&ControlError::Unknown { id: *id });
            report::job(&self.service.kinds, &self.queue, now, *id).ok_or_else(unknown)
        };
        Ok(match answering {
            Answering::Job(id) => Box::new(job(id)?).into(),
            Answering::Added(added) => {
                let word = match added.how {
                    How::New => "new",
                    How::Existing => "existing",
                    How::Cached { .. } => "cached",
                };
                Box::new(AddedOut { added: word.into(), job: job(&added.id)? }).into()
            }
            Answering::Workflow(id) => {
                let unknown = || refuse::not_done(&ControlError::UnknownWorkflow { id: *id });
                let found = self.queue.workflow(now, *id).ok_or_else(unknown)?;
                report::workflow(&self.service.kinds, &self.queue, now, &found).into()
            }
            Answering::Queue => report::queue(&self.status(), self.kinds()).into(),
            Answering::List(asked) => self.list(asked)?.into(),
            Answering::Health => self.health().into(),
        })
    }

    fn list(&self, asked: &ListRequest) -> Result<JobsOut, Refusal> {
        let limit = asked.limit.unwrap_or(ListRequest::USUAL);
        if !(1..=ListRequest::MOST).contains(&limit) {
            let remedy = format!("write a whole number from 1 to {}", ListRequest::MOST);
            return Err(Refusal::new("bad_request", format!("limit is {limit}"), remedy));
        }
        let filter = Filter {
            states: asked.state.map(report::queue_state).into_iter().collect(),
            kinds: asked.kind.iter().map(|kind| Box::from(kind.as_str())).collect(),
            before: asked.before.map(JobId),
            // One more, to learn whether there is another page.
            limit: usize::from(limit) + 1,
            ..Filter::default()
        };
        let mut found = self.queue.list(self.service.now(), &filter);
        let is_more = found.len() > usize::from(limit);
        found.truncate(limit.into());
        let next = found.last().filter(|_| is_more).map(|job| job.id.0);
        Ok(JobsOut {
            jobs: found.into_iter().map(|job| report::shown(&self.service.kinds, &self.queue, job)).collect(),
            next,
        })
    }

    fn kinds(&self) -> Vec<String> {
        self.service.kinds.iter().map(|kind| kind.name().to_owned()).collect()
    }

    fn health(&self) -> JobsHealthOut {
        let status = self.status();
        let mut problems = Vec::new();
        problems
            .extend(self.fault.as_ref().map(|fault| format!("the store takes no changes: {}", fault.why)));
        if !status.is_running {
            problems.push("the queue is paused: `ocellus jobs resume` starts jobs again".into());
        }
        if status.is_draining {
            problems.push("new jobs are refused until `ocellus jobs resume` or a restart".into());
        }
        if status.queue_size >= status.max_queue_size {
            problems.push(format!("the queue is full: {} jobs wait", status.queue_size));
        }
        match status.quarantined_tasks {
            0 => {}
            1 => problems.push("1 job is set aside: `ocellus jobs list --state quarantined` names it".into()),
            many => problems.push(format!(
                "{many} jobs are set aside: `ocellus jobs list --state quarantined` names them"
            )),
        }
        if !self.stuck.is_empty() {
            let (stuck, workers) = (self.stuck.len(), self.service.workers);
            problems.push(format!(
                "{stuck} of {workers} workers do not stop their work: restart the service if it lasts"
            ));
        }
        let queue = report::queue(&status, self.kinds());
        JobsHealthOut { healthy: problems.is_empty(), problems, queue }
    }
}
