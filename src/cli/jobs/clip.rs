//! `ocellus jobs add clip`: a film of pictures.

use clap::Args;

use super::add::{AddCommon, NoWord, here};
use crate::commands::jobs::{ClipEncodingIn, ClipIn, JobIn};

/// The arguments of `jobs add clip`.
#[derive(Debug, Args)]
pub(super) struct ClipArgs {
    /// The pictures in their order; without any, all that the jobs of --after made.
    #[arg(value_name = "PICTURE")]
    pictures: Vec<String>,
    /// Width and height in px, such as 1280x720; by default in the shape of the first picture.
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Seconds for each picture, 0.1 to 60; 3 by default.
    #[arg(long)]
    seconds: Option<f32>,
    /// Seconds in which a picture fades into the next one; 0.5 by default.
    #[arg(long, value_name = "SECONDS")]
    fade: Option<f32>,
    /// Frames a second, 1 to 60; 25 by default.
    #[arg(long, value_name = "N")]
    frames_per_s: Option<u32>,
    /// The encoding: auto, h264 or mjpeg.
    #[arg(long, value_parser = encoding)]
    encoding: Option<ClipEncodingIn>,
    #[command(flatten)]
    common: AddCommon,
}

impl ClipArgs {
    pub(super) fn jobs(&self) -> Vec<JobIn> {
        let parameters = ClipIn {
            pictures: self.pictures.iter().map(|picture| here(picture)).collect(),
            from_jobs: self.pictures.is_empty(),
            width: self.size.map(|(width, _)| width),
            height: self.size.map(|(_, height)| height),
            seconds: self.seconds,
            fade_s: self.fade,
            frames_per_s: self.frames_per_s,
            encoding: self.encoding,
        };
        vec![self.common.job("clip", &parameters)]
    }
}

fn size(text: &str) -> Result<(u32, u32), NoWord> {
    let sides =
        text.split_once('x').and_then(|(width, height)| Some((width.parse().ok()?, height.parse().ok()?)));
    sides.ok_or(NoWord("WIDTHxHEIGHT, such as 1280x720"))
}

fn encoding(word: &str) -> Result<ClipEncodingIn, NoWord> {
    match word {
        "auto" => Ok(ClipEncodingIn::Auto),
        "h264" => Ok(ClipEncodingIn::H264),
        "mjpeg" => Ok(ClipEncodingIn::Mjpeg),
        _ => Err(NoWord("auto, h264 or mjpeg")),
    }
}
