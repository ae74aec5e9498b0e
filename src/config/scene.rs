//! The query of the built-in scene `scene:`, parsed into [`Source::Scene`].

use std::path::PathBuf;

use ocellus_scene::Shape;

use super::Source;
use super::raw::nearest;
use super::source::{Refused, percent_decoded, refused};

/// The keys that the query may have.
const KEYS: [&str; 7] = ["seed", "width", "height", "fps", "frames", "line", "barrier"];

/// The whole numbers of the query.
struct QueryNumbers {
    seed: u64,
    width: u32,
    height: u32,
    fps: u32,
    frames: Option<u64>,
}

/// Parses the text after `scene:`. Errors: an unknown key, or a value outside its range.
pub(super) fn parse(rest: &str) -> Result<Source, Refused> {
    let mut numbers = QueryNumbers { seed: 1, width: 640, height: 480, fps: 30, frames: None };
    let (mut line, mut barrier) = (None, None);
    let rest = rest.trim_start_matches('/');
    let query = rest.strip_prefix('?').unwrap_or(rest);
    for pair in query.split('&').filter(|_| !query.is_empty()) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        match key {
            "line" => line = Some(shape(value)?),
            "barrier" => barrier = Some(link(value)?),
            _ => numbers.read(key, value)?,
        }
    }
    let QueryNumbers { seed, width, height, fps, frames } = numbers;
    if width % 2 == 1 || height % 2 == 1 {
        return refused("the scene's width and height must be even (I420)", "add or take away one px");
    }
    if barrier.is_some() && line.is_none() {
        return refused(
            "only a line of one product has a light barrier",
            "add line=plate, or remove barrier",
        );
    }
    Ok(Source::Scene { seed, width, height, fps, frames, line, barrier })
}

impl QueryNumbers {
    fn read(&mut self, key: &str, value: &str) -> Result<(), Refused> {
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
            "seed" => self.seed = number,
            "width" => self.width = number as u32,
            "height" => self.height = number as u32,
            "fps" => self.fps = number as u32,
            _ => self.frames = Some(number),
        }
        Ok(())
    }
}

fn shape(value: &str) -> Result<Shape, Refused> {
    let found = Shape::ALL.into_iter().find(|shape| shape.as_str() == value);
    let words = Shape::ALL.map(Shape::as_str);
    found.ok_or_else(|| Refused {
        reason: format!("the scene makes no \"{value}\""),
        remedy: nearest(value, &words),
    })
}

fn link(value: &str) -> Result<PathBuf, Refused> {
    match percent_decoded(value) {
        Some(path) if !path.is_empty() && !path.contains('\0') => Ok(PathBuf::from(path)),
        _ => refused("the light barrier has no path", "write barrier=barrier.tty and port = \"barrier.tty\""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scene(line: Option<Shape>, barrier: Option<&str>) -> Result<Source, Refused> {
        let barrier = barrier.map(PathBuf::from);
        Ok(Source::Scene { seed: 1, width: 640, height: 480, fps: 30, frames: None, line, barrier })
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
