//! The clip that is open: its films, one for each layer, and its sidecar.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::time::Duration;

use super::aside::{self, AsideFile};
use super::error::RecorderError;
use super::library::{Library, target};
use super::sidecar;
use super::take::Taker;
use super::verdicts::Found;
use crate::film::{Coding, Film, FilmFormat, FilmPicture};
use crate::store::{FileRole, RecordedFile, Recording, RecordingState};
use crate::supervisor::Beat;
use crate::types::{Frame, RecordedClip};

/// How long an encoder may take no frame: then the disk hangs.
const PATIENCE: Duration = Duration::from_secs(4);

/// A clip to which frames are added.
pub(super) struct OpenClip {
    pub(super) recording: Recording,
    /// When its last frame was captured, monotonic nanoseconds.
    pub(super) last_mono_ns: u64,
    name: String,
    films: Vec<OpenFilm>,
    sidecar: Option<OpenSidecar>,
    text: Vec<u8>,
    /// Size of its frames, px.
    size: (usize, usize),
    first_mono_ns: u64,
    /// Time of its last frame in the film, nanoseconds.
    at_ns: Option<u64>,
    /// Whether something of it could not be written.
    is_cut: bool,
}

/// The film of one layer.
struct OpenFilm {
    file: AsideFile,
    /// `None` once it is closed.
    film: Option<Film>,
}

/// The data of the frames, to which a line is added for each.
struct OpenSidecar {
    file: AsideFile,
    open: File,
    /// Length up to the last whole line, bytes.
    whole: u64,
    has_end: bool,
}

impl OpenSidecar {
    fn begin(file: AsideFile, head: &[u8]) -> Result<OpenSidecar, RecorderError> {
        let open = aside::create(file.path()).map_err(|source| RecorderError::write(file.path(), source))?;
        let mut sidecar = OpenSidecar { file, open, whole: 0, has_end: false };
        sidecar.add(head)?;
        Ok(sidecar)
    }

    /// Adds `text`, or nothing of it: a disk that takes half a line must not spoil what follows.
    fn add(&mut self, text: &[u8]) -> Result<(), RecorderError> {
        match self.open.write_all(text) {
            Ok(()) => self.whole += text.len() as u64,
            Err(source) => {
                self.cut(self.whole);
                return Err(RecorderError::write(self.file.path(), source));
            }
        }
        Ok(())
    }

    /// Shortens the file to `length`.
    fn cut(&mut self, length: u64) {
        let cut: io::Result<u64> =
            self.open.set_len(length).and_then(|()| self.open.seek(SeekFrom::Start(length)));
        match cut {
            Ok(_) => self.whole = length,
            Err(error) => tracing::warn!("{} has half a line: {error}", self.file.path().display()),
        }
    }
}

impl OpenClip {
    /// Begins a clip whose first frame is like `frame`; the frame itself is added afterwards.
    pub(super) fn begin(
        taker: &mut Taker<'_>,
        mut recording: Recording,
        name: String,
        frame: &Frame,
        head: &[u8],
    ) -> Result<OpenClip, RecorderError> {
        let recorder = taker.recorder;
        let library = &recorder.parts.library;
        let (settings, id, root) = (&recorder.settings, recording.id, library.root());
        let width = taker.width(frame);
        let canvas = taker.annotator.painted(frame, width, None)?;
        let coding = Coding::choose(settings.encoding, (canvas.width(), canvas.height()))?;
        let roles = [
            (FileRole::Raw, settings.layer.has_raw()),
            (FileRole::Annotated, settings.layer.has_annotated()),
        ];
        let roles = roles.into_iter().filter(|(_, wanted)| *wanted).map(|(role, _)| role);
        let files: Vec<AsideFile> =
            roles.map(|role| AsideFile::new(root, id, role, coding.ending()).left()).collect();
        let sidecar = settings.sidecar.then(|| AsideFile::new(root, id, FileRole::Sidecar, "json").left());
        library.make_way(0)?;
        let intended = |file: &AsideFile| {
            let path = target(&name, 1, file);
            RecordedFile { role: file.role, path, bytes: 0, inode: 0 }
        };
        recording.files = files.iter().chain(&sidecar).map(intended).collect();
        recording.frames = 0;
        library.begin(&recording)?;
        let begin = |file: AsideFile| -> Result<OpenFilm, RecorderError> {
            let path = file.path().to_owned();
            // Creates the folder, so that a disk that refuses is noticed at once.
            aside::create(&path).map_err(|source| RecorderError::write(&path, source))?;
            let film = Film::begin(&path, FilmFormat::of_canvas(canvas, PATIENCE), coding)?;
            Ok(OpenFilm { file, film: Some(film) })
        };
        let sidecar = sidecar.map(|file| OpenSidecar::begin(file, head)).transpose();
        let films: Result<Vec<OpenFilm>, RecorderError> = files.into_iter().map(begin).collect();
        match (films, sidecar) {
            (Ok(films), Ok(sidecar)) => Ok(OpenClip {
                recording,
                last_mono_ns: frame.captured.mono_ns,
                name,
                films,
                sidecar,
                text: Vec::new(),
                size: (frame.width, frame.height),
                first_mono_ns: frame.captured.mono_ns,
                at_ns: None,
                is_cut: false,
            }),
            (Err(error), _) | (_, Err(error)) => {
                library.discard(&recording);
                Err(error)
            }
        }
    }

