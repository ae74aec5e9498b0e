//! The dialogue on one connection, without I/O: bytes and edges come in, lines go out, triggers go to the
//! target.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{self, TakenTrigger, Verdicts};
use super::debounce::Debounce;
use super::out::AnswerQueue;
use super::protocol::{Edges, Garbage, LineCutter, LineLevel, Request};
use super::{Rejected, TriggerTarget};
use crate::config;
use crate::config::trigger::{Protocol, Serial, TemplateField, TemplatePiece};
use crate::types::{Label, OnComplete, Stamp, Trigger, TriggerKind};

/// The protocol state of one connection: its parser, its pending answers and its target.
pub struct Dialogue<'a> {
    decoder: ByteDecoder,
    writer: AnswerWriter<'a>,
}

/// The decoder of the configured protocol. There is one for each connection, so its size does not matter.
#[allow(clippy::large_enum_variant)]
enum ByteDecoder {
    LineCutter(LineCutter),
    Byte(u8),
    Edges(Edges),
}

/// The state behind the decoder: target, verdicts and outgoing lines.
struct AnswerWriter<'a> {
    name: Label,
    settings: &'a config::TriggerConfig,
    serial: &'a Serial,
    target: &'a dyn TriggerTarget,
    debounce: Debounce,
    verdicts: Arc<Verdicts>,
    undelivered: Arc<AtomicU64>,
    rejected: Rejected,
    out: AnswerQueue,
    line: String,
}

impl<'a> Dialogue<'a> {
    /// A new connection. `undelivered` counts verdicts that were too late for their connection, over all of
    /// this port.
    pub fn new(
        settings: &'a config::TriggerConfig,
        serial: &'a Serial,
        target: &'a dyn TriggerTarget,
        undelivered: &Arc<AtomicU64>,
    ) -> Dialogue<'a> {
        let decoder = match serial.protocol {
            Protocol::Line => {
                ByteDecoder::LineCutter(LineCutter::new(serial.max_line_bytes, serial.line_timeout))
            }
            Protocol::Byte(byte) => ByteDecoder::Byte(byte),
            Protocol::Edge { edge, .. } => ByteDecoder::Edges(Edges::new(edge)),
        };
        let writer = AnswerWriter {
            name: settings.name.as_str().into(),
            settings,
            serial,
            target,
            debounce: Debounce::new(settings.debounce),
            verdicts: Arc::new(Verdicts::new(undelivered.clone())),
            undelivered: undelivered.clone(),
            rejected: Rejected::default(),
            out: AnswerQueue::new(),
            line: String::new(),
        };
        Dialogue { decoder, writer }
    }

    /// Handles bytes that came at `at`.
    pub fn hear(&mut self, bytes: &[u8], at: Stamp) {
        let writer = &mut self.writer;
        match &mut self.decoder {
            ByteDecoder::LineCutter(lines) => lines.feed(bytes, at, |heard| match heard {
                Ok(request) => writer.reply(request, at),
                Err(garbage) => writer.complain(garbage),
            }),
            ByteDecoder::Byte(byte) => {
                for heard in bytes {
                    match heard == byte {
                        true => drop(writer.trigger(None, at)),
                        false => writer.rejected.garbage += 1,
                    }
                }
            }
            ByteDecoder::Edges(_) => writer.rejected.garbage += bytes.len() as u64,
        }
    }

    /// Handles the level of the modem line, sampled at `at`.
    pub fn look(&mut self, level: LineLevel, at: Stamp) {
        if let ByteDecoder::Edges(edges) = &mut self.decoder {
            for _ in 0..edges.look(level) {
                self.writer.trigger(None, at);
            }
        }
    }

    /// Drops an incomplete line whose time is over.
    pub fn wait(&mut self, now: Stamp) {
        if let ByteDecoder::LineCutter(lines) = &mut self.decoder
            && lines.gave_up(now)
        {
            self.writer.rejected.half_lines += 1;
            self.writer.say_minor(format_args!("ERR line not ended"));
        }
    }

    /// Writes the verdicts that have come as lines. They follow the acknowledgements of earlier triggers,
    /// because this one thread writes both.
    pub fn tell_verdicts(&mut self) {
        let writer = &mut self.writer;
        while let Some(inspection) = writer.verdicts.take() {
            if let Some(template) = &writer.serial.answer {
                answer::answer(template, &inspection, &mut writer.line);
                writer.say_line();
            }
        }
    }

    /// Reports to the target what was rejected since the last call.
    pub fn report_rejected(&mut self) {
        let writer = &mut self.writer;
        writer.rejected.undelivered += writer.undelivered.swap(0, Ordering::Relaxed);
        if !writer.rejected.is_empty() {
            writer.target.rejected(&writer.name, &std::mem::take(&mut writer.rejected));
        }
    }

    /// The queue of lines to be written.
    pub fn out(&mut self) -> &mut AnswerQueue {
        &mut self.writer.out
    }

    /// Receives the verdicts of this connection's triggers.
    pub fn verdicts(&self) -> Arc<Verdicts> {
        self.writer.verdicts.clone()
    }

    /// Ends the connection and counts its incomplete line as rejected.
    pub fn close(mut self) {
        if let ByteDecoder::LineCutter(lines) = &mut self.decoder {
            self.writer.rejected.half_lines += u64::from(lines.cut());
        }
        self.writer.verdicts.close();
        self.writer.rejected.undelivered += self.writer.out.clear();
        self.report_rejected();
    }
}

