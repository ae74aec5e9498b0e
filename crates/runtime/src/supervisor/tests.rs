//! Tests the guarantees of supervision with real threads, and with a real child process where signals and the
//! environment are involved.

use std::os::unix::net::UnixDatagram;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use ocellus_text::Explanation;

use super::watchdog::{self, Heart, Pulse};
use super::*;

/// Much longer than anything these tests wait for; only a failed guarantee reaches it.
const LONG: Duration = Duration::from_secs(30);
/// The exit code after a second signal.
const FORCED: i32 = 7;

fn a_supervisor(max_restarts: u32, drain: Duration) -> Supervisor {
    let ms = Duration::from_millis;
    let (backoff, backoff_max, drain_max) = (ms(1), ms(4), LONG);
    Supervisor::new(Settings { max_restarts, backoff, backoff_max, drain, drain_max })
}

/// A unit that beats until it is stopped.
fn steady(name: &str) -> Unit {
    Unit::new(name, |context| {
        while !context.stop.wait(Duration::from_millis(1)) {
            context.beat.beat();
        }
        Ok(())
    })
}

#[track_caller]
fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < deadline, "did not happen: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn state(supervisor: &Supervisor, name: &str) -> UnitStatus {
    supervisor.status().into_iter().find(|status| &*status.name == name).unwrap()
}

