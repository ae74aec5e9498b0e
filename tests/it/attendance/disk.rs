//! A disk that is full: the box goes on, says so, and loses nothing that memory can hold.

use ocellus::config;

use crate::attendance::scenario::{Scenario, settings};
use crate::support::broker::Broker;
use crate::support::disk::SmallDisk;
use crate::support::messages::{assert_without_holes, listen, numbers};
use crate::support::wait_until;

const TOPIC: &str = "/attendance";

#[test]
fn events_wait_while_the_disk_is_full_and_arrive_once_when_it_is_free_again() {
    let Some(disk) = SmallDisk::mount(8 << 20) else {
        return;
    };
    let broker = Broker::start();
    let watcher = listen(broker.port);
    let patient = config::AttendanceConfig { leave_after: std::time::Duration::from_secs(600), ..settings() };
    let scenario = Scenario::start(&patient, disk.path(), broker.port);
    let counters = scenario.harness.attendance.counters();
    scenario.harness.shows("front", 1);
    wait_until("the first arrives", || watcher.json(TOPIC).len() == 1);
    disk.fill();
    let mut person = 1;
    wait_until("the disk refuses", || {
        person += 1;
        scenario.harness.shows("front", person);
        std::thread::sleep(std::time::Duration::from_millis(2));
        counters.failed.get() > 0
    });
    // The refusal is counted first and reported next, by another thread.
    wait_until("the alarm is raised", || !scenario.harness.alarms.lock().unwrap().is_empty());
    let alarm = scenario.harness.alarms.lock().unwrap().last().cloned().unwrap();
    assert!(
        alarm.0 == "attendance" && alarm.1.as_deref().is_some_and(|cause| cause.contains("full")),
        "{alarm:?}"
    );
    for more in 1..=20 {
        scenario.harness.shows("front", person + more);
    }
    disk.free();
    let all = || {
        let mut people = numbers(&watcher, TOPIC, "person");
        people.sort_unstable();
        people.dedup();
        people
    };
    wait_until("everybody entered", || all().len() as u64 == person + 20);
    wait_until("the alarm is over", || scenario.harness.alarms.lock().unwrap().last().unwrap().1.is_none());
    let enters = watcher.json(TOPIC).into_iter().filter(|message| message["event"] == "enter").count();
    assert_eq!((enters as u64, counters.lost.get()), (person + 20, 0));
    let mut ids = numbers(&watcher, TOPIC, "id");
    ids.sort_unstable();
    assert_without_holes("ids", &ids);
    scenario.stop();
}
