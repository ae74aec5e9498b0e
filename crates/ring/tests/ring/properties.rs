//! Compares the ring with a plain list as its model, over random calls.

use std::collections::VecDeque;

use ocellus_ring::*;
use proptest::prelude::*;

use crate::ring;

/// The model of the ring: a list of live frames, cursors, leases.
#[derive(Default)]
struct Model {
    slots: usize,
    committed: u64,
    /// Live frames by age, as number and count of leases.
    live: VecDeque<(u64, usize)>,
    every: u64,
    latest: u64,
    skipped: u64,
    starved: u64,
    closed: bool,
}

impl Model {
    /// Whether a commit is taken (`Ok`), or how it is refused.
    fn commit(&mut self) -> Result<u64, &'static str> {
        if self.closed {
            return Err("closed");
        }
        if self.live.len() == self.slots {
            let reusable =
                self.live.iter().take_while(|(n, _)| *n < self.every).position(|(_, pins)| *pins == 0);
            match reusable {
                Some(age) => drop(self.live.remove(age)),
                None => return Err("stopped"),
            }
        }
        self.live.push_back((self.committed, 0));
        self.committed += 1;
        Ok(self.committed - 1)
    }

    fn pin(&mut self, n: u64) {
        self.live.iter_mut().find(|(live, _)| *live == n).expect("a leased frame is live").1 += 1;
    }
}

#[derive(Clone, Debug)]
enum Op {
    Commit,
    Every,
    Latest,
    Clone(usize),
    Drop(usize),
    Pick(u64, Pick),
    Newest,
    Close,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let pick = prop_oneof![Just(Pick::Nearest), Just(Pick::Next), Just(Pick::Previous)];
    let op = prop_oneof![
        12 => Just(Op::Commit),
        8 => Just(Op::Every),
        3 => Just(Op::Latest),
        2 => (0usize..8).prop_map(Op::Clone),
        12 => (0usize..8).prop_map(Op::Drop),
        3 => (0u64..60, pick).prop_map(|(moment, pick)| Op::Pick(moment, pick)),
        1 => Just(Op::Newest),
        1 => (0u8..20).prop_map(|n| if n == 0 { Op::Close } else { Op::Commit }),
    ];
    prop::collection::vec(op, 1..if cfg!(miri) { 30 } else { 300 })
}

fn best(model: &Model, moment: u64, pick: Pick) -> Option<u64> {
    let fits = |n: &u64| match pick {
        Pick::Nearest => true,
        Pick::Next => *n >= moment,
        Pick::Previous => *n <= moment,
    };
    model.live.iter().map(|(n, _)| *n).filter(fits).min_by_key(|n| (n.abs_diff(moment), *n > moment))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 4 } else { 512 }, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_ring_does_what_a_simple_list_does(slots in 2usize..6, ops in ops()) {
        let (ring, mut writer) = ring(slots);
        let (mut every, mut latest) = (ring.reader(Policy::Every), ring.reader(Policy::Latest));
        let mut model = Model { slots, ..Model::default() };
        let mut leases: Vec<Lease<u64>> = Vec::new();
        for op in ops {
            match op {
                Op::Commit => {
                    let n = model.committed;
                    let got = writer.commit(n, n, &|| true).map_err(|refused| match refused {
                        Refused::Starved(_) => "starved",
                        Refused::Closed(_) => "closed",
                        Refused::Stopped(_) => "stopped",
                    });
                    prop_assert_eq!(got, model.commit());
                }
                Op::Every => match every.try_lease() {
                    Take::Lease(lease) => {
                        prop_assert_eq!(*lease, model.every);
                        model.every += 1;
                        model.pin(*lease);
                        leases.push(lease);
                    }
                    Take::Empty => prop_assert!(model.every == model.committed && !model.closed),
                    Take::Closed => prop_assert!(model.every == model.committed && model.closed),
                },
                Op::Latest => match latest.try_lease() {
                    Take::Lease(lease) => {
                        prop_assert_eq!(*lease + 1, model.committed);
                        model.skipped += *lease - model.latest;
                        model.latest = model.committed;
                        model.pin(*lease);
                        leases.push(lease);
                    }
                    Take::Empty => prop_assert!(model.latest == model.committed && !model.closed),
                    Take::Closed => prop_assert!(model.closed),
                },
                Op::Clone(at) if at < leases.len() => {
                    model.pin(*leases[at]);
                    leases.push(leases[at].clone());
                }
                Op::Drop(at) if at < leases.len() => {
                    let n = *leases.swap_remove(at);
                    model.live.iter_mut().find(|(live, _)| *live == n).unwrap().1 -= 1;
                }
                Op::Pick(moment, pick) => {
                    let got = ring.pick(moment, pick).map(|lease| *lease);
                    prop_assert_eq!(got, best(&model, moment, pick));
                }
                Op::Newest => {
                    let got = ring.newest().map(|lease| *lease);
                    prop_assert_eq!(got, model.live.back().map(|(n, _)| *n));
                }
                Op::Close => {
                    ring.close();
                    model.closed = true;
                }
                Op::Clone(_) | Op::Drop(_) => {}
            }
            prop_assert_eq!(latest.skipped(), model.skipped);
            prop_assert_eq!(ring.stats().starved, model.starved);
            prop_assert_eq!(ring.leased(), model.live.iter().filter(|(_, pins)| *pins > 0).count());
        }
    }
}
