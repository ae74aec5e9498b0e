//! A box to examine, kernel files of a healthy machine, and the doctor's report.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::support::complaint;
use crate::support::fixture::Fixture;

/// A camera that is always there.
pub const SCENE: &str = "[[camera]]\nname = \"a\"\nsource = \"scene:?width=64&height=64&fps=10\"\n";

/// Kernel files in the form of a Raspberry Pi 4 with two cameras on one bus, all of it well.
pub struct KernelFiles {
    pub dir: tempfile::TempDir,
}

impl KernelFiles {
    pub fn healthy() -> KernelFiles {
        let files = KernelFiles { dir: tempfile::tempdir().unwrap() };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        files.write("sys/class/rtc/rtc0/since_epoch", &format!("{now}\n"));
        files.write("run/systemd/timesync/synchronized", "");
        files.write("sys/devices/system/cpu/present", "0-3\n");
        files.write("sys/devices/system/cpu/online", "0-3\n");
        files.write(
            "proc/meminfo",
            "MemTotal:        3884368 kB\nMemFree:          812344 kB\nMemAvailable:    2901220 kB\nBuffers:           71236 kB\n",
        );
        files.write("proc/vmstat", "nr_free_pages 203086\noom_kill 0\n");
        let calm = "some avg10=0.00 avg60=0.00 avg300=0.00 total=11\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n";
        files.write("proc/pressure/io", calm);
        files.write("proc/pressure/memory", calm);
        let zone = "sys/class/thermal/thermal_zone0";
        files.write(&format!("{zone}/type"), "cpu-thermal\n");
        files.write(&format!("{zone}/temp"), "51608\n");
        files.write(&format!("{zone}/trip_point_0_type"), "passive\n");
        files.write(&format!("{zone}/trip_point_0_temp"), "80000\n");
        files.write("sys/class/thermal/cooling_device0/type", "cpufreq-cpu0\n");
        files.write("sys/class/thermal/cooling_device0/cur_state", "0\n");
        files.write("sys/class/thermal/cooling_device0/max_state", "5\n");
        files.write("sys/devices/platform/soc/soc:firmware/get_throttled", "0\n");
        for (port, video) in [("1-1", "video0"), ("1-2", "video2")] {
            files.usb_camera(port, video);
        }
        files
    }

    /// A USB camera at `port` of bus 1, a USB 2 bus; the links are those of the kernel.
    fn usb_camera(&self, port: &str, video: &str) {
        let bus = "sys/devices/platform/scb/fd500000.pcie/pci0000:00/usb1";
        self.write(&format!("{bus}/speed"), "480\n");
        self.write(&format!("{bus}/busnum"), "1\n");
        self.write(&format!("{bus}/{port}/speed"), "480\n");
        self.write(&format!("{bus}/{port}/busnum"), "1\n");
        self.write(&format!("{bus}/{port}/{port}:1.0/bInterfaceClass"), "0e\n");
        let node = format!("{bus}/{port}/{port}:1.0/video4linux/{video}");
        self.write(&format!("{node}/name"), "USB Camera\n");
        std::os::unix::fs::symlink(
            format!("../../../{port}:1.0"),
            self.dir.path().join(&node).join("device"),
        )
        .unwrap();
        let class = self.dir.path().join("sys/class/video4linux");
        fs::create_dir_all(&class).unwrap();
        let target = format!("../../../{node}");
        std::os::unix::fs::symlink(target, class.join(video)).unwrap();
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// What `ocellus doctor --json` says of the box.
pub struct Report {
    pub json: Value,
    pub code: Option<i32>,
}

impl Report {
    /// The report of the box on a machine with `files`.
    pub fn of(fixture: &Fixture, files: &KernelFiles) -> Report {
        let root = files.path().to_str().unwrap();
        Report::read(fixture.command(&["doctor", "--json", "--system-root", root]))
    }

    pub fn read(output: Output) -> Report {
        let text = String::from_utf8_lossy(&output.stdout);
        let json = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{error}: {text}{}", complaint(&output)));
        let report = Report { json, code: output.status.code() };
        let took = report.json["took_ms"].as_u64().unwrap();
        eprintln!("the examination took {took} ms");
        assert!(took < 30_000, "every examination ends within 30 s: {}", report.json);
        report
    }

    /// The results of the check `name`.
    pub fn of_check(&self, name: &str) -> Vec<&Value> {
        let checks = self.json["checks"].as_array().unwrap();
        checks.iter().filter(|result| result["check"] == name).collect()
    }

    /// The one fault of the check `name`: its cause has all of `words`, its remedy is there, the exit code says so.
    pub fn assert_fault(&self, name: &str, words: &[&str]) -> &Value {
        let faults = self.of_check(name).into_iter().filter(|result| result["state"] == "fault");
        let whole = faults.map(|fault| (fault, format!("{} {}", fault["place"], fault["cause"])));
        let found = whole.into_iter().find(|(_, text)| words.iter().all(|word| text.contains(word)));
        let Some((fault, _)) = found else { panic!("no fault of {name} with {words:?}: {:#}", self.json) };
        assert!(!fault["remedy"].as_str().unwrap().is_empty(), "a remedy: {fault:#}");
        assert_eq!((self.code, &self.json["ok"]), (Some(15), &false.into()));
        fault
    }

    /// There is a result of the check `name`, and none of them is a fault.
    pub fn assert_no_fault(&self, name: &str) {
        let results = self.of_check(name);
        assert!(!results.is_empty(), "{name} was not examined: {:#}", self.json);
        assert!(results.iter().all(|result| result["state"] != "fault"), "{results:#?}");
    }
}

/// A folder that everybody may enter, and a program in it: another user runs it.
pub fn program_for_everybody() -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("ocellus");
    fs::copy(crate::support::fixture::program(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    (dir, program)
}