#[test]
fn a_crashing_unit_is_restarted_while_the_others_keep_running() {
    let supervisor = a_supervisor(5, LONG);
    supervisor.add(steady("steady")).unwrap();
    supervisor
        .add(Unit::new("clumsy", |context| match context.restarts {
            0 => panic!("slipped"),
            1 => Err(std::io::Error::other("tripped").into()),
            _ => {
                context.beat.beat();
                context.stop.wait(LONG);
                Ok(())
            }
        }))
        .unwrap();
    wait_until("the clumsy unit runs", || state(&supervisor, "clumsy").state == State::Running);
    let clumsy = state(&supervisor, "clumsy");
    assert_eq!((clumsy.restarts, clumsy.last_error.clone()), (2, Some(Explanation::new("tripped", ""))));
    let count = || supervisor.hearts().iter().find(|heart| &*heart.name == "steady").unwrap().count;
    let before = count();
    wait_until("the steady unit still beats", || count() > before);
    assert_eq!(state(&supervisor, "steady").restarts, 0);
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn a_unit_that_keeps_failing_is_given_up_and_the_box_lives_on() {
    let supervisor = a_supervisor(2, LONG);
    let lives = Arc::new(AtomicU32::new(0));
    let counted = lives.clone();
    supervisor.add(steady("steady")).unwrap();
    supervisor
        .add(Unit::new("hopeless", move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            Err("no device".into())
        }))
        .unwrap();
    wait_until("it is given up", || state(&supervisor, "hopeless").state == State::Failed);
    assert_eq!(lives.load(Ordering::SeqCst), 3, "one start and two restarts");
    wait_until("the other runs", || state(&supervisor, "steady").state == State::Running);
    assert!(
        !supervisor.hearts().iter().any(|heart| &*heart.name == "hopeless"),
        "the watchdog does not wait for the dead"
    );
    supervisor.restart("hopeless").unwrap();
    wait_until("a restart by hand tries again", || lives.load(Ordering::SeqCst) == 6);
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn a_unit_that_panics_four_times_is_restarted_three_times_and_then_given_up_and_the_others_are_unharmed() {
    let supervisor = a_supervisor(3, LONG);
    supervisor.add(steady("steady")).unwrap();
    let lives = Arc::new(AtomicU32::new(0));
    let counted = lives.clone();
    supervisor
        .add(Unit::new("fragile", move |_| panic!("slip {}", counted.fetch_add(1, Ordering::SeqCst) + 1)))
        .unwrap();
    wait_until("it is given up", || state(&supervisor, "fragile").state == State::Failed);
    let fragile = state(&supervisor, "fragile");
    assert_eq!((lives.load(Ordering::SeqCst), fragile.restarts), (4, 3), "one start and three restarts");
    assert_eq!(fragile.last_error, Some(Explanation::new("panicked: slip 4", "")));
    let count = || supervisor.hearts().iter().find(|heart| &*heart.name == "steady").unwrap().count;
    let before = count();
    wait_until("the steady unit still beats", || count() > before);
    assert_eq!(
        (state(&supervisor, "steady").state, state(&supervisor, "steady").restarts),
        (State::Running, 0)
    );
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn a_lasting_failure_is_not_tried_again() {
    let supervisor = a_supervisor(5, LONG);
    supervisor.add(Unit::new("video", |_| Err(UnitError::from("not a video").lasting())).work()).unwrap();
    let error = supervisor.run(&Stop::new()).unwrap_err();
    assert_eq!(error.to_string(), "all work is over, and video failed: not a video");
    assert_eq!(state(&supervisor, "video").restarts, 0);
}

#[test]
fn the_failure_of_an_essential_unit_ends_the_service_with_its_cause() {
    let supervisor = a_supervisor(1, LONG);
    supervisor.add(steady("steady")).unwrap();
    supervisor.add(Unit::new("vital", |_| panic!("out of air")).essential(true)).unwrap();
    match supervisor.run(&Stop::new()) {
        Err(SupervisorError::Essential { unit, cause }) => {
            assert_eq!((&*unit, cause.to_string().as_str()), ("vital", "panicked: out of air"));
        }
        other => panic!("{other:?}"),
    }
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn the_service_ends_when_all_work_has_ended_or_somebody_asks() {
    let supervisor = a_supervisor(1, LONG);
    let stop = Stop::new();
    supervisor.add(steady("mqtt")).unwrap();
    let (finish, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let film = Unit::new("film", move |_| {
        let _ = wait.lock().unwrap().recv();
        Ok(())
    });
    supervisor.add(film.work()).unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| supervisor.run(&stop));
        drop(finish);
        assert_eq!(run.join().unwrap().unwrap(), Ended::WorkDone);
    });
    assert_eq!(state(&supervisor, "film").state, State::Ended);
    stop.stop();
    assert_eq!(supervisor.run(&stop).unwrap(), Ended::Stopped);
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn work_that_is_replaced_does_not_end_the_service() {
    let supervisor = a_supervisor(1, LONG);
    let stop = Stop::new();
    supervisor.add(Unit::new("done", |_| Ok(())).work()).unwrap();
    supervisor.add(steady("camera").work()).unwrap();
    std::thread::scope(|scope| {
        let run = scope.spawn(|| supervisor.run(&stop));
        for _ in 0..100 {
            supervisor.replace(steady("camera").work()).unwrap();
            supervisor.restart("camera").unwrap();
        }
        assert!(!run.is_finished());
        supervisor.remove("camera").unwrap();
        assert_eq!(run.join().unwrap().unwrap(), Ended::WorkDone);
    });
}

#[test]
fn units_are_stopped_in_reverse_order_and_each_is_over_before_the_next_is_asked() {
    let supervisor = a_supervisor(1, LONG);
    let log = Arc::new(Mutex::new(Vec::new()));
    for name in ["store", "broker", "camera"] {
        let log = log.clone();
        let unit = Unit::new(name, move |context| {
            context.stop.wait(LONG);
            log.lock().unwrap().push(format!("{name} asked"));
            std::thread::yield_now();
            log.lock().unwrap().push(format!("{name} over"));
            Ok(())
        });
        supervisor.add(unit).unwrap();
    }
    assert!(supervisor.shutdown().is_empty());
    let expected =
        ["camera asked", "camera over", "broker asked", "broker over", "store asked", "store over"];
    assert_eq!(*log.lock().unwrap(), expected);
    assert!(matches!(supervisor.add(steady("late")), Err(SupervisorError::Stopping(_))));
}

#[test]
fn a_unit_that_does_not_stop_is_named_and_the_others_still_drain() {
    let supervisor = a_supervisor(1, Duration::from_millis(200));
    let drained = Arc::new(AtomicU32::new(0));
    let seen = drained.clone();
    let release = Stop::new();
    let held = release.clone();
    let outbox = move |context: &UnitContext| {
        context.stop.wait(LONG);
        seen.fetch_add(1, Ordering::SeqCst);
        Ok(())
    };
    supervisor.add(Unit::new("outbox", outbox)).unwrap();
    let deaf = move |_: &UnitContext| {
        held.wait(LONG);
        Ok(())
    };
    supervisor.add(Unit::new("deaf", deaf)).unwrap();
    let stragglers = supervisor.shutdown();
    assert_eq!(stragglers.iter().map(|name| &**name).collect::<Vec<_>>(), ["deaf"]);
    assert_eq!(drained.load(Ordering::SeqCst), 1);
    release.stop();
}

#[test]
fn a_unit_that_makes_progress_is_waited_for_and_one_that_only_waits_is_not() {
    let drain = Duration::from_millis(200);
    let supervisor = a_supervisor(1, drain);
    let turns = Arc::new(AtomicU32::new(0));
    let done = turns.clone();
    let release = Stop::new();
    let held = release.clone();
    supervisor
        .add(Unit::new("slow", move |context| {
            context.stop.wait(LONG);
            // Takes five times the drain time, in small steps.
            for _ in 0..50 {
                std::thread::sleep(drain / 10);
                context.beat.beat();
                done.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        }))
        .unwrap();
    let waiting = move |context: &UnitContext| {
        context.stop.wait(LONG);
        while !held.wait(Duration::from_millis(1)) {
            context.beat.waiting();
        }
        Ok(())
    };
    supervisor.add(Unit::new("waiting", waiting)).unwrap();
    let stragglers = supervisor.shutdown();
    assert_eq!(stragglers.iter().map(|name| &**name).collect::<Vec<_>>(), ["waiting"]);
    assert_eq!(turns.load(Ordering::SeqCst), 50, "it was left behind although it made progress");
    release.stop();
}

#[test]
fn progress_without_an_end_is_waited_for_up_to_the_longest_drain() {
    let ms = Duration::from_millis;
    let supervisor = Supervisor::new(Settings {
        max_restarts: 1,
        backoff: ms(1),
        backoff_max: ms(4),
        drain: ms(200),
        drain_max: ms(600),
    });
    let release = Stop::new();
    let held = release.clone();
    supervisor.add(steady("outbox")).unwrap();
    let endless = move |context: &UnitContext| {
        while !held.wait(ms(1)) {
            context.beat.beat();
        }
        Ok(())
    };
    supervisor.add(Unit::new("endless", endless)).unwrap();
    let stragglers = supervisor.shutdown();
    assert_eq!(stragglers.iter().map(|name| &**name).collect::<Vec<_>>(), ["endless"]);
    release.stop();
}

#[test]
fn the_units_of_a_group_are_asked_to_stop_together() {
    let supervisor = a_supervisor(1, LONG);
    let asked = Arc::new(AtomicU32::new(0));
    for name in ["camera/a", "inspect/a", "camera/b", "camera/c"] {
        let asked = asked.clone();
        // Each ends only after all of its group were asked.
        let unit = Unit::new(name, move |context| {
            context.stop.wait(LONG);
            asked.fetch_add(1, Ordering::SeqCst);
            while name.starts_with("camera") && asked.load(Ordering::SeqCst) < 3 {
                std::thread::yield_now();
            }
            Ok(())
        });
        supervisor.add(if name.starts_with("camera") { unit.together("camera") } else { unit }).unwrap();
    }
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn a_unit_in_backoff_obeys_stop_at_once() {
    let config = Settings {
        max_restarts: 9,
        backoff: Duration::from_secs(3_600),
        backoff_max: Duration::from_secs(3_600),
        drain: LONG,
        drain_max: LONG,
    };
    let supervisor = Supervisor::new(config);
    supervisor.add(Unit::new("resting", |_| Err("tired".into()))).unwrap();
    wait_until("it rests", || state(&supervisor, "resting").state == State::Backoff);
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn units_come_and_go_while_the_service_runs() {
    let supervisor = a_supervisor(1, LONG);
    supervisor.add(steady("a")).unwrap();
    assert!(matches!(supervisor.add(steady("a")), Err(SupervisorError::Known(_))));
    supervisor.add(steady("b")).unwrap();
    supervisor.remove("a").unwrap();
    assert_eq!(supervisor.remove("a").unwrap_err().to_string(), "there is no unit a; there are: b");
    supervisor.add(steady("a")).unwrap();
    assert_eq!(
        supervisor.status().iter().map(|status| status.name.to_string()).collect::<Vec<_>>(),
        ["b", "a"]
    );
    assert!(supervisor.shutdown().is_empty());
}

/// Lives of the units of each name: now, and at most at one time.
#[derive(Default)]
struct Lives {
    now: AtomicU32,
    most: AtomicU32,
}

/// A unit that is slow to stop, so that changes of it overlap; counts its lives.
fn counted(name: &str, lives: &Arc<Lives>) -> Unit {
    let lives = lives.clone();
    Unit::new(name, move |context| {
        let now = lives.now.fetch_add(1, Ordering::SeqCst) + 1;
        lives.most.fetch_max(now, Ordering::SeqCst);
        while !context.stop.wait(Duration::from_millis(1)) {
            context.beat.beat();
        }
        std::thread::sleep(Duration::from_millis(2));
        lives.now.fetch_sub(1, Ordering::SeqCst);
        Ok(())
    })
}

#[test]
fn changes_of_one_unit_from_many_threads_never_make_two_of_it_nor_one_that_cannot_be_stopped() {
    const NAMES: [&str; 3] = ["web", "mqtt", "camera"];
    let supervisor = a_supervisor(1, LONG);
    let lives: Vec<Arc<Lives>> = NAMES.iter().map(|_| Arc::default()).collect();
    NAMES.iter().zip(&lives).for_each(|(name, lives)| supervisor.add(counted(name, lives)).unwrap());
    std::thread::scope(|scope| {
        for thread in 0..12 {
            let (supervisor, lives) = (&supervisor, &lives);
            scope.spawn(move || {
                for turn in 0..12 {
                    let at = (thread + turn) % NAMES.len();
                    let outcome = match (thread * 7 + turn * 5) % 4 {
                        0 => supervisor.replace(counted(NAMES[at], &lives[at])),
                        1 => supervisor.remove(NAMES[at]),
                        2 => supervisor.add(counted(NAMES[at], &lives[at])),
                        _ => supervisor.restart(NAMES[at]),
                    };
                    // Another thread may have removed or added it in between.
                    let expected = matches!(
                        outcome,
                        Ok(()) | Err(SupervisorError::Known(_) | SupervisorError::Unknown { .. })
                    );
                    assert!(expected, "{outcome:?}");
                }
            });
        }
    });
    for (name, lives) in NAMES.iter().zip(&lives) {
        assert_eq!(lives.most.load(Ordering::SeqCst), 1, "two lives of {name} at one time");
        if supervisor.remove(name).is_ok() {
            assert!(supervisor.remove(name).is_err(), "two units called {name}");
        }
        assert_eq!(lives.now.load(Ordering::SeqCst), 0, "{name} lives on after it was removed");
    }
    assert!(supervisor.shutdown().is_empty());
}

#[test]
fn a_claimed_unit_is_changed_by_its_claimant_first() {
    let supervisor = a_supervisor(1, LONG);
    let lives = Arc::<Lives>::default();
    supervisor.add(counted("web", &lives)).unwrap();
    let claim = supervisor.claim("web").expect("nobody else changes it");
    assert!(supervisor.claim("web").is_none() && supervisor.claim("mqtt").is_some());
    std::thread::scope(|scope| {
        let other = scope.spawn(|| supervisor.remove("web"));
        supervisor.restart_claimed(&claim).unwrap();
        assert!(!other.is_finished(), "another change began while the claim was held");
        drop(claim);
        other.join().unwrap().unwrap();
    });
    assert_eq!((lives.now.load(Ordering::SeqCst), lives.most.load(Ordering::SeqCst)), (0, 1));
}

#[test]
fn a_heart_that_stands_still_is_named_and_a_new_life_gets_time() {
    let heart = |name: &str, life, count| Heart { name: name.into(), life, count };
    let mut pulse = Pulse::default();
    assert!(pulse.look(&[heart("a", 0, 0), heart("b", 0, 0)]).is_empty(), "nobody is late at the first look");
    assert_eq!(pulse.look(&[heart("a", 0, 1), heart("b", 0, 0)]), ["b".into()]);
    assert!(pulse.look(&[heart("a", 0, 2), heart("b", 1, 0)]).is_empty(), "b was restarted");
    assert_eq!(pulse.look(&[heart("a", 0, 2), heart("b", 1, 1)]), ["a".into()]);
    assert!(pulse.look(&[]).is_empty());
}

/// Runs one of the `child_` functions below in a separate process.
fn child(name: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        &format!("supervisor::tests::{name}"),
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env(CHILD, "1").stdin(Stdio::null());
    command
}

/// Set for the children, so that `cargo test -- --include-ignored` does not run them by accident.
const CHILD: &str = "OCELLUS_TEST_CHILD";

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn the_watchdog_is_fed_by_progress_and_silent_when_one_beat_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let systemd = UnixDatagram::bind(&socket).unwrap();
    systemd.set_read_timeout(Some(LONG)).unwrap();
    let mut command = child("child_with_a_watchdog");
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "30000");
    // Messages are read while the child runs, because a Unix datagram socket holds few before its sender
    // blocks.
    let messages = std::thread::scope(|scope| {
        let reader = scope.spawn(|| read_messages(&systemd));
        let output = command.output().unwrap();
        UnixDatagram::unbound().unwrap().send_to(b"END", &socket).unwrap();
        assert!(output.status.success(), "{}", text(&output));
        reader.join().unwrap()
    });
    let position = |wanted: &str| messages.iter().position(|message| message.contains(wanted));
    let ready = position("READY=1").expect("READY=1");
    assert!(messages[ready].contains("STATUS=3 cameras"), "{messages:?}");
    let still = position("STATUS=still").expect("the child says when a beat stands still");
    let fed = messages.iter().enumerate().filter(|(_, message)| *message == "WATCHDOG=1").map(|(at, _)| at);
    let fed: Vec<_> = fed.collect();
    assert!(
        fed.len() >= 3 && fed.iter().all(|at| *at < still),
        "fed at {fed:?}, still at {still}: {messages:?}"
    );
    let reload = position("RELOADING=1").expect("RELOADING=1");
    assert!(messages[reload].contains("MONOTONIC_USEC="), "{messages:?}");
    assert!(position("STOPPING=1").is_some_and(|stopping| stopping > still));
}

fn read_messages(socket: &UnixDatagram) -> Vec<String> {
    let mut messages = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let length = socket.recv(&mut buffer).expect("a message");
        match &buffer[..length] {
            b"END" => return messages,
            message => messages.push(String::from_utf8_lossy(message).into_owned()),
        }
    }
}

#[test]
#[ignore = "run by the test above, in a process of its own with NOTIFY_SOCKET set"]
fn child_with_a_watchdog() {
    if std::env::var_os(CHILD).is_none() {
        return println!("skipped: only runs as a child");
    }
    let interval = watchdog::interval().expect("WATCHDOG_USEC is set");
    assert_eq!(interval, Duration::from_millis(10));
    notify::ready("3 cameras");
    let hearts = [Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0))];
    let (stop, looks) = (Stop::new(), Beat::new());
    let read = {
        let hearts = hearts.clone();
        let frozen = Stop::new();
        let freeze = frozen.clone();
        let read = move || {
            // Both make progress before every check, until the second one stops.
            for heart in &hearts[..if frozen.is_stopped() { 1 } else { 2 }] {
                heart.fetch_add(1, Ordering::SeqCst);
            }
            let count = |heart: &AtomicU32| u64::from(heart.load(Ordering::SeqCst));
            let heart = |(name, heart): (&str, &Arc<AtomicU32>)| Heart {
                name: name.into(),
                life: 0,
                count: count(heart),
            };
            ["first", "second"].into_iter().zip(&hearts).map(heart).collect()
        };
        (read, freeze)
    };
    let (read, freeze) = read;
    let watching = {
        let (stop, looks) = (stop.clone(), looks.clone());
        spawn("watchdog", None, move || watchdog::run(read, interval, &stop, &looks)).unwrap()
    };
    wait_until("it was fed some times", || looks.count() >= 4);
    freeze.stop();
    // One check may be under way; after the next one, which begins after the freeze, no message may follow.
    let frozen_at = looks.count();
    wait_until("the freeze is seen", || looks.count() >= frozen_at + 2);
    notify::status("still");
    wait_until("it would have been fed", || looks.count() >= frozen_at + 6);
    notify::reloading();
    notify::stopping("draining");
    stop.stop();
    watching.join().unwrap();
}

