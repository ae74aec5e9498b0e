//! Eight cameras on two workers: nobody starves, and every drop is counted.

use crate::support::broker::Broker;
use crate::support::fixture::{Fixture, Stub};
use crate::support::messages::{counter, listen};
use crate::support::wait_until;

const CAMERAS: usize = 8;

#[test]
fn eight_cameras_on_two_workers_are_served_alike_and_the_counts_add_up() {
    let (broker, fixture) = (Broker::start(), Fixture::new());
    let watcher = listen(broker.port);
    let mut config = fixture.stub("fast", &Stub { run_us: 1_000, ..Stub::default() });
    for n in 0..CAMERAS {
        config += &format!(
            "[[camera]]\nname = \"c{n}\"\nsource = \"launch:videotestsrc is-live=true ! \
             video/x-raw,format=I420,width=640,height=360,framerate=15/1\"\ndetect = {{ model = \"fast\" }}\n"
        );
    }
    fixture.config(broker.port, &config);
    let mut service = fixture.run();
    let reported = |n: usize| counter(&watcher, &format!("c{n}/reported")).unwrap_or(0);
    wait_until("every camera's first report", || (0..CAMERAS).all(|n| reported(n) > 0));
    let before: Vec<u64> = (0..CAMERAS).map(reported).collect();
    // 75 frames of one camera are five seconds of every camera.
    wait_until("75 frames", || (0..CAMERAS).any(|n| reported(n) >= before[n] + 75));
    let last = watcher.json("telemetry").pop().unwrap();
    let of = |n: usize, what: &str| last["counters"][format!("c{n}/{what}")].as_u64().unwrap();
    let gained: Vec<u64> = (0..CAMERAS).map(|n| of(n, "reported") - before[n]).collect();
    let (least, most) = (gained.iter().min().unwrap(), gained.iter().max().unwrap());
    assert!(*least as f64 >= 0.8 * *most as f64, "{gained:?}");
    for n in 0..CAMERAS {
        let counted = of(n, "reported") + of(n, "skipped") + of(n, "starved");
        // What is on its way between two readings of the counters: the ring, and the frames under way.
        let under_way = of(n, "frames").abs_diff(counted);
        assert!(under_way <= 8 + 6, "camera c{n}: {} frames, {counted} accounted for", of(n, "frames"));
    }
    assert_eq!(service.stop(), Some(0));
}
