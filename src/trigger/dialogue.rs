//! What is said on one connection, without I/O: bytes and edges come in, lines go out, triggers go to the desk.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::{self, Taken};
use super::debounce::Debounce;
use super::desk::{Desk, Noise};
use super::out::Out;
use super::protocol::{Edges, Garbage, Level, Lines, Request};
use super::verdicts::Verdicts;
use crate::config;
use crate::config::trigger::{Field, Piece, Protocol, Serial};
use crate::types::{Ended, Label, Stamp, Trigger, TriggerKind};

/// One connection's dialogue.
pub struct Dialogue<'a> {
    ear: Ear,
    mouth: Mouth<'a>,
}

/// What is listened for. One for each connection: its size does not matter.
#[allow(clippy::large_enum_variant)]
enum Ear {
    Lines(Lines),
    Byte(u8),
    Edges(Edges),
}

/// Everything but the listening.
struct Mouth<'a> {
    name: Label,
    settings: &'a config::Trigger,
    serial: &'a Serial,
    desk: &'a dyn Desk,
    debounce: Debounce,
    verdicts: Arc<Verdicts>,
    unsaid: Arc<AtomicU64>,
    noise: Noise,
    out: Out,
    line: String,
}

impl<'a> Dialogue<'a> {
    /// A new connection. `unsaid` counts verdicts that came too late for theirs, of all connections of this port.
    pub fn new(
        settings: &'a config::Trigger,
        serial: &'a Serial,
        desk: &'a dyn Desk,
        unsaid: &Arc<AtomicU64>,
    ) -> Dialogue<'a> {
        let ear = match serial.protocol {
            Protocol::Line => Ear::Lines(Lines::new(serial.max_line_bytes, serial.line_timeout)),
            Protocol::Byte(byte) => Ear::Byte(byte),
            Protocol::Edge { edge, .. } => Ear::Edges(Edges::new(edge)),
        };
        let mouth = Mouth {
            name: settings.name.as_str().into(),
            settings,
            serial,
            desk,
            debounce: Debounce::new(settings.debounce),
            verdicts: Arc::new(Verdicts::new(unsaid.clone())),
            unsaid: unsaid.clone(),
            noise: Noise::default(),
            out: Out::new(),
            line: String::new(),
        };
        Dialogue { ear, mouth }
    }

    /// These bytes came at `at`.
    pub fn hear(&mut self, bytes: &[u8], at: Stamp) {
        let mouth = &mut self.mouth;
        match &mut self.ear {
            Ear::Lines(lines) => lines.feed(bytes, at, |heard| match heard {
                Ok(request) => mouth.reply(request, at),
                Err(garbage) => mouth.complain(garbage),
            }),
            Ear::Byte(byte) => {
                for heard in bytes {
                    match heard == byte {
                        true => drop(mouth.trigger(None, at)),
                        false => mouth.noise.garbage += 1,
                    }
                }
            }
            Ear::Edges(_) => mouth.noise.garbage += bytes.len() as u64,
        }
    }

    /// The modem line looks like this at `at`.
    pub fn look(&mut self, level: Level, at: Stamp) {
        if let Ear::Edges(edges) = &mut self.ear {
            for _ in 0..edges.look(level) {
                self.mouth.trigger(None, at);
            }
        }
    }

    /// Time has passed: half lines are given up.
    pub fn wait(&mut self, now: Stamp) {
        if let Ear::Lines(lines) = &mut self.ear
            && lines.gave_up(now)
        {
            self.mouth.noise.half_lines += 1;
            self.mouth.say_minor(format_args!("ERR line not ended"));
        }
    }

    /// Puts the verdicts that have come into words. They come after the acknowledgements of what was heard before,
    /// because both are said by this one thread.
    pub fn tell_verdicts(&mut self) {
        let mouth = &mut self.mouth;
        while let Some(inspection) = mouth.verdicts.take() {
            if let Some(template) = &mouth.serial.answer {
                answer::answer(template, &inspection, &mut mouth.line);
                mouth.say_line();
            }
        }
    }

    /// Tells the desk what was noise since the last time.
    pub fn tell_noise(&mut self) {
        let mouth = &mut self.mouth;
        mouth.noise.unsaid += mouth.unsaid.swap(0, Ordering::Relaxed);
        if !mouth.noise.is_silence() {
            mouth.desk.noise(&mouth.name, &std::mem::take(&mut mouth.noise));
        }
    }

    /// What is to be written.
    pub fn out(&mut self) -> &mut Out {
        &mut self.mouth.out
    }

    /// Where the ends of this connection's triggers are told.
    pub fn verdicts(&self) -> Arc<Verdicts> {
        self.mouth.verdicts.clone()
    }

    /// The connection is gone: what is left of it is noise.
    pub fn close(mut self) {
        if let Ear::Lines(lines) = &mut self.ear {
            self.mouth.noise.half_lines += u64::from(lines.cut());
        }
        self.mouth.verdicts.close();
        self.mouth.noise.unsaid += self.mouth.out.clear();
        self.tell_noise();
    }
}

