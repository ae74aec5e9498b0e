//! The road of an acquisition without a camera, a model or a broker: real ring, real pinned workers, real account.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ocellus::inspection::{PartFault, PartFeed, PartItem, PartLane, PartLaneSettings, Product};
use ocellus::pipeline::{Offer, Sink};
use ocellus::ring::{Bell, Pick, Ring, Writer};
use ocellus::scheduler::{Cause, Executor, Factory, Scheduler, StageSpec};
use ocellus::supervisor::{Beat, Stop};
use ocellus::types::{
    Attendance, Clock, Event, Frame, Inspection, Numbering, OnComplete, Outcome, PixelFormat, Pose, Report,
    RoiResult, Stamp, SystemClock, Trigger, TriggerKind, Verdict, priority,
};

const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps every record, and the number of the frame that came with it.
#[derive(Default)]
struct Memory(Mutex<Vec<(Arc<Inspection>, Option<u64>)>>);

impl Memory {
    fn records(&self) -> Vec<Arc<Inspection>> {
        self.0.lock().unwrap().iter().map(|(record, _)| record.clone()).collect()
    }

    fn wait(&self, count: usize) -> Vec<Arc<Inspection>> {
        let deadline = Instant::now() + PATIENCE;
        while self.0.lock().unwrap().len() < count {
            assert!(Instant::now() < deadline, "{} of {count} records came", self.records().len());
            std::thread::sleep(Duration::from_millis(1));
        }
        self.records()
    }
}

