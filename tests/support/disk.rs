//! A file system of a few megabytes that can be filled and freed, or mounted read-only.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::data::skip;

pub struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    /// A tmpfs of `bytes`; `None` where mounting is not permitted, which takes root.
    pub fn mount(bytes: u64) -> Option<SmallDisk> {
        let disk = SmallDisk { dir: tempfile::tempdir().unwrap() };
        let size = format!("size={bytes}");
        if disk.run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"]) {
            return Some(disk);
        }
        skip("a small file system cannot be mounted here: run the tests as root");
        None
    }

    /// Nothing can be written any more.
    pub fn read_only(&self) {
        assert!(self.run("mount", &["-o", "remount,ro"]));
    }

    fn run(&self, program: &str, arguments: &[&str]) -> bool {
        let mut command = Command::new(program);
        command.args(arguments).arg(self.dir.path()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Takes all the space that is left.
    pub fn fill(&self) {
        let mut file = File::create(self.path().join("ballast")).unwrap();
        while file.write_all(&[7; 4096]).is_ok() {}
        while file.write_all(&[7]).is_ok() {}
    }

    /// Gives the space back.
    pub fn free(&self) {
        std::fs::remove_file(self.path().join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, because a failing test may still hold files open.
        self.run("umount", &["-l"]);
    }
}
