//! The ring beside its peers, in one run and in turn: what a hand-off costs, and how long a wake-up takes.
//!
//! Every contender hands the same messages from one thread to one or two others, each of which sees all of
//! them. All may sleep when they have nothing to do, `disruptor` alone always spins. Rounds are
//! short (a few time slices of the kernel) and many, so that a busy machine spoils some and not all. Printed
//! are the median and the lower quartile of the rounds, and the ratio of the quartiles to ours: above 1 the
//! peer is slower. `--quick` makes fewer and shorter rounds.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use ocellus::ring::{Bell, Policy, Ring, Take};

/// How long a peer polls before it sleeps; the ring has a limit of its own, of about the same length.
const SPIN: Duration = Duration::from_micros(25);

/// What is handed over.
trait Message: Clone + Send + Sync + 'static {
    const NAME: &'static str;
    fn stock() -> Vec<Self>;
    fn look(&self) -> u64;
}

/// 32 bytes.
type Small = [u64; 4];

impl Message for Small {
    const NAME: &'static str = "32 bytes";
    fn stock() -> Vec<Small> {
        (0..64).map(|n| [n; 4]).collect()
    }
    fn look(&self) -> u64 {
        self[0]
    }
}

/// A counted handle of a frame of so many bytes. Never written to, so the kernel gives it no memory.
#[derive(Clone)]
struct Frame<const BYTES: usize>(Arc<Vec<u8>>);

/// As small as the message above, and 1080p RGB: what a hand-off costs must not tell them apart.
type Tiny = Frame<32>;
type Huge = Frame<{ 1920 * 1080 * 3 }>;

impl<const BYTES: usize> Message for Frame<BYTES> {
    const NAME: &'static str = if BYTES < 1_000_000 { "handle of 32 bytes" } else { "handle of 6.2 MB" };
    fn stock() -> Vec<Frame<BYTES>> {
        (0..64).map(|_| Frame(Arc::new(vec![0; BYTES]))).collect()
    }
    fn look(&self) -> u64 {
        u64::from(self.0[0])
    }
}

/// Cores of the machine; not of the calling thread, which may be pinned.
fn cores() -> usize {
    // SAFETY: sysconf only answers.
    unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) }.max(1) as usize
}

/// Pins the calling thread to core `n`, as far as there are cores: wandering threads hide what is measured.
fn pin(n: usize) {
    // SAFETY: an all-zero cpu_set_t is an empty set; CPU_SET and the call only touch the local set.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(n % cores(), &mut set);
        libc::sched_setaffinity(0, size_of_val(&set), &set);
    }
}

fn never() -> bool {
    false
}

/// Starts the readers, runs the writer on this thread, and returns ns a message once all have seen all.
fn time(count: usize, readers: Vec<Box<dyn FnOnce() -> u64 + Send>>, write: impl FnOnce()) -> f64 {
    let start_line = Arc::new(std::sync::Barrier::new(readers.len() + 1));
    let readers: Vec<_> = readers
        .into_iter()
        .enumerate()
        .map(|(n, read)| {
            let start_line = start_line.clone();
            thread::spawn(move || {
                pin(n + 1);
                start_line.wait();
                read()
            })
        })
        .collect();
    pin(0);
    start_line.wait();
    let start = Instant::now();
    write();
    for reader in readers {
        black_box(reader.join().expect("a reader that saw all"));
    }
    start.elapsed().as_nanos() as f64 / count as f64
}

fn ours<M: Message>(depth: usize, readers: usize, count: usize) -> f64 {
    let ring: Ring<M> = Ring::new(depth, Bell::new());
    let mut writer = ring.writer().expect("the only writer");
    let reads = (0..readers).map(|_| ring.reader(Policy::Every)).map(|mut reader| {
        Box::new(move || {
            let mut sum = 0;
            while let Take::Lease(lease) = reader.lease(None) {
                sum += lease.look();
            }
            sum
        }) as Box<dyn FnOnce() -> u64 + Send>
    });
    let (reads, stock) = (reads.collect(), M::stock());
    time(count, reads, || {
        for n in 0..count {
            writer.commit(n as u64, stock[n % 64].clone(), &never).map_err(|_| ()).expect("not closed");
        }
        ring.close();
    })
}