impl Sink for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, inspection: &Arc<Inspection>, frame: Option<&Frame>) -> Offer {
        self.0.lock().unwrap().push((inspection.clone(), frame.map(|frame| frame.seq)));
        Offer::Taken
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

/// Judges by what its closures say.
#[derive(Clone)]
struct Judge {
    find: fn(&Frame) -> Result<Option<Pose>, PartFault>,
    roi: fn(&Frame, usize) -> Verdict,
}

impl Default for Judge {
    fn default() -> Judge {
        Judge { find: |_| Ok(None), roi: |_, _| Verdict::Ok }
    }
}

impl Executor<PartItem> for Judge {
    fn run(&mut self, part: &mut PartItem) -> Result<(), Cause> {
        match part.roi() {
            None => part.find(self.find),
            Some(index) => part.judge(|frame, _, _| RoiResult {
                verdict: (self.roi)(frame, index),
                error: None,
                ..RoiResult::failed(&format!("roi{index}").as_str().into(), "presence", "")
            }),
        }
        Ok(())
    }
}

struct Line {
    ring: Ring<Frame>,
    lane: Arc<PartLane>,
    sink: Arc<Memory>,
    scheduler: Arc<Scheduler>,
    stop: Stop,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Line {
    fn new(pick: Pick, queue: usize, rois: usize, judge: Judge) -> Line {
        Line::with_places(pick, queue, rois, judge, rois * queue)
    }

    fn with_places(pick: Pick, queue: usize, rois: usize, judge: Judge, places: usize) -> Line {
        let sink = Arc::new(Memory::default());
        Line::build((pick, queue, rois), judge, places, sink.clone(), sink)
    }

    /// One region, judged good, and another sink than the memory.
    fn with_sink(queue: usize, sink: Arc<dyn Sink>) -> Line {
        Line::build((Pick::Previous, queue, 1), Judge::default(), queue, Arc::default(), sink)
    }

    fn build(
        (pick, queue, rois): (Pick, usize, usize),
        judge: Judge,
        places: usize,
        memory: Arc<Memory>,
        sink: Arc<dyn Sink>,
    ) -> Line {
        let bell = Bell::new();
        let ring = Ring::new(8, bell.clone());
        let settings = PartLaneSettings {
            camera: "front".into(),
            pick,
            queue,
            max_wait: Duration::from_millis(300),
            tolerance: Duration::from_millis(100),
            numbers: Numbering::from_first(1),
            recordings: None,
        };
        let sinks: Arc<[Arc<dyn Sink>]> = Arc::new([sink]);
        let lane = PartLane::new(settings, ring.clone(), sinks, bell.clone());
        let scheduler = Arc::new(Scheduler::new(&[0, 0], bell));
        let factory: Arc<Factory<PartItem>> = Arc::new(move || Ok(Box::new(judge.clone())));
        let spec = StageSpec { name: "inspect".into(), priority: priority::INSPECT, min: 0, max: 2 };
        let stage = scheduler.add(spec, factory).unwrap();
        stage.attach(Arc::new(PartFeed::new(lane.clone(), "inspect".into(), places)));
        let product = Product {
            name: "bracket".into(),
            recipe_revision: 3,
            golden_revision: 0,
            rois: (0..rois).map(|at| (format!("roi{at}").as_str().into(), "presence")).collect(),
            outlines: Arc::default(),
            stage: "inspect".into(),
        };
        lane.select(Arc::new(product));
        lane.set_away(None);
        let stop = Stop::new();
        let threads = scheduler
            .workers()
            .iter()
            .map(|worker| {
                let (worker, stop) = (worker.clone(), stop.clone());
                std::thread::spawn(move || worker.run(&stop, &Beat::new()))
            })
            .collect();
        Line { ring, lane, sink: memory, scheduler, stop, threads }
    }

    fn commit(&self, writer: &mut Writer<Frame>, seq: u64) {
        let captured = SystemClock.now();
        let shape = (PixelFormat::Gray8, 4, 4);
        let frame = Frame::from_memory(seq, captured, shape, Arc::new([0; 16])).unwrap();
        writer.commit(captured.mono_ns, frame, &|| false).unwrap();
        self.lane.frame_committed();
    }

    fn pull(&self, at: Stamp) -> u64 {
        let trigger = Trigger { kind: TriggerKind::Timer, name: "test".into(), at, text: None };
        self.lane.pull(trigger, at, None).id
    }

    fn assert_sums(&self) {
        let counts = self.lane.counts();
        assert_eq!(counts.in_flight, 0, "{counts:?}");
        assert_eq!(counts.triggers, counts.ended(), "{counts:?}");
        let ids: Vec<u64> = self.sink.records().iter().map(|record| record.id).collect();
        let expected: Vec<u64> = (1..=counts.triggers).collect();
        assert_eq!(ids, expected, "every number once, in order");
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.stop.stop();
        self.scheduler.remove("inspect");
        for thread in self.threads.drain(..) {
            thread.join().unwrap();
        }
    }
}

#[test]
fn every_region_is_judged_and_the_worst_verdict_is_the_parts() {
    for (worst, outcome) in
        [(Verdict::Ok, Outcome::Ok), (Verdict::Ng, Outcome::Ng), (Verdict::Error, Outcome::Error)]
    {
        let roi = match worst {
            Verdict::Ok => |_: &Frame, _| Verdict::Ok,
            Verdict::Ng => |_: &Frame, index| if index == 3 { Verdict::Ng } else { Verdict::Ok },
            Verdict::Error => |_: &Frame, index| [Verdict::Ok, Verdict::Ng, Verdict::Error][index % 3],
        };
        let line = Line::new(Pick::Previous, 2, 12, Judge { roi, ..Judge::default() });
        let mut writer = line.ring.writer().unwrap();
        line.commit(&mut writer, 7);
        line.pull(SystemClock.now());
        let record = &line.sink.wait(1)[0];
        assert_eq!(record.outcome, outcome);
        assert_eq!(record.rois.len(), 12);
        assert_eq!(record.rois.iter().map(|roi| roi.verdict).max(), Some(worst));
        assert_eq!((record.product.as_ref(), record.recipe_revision), ("bracket", 3));
        assert_eq!(record.frame.map(|(seq, _)| seq), Some(7));
        assert_eq!(line.sink.0.lock().unwrap()[0].1, Some(7), "the sink sees the frame itself");
        line.assert_sums();
    }
}

/// A sink that has trouble with the frames of some numbers: it panics, or holds on to them until it is let go.
#[derive(Default)]
struct Troubled {
    memory: Memory,
    panics_until: u64,
    holds: Option<u64>,
    let_go: Stop,
    holding: Stop,
}

impl Sink for Troubled {
    fn name(&self) -> &'static str {
        "troubled"
    }

    fn offer_report(&self, _: &Arc<Report>) -> Offer {
        Offer::Taken
    }

    fn offer_event(&self, _: &Event) -> Offer {
        Offer::Taken
    }

    fn offer_inspection(&self, inspection: &Arc<Inspection>, frame: Option<&Frame>) -> Offer {
        assert!(inspection.id > self.panics_until, "no place for number {}", inspection.id);
        if self.holds == Some(inspection.id) {
            self.holding.stop();
            self.let_go.wait(PATIENCE);
        }
        self.memory.offer_inspection(inspection, frame)
    }

