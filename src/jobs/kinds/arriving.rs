//! Pictures on their way from a server: written as they come, checked when they are whole, and named by their content.

use std::path::Path;

use super::files;
use crate::config::SourceUrl;
use crate::contract::JobFileOut;
use crate::image::picture::{self, PictureError};
use crate::jobs::http::{HttpError, Receiving};
use crate::jobs::kind::JobFailure;
use crate::jobs::task::Task;
use crate::studio::{FileWriter, LIMITS, WrittenFile};
use crate::types::Explanation;

/// Checks that the file, which came from `server`, is a whole picture within the limits, and gives it its name.
pub(super) fn published(task: &Task<'_>, file: WrittenFile, server: &str) -> Result<JobFileOut, JobFailure> {
    let unreadable = |error: PictureError| {
        let cause = format!("the picture from {server} cannot be used: {}", error.explanation().cause);
        JobFailure::lasting(Explanation::new(cause, "check the URL, and what the server has there"))
    };
    let content = picture::load(file.path(), &LIMITS).map_err(unreadable)?;
    // All of it is read: a file that a server has cut would only be noticed by the next job.
    let read = picture::read(&content, &LIMITS).map_err(unreadable)?.patch;
    // It was read, so it is one of the kinds.
    let extension = picture::extension(&content).unwrap_or("png");
    let (sha256, bytes) = (file.sha256.clone(), file.bytes);
    let path = file.publish(extension).map_err(files::failure)?;
    let path = path.display().to_string();
    task.made(&path);
    let (width, height) = (read.width as u64, read.height as u64);
    Ok(JobFileOut { path, sha256, bytes, width, height })
}

/// A file on its way from a server.
pub(super) struct Arriving<'a> {
    task: &'a Task<'a>,
    /// The step that it is, and the shares of the attempt between which it comes.
    share: (&'static str, f32, f32),
    folder: &'a Path,
    stem: &'a str,
    /// `None` until the answer begins.
    file: Option<FileWriter>,
    expected: Option<u64>,
}

impl<'a> Arriving<'a> {
    /// A file of `folder` whose name will begin with `stem`.
    pub(super) fn new(
        task: &'a Task<'a>,
        (folder, stem): (&'a Path, &'a str),
        share: (&'static str, f32, f32),
    ) -> Arriving<'a> {
        Arriving { task, share, folder, stem, file: None, expected: None }
    }

    /// The whole file, which has no name yet.
    ///
    /// # Errors
    /// There is nothing in it, or the disk is full.
    pub(super) fn finish(self, url: &SourceUrl) -> Result<WrittenFile, JobFailure> {
        match self.file.filter(|file| file.bytes() > 0) {
            Some(file) => file.close().map_err(files::failure),
            None => {
                let cause = format!("{} answers with an empty file", url.address());
                Err(JobFailure::lasting(Explanation::new(cause, "check the URL")))
            }
        }
    }
}

impl Receiving for Arriving<'_> {
    fn begin(&mut self, bytes: Option<u64>) -> Result<(), HttpError> {
        self.expected = bytes;
        self.file = Some(FileWriter::create(self.folder, self.stem).map_err(HttpError::Write)?);
        Ok(())
    }

    fn piece(&mut self, bytes: &[u8]) -> Result<(), HttpError> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.write(bytes).map_err(HttpError::Write)?;
        let done = self.expected.map_or(0.0, |all| file.bytes() as f32 / all.max(1) as f32);
        let (step, from, to) = self.share;
        self.task.progress(from + done * (to - from), step);
        Ok(())
    }
}
