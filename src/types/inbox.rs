//! Pictures that come with requests, on their way to the disk.

use super::Refusal;

/// Takes pictures that come with requests.
pub trait PictureInbox: Send + Sync {
    /// The most bytes of one picture.
    fn max_bytes(&self) -> u64;

    /// Begins a picture that its sender calls `name`. May wait for a disk.
    ///
    /// # Errors
    /// There is no space, or too many pictures are on their way.
    fn begin(&self, name: &str) -> Result<Box<dyn IncomingPicture>, Refusal>;
}

/// A picture on its way to the disk. Dropped before its end, it leaves nothing behind.
pub trait IncomingPicture: Send {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// It is no picture, is too large, or the disk does not take it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Refusal>;

    /// Ends the picture. Gives the name under which requests refer to it.
    ///
    /// # Errors
    /// It is no picture, or the disk does not take it.
    fn finish(self: Box<Self>) -> Result<String, Refusal>;
}
