//! Several results of one picture, made side by side.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The place where a worker puts what it made.
type Slot<T, E> = Mutex<Option<Result<T, E>>>;

/// Makes the parts `0..count` by `work`, at most `workers` at once, and gives them in their order. After the first error no
/// part is begun; those that are under way come to their end.
///
/// # Errors
/// The first error in the order of the parts.
pub fn together<T: Send, E: Send>(
    count: usize,
    workers: usize,
    work: impl Fn(usize) -> Result<T, E> + Sync,
) -> Result<Vec<T>, E> {
    let slots: Vec<Slot<T, E>> = (0..count).map(|_| Slot::default()).collect();
    let next = AtomicUsize::new(0);
    let turn = || {
        loop {
            // The number alone is shared; what is made goes through the slot's lock.
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(slot) = slots.get(at) else { return };
            let outcome = work(at);
            if outcome.is_err() {
                next.store(count, Ordering::Relaxed);
            }
            if let Ok(mut slot) = slot.lock() {
                *slot = Some(outcome);
            }
        }
    };
    std::thread::scope(|scope| {
        let turn = &turn;
        for _ in 1..workers.min(count) {
            scope.spawn(turn);
        }
        turn();
    });
    // A slot is empty only behind an error, which is what is returned then; a panic has ended the scope.
    slots.into_iter().filter_map(|slot| slot.into_inner().ok().flatten()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_in_their_order_and_an_error_ends_the_work() {
        for workers in [1, 2, 7] {
            let made = together(20, workers, |at| Ok::<_, ()>(at * at)).unwrap();
            assert_eq!(made, (0..20).map(|at| at * at).collect::<Vec<_>>());
            let begun = AtomicUsize::new(0);
            let failed = together(1_000, workers, |at| {
                begun.fetch_add(1, Ordering::Relaxed);
                if at == 3 { Err("three") } else { Ok(at) }
            });
            assert_eq!(failed, Err("three"));
            assert!(begun.into_inner() <= 1_000);
        }
        assert_eq!(together(0, 3, Ok::<_, ()>), Ok(Vec::new()));
    }
}