fn crossbeam<M: Message>(depth: usize, readers: usize, count: usize) -> f64 {
    let (sends, receives): (Vec<_>, Vec<_>) =
        (0..readers).map(|_| crossbeam_channel::bounded::<M>(depth)).unzip();
    let reads = receives.into_iter().map(|receive| {
        Box::new(move || receive.iter().map(|message| message.look()).sum())
            as Box<dyn FnOnce() -> u64 + Send>
    });
    let (reads, stock) = (reads.collect(), M::stock());
    time(count, reads, || {
        let sends = sends;
        for n in 0..count {
            sends.iter().for_each(|send| send.send(stock[n % 64].clone()).expect("a live reader"));
        }
    })
}

/// Tries `step` until it gives something: polls for [`SPIN`], then sleeps on the bell.
fn until<R>(bell: &Bell, mut step: impl FnMut() -> Option<R>) -> R {
    if let Some(done) = step() {
        return done;
    }
    let start = Instant::now();
    while start.elapsed() < SPIN {
        for _ in 0..32 {
            if let Some(done) = step() {
                return done;
            }
            std::hint::spin_loop();
        }
    }
    loop {
        let seen = bell.seen();
        if let Some(done) = step() {
            return done;
        }
        bell.wait(seen, None);
    }
}

fn rtrb_futex<M: Message>(depth: usize, readers: usize, count: usize) -> f64 {
    let mut ends = Vec::new();
    let reads = (0..readers).map(|_| {
        let (push, mut pop) = rtrb::RingBuffer::<M>::new(depth);
        let (filled, freed) = (Bell::new(), Bell::new());
        ends.push((push, filled.clone(), freed.clone()));
        Box::new(move || {
            let take = |_| {
                let message = until(&filled, || pop.pop().ok());
                freed.ring();
                message.look()
            };
            (0..count).map(take).sum()
        }) as Box<dyn FnOnce() -> u64 + Send>
    });
    let (reads, stock): (Vec<_>, _) = (reads.collect(), M::stock());
    time(count, reads, || {
        for n in 0..count {
            for (push, filled, freed) in &mut ends {
                let mut message = Some(stock[n % 64].clone());
                until(freed, || match push.push(message.take()?) {
                    Ok(()) => Some(()),
                    Err(rtrb::PushError::Full(back)) => {
                        message = Some(back);
                        None
                    }
                });
                filled.ring();
            }
        }
    })
}

fn disruptor_spin<M: Message>(depth: usize, readers: usize, count: usize) -> f64 {
    use disruptor::{BusySpinWithSpinLoopHint, ProcessorSettings, Producer, build_single_producer};
    let stock = M::stock();
    let first = stock[0].clone();
    let look = |event: &M, _: i64, _: bool| {
        black_box(event.look());
    };
    let builder = build_single_producer(depth, move || first.clone(), BusySpinWithSpinLoopHint);
    let builder = builder.pin_at_core(1).handle_events_with(look);
    let run = |producer: &mut dyn FnMut(M)| (0..count).for_each(|n| producer(stock[n % 64].clone()));
    let start;
    if readers == 1 {
        let mut producer = builder.build();
        pin(0);
        start = Instant::now();
        run(&mut |message| producer.publish(|event| *event = message));
    } else {
        let mut producer = builder.pin_at_core(2 % cores()).handle_events_with(look).build();
        pin(0);
        start = Instant::now();
        run(&mut |message| producer.publish(|event| *event = message));
    } // dropping the producer waits for the readers
    start.elapsed().as_nanos() as f64 / count as f64
}

/// Runs on a thread of its own, so that its pinning ends with it.
fn fresh(run: impl FnOnce() -> f64 + Send) -> f64 {
    thread::scope(|scope| scope.spawn(run).join().expect("a contender that finished"))
}

fn quantile(of: &[f64], share: f64) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    of[(of.len() as f64 * share) as usize]
}

fn median(of: Vec<f64>) -> f64 {
    quantile(&of, 0.5)
}