#[test]
fn the_first_signal_stops_sighup_reloads_and_a_second_signal_forces_the_exit() {
    let output = child("child_with_signals").output().unwrap();
    assert_eq!(output.status.code(), Some(FORCED), "{}", text(&output));
    assert!(text(&output).contains("reloaded twice, then stopped"), "{}", text(&output));
}

#[test]
#[ignore = "run by the test above, in a process of its own: signals are meant for the whole process"]
fn child_with_signals() {
    if std::env::var_os(CHILD).is_none() {
        return println!("skipped: only runs as a child");
    }
    let stop = Stop::new();
    let (ask, asked) = mpsc::channel();
    let _signals =
        Signals::listen(stop.clone(), FORCED, move || ask.send(()).expect("the test listens")).unwrap();
    for _ in 0..2 {
        signal_hook::low_level::raise(signal_hook::consts::SIGHUP).unwrap();
        asked.recv_timeout(LONG).expect("a reload");
    }
    assert!(!stop.is_stopped());
    signal_hook::low_level::raise(signal_hook::consts::SIGTERM).unwrap();
    assert!(stop.wait(LONG), "SIGTERM asks to stop");
    println!("reloaded twice, then stopped");
    // Simulates a drain that hangs.
    signal_hook::low_level::raise(signal_hook::consts::SIGINT).unwrap();
    Stop::new().wait(LONG);
}
