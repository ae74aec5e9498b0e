//! Takes the messages of one topic filter on a separate thread: JSON objects, or one number each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::record::{Recorder, Taken};
use super::service::IntakeService;
use crate::config::{IntakeConfig, TopicFeed, TopicPayload};
use crate::datafiles::point::Reason;
use crate::datafiles::{BadLine, Channels, Format, FormatSettings, Parsed, Parser, Point};
use crate::supervisor::{Beat, Stop};
use crate::types::{TopicMessage, TopicQueue};

/// Messages that are written at once.
const GROUP: usize = 1_000;
/// How often the unit checks its stop token.
const LOOK: Duration = Duration::from_millis(500);
/// Pause after a group: messages that come meanwhile share the next flush of the disk.
const GATHER: Duration = Duration::from_millis(50);
/// Characters of a bad message that are kept.
const SHOWN: usize = 120;

/// The messages that are under way.
struct TopicReader<'a> {
    feed: &'a TopicFeed,
    settings: FormatSettings,
    parsed: Parsed,
    points: Vec<Point>,
    bad: Vec<(Arc<str>, BadLine)>,
    bad_count: u64,
    bytes: u64,
    recorder: Recorder<'a>,
}

impl IntakeService {
    /// Takes the messages of a source until it is stopped.
    pub(super) fn follow_topic(
        &self,
        config: &Arc<IntakeConfig>,
        feed: &TopicFeed,
        stop: &Stop,
        beat: &Beat,
    ) {
        let Some((recorder, _)) = Recorder::resume(self, config, (stop, beat)) else { return };
        let queue = Arc::new(TopicQueue::new(&feed.filter, feed.queue));
        (self.subscribe)(&queue);
        let mut settings = FormatSettings::new(Format::Json);
        settings.time = feed.time;
        settings.time_column.clone_from(&feed.time_column);
        settings.channels.clone_from(&config.take);
        settings.max_channels = config.max_channels;
        let parsed = Parsed::new(Channels::new(config.max_channels), SHOWN);
        let (points, bad) = (Vec::new(), Vec::new());
        let mut reader =
            TopicReader { feed, settings, parsed, points, bad, bad_count: 0, bytes: 0, recorder };
        reader.run(&queue);
    }
}

impl TopicReader<'_> {
    fn run(&mut self, queue: &TopicQueue) {
        while !self.recorder.stop.is_stopped() {
            self.recorder.beat.beat();
            queue.wait(LOOK);
            let Recorder { service, config, .. } = &self.recorder;
            let dropped = queue.take_dropped();
            service.totals.messages_dropped.add(dropped);
            service.with_source(&config.name, |source| {
                source.waiting = queue.len() as u64;
                source.dropped += dropped;
            });
            while !queue.is_empty() && !self.recorder.stop.is_stopped() {
                for _ in 0..GROUP {
                    let Some(message) = queue.pop() else { break };
                    self.read(&message);
                }
                if !self.keep() {
                    return;
                }
            }
            if self.recorder.stop.wait(GATHER) {
                return;
            }
        }
    }

    fn keep(&mut self) -> bool {
        let no_cursors = BTreeMap::new();
        let taken = Taken {
            points: &self.points,
            cursors: &no_cursors,
            bad: &self.bad,
            bad_count: self.bad_count,
            bytes: self.bytes,
        };
        let is_kept = self.recorder.keep(&taken);
        self.points.clear();
        self.bad.clear();
        (self.bad_count, self.bytes) = (0, 0);
        is_kept
    }

    fn read(&mut self, message: &TopicMessage) {
        self.bytes += message.bytes as u64;
        let time_ns = i64::try_from(message.at.wall_ns).unwrap_or(i64::MAX);
        let place = wildcards(&self.feed.filter, &message.topic);
        if message.payload.len() < message.bytes {
            return self.refuse(message, Reason::TooLong { limit: message.payload.len() });
        }
        match self.feed.payload {
            TopicPayload::Number => {
                let column = match place.is_empty() {
                    true => message.topic.rsplit('/').next().unwrap_or_default(),
                    false => place.as_str(),
                };
                let take = &self.recorder.config.take;
                if !take.is_empty() && !take.iter().any(|wanted| wanted == column) {
                    return;
                }
                let text = String::from_utf8_lossy(&message.payload);
                match text.trim().parse::<f64>() {
                    Ok(value) if value.is_finite() => {
                        self.points.push(Point { channel: Arc::from(column), time_ns, value });
                    }
                    Ok(_) => self.refuse(message, Reason::NotFinite { column: column.to_owned() }),
                    Err(_) => self.refuse(message, Reason::NotANumber { column: column.to_owned() }),
                }
            }
            TopicPayload::Json => {
                let mut parser = Parser::new(&self.settings, time_ns);
                parser.push(&message.payload, &mut self.parsed);
                parser.finish(&mut self.parsed);
                let named = |key: &Arc<str>| match place.is_empty() {
                    true => key.clone(),
                    false => Arc::from(format!("{place}.{key}")),
                };
                let points = self.parsed.points.drain(..);
                self.points.extend(points.map(|point| Point { channel: named(&point.channel), ..point }));
                let topic: Arc<str> = Arc::from(message.topic.as_str());
                self.bad_count += self.parsed.bad_count;
                let places = SHOWN.saturating_sub(self.bad.len());
                self.bad.extend(self.parsed.bad.drain(..).take(places).map(|bad| (topic.clone(), bad)));
                self.parsed.clear();
            }
        }
    }

    fn refuse(&mut self, message: &TopicMessage, reason: Reason) {
        self.bad_count += 1;
        if self.bad.len() < SHOWN {
            let text = String::from_utf8_lossy(&message.payload[..message.payload.len().min(4 * SHOWN)]);
            let text = text.chars().take(SHOWN).map(|c| if c.is_control() { ' ' } else { c }).collect();
            self.bad.push((Arc::from(message.topic.as_str()), BadLine { line: 1, reason, text }));
        }
    }
}

/// The levels of `topic` that stand for the wildcards of `filter`, joined by points.
fn wildcards(filter: &str, topic: &str) -> String {
    let mut levels = topic.split('/');
    let mut found = Vec::new();
    for wanted in filter.split('/') {
        match wanted {
            "#" => {
                found.extend(levels.by_ref());
                break;
            }
            "+" => found.extend(levels.next()),
            _ => drop(levels.next()),
        }
    }
    found.join(".")
}

#[cfg(test)]
mod tests {
    use super::wildcards;

    #[test]
    fn what_stands_for_the_wildcards_names_the_channel() {
        assert_eq!(wildcards("lab/+/pressure", "lab/chamber/pressure"), "chamber");
        assert_eq!(wildcards("lab/+/#", "lab/a/b/c"), "a.b.c");
        assert_eq!(wildcards("lab/#", "lab"), "");
        assert_eq!(wildcards("lab/pressure", "lab/pressure"), "");
    }
}
