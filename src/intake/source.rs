//! A source in memory: whether it delivers, its clock, its counts and what it could not read.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::ledger::Ledger;
use super::publish::{WAYS, Way};
use super::table::Moment;
use crate::config::{Feed, IntakeConfig, TopicPayload};
use crate::contract::{BadOut, SourceOut, SourceState};
use crate::datafiles::history::SourceAge;
use crate::types::Explanation;

/// A look at a folder that takes longer than this means a share that hangs.
const HANGS: Duration = Duration::from_secs(5);
/// Notices about files that are kept.
const NOTICES: usize = 50;

/// A source with its state since the start.
#[derive(Debug)]
pub(super) struct SourceEntry {
    pub(super) name: Arc<str>,
    pub(super) config: Arc<IntakeConfig>,
    age: SourceAge,
    has_arrived: bool,
    /// Why the folder cannot be read.
    away: Option<Explanation>,
    /// Since when the folder is looked at, monotonic; `None` between two looks.
    looking: Option<Duration>,
    /// Why its values wait for the disk.
    pub(super) blocked: Option<Explanation>,
    /// Why some files of the folder are not known.
    pub(super) full: Option<Explanation>,
    /// Why some of its columns have no channel.
    pub(super) crowded: Option<Explanation>,
    pub(super) ledger: Ledger,
    pub(super) files: u64,
    pub(super) waiting: u64,
    pub(super) dropped: u64,
    refused: Vec<String>,
    notices: VecDeque<String>,
    /// The state and cause that were published last, by way.
    shown: [Option<(SourceState, Option<Explanation>)>; WAYS],
    has_news: [bool; WAYS],
    /// When it was published last, monotonic.
    sent: [Option<Duration>; WAYS],
    /// Why its alarm is raised.
    pub(super) raised: Option<Explanation>,
}

impl SourceEntry {
    pub(super) fn new(config: &Arc<IntakeConfig>, now: Moment) -> SourceEntry {
        SourceEntry {
            name: Arc::from(config.name.as_str()),
            config: config.clone(),
            age: SourceAge::new(config.stale_after, now.monotonic),
            has_arrived: false,
            away: None,
            looking: None,
            blocked: None,
            full: None,
            crowded: None,
            ledger: Ledger::default(),
            files: 0,
            waiting: 0,
            dropped: 0,
            refused: Vec::new(),
            notices: VecDeque::new(),
            shown: [const { None }; WAYS],
            has_news: [false; WAYS],
            sent: [None; WAYS],
            raised: None,
        }
    }

    /// Other settings; the counts are kept, and waiting for a value begins anew.
    pub(super) fn reconfigure(&mut self, config: &Arc<IntakeConfig>, now: Moment) {
        let before = std::mem::replace(self, SourceEntry::new(config, now));
        self.ledger = before.ledger;
        self.raised = before.raised;
        self.dropped = before.dropped;
        self.notices = before.notices;
    }

    /// The folder is looked at from now on.
    pub(super) fn look(&mut self, now: Moment) {
        self.looking = Some(now.monotonic);
    }

    /// The look is over: with the entries of the folder that are not read, or with the reason why it could not be read.
    pub(super) fn looked(&mut self, outcome: Result<Vec<String>, Explanation>) {
        self.looking = None;
        match outcome {
            Ok(refused) => {
                self.away = None;
                self.refused = refused;
            }
            Err(why) => self.away = Some(why),
        }
    }

    /// Values arrived, the newest of which has the time `time_ns`.
    pub(super) fn arrived(&mut self, time_ns: i64, now: Moment) {
        self.age.arrived(time_ns, now.monotonic, now.utc_ns());
        self.has_arrived = true;
        self.has_news = [true; WAYS];
    }

    /// Its counts have changed: the next message says so.
    pub(super) fn publish_soon(&mut self) {
        self.has_news = [true; WAYS];
    }

    /// Keeps what happened to a file or a column.
    pub(super) fn notice(&mut self, notice: String) {
        if self.notices.len() == NOTICES {
            self.notices.pop_back();
        }
        self.notices.push_front(notice);
    }

    fn hangs(&self, now: Moment) -> Option<Duration> {
        self.looking.map(|since| now.monotonic.saturating_sub(since)).filter(|waits| *waits > HANGS)
    }

    pub(super) fn state(&self, now: Moment) -> SourceState {
        if self.away.is_some() || self.hangs(now).is_some() {
            SourceState::Away
        } else if self.age.is_stale(now.monotonic) {
            SourceState::Stale
        } else if self.has_arrived {
            SourceState::Ok
        } else {
            SourceState::Waiting
        }
    }

    /// Whether the times of the source are ahead of our clock by more than the setting.
    fn is_ahead(&self) -> bool {
        let limit = i64::try_from(self.config.max_ahead.as_nanos()).unwrap_or(i64::MAX);
        self.has_arrived && self.age.ahead_ns() > limit
    }