impl Mouth<'_> {
    fn reply(&mut self, request: Request<'_>, at: Stamp) {
        match request {
            Request::Trigger(text) => {
                if !self.trigger(text, at) {
                    self.say_minor(format_args!("ERR bounced"));
                }
            }
            Request::Product(name) => match self.desk.select(name) {
                Ok(()) => self.say(format_args!("PROD {name}")),
                Err(why) => self.say(format_args!("ERR PROD {name}: {why}")),
            },
            Request::Ready => {
                let ready = u8::from(self.desk.state().ready);
                self.say(format_args!("READY {ready}"));
            }
            Request::Status => self.status(),
            Request::Ping => self.say(format_args!("PONG")),
            Request::Version => self.say(format_args!("VERSION ocellus {}", env!("CARGO_PKG_VERSION"))),
        }
    }

    /// Pulls the trigger; false where it bounced.
    fn trigger(&mut self, text: Option<&str>, at: Stamp) -> bool {
        if !self.debounce.accepts(at) {
            self.noise.bounced += 1;
            return false;
        }
        let told: Option<Arc<dyn Ended>> = self.serial.answer.as_ref().map(|_| {
            self.verdicts.expect();
            self.verdicts.clone() as Arc<dyn Ended>
        });
        let (name, text_kept) = (self.name.clone(), text.map(Arc::from));
        let trigger = Trigger { kind: TriggerKind::Serial, name, at, text: text_kept };
        let pulled = self.desk.pull(trigger, at.plus(self.settings.delay), told);
        if let (true, Some(template)) = (pulled.taken, &self.serial.ack) {
            let wanted = template.pieces().contains(&Piece::Field(Field::Product));
            let product = wanted.then(|| self.desk.state().product).flatten();
            let product = product.as_deref().unwrap_or_default();
            let taken = Taken { id: pulled.id, name: &self.name, text: text.unwrap_or_default(), product };
            answer::acknowledge(template, taken, &mut self.line);
            self.say_line();
        }
        true
    }

    fn status(&mut self) {
        let state = self.desk.state();
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
        self.noise.garbage += 1;
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
        self.noise.unsaid += u64::from(!self.out.push_minor(self.line.as_bytes()));
    }

    fn say_line(&mut self) {
        self.noise.unsaid += u64::from(!self.out.push(self.line.as_bytes()));
    }

    /// One line, whatever words came from elsewhere.
    fn put(&mut self, words: std::fmt::Arguments<'_>) {
        self.line.clear();
        let _ = write!(OneLine(&mut self.line), "{words}");
        self.line.push_str("\r\n");
    }
}

/// Writes printable ASCII only.
struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend(text.chars().map(|c| if matches!(c, ' '..='~') { c } else { '?' }));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Mutex;

    use proptest::prelude::*;

    use super::*;
    use crate::config::Config;
    use crate::config::trigger::Source;
    use crate::trigger::{DeskState, PortState, Pulled};

    /// Remembers the stamps of what was pulled, and sums the noise.
    #[derive(Default)]
    struct Pulls(Mutex<(Vec<Stamp>, Noise)>);

    impl Desk for Pulls {
        fn pull(&self, trigger: Trigger, _: Stamp, _: Option<Arc<dyn Ended>>) -> Pulled {
            let pulls = &mut self.0.lock().unwrap().0;
            pulls.push(trigger.at);
            Pulled { id: pulls.len() as u64, taken: true }
        }
        fn select(&self, _: &str) -> Result<(), String> {
            Ok(())
        }
        fn state(&self) -> DeskState {
            DeskState::default()
        }
        fn noise(&self, _: &str, noise: &Noise) {
            self.0.lock().unwrap().1.add(noise);
        }
        fn port(&self, _: &str, _: PortState) {}
    }

    fn settings(keys: &str) -> config::Trigger {
        let camera = "[[camera]]\nname = \"a\"\nsource = \"scene:\"\ninspect = { product = \"p\" }\n";
        let text = format!("{camera}[[trigger]]\nname = \"t\"\ncamera = \"a\"\nport = \"/dev/x\"\n{keys}");
        Config::parse(&text, Path::new("t.toml"), Path::new(".")).unwrap().triggers.remove(0)
    }

    /// Looks at a line every millisecond; gives the triggers and the noise.
    fn edges(keys: &str, looks: impl IntoIterator<Item = Level>) -> (Vec<u64>, Noise) {
        let settings = settings(keys);
        let Source::Serial(serial) = &settings.source else { panic!("a port") };
        let (desk, unsaid) = (Pulls::default(), Arc::default());
        let mut dialogue = Dialogue::new(&settings, serial, &desk, &unsaid);
        for (ms, level) in looks.into_iter().enumerate() {
            dialogue.look(level, Stamp { mono_ns: ms as u64 * 1_000_000, wall_ns: 0 });
        }
        dialogue.close();
        let (pulls, noise) = desk.0.into_inner().unwrap();
        (pulls.iter().map(|at| at.mono_ns / 1_000_000).collect(), noise)
    }

    #[test]
    fn ten_thousand_edges_of_a_modem_line_are_ten_thousand_triggers() {
        let looks = (0..20_001).map(|ms| Level { high: ms % 2 == 1, changes: None });
        let (pulls, noise) = edges("protocol = \"edge\"\nline = \"dsr\"", looks);
        assert!(pulls.iter().copied().eq((1..20_000).step_by(2)), "{} pulls", pulls.len());
        assert_eq!(noise, Noise::default());
    }

    #[test]
    fn an_edge_that_bounces_is_one_trigger() {
        let levels = [false, true, false, true, true, true, false, true, false, true];
        let looks = levels.map(|high| Level { high, changes: None });
        let (pulls, noise) = edges("protocol = \"edge\"\nline = \"cts\"\ndebounce_ms = 5", looks);
        assert_eq!((pulls, noise.bounced), (vec![1, 7], 2));
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
                Level { high: false, changes: Some(changes) }
            });
            let looks: Vec<_> = looks.collect();
            sent += u64::from(pulses[1..].iter().sum::<u32>());
            let keys = format!("protocol = \"edge\"\nline = \"dcd\"\ndebounce_ms = {debounce_ms}");
            let (pulls, noise) = edges(&keys, looks);
            prop_assert_eq!(pulls.len() as u64 + noise.bounced, sent);
        }
    }
}
