//! The query of the built-in scene `scene:`, parsed into [`Source::Scene`].

use std::path::PathBuf;

use ocellus_scene::{SceneOptions, Shape};

use super::Source;
use super::raw::nearest;
use super::source::{SourceError, percent_decoded, refused};

/// The keys that the query may have.
const KEYS: [&str; 7] = ["seed", "width", "height", "fps", "frames", "line", "barrier"];

/// The whole numbers of the query.
#[derive(Default)]
struct QueryNumbers {
    options: SceneOptions,
    frames: Option<u64>,
}

/// Parses the text after `scene:`. Errors: an unknown key, or a value outside its range.
pub(super) fn parse(rest: &str) -> Result<Source, SourceError> {
    let mut numbers = QueryNumbers::default();
    let mut barrier = None;
    let rest = rest.trim_start_matches('/');
    let query = rest.strip_prefix('?').unwrap_or(rest);
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "line" => numbers.options.line = Some(shape(value)?),
            "barrier" => barrier = Some(link(value)?),
            _ => numbers.read(key, value)?,
        }
    }
    let QueryNumbers { options, frames } = numbers;
    if options.width % 2 == 1 || options.height % 2 == 1 {
        return refused("the scene's width and height must be even (I420)", "add or take away one px");
    }
    if barrier.is_some() && options.line.is_none() {
        return refused(
            "only a line of one product has a light barrier",
            "add line=plate, or remove barrier",
        );
    }
    Ok(Source::Scene { options, frames, barrier })
}

impl QueryNumbers {
    fn read(&mut self, key: &str, value: &str) -> Result<(), SourceError> {
        let range = match key {
            "seed" => 0..=u64::MAX,
            "width" | "height" => 64..=4096,
            "fps" => 1..=1000,
            "frames" => 1..=u64::MAX,
            _ => return refused(format!("the scene has no setting \"{key}\""), nearest(key, &KEYS)),
        };
        let Some(number) = value.parse().ok().filter(|number| range.contains(number)) else {
            let remedy = format!("write a whole number from {} to {}", range.start(), range.end());
            return refused(format!("the scene's {key} cannot be \"{value}\""), remedy);
        };
        match key {
            "seed" => self.options.seed = number,
            "width" => self.options.width = number as u32,
            "height" => self.options.height = number as u32,
            "fps" => self.options.fps = number as u32,
            _ => self.frames = Some(number),
        }
        Ok(())
    }
}

fn shape(value: &str) -> Result<Shape, SourceError> {
    let found = Shape::ALL.into_iter().find(|shape| shape.as_str() == value);
    let words = Shape::ALL.map(Shape::as_str);
    found.ok_or_else(|| SourceError {
        reason: format!("the scene makes no \"{value}\""),
        remedy: nearest(value, &words),
    })
}

fn link(value: &str) -> Result<PathBuf, SourceError> {
    match percent_decoded(value) {
        Some(path) if !path.is_empty() && !path.contains('\0') => Ok(PathBuf::from(path)),
        _ => refused("the light barrier has no path", "write barrier=barrier.tty and port = \"barrier.tty\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(line: Option<Shape>, barrier: Option<&str>) -> Result<Source, SourceError> {
        let barrier = barrier.map(PathBuf::from);
        let options = SceneOptions { seed: 1, width: 640, height: 480, fps: 30, line };
        Ok(Source::Scene { options, frames: None, barrier })
    }

    #[test]
    fn a_line_and_its_light_barrier_are_read() {
        assert_eq!(parse(""), scene(None, None));
        assert_eq!(parse("?line=plate"), scene(Some(Shape::Plate), None));
        assert_eq!(parse("//?line=gear&barrier=a%20b"), scene(Some(Shape::Gear), Some("a b")));
        assert_eq!(
            parse("line=washer&barrier=/run/ocellus/barrier"),
            scene(Some(Shape::Washer), Some("/run/ocellus/barrier"))
        );
    }

    #[test]
    fn a_scene_that_cannot_be_is_refused_with_what_to_write_instead() {
        let remedy = |text: &str| parse(text).unwrap_err().remedy;
        assert_eq!(remedy("?line=plat"), "did you mean \"plate\"?");
        assert_eq!(remedy("?lines=plate"), "did you mean \"line\"?");
        assert_eq!(remedy("?line=plate&barier=x"), "did you mean \"barrier\"?");
        assert_eq!(remedy("?barrier=x"), "add line=plate, or remove barrier");
        assert!(remedy("?line=plate&barrier=").starts_with("write barrier="));
        assert!(remedy("?line=plate&barrier=%00").starts_with("write barrier="));
        assert!(parse("?line=").is_err() && parse("?line").is_err() && parse("?width=65").is_err());
    }
}
