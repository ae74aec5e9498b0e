//! Groups refusals into one line a minute for each address. Pure: the caller passes the time.

use std::collections::HashMap;

use super::{AuditSource, RefusedRequest, cut};
use crate::contract::rest::RefusedOut;
use crate::types::{Stamp, rfc3339};

/// The period over which refusals of one address are grouped.
const MINUTE_NS: u64 = 60_000_000_000;
/// Addresses that are counted separately; all others share one entry.
const MOST: usize = 256;
/// The entry of the addresses beyond [`MOST`].
const OTHERS: &str = "*";
/// Tried names, and causes, that a line lists at most.
const NAMES: usize = 4;
const CAUSES: usize = 64;

#[derive(Debug)]
struct MinuteRow {
    begun_ns: u64,
    line: RefusedOut,
}

/// The refusals of the current minute.
#[derive(Debug, Default)]
pub(super) struct Minute {
    rows: HashMap<(AuditSource, String), MinuteRow>,
}

impl Minute {
    pub(super) fn add(&mut self, refused: &RefusedRequest<'_>, now: Stamp) {
        let from = cut(refused.from);
        let known = self.rows.contains_key(&(refused.source, from.clone()));
        let from = if known || self.rows.len() < MOST { from } else { OTHERS.to_owned() };
        let time = rfc3339(now.wall_ns);
        let row = self.rows.entry((refused.source, from.clone())).or_insert_with(|| MinuteRow {
            begun_ns: now.mono_ns,
            line: RefusedOut {
                time: time.clone(),
                source: refused.source.as_str().into(),
                from,
                ..RefusedOut::default()
            },
        });
        let line = &mut row.line;
        line.last = time;
        line.count += 1;
        if line.causes.len() < CAUSES || line.causes.contains_key(refused.cause) {
            *line.causes.entry(cut(refused.cause)).or_default() += 1;
        }
        let user = cut(refused.user);
        if !user.is_empty() && line.users.len() < NAMES && !line.users.contains(&user) {
            line.users.push(user);
        }
    }

    /// Removes and returns the lines whose minute is over, oldest first.
    pub(super) fn over(&mut self, now_ns: u64) -> Vec<RefusedOut> {
        let over = self.rows.extract_if(|_, row| now_ns.saturating_sub(row.begun_ns) >= MINUTE_NS);
        in_order(over.map(|(_, row)| row))
    }

    /// Removes and returns all lines, oldest first.
    pub(super) fn all(&mut self) -> Vec<RefusedOut> {
        in_order(std::mem::take(&mut self.rows).into_values())
    }

    /// The lines of the current minute so far, newest first.
    pub(super) fn so_far(&self) -> Vec<RefusedOut> {
        let mut lines: Vec<_> = self.rows.values().map(|row| row.line.clone()).collect();
        lines.sort_by(|a, b| b.last.cmp(&a.last));
        lines
    }
}

fn in_order(rows: impl Iterator<Item = MinuteRow>) -> Vec<RefusedOut> {
    let mut rows: Vec<_> = rows.collect();
    rows.sort_by_key(|row| row.begun_ns);
    rows.into_iter().map(|row| row.line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Stamp {
        Stamp { mono_ns: seconds * 1_000_000_000, wall_ns: seconds * 1_000_000_000 }
    }

    fn login<'a>(from: &'a str, user: &'a str, cause: &'a str) -> RefusedRequest<'a> {
        RefusedRequest { source: AuditSource::Web, from, user, cause }
    }

    #[test]
    fn an_address_makes_one_line_a_minute_with_everything_counted() {
        let mut minute = Minute::default();
        for n in 0..6_900u64 {
            let user = format!("user{}", n % 9);
            let cause = if n < 5 { "wrong_login" } else { "too_many_logins" };
            minute.add(&login("10.0.0.1", &user, cause), at(n / 200));
        }
        minute.add(&login("10.0.0.2", "ann", "wrong_login"), at(40));
        assert!(minute.over(59_000_000_000).is_empty());
        let over = minute.over(60_000_000_000);
        assert_eq!((over.len(), over[0].count, over[0].from.as_str()), (1, 6_900, "10.0.0.1"));
        assert_eq!(over[0].causes["too_many_logins"], 6_895);
        assert_eq!(over[0].users, ["user0", "user1", "user2", "user3"]);
        assert_eq!((over[0].time.as_str(), over[0].last.as_str()), (&*rfc3339(0), &*rfc3339(34_000_000_000)));
        assert_eq!(minute.all().len(), 1, "the other address has its own minute");
    }

    #[test]
    fn a_hundred_thousand_addresses_take_no_more_space_than_some() {
        let mut minute = Minute::default();
        for n in 0..100_000u32 {
            minute.add(&login(&n.to_string(), &"x".repeat(10_000), "wrong_login"), at(0));
        }
        let lines = minute.so_far();
        assert_eq!(lines.len(), MOST + 1);
        assert_eq!(lines.iter().map(|line| line.count).sum::<u64>(), 100_000);
        assert!(lines.iter().all(|line| serde_json::to_string(line).unwrap().len() < 1_000));
    }
}
