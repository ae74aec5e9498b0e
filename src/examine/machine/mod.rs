//! This machine, as the kernel's files describe it: cores, memory, heat, clocks, USB. Pure readers of text files below a
//! root, so that the files of another machine can be read as well.

mod clock;
mod cores;
mod memory;
mod thermal;
mod usb;

use std::fs;
use std::path::{Path, PathBuf};

pub(super) use clock::clock;
pub(super) use cores::cores;
pub(super) use memory::{memory, pressure};
pub(super) use thermal::thermal;
pub(super) use usb::usb;

/// Where the files of the kernel are: `/`, or a folder that holds those of another machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    root: PathBuf,
}

impl Default for Machine {
    fn default() -> Machine {
        Machine { root: PathBuf::from("/") }
    }
}

impl Machine {
    /// The machine whose `proc`, `sys` and `run` are below `root`.
    pub fn at(root: impl Into<PathBuf>) -> Machine {
        Machine { root: root.into() }
    }

    /// Whether it is the machine that this process runs on.
    fn is_this(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The place of `path`, which is relative to the root.
    fn path(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join(path)
    }

    /// The text of a file without the white space around it; `None` where there is none.
    fn text(&self, path: impl AsRef<Path>) -> Option<String> {
        Some(fs::read_to_string(self.path(path)).ok()?.trim().to_owned())
    }

    /// The number in a file.
    fn number(&self, path: impl AsRef<Path>) -> Option<i64> {
        self.text(path)?.parse().ok()
    }

    /// The names in a folder that begin with `prefix`, sorted; empty where there is none.
    fn names(&self, folder: impl AsRef<Path>, prefix: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
        names.sort();
        names
    }
}

/// A folder of kernel files for tests: (path, content) below a root that is removed at the end.
#[cfg(test)]
pub(super) fn fixture(files: &[(&str, &str)]) -> (tempfile::TempDir, Machine) {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    let machine = Machine::at(dir.path());
    (dir, machine)
}