impl AnswerWriter<'_> {
    fn reply(&mut self, request: Request<'_>, at: Stamp) {
        match request {
            Request::Trigger(text) => {
                if !self.trigger(text, at) {
                    self.say_minor(format_args!("ERR bounced"));
                }
            }
            Request::Product(name) => match self.target.select(name) {
                Ok(()) => self.say(format_args!("PROD {name}")),
                Err(why) => self.say(format_args!("ERR PROD {name}: {why}")),
            },
            Request::Ready => {
                let ready = u8::from(self.target.state().ready);
                self.say(format_args!("READY {ready}"));
            }
            Request::Status => self.status(),
            Request::Ping => self.say(format_args!("PONG")),
            Request::Version => self.say(format_args!("VERSION ocellus {}", env!("CARGO_PKG_VERSION"))),
        }
    }

    /// Pulls the trigger; returns false where it bounced.
    fn trigger(&mut self, text: Option<&str>, at: Stamp) -> bool {
        if !self.debounce.accepts(at) {
            self.rejected.debounced += 1;
            return false;
        }
        let outcome: Option<Arc<dyn OnComplete>> = self.serial.answer.as_ref().map(|_| {
            self.verdicts.expect();
            self.verdicts.clone() as Arc<dyn OnComplete>
        });
        let (name, text_kept) = (self.name.clone(), text.map(Arc::from));
        let trigger = Trigger { kind: TriggerKind::Serial, name, at, text: text_kept };
        let pulled = self.target.pull(trigger, at.plus(self.settings.delay), outcome);
        if let (true, Some(template)) = (pulled.taken, &self.serial.ack) {
            let wanted = template.pieces().contains(&TemplatePiece::TemplateField(TemplateField::Product));
            let product = wanted.then(|| self.target.state().product).flatten();
            let product = product.as_deref().unwrap_or_default();
            let taken =
                TakenTrigger { id: pulled.id, name: &self.name, text: text.unwrap_or_default(), product };
            answer::acknowledge(template, taken, &mut self.line);
            self.say_line();
        }
        true
    }

    fn status(&mut self) {
        let state = self.target.state();
        let (ready, counts) = (u8::from(state.ready), state.counts);
        self.say(format_args!(
            "STATUS ready={ready} ack={} valid={} missed={} overrun={} product={}",
            state.acknowledged,
            state.valid,
            counts.missed,
            counts.overrun,
            state.product.as_deref().unwrap_or("-"),
        ));
    }

    fn complain(&mut self, garbage: Garbage) {
        self.rejected.garbage += 1;
        let most = self.serial.max_line_bytes;
        match garbage {
            Garbage::Unknown => self.say_minor(format_args!("ERR unknown request")),
            Garbage::Malformed => self.say_minor(format_args!("ERR malformed request")),
            Garbage::NotAscii => self.say_minor(format_args!("ERR not ASCII")),
            Garbage::TooLong => self.say_minor(format_args!("ERR line too long ({most} bytes at most)")),
        }
    }

    fn say(&mut self, words: std::fmt::Arguments<'_>) {
        self.put(words);
        self.say_line();
    }

    fn say_minor(&mut self, words: std::fmt::Arguments<'_>) {
        self.put(words);
        self.rejected.undelivered += u64::from(!self.out.push_minor(self.line.as_bytes()));
    }

    fn say_line(&mut self) {
        self.rejected.undelivered += u64::from(!self.out.push(self.line.as_bytes()));
    }

    /// Puts the text into `line`, as one line whatever characters came from elsewhere.
    fn put(&mut self, words: std::fmt::Arguments<'_>) {
        self.line.clear();
        let _ = write!(OneLine(&mut self.line), "{words}");
        self.line.push_str("\r\n");
    }
}

