//! A file system of a few megabytes that can be filled and freed, or mounted read-only.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use super::data::skip;

pub struct SmallDisk {
    dir: tempfile::TempDir,
    /// The file with the file system, where it is not in memory.
    image: Option<tempfile::NamedTempFile>,
}

impl SmallDisk {
    /// A tmpfs of `bytes`; `None` where mounting is not permitted, which takes root.
    pub fn mount(bytes: u64) -> Option<SmallDisk> {
        let disk = SmallDisk { dir: tempfile::tempdir().unwrap(), image: None };
        let size = format!("size={bytes}");
        if disk.run("mount", &["-t", "tmpfs", "-o", &size, "tmpfs"]) {
            return Some(disk);
        }
        skip("a small file system cannot be mounted here: run the tests as root");
        None
    }

    /// An ext4 file system of `bytes` on a loop device; `None` where that is not permitted.
    pub fn ext4(bytes: u64) -> Option<SmallDisk> {
        let image = tempfile::NamedTempFile::new().unwrap();
        image.as_file().set_len(bytes).unwrap();
        let path = image.path().to_owned();
        let made =
            Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&path).env("PATH", "/usr/sbin:/sbin").status();
        let disk = SmallDisk { dir: tempfile::tempdir().unwrap(), image: Some(image) };
        let options = ["-o", "loop,errors=remount-ro", path.to_str().unwrap()];
        if made.is_ok_and(|status| status.success()) && disk.run("mount", &options) {
            return Some(disk);
        }
        skip(
            "an ext4 file system cannot be made and mounted here: run the tests as root, with e2fsprogs and loop devices",
        );
        None
    }

    /// The kernel finds a fault in the ext4 file system and makes it read-only, as it does with a worn card, also for files
    /// that are open.
    pub fn fail(&self) {
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap();
        let line = mounts.lines().find(|line| line.split(' ').nth(1) == self.path().to_str()).unwrap();
        let device = line.split(' ').next().and_then(|device| device.rsplit('/').next()).unwrap();
        std::fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "a test").unwrap();
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
