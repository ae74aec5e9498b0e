//! Planes of other formats, which the product reads: a video, for instance.

use std::path::PathBuf;

use ocellus_microscopy::Plane;
use ocellus_microscopy::stack::{
    PlaneAddress, PlaneReader, PlaneSource, Position, SourceError, Stack, StackError, StackOptions,
    StackReader,
};

use super::support::{assumed, values};

/// A source whose pixels tell their address.
#[derive(Debug)]
struct Fake {
    positions: Vec<Position>,
    channels: Vec<String>,
}

#[derive(Debug)]
struct FakeReader;

impl PlaneSource for Fake {
    fn format(&self) -> &str {
        "video"
    }

    fn positions(&self) -> &[Position] {
        &self.positions
    }

    fn channels(&self) -> &[String] {
        &self.channels
    }

    fn pixels(&self) -> &str {
        "8 bit"
    }

    fn assumptions(&self) -> Vec<String> {
        vec!["colours are weighed to grey".to_owned()]
    }

    fn reader(&self) -> Result<Box<dyn PlaneReader>, SourceError> {
        Ok(Box::new(FakeReader))
    }
}

impl PlaneReader for FakeReader {
    fn read(&mut self, address: PlaneAddress, plane: &mut Plane) -> Result<(), SourceError> {
        if address.frame == 2 {
            return Err("the stream ends here".into());
        }
        (plane.width, plane.height) = (1, 1);
        let pixels = plane.u16_mut();
        pixels.clear();
        pixels.push((100 * address.position + 10 * address.frame + address.channel) as u16);
        Ok(())
    }
}

fn fake() -> Fake {
    let position = |number: usize| Position {
        name: format!("scene {number}"),
        frames: 3,
        depth: 1,
        width: 1,
        height: 1,
        pixel_size_um: None,
        times_ms: Some(vec![40.0, 80.0, 120.0]),
    };
    Fake { positions: vec![position(0), position(1)], channels: vec!["grey".to_owned(), "red".to_owned()] }
}

fn open(source: Fake) -> (tempfile::TempDir, Result<Stack, StackError>) {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("film.mp4");
    std::fs::write(&path, "film").unwrap();
    let stack = Stack::from_source(&path, Box::new(source), &StackOptions::default());
    (folder, stack)
}

#[test]
fn a_source_is_a_stack_with_its_addresses_times_and_guesses() {
    let (_folder, stack) = open(fake());
    let stack = stack.unwrap();
    assert_eq!((stack.stem(), stack.channels()), ("film", ["grey".to_owned(), "red".to_owned()].as_slice()));
    assert_eq!(stack.positions()[1].times_ms.as_deref(), Some([0.0, 40.0, 80.0].as_slice()));
    assert_eq!(assumed(&stack), ["colours are weighed to grey"]);
    assert_eq!(values(&stack, 1, 1, 1, 0), [111.0]);
    let mut plane = Plane::empty();
    let error = stack
        .reader()
        .unwrap()
        .read(PlaneAddress { position: 0, channel: 0, frame: 2, z: 0 }, &mut plane)
        .unwrap_err();
    assert!(error.to_string().contains("film.mp4") && error.to_string().contains("stream ends"), "{error}");
}

#[test]
fn a_source_with_times_that_go_back_is_refused() {
    let mut source = fake();
    source.positions[1].times_ms = Some(vec![0.0, 80.0, 40.0]);
    let (_folder, stack) = open(source);
    assert!(matches!(stack.unwrap_err(), StackError::TimesGoBack { frame: 2, .. }));
}

#[test]
fn stacks_are_shared_and_readers_are_moved_between_threads() {
    fn is_shared<T: Send + Sync>() {}
    fn is_moved<T: Send>() {}
    is_shared::<Stack>();
    is_moved::<StackReader>();
}