/// Writes printable ASCII only, so that foreign text cannot end the line.
struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend(text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;
    use std::path::Path;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::config::trigger::Source;
    use crate::trigger::{PortState, Pulled, TargetState};

    /// Records the stamps of the triggers, and sums the rejected input.
    #[derive(Default)]
    struct Pulls(Mutex<(Vec<Stamp>, Rejected)>);

    impl TriggerTarget for Pulls {
        fn pull(&self, trigger: Trigger, _: Stamp, _: Option<Arc<dyn OnComplete>>) -> Pulled {
            let pulls = &mut self.0.lock().0;
            pulls.push(trigger.at);
            Pulled { id: pulls.len() as u64, taken: true }
        }
        fn select(&self, _: &str) -> Result<(), crate::types::NotSelected> {
            Ok(())
        }
        fn state(&self) -> TargetState {
            TargetState::default()
        }
        fn rejected(&self, _: &str, rejected: &Rejected) {
            self.0.lock().1.add(rejected);
        }
        fn port(&self, _: &str, _: PortState) {}
    }

    fn settings(keys: &str) -> config::TriggerConfig {
        let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ninspect = { product = \"p\" }\n";
        let text = format!("{camera}[[trigger]]\nname = \"t\"\ncamera = \"a\"\nport = \"/dev/x\"\n{keys}");
        Config::parse(&text, Path::new("t.toml"), Path::new(".")).unwrap().triggers.remove(0)
    }

    /// Samples a line every millisecond; returns the triggers and the rejected edges.
    fn edges(keys: &str, looks: impl IntoIterator<Item = LineLevel>) -> (Vec<u64>, Rejected) {
        let settings = settings(keys);
        let Source::Serial(serial) = &settings.source else { panic!("a port") };
        let (target, undelivered) = (Pulls::default(), Arc::default());
        let mut dialogue = Dialogue::new(&settings, serial, &target, &undelivered);
        for (ms, level) in looks.into_iter().enumerate() {
            dialogue.look(level, Stamp { mono_ns: ms as u64 * 1_000_000, wall_ns: 0 });
        }
        dialogue.close();
        let (pulls, rejected) = target.0.into_inner();
        (pulls.iter().map(|at| at.mono_ns / 1_000_000).collect(), rejected)
    }

    #[test]
    fn ten_thousand_edges_of_a_modem_line_are_ten_thousand_triggers() {
        let looks = (0..20_001).map(|ms| LineLevel { high: ms % 2 == 1, changes: None });
        let (pulls, rejected) = edges("protocol = \"edge\"\nline = \"dsr\"", looks);
        assert!(pulls.iter().copied().eq((1..20_000).step_by(2)), "{} pulls", pulls.len());
        assert_eq!(rejected, Rejected::default());
    }

    #[test]
    fn an_edge_that_bounces_is_one_trigger() {
        let levels = [false, true, false, true, true, true, false, true, false, true];
        let looks = levels.map(|high| LineLevel { high, changes: None });
        let (pulls, rejected) = edges("protocol = \"edge\"\nline = \"cts\"\ndebounce_ms = 5", looks);
        assert_eq!((pulls, rejected.debounced), (vec![1, 7], 2));
    }

    #[test]
    fn words_from_elsewhere_cannot_end_a_line() {
        let mut line = String::new();
        write!(OneLine(&mut line), "no pürt\r\nOK 1").unwrap();
        assert_eq!(line, "no p?rt??OK 1");
    }

    proptest! {
        #[test]
        fn every_pulse_is_a_trigger_or_a_bounce(
            pulses in prop::collection::vec(0u32..4, 1..200), debounce_ms in 0u32..9
        ) {
            let (mut changes, mut sent) = (77u32, 0);
            let looks = pulses.iter().map(|pulses| {
                changes += 2 * pulses;
                LineLevel { high: false, changes: Some(changes) }
            });
            let looks: Vec<_> = looks.collect();
            sent += u64::from(pulses[1..].iter().sum::<u32>());
            let keys = format!("protocol = \"edge\"\nline = \"dcd\"\ndebounce_ms = {debounce_ms}");
            let (pulls, rejected) = edges(&keys, looks);
            prop_assert_eq!(pulls.len() as u64 + rejected.debounced, sent);
        }
    }
}