    fn offer_attendance(&self, _: &Arc<Attendance>) -> Offer {
        Offer::Taken
    }
}

fn troubled(queue: usize, trouble: Troubled) -> (Line, Arc<Troubled>) {
    let trouble = Arc::new(trouble);
    (Line::with_sink(queue, trouble.clone()), trouble)
}

#[test]
fn a_sink_that_is_slow_with_a_frame_holds_up_neither_the_line_nor_capture_nor_the_other_workers() {
    let (line, sink) = troubled(3, Troubled { holds: Some(1), ..Troubled::default() });
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    line.pull(SystemClock.now());
    assert!(sink.holding.wait(PATIENCE), "the first part never came to the sink");
    // A worker is inside the sink now. Each of these would wait for it if it were there with the lane's lock.
    let (line_, done) = (&line, Stop::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            line_.pull(SystemClock.now());
            line_.commit(&mut writer, 1);
            line_.lane.set_away(None);
            line_.lane.target();
            done.stop();
        });
        let free = done.wait(PATIENCE / 2);
        sink.let_go.stop();
        assert!(free, "capture or the trigger's line waited for a sink");
    });
    assert_eq!(sink.memory.wait(2).iter().map(|record| record.id).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_sink_that_panics_costs_neither_a_place_nor_the_records_that_follow() {
    // More panics than acquisitions may be under way, and than workers there are.
    let (line, sink) = troubled(2, Troubled { panics_until: 9, ..Troubled::default() });
    let mut writer = line.ring.writer().unwrap();
    for turn in 1..=12 {
        line.commit(&mut writer, turn);
        assert_eq!(line.pull(SystemClock.now()), turn);
        let deadline = Instant::now() + PATIENCE;
        while !line.lane.is_idle() {
            assert!(Instant::now() < deadline, "acquisition {turn} never ended");
            std::thread::yield_now();
        }
    }
    let records = sink.memory.wait(3);
    assert!(records.iter().all(|record| record.outcome == Outcome::Ok), "{records:?}");
    assert_eq!(records.iter().map(|record| record.id).collect::<Vec<_>>(), [10, 11, 12]);
    assert!(line.lane.target().ready, "places are missing");
}

#[test]
fn each_pick_takes_the_frame_that_it_means_out_of_a_running_camera() {
    // Commits frames 2 ms apart while triggers come at random moments; the truth is known from the stamps.
    for pick in [Pick::Nearest, Pick::Next, Pick::Previous] {
        let line = Line::new(pick, 4, 1, Judge::default());
        let stamps = Arc::new(Mutex::new(Vec::<(u64, u64)>::new()));
        let done = AtomicU64::new(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut writer = line.ring.writer().unwrap();
                let mut seq = 0;
                while done.load(Ordering::Acquire) == 0 {
                    let captured = SystemClock.now();
                    let shape = (PixelFormat::Gray8, 4, 4);
                    let frame = Frame::from_memory(seq, captured, shape, Arc::new([0; 16])).unwrap();
                    stamps.lock().unwrap().push((seq, captured.mono_ns));
                    writer.commit(captured.mono_ns, frame, &|| false).unwrap();
                    line.lane.frame_committed();
                    seq += 1;
                    std::thread::sleep(Duration::from_millis(2));
                }
            });
            line_is_running(&stamps);
            for turn in 0..200u64 {
                line.pull(SystemClock.now());
                line.sink.wait(turn as usize + 1);
                std::thread::sleep(Duration::from_micros(turn * 37 % 2_900));
            }
            done.store(1, Ordering::Release);
        });
        let stamps = stamps.lock().unwrap();
        for record in line.sink.records() {
            assert_eq!(record.outcome, Outcome::Ok, "{:?}", record.cause);
            let moment = record.trigger.at.mono_ns;
            let after = stamps.iter().filter(|(_, ns)| *ns >= moment).min_by_key(|(_, ns)| *ns);
            let before = stamps.iter().filter(|(_, ns)| *ns <= moment).max_by_key(|(_, ns)| *ns);
            let (seq, _) = record.frame.unwrap();
            let expected = match pick {
                Pick::Next => vec![after.unwrap().0],
                // A frame that was stamped just before the trigger may not have been in the ring yet.
                Pick::Previous => vec![before.unwrap().0, before.unwrap().0.saturating_sub(1)],
                Pick::Nearest => {
                    let near = stamps.iter().min_by_key(|(_, ns)| (ns.abs_diff(moment), *ns)).unwrap();
                    vec![near.0]
                }
            };
            assert!(expected.contains(&seq), "{pick:?}: took {seq}, meant {expected:?}");
        }
        line.assert_sums();
    }
}

fn line_is_running(stamps: &Mutex<Vec<(u64, u64)>>) {
    let deadline = Instant::now() + PATIENCE;
    while stamps.lock().unwrap().len() < 4 {
        assert!(Instant::now() < deadline, "no frame came");
        std::thread::yield_now();
    }
}

#[test]
fn a_trigger_without_a_frame_in_time_is_missed_and_so_is_one_while_the_camera_is_away() {
    let line = Line::new(Pick::Next, 2, 1, Judge::default());
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    line.pull(SystemClock.now());
    let deadline = Instant::now() + PATIENCE;
    while line.sink.records().is_empty() {
        assert!(Instant::now() < deadline, "the trigger never ended");
        line.lane.expire(Duration::from_millis(20));
    }
    line.lane.set_away(Some("the camera is offline: unplugged"));
    line.pull(SystemClock.now());
    let records = line.sink.wait(2);
    assert!(records.iter().all(|record| record.outcome == Outcome::Missed && record.frame.is_none()));
    assert_eq!(records[0].cause.as_deref(), Some("no frame within 300 ms"));
    assert_eq!(records[1].cause.as_deref(), Some("the camera is offline: unplugged"));
    line.assert_sums();
}

