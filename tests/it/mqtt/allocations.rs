//! Offers happen on the frame's road: they allocate nothing.

use crate::heap::total;
use crate::support::broker::Broker;
use crate::support::unit::{Unit, event, mqtt_config, report};
use ocellus::pipeline::{Offer, Sink};

#[test]
fn offering_reports_and_events_allocates_nothing_on_the_caller_s_thread() {
    let broker = Broker::start();
    let dir = tempfile::tempdir().unwrap();
    let unit = Unit::start(mqtt_config(broker.port), dir.path()).up();
    let (report, event) = (report(1), event(1));
    let before = total();
    assert_eq!(
        (unit.mqtt.offer_report(&report), unit.mqtt.offer_event(&event)),
        (Offer::Taken, Offer::Taken)
    );
    for _ in 0..1_000 {
        unit.mqtt.offer_report(&report);
        unit.mqtt.offer_event(&event);
    }
    assert_eq!(total() - before, 0);
    drop(vec![0u8; 10]);
    assert!(total() > before, "the counter counts");
}
