//! The clip that is open: its films, one for each layer, and its sidecar.

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use super::aside::{self, AsideFile};
use super::clip::{Coding, Film, FilmPicture};
use super::error::RecorderError;
use super::library::{Library, target};
use super::sidecar;
use super::take::Taker;
use crate::annotate::Overlays;
use crate::store::{FileRole, RecordedFile, Recording, RecordingState};
use crate::supervisor::Beat;
use crate::types::{Frame, RecordedClip, Report};

/// A clip to which frames are added.
pub(super) struct OpenClip {
    pub(super) recording: Recording,
    /// When its last frame was captured, monotonic nanoseconds.
    pub(super) last_mono_ns: u64,
    name: String,
    films: Vec<OpenFilm>,
    sidecar: Option<(AsideFile, File)>,
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
            // Creates the folder, and says at once where the disk refuses.
            aside::create(&path).map_err(|source| RecorderError::write(&path, source))?;
            let film = Film::begin(&path, canvas, coding)?;
            Ok(OpenFilm { file, film: Some(film) })
        };
        let sidecar = match sidecar {
            None => Ok(None),
            Some(file) => aside::create(file.path())
                .and_then(|mut open| open.write_all(head).map(|()| open))
                .map_err(|source| RecorderError::write(file.path(), source))
                .map(|open| Some((file, open))),
        };
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

    /// Whether `frame` does not belong into this clip, because it is too long or the frame has another size.
    pub(super) fn is_full(&self, frame: &Frame, longest: Duration) -> bool {
        let length = frame.captured.mono_ns.saturating_sub(self.first_mono_ns);
        length >= longest.as_nanos() as u64 || (frame.width, frame.height) != self.size
    }

    /// Adds a frame to every layer.
    pub(super) fn add(
        &mut self,
        taker: &mut Taker<'_>,
        frame: &Frame,
        report: Option<&Report>,
    ) -> Result<(), RecorderError> {
        let at_ns = frame.captured.mono_ns.saturating_sub(self.first_mono_ns);
        let at_ns = self.at_ns.map_or(at_ns, |last| at_ns.max(last + 1_000_000));
        let recorder = taker.recorder;
        for film in &mut self.films {
            let drawn = film.file.role == FileRole::Annotated;
            let path = film.file.path();
            let Some(open) = &mut film.film else { continue };
            let added = match open.coding {
                Coding::Mjpeg => {
                    let jpeg = taker.jpeg(frame, drawn.then_some(report))?;
                    open.add(path, FilmPicture::Jpeg(jpeg), at_ns, taker.beat)
                }
                Coding::H264(_) => {
                    let overlays = Overlays { report, places: &recorder.parts.places, part: None };
                    let width = taker.width(frame);
                    let canvas = taker.annotator.painted(frame, width, drawn.then_some(&overlays))?;
                    open.add(path, FilmPicture::Canvas(canvas), at_ns, taker.beat)
                }
            };
            if let Err(error) = added {
                self.is_cut = true;
                return Err(error);
            }
        }
        if let Some((file, open)) = &mut self.sidecar {
            self.text.clear();
            sidecar::frame(&mut self.text, self.recording.frames == 0, (frame, Some(at_ns)), report);
            open.write_all(&self.text).map_err(|source| RecorderError::write(file.path(), source))?;
        }
        self.at_ns = Some(at_ns);
        self.recording.frames += 1;
        self.recording.last_frame = frame.seq;
        self.recording.ended_ns = frame.captured.wall_ns;
        self.last_mono_ns = frame.captured.mono_ns;
        Ok(())
    }

    /// Closes the films and the sidecar; what could not be written is left out.
    pub(super) fn close(&mut self, beat: &Beat) {
        for film in &mut self.films {
            let Some(open) = film.film.take() else { continue };
            if self.is_cut {
                // It would never come to its end; what is in the file can be played.
                drop(open);
            } else if let Err(error) = open.end(film.file.path(), beat) {
                tracing::warn!(recording = self.recording.id, "the clip does not come to its end: {error}");
                self.is_cut = true;
            }
        }
        self.recording.state = if self.is_cut { RecordingState::Interrupted } else { RecordingState::Whole };
        if let Some((_, open)) = &mut self.sidecar {
            self.text.clear();
            sidecar::end(&mut self.text, self.recording.state, self.recording.frames);
            if let Err(error) = open.write_all(&self.text) {
                tracing::warn!(recording = self.recording.id, "its sidecar is incomplete: {error}");
            }
        }
    }

    /// Gives the closed clip its name. `None` where it has no frame.
    ///
    /// # Errors
    /// The disk refuses; it may be tried again.
    pub(super) fn publish(&mut self, library: &Library) -> Result<Option<RecordedClip>, RecorderError> {
        if self.recording.frames == 0 {
            library.discard(&self.recording);
            return Ok(None);
        }
        let again = |file: &AsideFile| AsideFile::again(file);
        let films = self.films.iter().map(|film| &film.file);
        let files: Vec<AsideFile> =
            films.chain(self.sidecar.as_ref().map(|(file, _)| file)).map(again).collect();
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