    /// Whether `frame` needs a new clip, because this one is too long or the frame has another size.
    pub(super) fn is_full(&self, frame: &Frame, longest: Duration) -> bool {
        let length = frame.captured.mono_ns.saturating_sub(self.first_mono_ns);
        length >= longest.as_nanos() as u64 || (frame.width, frame.height) != self.size
    }

    /// Adds a frame to the sidecar and to every layer.
    pub(super) fn add(
        &mut self,
        taker: &mut Taker<'_>,
        frame: &Frame,
        found: Found<'_>,
    ) -> Result<(), RecorderError> {
        let at_ns = frame.captured.mono_ns.saturating_sub(self.first_mono_ns);
        let at_ns = self.at_ns.map_or(at_ns, |last| at_ns.max(last + 1_000_000));
        let before = self.sidecar.as_ref().map_or(0, |sidecar| sidecar.whole);
        if let Some(sidecar) = &mut self.sidecar {
            self.text.clear();
            sidecar::frame(&mut self.text, self.recording.frames == 0, (frame, Some(at_ns)), found.report);
            sidecar.add(&self.text)?;
        }
        if let Err(error) = self.add_to_films(taker, frame, found, at_ns) {
            // A frame that was missed must not be listed in the sidecar.
            self.sidecar.iter_mut().for_each(|sidecar| sidecar.cut(before));
            return Err(error);
        }
        self.at_ns = Some(at_ns);
        self.recording.frames += 1;
        self.recording.last_frame = frame.seq;
        self.recording.ended_ns = frame.captured.wall_ns;
        self.last_mono_ns = frame.captured.mono_ns;
        Ok(())
    }

    fn add_to_films(
        &mut self,
        taker: &mut Taker<'_>,
        frame: &Frame,
        found: Found<'_>,
        at_ns: u64,
    ) -> Result<(), RecorderError> {
        let recorder = taker.recorder;
        let beat = taker.beat;
        let goes_on = || {
            beat.beat();
            true
        };
        for film in &mut self.films {
            let drawn = film.file.role == FileRole::Annotated;
            let path = film.file.path();
            let Some(open) = &mut film.film else { continue };
            let added = match open.coding {
                Coding::Mjpeg => {
                    let jpeg = taker.jpeg(frame, drawn.then_some(found))?;
                    open.add(path, FilmPicture::Jpeg(jpeg), at_ns, &goes_on)
                }
                Coding::H264(_) => {
                    let overlays = recorder.overlays(found);
                    let width = taker.width(frame);
                    let canvas = taker.annotator.painted(frame, width, drawn.then_some(&overlays))?;
                    open.add(path, FilmPicture::Canvas(canvas), at_ns, &goes_on)
                }
            };
            if let Err(error) = added {
                self.is_cut = true;
                return Err(error.into());
            }
        }
        Ok(())
    }

    /// Closes the films; what could not be written is left out.
    pub(super) fn close(&mut self, beat: &Beat) {
        let goes_on = || {
            beat.beat();
            true
        };
        for film in &mut self.films {
            let Some(open) = film.film.take() else { continue };
            if self.is_cut {
                // Its encoder would not end in time; the file can be played as far as it goes.
                drop(open);
            } else if let Err(error) = open.end(film.file.path(), &goes_on) {
                tracing::warn!(recording = self.recording.id, "the clip does not come to its end: {error}");
                self.is_cut = true;
            }
        }
        self.recording.state = if self.is_cut { RecordingState::Interrupted } else { RecordingState::Whole };
    }

    /// Completes the sidecar, and gives the closed clip its name. `None` where it has no frame.
    ///
    /// # Errors
    /// The disk refuses; it may be tried again.
    pub(super) fn publish(&mut self, library: &Library) -> Result<Option<RecordedClip>, RecorderError> {
        if self.recording.frames == 0 {
            library.discard(&self.recording);
            return Ok(None);
        }
        if let Some(sidecar) = self.sidecar.as_mut().filter(|sidecar| !sidecar.has_end) {
            self.text.clear();
            sidecar::end(&mut self.text, self.recording.state, self.recording.frames);
            sidecar.add(&self.text)?;
            sidecar.has_end = true;
        }
        let again = |file: &AsideFile| AsideFile::again(file);
        let films = self.films.iter().map(|film| &film.file);
        let files: Vec<AsideFile> =
            films.chain(self.sidecar.as_ref().map(|sidecar| &sidecar.file)).map(again).collect();
        let bytes: u64 =
            files.iter().filter_map(|file| file.facts(String::new()).ok()).map(|file| file.bytes).sum();
        library.make_way(bytes)?;
        let content_type = content_type(files.first().map_or("", |file| file.ending));
        let recording = library.publish(self.recording.clone(), files, &self.name, true)?;
        Ok(Some(RecordedClip {
            id: recording.id,
            content_type,
            bytes: recording.bytes(),
            frames: recording.frames,
            first_frame: recording.first_frame,
            last_frame: recording.last_frame,
            started_ns: recording.started_ns,
            ended_ns: recording.ended_ns,
            causes: recording.causes,
        }))
    }
}

/// The media type of a file, by the ending of its name.
pub(super) fn content_type(ending: &str) -> &'static str {
    match ending {
        "jpg" => "image/jpeg",
        "mp4" => "video/mp4",
        "mkv" => "video/x-matroska",
        _ => "application/json",
    }
}
