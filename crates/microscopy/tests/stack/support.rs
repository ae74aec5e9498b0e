//! Where the data is, and sums of planes.
#![allow(dead_code, reason = "tests/support serves other tests too")]

#[path = "../../../../tests/support/data.rs"]
pub mod data;

use std::path::{Path, PathBuf};

use ocellus_microscopy::stack::{PlaneAddress, Stack, StackError, StackOptions};
use ocellus_microscopy::{Pixels, Plane};

/// The folder of the shared microscopy data, which is a failure where it is not there.
pub fn shared() -> PathBuf {
    data::data(&["microscopy"]).expect("the shared data is there").join("microscopy")
}

pub fn open(path: &Path) -> Result<Stack, StackError> {
    Stack::open(&[path.to_owned()], &StackOptions::default())
}

pub fn open_with(path: &Path, change: impl FnOnce(&mut StackOptions)) -> Result<Stack, StackError> {
    let mut options = StackOptions::default();
    change(&mut options);
    Stack::open(&[path.to_owned()], &options)
}

/// Values of a plane as floating point.
pub fn values(stack: &Stack, position: usize, channel: usize, frame: usize, z: usize) -> Vec<f64> {
    let mut plane = Plane::empty();
    let address = PlaneAddress { position, channel, frame, z };
    stack.reader().unwrap().read(address, &mut plane).unwrap();
    let values: Vec<f64> = match &plane.pixels {
        Pixels::U16(pixels) => pixels.iter().map(|value| f64::from(*value)).collect(),
        Pixels::F32(pixels) => pixels.iter().map(|value| f64::from(*value)).collect(),
    };
    assert_eq!(values.len(), plane.width * plane.height);
    values
}

pub fn sum(stack: &Stack, position: usize, channel: usize, frame: usize) -> f64 {
    values(stack, position, channel, frame, 0).iter().sum()
}

/// The lines of the description that begin with `assumed:`.
pub fn assumed(stack: &Stack) -> Vec<String> {
    let description = stack.description();
    description.lines().filter_map(|line| line.strip_prefix("assumed: ")).map(str::to_owned).collect()
}