#[test]
fn a_camera_that_dies_ends_what_waits_for_it() {
    let line = Line::new(Pick::Next, 2, 1, Judge::default());
    line.pull(SystemClock.now());
    assert!(line.sink.records().is_empty());
    line.lane.set_away(Some("the camera is offline: gone"));
    assert_eq!(line.sink.wait(1)[0].outcome, Outcome::Missed);
    line.assert_sums();
}

#[test]
fn a_trigger_too_many_is_an_overrun_and_is_reported_in_its_turn() {
    static HELD: AtomicU64 = AtomicU64::new(1);
    let roi = |_: &Frame, _| {
        while HELD.load(Ordering::Acquire) == 1 {
            std::thread::yield_now();
        }
        Verdict::Ok
    };
    let line = Line::new(Pick::Previous, 2, 1, Judge { roi, ..Judge::default() });
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    for _ in 0..5 {
        line.pull(SystemClock.now());
    }
    assert!(line.sink.records().is_empty(), "an overrun is told after what came before it");
    assert!(!line.lane.target().ready);
    HELD.store(0, Ordering::Release);
    let outcomes: Vec<Outcome> = line.sink.wait(5).iter().map(|record| record.outcome).collect();
    assert_eq!(outcomes[..2], [Outcome::Ok; 2]);
    assert_eq!(outcomes[2..], [Outcome::Overrun; 3]);
    assert!(line.lane.target().ready);
    line.assert_sums();
}

#[test]
fn a_region_that_panics_is_an_error_with_its_cause_and_the_others_go_on() {
    let roi = |_: &Frame, index| if index == 1 { panic!("the model fell over") } else { Verdict::Ok };
    let line = Line::new(Pick::Previous, 2, 4, Judge { roi, ..Judge::default() });
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    line.pull(SystemClock.now());
    let record = &line.sink.wait(1)[0];
    assert_eq!(record.outcome, Outcome::Error);
    assert_eq!(record.rois[1].error.as_deref(), Some("panicked: the model fell over"));
    assert_eq!(record.rois.iter().filter(|roi| roi.verdict == Verdict::Ok).count(), 3);
    line.assert_sums();
}

#[test]
fn a_part_that_is_not_found_is_an_error_in_every_region() {
    let find = |_: &Frame| Err(PartFault::new("fiducial 1 not found"));
    let line = Line::new(Pick::Previous, 2, 3, Judge { find, ..Judge::default() });
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    line.pull(SystemClock.now());
    let record = &line.sink.wait(1)[0];
    assert_eq!((record.outcome, record.cause.as_deref()), (Outcome::Error, Some("fiducial 1 not found")));
    assert!(record.rois.iter().all(|roi| roi.error.as_deref() == Some("fiducial 1 not found")));
    line.assert_sums();
}

#[test]
fn regions_beyond_the_inbox_are_judged_all_the_same() {
    let line = Line::with_places(Pick::Previous, 2, 50, Judge::default(), 4);
    let mut writer = line.ring.writer().unwrap();
    line.commit(&mut writer, 0);
    line.pull(SystemClock.now());
    assert_eq!(line.sink.wait(1)[0].rois.iter().filter(|roi| roi.verdict == Verdict::Ok).count(), 50);
}

/// Remembers the numbers whose end it was told.
#[derive(Default)]
struct Reported(Mutex<Vec<u64>>);

impl OnComplete for Reported {
    fn completed(&self, inspection: &Arc<Inspection>) {
        self.0.lock().unwrap().push(inspection.id);
    }
}

#[test]
fn whoever_pulled_is_reported_once_and_in_order_whatever_comes_between() {
    let line = Line::new(Pick::Nearest, 3, 2, Judge::default());
    let mut writer = line.ring.writer().unwrap();
    let reported = Arc::new(Reported::default());
    for turn in 0..2_000u64 {
        if turn % 3 != 0 {
            line.commit(&mut writer, turn);
        }
        if turn % 500 == 250 {
            line.lane.set_away(Some("gone"));
        } else if turn % 500 == 260 {
            line.lane.set_away(None);
        }
        let at = SystemClock.now();
        let trigger = Trigger { kind: TriggerKind::Timer, name: "test".into(), at, text: None };
        line.lane.pull(trigger, at, Some(reported.clone()));
    }
    line.lane.close();
    line.sink.wait(2_000);
    line.assert_sums();
    assert_eq!(*reported.0.lock().unwrap(), (1..=2_000).collect::<Vec<_>>());
}
