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
