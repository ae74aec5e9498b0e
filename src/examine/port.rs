//! Ports of this machine that the service wants, while no service holds them.

use std::net::SocketAddr;

use super::{Note, instances};
use crate::config::{WebConfig, ZmqConfig};
use crate::types::Explanation;
use crate::{web, zmq};

/// Whether the page could be served.
pub(super) fn page(cfg: &WebConfig) -> Vec<Note> {
    let place = format!("{} (web.bind)", cfg.bind);
    match web::probe(cfg) {
        Ok(()) => vec![Note::ok(place, "the address is free")],
        Err(what) => vec![Note::fault(place, with_holder(what, cfg.bind))],
    }
}

/// Whether the ZeroMQ bridge could listen on each of its addresses.
pub(super) fn zmq(cfg: &ZmqConfig) -> Vec<Note> {
    let probed = zmq::probe(cfg).into_iter();
    let note = |(key, address, probed): (&str, SocketAddr, Result<(), Explanation>)| {
        let place = format!("{address} (zmq.{key})");
        match probed {
            Ok(()) => Note::ok(place, "the address is free"),
            Err(what) => Note::fault(place, with_holder(what, address)),
        }
    };
    probed.map(note).collect()
}

/// The explanation with the program that listens on the port of `address`, if one does.
pub(super) fn with_holder(what: Explanation, address: SocketAddr) -> Explanation {
    match instances::listener_on(address.port()) {
        Some(holder) => Explanation { cause: format!("{}; {holder} has it", what.cause), ..what },
        None => what,
    }
}