    /// What is wrong with the source, the worst first; `None` where nothing is.
    pub(super) fn why(&self, now: Moment) -> Option<Explanation> {
        if let Some(why) = &self.blocked {
            return Some(why.clone());
        }
        if let Some(waits) = self.hangs(now) {
            let place = self.place();
            // Steps of a minute, so that the alarm is not published anew with every second.
            let about = if waits < Duration::from_secs(60) { "some seconds" } else { "more than a minute" };
            return Some(Explanation::new(
                format!("the folder {place} does not answer for {about}"),
                "a share that hangs? Check its server and the network; it is read again once it answers",
            ));
        }
        match self.state(now) {
            SourceState::Away => self.away.clone(),
            SourceState::Stale => Some(self.silence()),
            SourceState::Ok | SourceState::Waiting if self.is_ahead() => {
                // Whole minutes, so that the alarm is not published anew with every value.
                let minutes = self.age.ahead_ns() / 60_000_000_000;
                let by = if minutes == 0 { "some seconds".to_owned() } else { format!("{minutes} min") };
                let remedy = "set the clock of the instrument, or correct time, time_zone or max_ahead_ms";
                Some(Explanation::new(format!("its times are {by} ahead of this clock"), remedy))
            }
            SourceState::Ok | SourceState::Waiting => self.full.clone().or_else(|| self.crowded.clone()),
        }
    }

    fn silence(&self) -> Explanation {
        let limit = self.config.stale_after.as_secs_f64();
        let place = self.place();
        match (&self.config.feed, self.refused.first(), self.has_arrived) {
            (Feed::Folder(_), Some(refused), _) => {
                let cause = format!("no value from {place} for longer than {limit} s; {refused}");
                Explanation::new(cause, "")
            }
            (Feed::Folder(_), None, false) if self.files == 0 => {
                let cause = format!("no file in {place}");
                Explanation::new(
                    cause,
                    "does the instrument write there, and does the pattern match its files?",
                )
            }
            (_, _, true) => {
                let cause = format!("no value from {place} for longer than {limit} s");
                Explanation::new(cause, "look at the instrument, or raise stale_after_ms")
            }
            (_, _, false) => {
                let cause = format!("no value from {place} since the start");
                let remedy =
                    format!("look at the instrument; `ocellus intake bad {}` lists bad lines", self.name);
                Explanation::new(cause, remedy)
            }
        }
    }

    fn place(&self) -> String {
        match &self.config.feed {
            Feed::Folder(folder) => format!("{}/{}", folder.folder.display(), folder.pattern),
            Feed::Topic(topic) => format!("topic {}", topic.filter),
        }
    }

    fn format(&self) -> &'static str {
        match &self.config.feed {
            Feed::Folder(folder) => folder.format.as_str(),
            Feed::Topic(topic) => match topic.payload {
                TopicPayload::Json => "json",
                TopicPayload::Number => "number",
            },
        }
    }

    /// Whether values or another state wait to be published by `way`.
    pub(super) fn is_unpublished(&self, way: Way, now: Moment) -> bool {
        let shown = &self.shown[way as usize];
        self.has_news[way as usize] || shown.as_ref() != Some(&(self.state(now), self.why(now)))
    }

    /// How long it has to wait until it may be published again.
    pub(super) fn wait(&self, way: Way, pause: Duration, now: Moment) -> Duration {
        let sent = self.sent[way as usize];
        sent.map_or(Duration::ZERO, |sent| (sent + pause).saturating_sub(now.monotonic))
    }

    /// It is published by `way` now.
    pub(super) fn published(&mut self, way: Way, now: Moment) {
        let at = way as usize;
        self.shown[at] = Some((self.state(now), self.why(now)));
        self.has_news[at] = false;
        self.sent[at] = Some(now.monotonic);
    }

    /// The source as requests are answered.
    pub(super) fn out(&self, channels: u64, now: Moment) -> SourceOut {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        SourceOut {
            source: self.name.to_string(),
            place: self.place(),
            format: self.format().to_owned(),
            state: self.state(now),
            cause: self.why(now).map(|why| why.to_string()),
            age_ms: self.has_arrived.then(|| ms(self.age.age(now.monotonic))),
            stale_after_ms: ms(self.config.stale_after),
            clock_ahead_ms: self.has_arrived.then(|| self.age.ahead_ns() / 1_000_000),
            clock_is_ahead: self.is_ahead(),
            files: self.files,
            waiting: self.waiting,
            points: self.ledger.points,
            bad_lines: self.ledger.bad_lines,
            dropped: self.dropped,
            channels,
        }
    }

    /// What it could not read.
    pub(super) fn bad(&self) -> BadOut {
        BadOut {
            source: self.name.to_string(),
            bad_lines: self.ledger.bad_lines,
            lines: self.ledger.bad.iter().rev().cloned().collect(),
            refused: self.refused.clone(),
            notices: self.notices.iter().cloned().collect(),
        }
    }
}