type Contender = (&'static str, fn(usize, usize, usize) -> f64);

fn hand_offs<M: Message>(rounds: usize, count: usize) {
    let contenders: [Contender; 4] = [
        ("ring (ours)", ours::<M>),
        ("crossbeam-channel", crossbeam::<M>),
        ("rtrb + futex", rtrb_futex::<M>),
        ("disruptor, spinning", disruptor_spin::<M>),
    ];
    for (depth, readers) in [(8, 1), (64, 1), (8, 2), (64, 2)] {
        println!(
            "\n{}, depth {depth}, {readers} reader(s): ns a message, median and lower quartile; ratio to ours",
            M::NAME
        );
        // Spinning threads that share a core hand over once a time slice: few messages say it all.
        let count_of = |n: usize| if n == 3 && readers + 1 > cores() { count / 2_000 + 8 } else { count };
        let mut times = vec![Vec::new(); contenders.len()];
        for _ in 0..rounds {
            for (n, (_, run)) in contenders.iter().enumerate() {
                times[n].push(fresh(|| run(depth, readers, count_of(n))));
            }
        }
        let quartiles: Vec<f64> = times.iter().map(|times| quantile(times, 0.25)).collect();
        for (((name, _), times), quartile) in contenders.iter().zip(&times).zip(&quartiles) {
            let (median, ratio) = (quantile(times, 0.5), quartile / quartiles[0]);
            println!("  {name:22} {median:11.1} {quartile:11.1}   {ratio:6.2}");
        }
    }
}

/// Time from a commit to the reader that waits for it, asleep or polling, in ns.
fn ring_wake(samples: usize, polls: bool, pause: Duration) -> f64 {
    let ring: Ring<Instant> = Ring::new(8, Bell::new());
    let (mut writer, mut reader) = (ring.writer().expect("the only writer"), ring.reader(Policy::Latest));
    let reading = thread::spawn(move || {
        pin(1);
        let mut times = Vec::new();
        loop {
            match if polls { reader.try_lease() } else { reader.lease(None) } {
                Take::Lease(lease) => times.push(lease.elapsed().as_nanos() as f64),
                Take::Empty => std::hint::spin_loop(),
                Take::Closed => break,
            }
        }
        median(times)
    });
    pin(0);
    for n in 0..samples {
        thread::sleep(pause);
        writer.commit(n as u64, Instant::now(), &never).map_err(|_| ()).expect("not closed");
    }
    ring.close();
    reading.join().expect("a reader that saw frames")
}

/// The same with nothing but a word and the kernel: the floor.
fn bare_wake(samples: usize, pause: Duration) -> f64 {
    let word = Arc::new((AtomicU32::new(0), std::sync::Mutex::new(Instant::now())));
    let op = |op| op | libc::FUTEX_PRIVATE_FLAG;
    let waiting = thread::spawn({
        let word = word.clone();
        move || {
            pin(1);
            let times = (0..samples as u32).map(|n| {
                while word.0.load(Ordering::Acquire) == n {
                    let null = std::ptr::null::<libc::timespec>();
                    // SAFETY: the word outlives the call; no time limit is given.
                    unsafe { libc::syscall(libc::SYS_futex, word.0.as_ptr(), op(libc::FUTEX_WAIT), n, null) };
                }
                word.1.lock().expect("not poisoned").elapsed().as_nanos() as f64
            });
            median(times.collect())
        }
    });
    pin(0);
    for _ in 0..samples {
        thread::sleep(pause);
        *word.1.lock().expect("not poisoned") = Instant::now();
        word.0.fetch_add(1, Ordering::Release);
        // SAFETY: the address is only a key.
        unsafe { libc::syscall(libc::SYS_futex, word.0.as_ptr(), op(libc::FUTEX_WAKE), 1) };
    }
    waiting.join().expect("a waiter that woke")
}

fn wakes(rounds: usize, samples: usize) {
    let pause = Duration::from_micros(300);
    let (mut bare, mut ring, mut spin) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(fresh(|| bare_wake(samples, pause)));
        ring.push(fresh(|| ring_wake(samples, false, pause)));
        spin.push(fresh(|| ring_wake(samples, true, pause)));
    }
    let (bare, ring, spin) = (median(bare), median(ring), median(spin));
    println!("\ncommit to lease, the reader asleep or polling: ns, ratio to a bare futex wake");
    println!("  bare futex wake        {bare:9.0}   {:6.2}", 1.0);
    println!("  ring, asleep           {ring:9.0}   {:6.2}", ring / bare);
    println!("  ring, polled           {spin:9.0}   {:6.2}", spin / bare);
}

fn main() {
    let quick = std::env::args().any(|arg| arg == "--quick" || arg == "--test");
    let (rounds, count) = if quick { (21, 10_000) } else { (101, 20_000) };
    hand_offs::<Small>(rounds, count);
    hand_offs::<Tiny>(rounds, count);
    hand_offs::<Huge>(rounds, count);
    wakes(9, if quick { 100 } else { 500 });
}
