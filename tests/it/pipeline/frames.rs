//! The road of a frame without a camera, a model or a broker: real ring, real pinned workers, real order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ocellus::pipeline::{FrameItem, Lane, LaneFeed, LaneSettings, Offer, Sink};
use ocellus::ring::{Bell, Policy, Ring};
use ocellus::scheduler::{Cause, Executor, Factory, Scheduler, Stage, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{
    Attendance, Event, Finding, Frame, Inspection, Label, PixelFormat, Rect, Report, Stamp, Value, priority,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps what it is offered.
#[derive(Default)]
struct Memory {
    reports: Mutex<Vec<Arc<Report>>>,
    drop_every: u64,
    offers: AtomicU64,
    /// Panics at the reports of these frames.
    panics: Vec<u64>,
}

impl Sink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn offer_report(&self, report: &Arc<Report>) -> Offer {
        assert!(!self.panics.contains(&report.frame_seq), "no report of frame {}", report.frame_seq);
        let offer = self.offers.fetch_add(1, Ordering::Relaxed);
        if self.drop_every > 0 && offer.is_multiple_of(self.drop_every) {
            return Offer::Dropped;
        }
        self.reports.lock().unwrap().push(report.clone());
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, _: &Arc<Inspection>, _: Option<&Frame>) -> Offer {
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

/// An executor made of a closure.
struct Work<F>(F);

impl<F> Executor<FrameItem> for Work<F>
where
    F: FnMut(&Frame, &mut Report) + Send,
{
    fn run(&mut self, item: &mut FrameItem) -> Result<(), Cause> {
        let (frame, report) = item.open().unwrap();
        (self.0)(frame, report);
        Ok(())
    }
}

/// A road with two workers and one camera whose frames are made by the test.
struct Road {
    ring: Ring<Frame>,
    lane: Arc<Lane>,
    scheduler: Arc<Scheduler>,
    detect: Arc<Stage<FrameItem>>,
    stop: Stop,
    threads: Vec<std::thread::JoinHandle<()>>,
    sink: Arc<Memory>,
}

impl Road {
    fn new<F>(policy: Policy, sink: Memory, work: F) -> Road
    where
        F: Fn(&Frame, &mut Report) + Clone + Send + Sync + 'static,
    {
        let bell = Bell::new();
        let ring = Ring::new(8, bell.clone());
        let sink = Arc::new(sink);
        let settings = LaneSettings {
            camera: "front".into(),
            every: 1,
            degradation: Default::default(),
            window: 6,
            tracker: None,
            followers: Vec::new(),
            recordings: None,
        };
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([sink.clone() as Arc<dyn Sink>]);
        let lane = Lane::new(settings, ring.reader(policy), sinks, bell.clone());
        // Both on core 0: every machine has one, and two workers on one core interleave all the more.
        let scheduler = Arc::new(Scheduler::new(&[0, 0], bell));
        let factory: Arc<Factory<FrameItem>> = Arc::new(move || Ok(Box::new(Work(work.clone()))));
        let spec = StageSpec { name: "detect".into(), priority: priority::DETECT, min: 1, max: 2 };
        let detect = scheduler.add(spec, factory).unwrap();
        detect.attach(Arc::new(LaneFeed(lane.clone())));
        let stop = Stop::new();
        let threads = scheduler
            .workers()
            .iter()
            .map(|worker| {
                let (worker, stop) = (worker.clone(), stop.clone());
                std::thread::spawn(move || worker.run(&stop, &Beat::new()))
            })
            .collect();
        Road { ring, lane, scheduler, detect, stop, threads, sink }
    }

    /// Sends `count` frames and waits until all of them are reported.
    fn play(&self, count: u64) {
        let mut writer = self.ring.writer().unwrap();
        for n in 0..count {
            let frame = Frame::from_memory(
                n,
                Stamp { mono_ns: n, wall_ns: n },
                (PixelFormat::Gray8, 4, 4),
                Arc::new([0; 16]),
            );
            writer.commit(n, frame.unwrap(), &|| false).unwrap();
        }
        self.ring.close();
        assert!(self.lane.wait_drained(PATIENCE), "the lane did not drain");
    }

    fn reports(&self) -> Vec<Arc<Report>> {
        self.sink.reports.lock().unwrap().clone()
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        self.stop.stop();
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

fn finding(score: f32) -> Finding {
    let rect = Rect { x: 0.0, y: 0.0, w: 1.0, h: 1.0 };
    Finding::new(0, Label::from("x"), score, Value::Object { rect, points: Default::default() })
}

#[test]
fn every_frame_is_reported_once_and_in_order_although_workers_finish_out_of_order() {
    let road = Road::new(Policy::Every, Memory::default(), |frame, report| {
        // Odd frames take longer than even ones.
        if frame.seq % 2 == 1 {
            std::thread::sleep(Duration::from_micros(300));
        }
        report.push(finding(0.5));
    });
    road.play(300);
    let seqs: Vec<u64> = road.reports().iter().map(|report| report.frame_seq).collect();
    assert_eq!(seqs, (0..300).collect::<Vec<_>>());
}

#[test]
fn a_panic_in_one_frame_becomes_its_error_and_the_worker_lives_on() {
    let road = Road::new(Policy::Every, Memory::default(), |frame, report| {
        assert!(frame.seq != 5, "no sixth frame, please");
        report.push(finding(0.5));
    });
    road.play(20);
    let reports = road.reports();
    assert_eq!(reports.len(), 20);
    let fault = reports[5].fault.as_ref().expect("frame 5 must carry its error");
    assert_eq!(&*fault.stage, "detect");
    assert!(fault.cause.contains("no sixth frame, please"), "{fault:?}");
    assert!(reports.iter().filter(|report| report.frame_seq != 5).all(|report| report.fault.is_none()));
    assert_eq!(road.lane.counters.failed.get(), 1);
}

#[test]
fn what_a_sink_drops_is_counted() {
    let road = Road::new(Policy::Every, Memory { drop_every: 4, ..Memory::default() }, |_, _| {});
    road.play(100);
    assert_eq!(road.lane.counters.dropped.get(), 25);
    assert_eq!(road.reports().len(), 75);
    assert_eq!(road.lane.counters.reported.get(), 100);
}

#[test]
fn a_sink_that_panics_costs_its_own_reports_and_no_worker_keeps_its_place() {
    // More panics than frames may be under way, and than places of the stage.
    let panics: Vec<u64> = (0..300).filter(|seq| seq % 5 == 2).collect();
    let memory = Memory { panics: panics.clone(), ..Memory::default() };
    let road = Road::new(Policy::Every, memory, |_, report| report.push(finding(0.5)));
    road.play(300);
    let seqs: Vec<u64> = road.reports().iter().map(|report| report.frame_seq).collect();
    assert_eq!(seqs, (0..300).filter(|seq| !panics.contains(seq)).collect::<Vec<_>>());
    assert_eq!(road.lane.counters.dropped.get(), panics.len() as u64);
    let deadline = std::time::Instant::now() + PATIENCE;
    while road.detect.running() > 0 {
        assert!(std::time::Instant::now() < deadline, "a place of the stage was never given back");
        std::thread::yield_now();
    }
}

#[test]
fn with_the_latest_policy_what_is_not_reported_was_counted_as_skipped() {
    let road = Road::new(Policy::Latest, Memory::default(), |_, _| {
        std::thread::sleep(Duration::from_millis(2));
    });
    road.play(400);
    let reported = road.reports().len() as u64;
    assert!(reported < 400, "nothing was skipped: the test shows nothing");
    assert_eq!(reported + road.lane.skipped() + road.ring.stats().starved, 400);
}

#[test]
fn a_stage_can_be_taken_away_and_put_back_while_frames_pass() {
    let road = Road::new(Policy::Every, Memory::default(), |_, report| report.push(finding(0.5)));
    let scheduler = road.scheduler.clone();
    let changes = std::thread::spawn(move || {
        for _ in 0..20 {
            let spec = StageSpec { name: "extra".into(), priority: priority::ANNOTATE, min: 0, max: 2 };
            let factory: Arc<Factory<FrameItem>> =
                Arc::new(|| Ok(Box::new(Work(|_: &Frame, _: &mut Report| {}))));
            scheduler.add(spec, factory).unwrap();
            scheduler.remove("extra");
        }
    });
    road.play(500);
    changes.join().unwrap();
    assert_eq!(road.reports().len(), 500);
}
