//! What cannot be broken on the machine of the tests is read from files in the kernel's own format.

use crate::examine::support::{KernelFiles, Report, SCENE};
use crate::support::broker::Broker;
use crate::support::fixture::Fixture;

/// The report of a sound box on a machine that `change` has spoilt.
fn report(rest: &str, change: impl FnOnce(&KernelFiles)) -> Report {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture.config(broker.port, rest);
    change(&files);
    Report::of(&fixture, &files)
}

#[test]
fn a_clock_that_is_off_is_named_with_the_difference() {
    let report = report(SCENE, |files| files.write("sys/class/rtc/rtc0/since_epoch", "1100000000\n"));
    report.assert_fault("clock", &["the clock is off", "the board differs by"]);
}

#[test]
fn files_of_the_future_show_that_the_clock_is_behind() {
    let (broker, fixture, files) = (Broker::start(), Fixture::new(), KernelFiles::healthy());
    fixture.config(broker.port, SCENE);
    std::fs::create_dir(&fixture.state_dir).unwrap();
    let file = std::fs::File::create(fixture.state_dir.join("notes")).unwrap();
    file.set_modified(std::time::SystemTime::now() + std::time::Duration::from_secs(90_000)).unwrap();
    Report::of(&fixture, &files).assert_fault("clock", &["the clock is off", "was written later"]);
}

#[test]
fn a_core_that_is_offline_is_named() {
    let cores = format!("[workers]\ncores = [0, 1]\n{SCENE}");
    let report = report(&cores, |files| files.write("sys/devices/system/cpu/online", "0,2-3\n"));
    let fault = report.assert_fault("cores", &["core 1 is offline", "workers.cores"]);
    assert!(fault["remedy"].as_str().unwrap().contains("cpu1/online"), "{fault}");
}

#[test]
fn thermal_throttling_is_named_with_the_temperature() {
    let report = report(SCENE, |files| {
        files.write("sys/class/thermal/thermal_zone0/temp", "85243\n");
        files.write("sys/class/thermal/cooling_device0/cur_state", "4\n");
    });
    report.assert_fault("thermal", &["cpufreq-cpu0 is at step 4 of 5"]);
    report.assert_fault("thermal", &["cpu-thermal shows 85 °C", "80 °C"]);
}

#[test]
fn a_usb_bus_that_cannot_carry_its_cameras_is_named_with_the_figures() {
    let camera = |name: &str, device: &str| {
        format!(
            "[[camera]]\nname = \"{name}\"\nsource = \"v4l2:///dev/{device}\"\nv4l2 = {{ width = 1280, height = 720, fps = 10 }}\n"
        )
    };
    let two = camera("left", "video0") + &camera("right", "video2");
    // 147 Mbit/s each, of 384 that may be reserved.
    let fits = report(&two, |_| {});
    fits.assert_no_fault("usb");
    // The left one streams: 3 x 1024 bytes in each microframe.
    let busy = report(&two, |files| {
        let endpoint = "sys/devices/platform/scb/fd500000.pcie/pci0000:00/usb1/1-1/1-1:1.1/ep_81";
        files.write(&format!("{endpoint}/type"), "Isoc\n");
        files.write(&format!("{endpoint}/wMaxPacketSize"), "1400\n");
        files.write(&format!("{endpoint}/bInterval"), "01\n");
        let other = endpoint.replace("1-1", "1-2");
        files.write(&format!("{other}/type"), "Isoc\n");
        files.write(&format!("{other}/wMaxPacketSize"), "1400\n");
        files.write(&format!("{other}/bInterval"), "01\n");
    });
    busy.assert_fault(
        "usb",
        &["USB bus 1 (480 Mbit/s)", "384 may be reserved", "left 197 Mbit/s (reserved)"],
    );
    let slow = report(&camera("left", "video0"), |files| {
        files.write("sys/devices/platform/scb/fd500000.pcie/pci0000:00/usb1/1-1/speed", "12\n");
    });
    slow.assert_fault("usb", &["left", "12 Mbit/s"]);
}

#[test]
fn short_memory_is_named_with_the_figures() {
    let report = report(SCENE, |files| {
        files.write(
            "proc/meminfo",
            "MemTotal:        3884368 kB\nMemFree: 9000 kB\nMemAvailable:      40960 kB\n",
        );
    });
    report.assert_fault("memory", &["memory is short: 40 of 3793 MiB"]);
}
