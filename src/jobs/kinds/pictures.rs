//! What kinds share: where their pictures lie, and sessions of models that go from job to job.

use std::path::PathBuf;

use parking_lot::Mutex;

use super::files::{self, NamedPicture};
use super::lazy::LazyModel;
use crate::jobs::inbox::uploaded;
use crate::studio::remove_partial;
use crate::types::{Origin, Refusal};

/// What a kind that computes pictures is built from.
pub struct PictureSettings {
    /// The model of the kind.
    pub model: LazyModel,
    /// Threads that compute one picture.
    pub threads: usize,
    /// Where its pictures lie.
    pub folders: PictureFolders,
}

/// Where the pictures of all kinds lie.
#[derive(Clone, Debug)]
pub struct PictureFolders {
    /// Folder of the pictures that a request from afar may name.
    pub pictures: Option<PathBuf>,
    /// Folder of the pictures that came with requests.
    pub inbox: PathBuf,
    /// Folder of the results.
    pub out: PathBuf,
}

impl PictureFolders {
    /// The picture that a request names.
    ///
    /// # Errors
    /// `bad_name`, `not_allowed` or `unknown_picture`, with what to do next.
    pub(super) fn picture(&self, name: &str, origin: Origin) -> Result<PathBuf, Refusal> {
        let named = self.named(name, origin)?;
        let path = named.path().to_owned();
        files::there(vec![named]).map(|_| path)
    }

    /// The picture that a request names, which is not looked for: [`files::there`] looks for several at once.
    ///
    /// # Errors
    /// `bad_name` or `not_allowed`, with what to do next.
    pub(super) fn named(&self, name: &str, origin: Origin) -> Result<NamedPicture, Refusal> {
        match uploaded(name, &self.inbox) {
            Some(path) => Ok(NamedPicture::of_inbox(path)),
            None => NamedPicture::new(name, self.pictures.as_deref(), origin),
        }
    }

    /// Removes what an earlier process was writing when it died: the jobs make it anew.
    pub(super) fn tidy(&self) {
        for error in remove_partial(&self.out) {
            tracing::warn!("jobs: a file was left behind and cannot be removed: {error}");
        }
    }
}

/// Sessions of a model that no job uses now.
pub(super) struct Pool<T>(Mutex<Vec<T>>);

impl<T> Pool<T> {
    pub(super) fn new() -> Pool<T> {
        Pool(Mutex::new(Vec::new()))
    }

    /// A session for one job: that of an earlier one, or what `make` gives.
    pub(super) fn take<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let idle = self.0.lock().pop();
        idle.map_or_else(make, Ok)
    }

    /// Keeps a session for the next job.
    pub(super) fn put(&self, session: T) {
        self.0.lock().push(session);
    }
}
