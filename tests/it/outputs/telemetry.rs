//! An interlock on telemetry that the service itself takes in: the whole way, from a message of a gauge to an output
//! that is off.

use super::support::Lab;
use crate::support::wait_until;

#[test]
fn a_gauge_that_rises_or_falls_silent_turns_the_output_off() {
    let lab = Lab::new();
    let gauge = "[[intake]]\nname = \"gauge\"\ntopic = \"lab/gauge/+\"\npayload = \"number\"\nstale_after_ms = 2000\n";
    let mut service =
        lab.run(&[lab.rf("interlock = [\"gauge.pressure < 1e-6\"]"), gauge.to_owned()].concat());
    let publish = |value: &str| lab.watcher.publish("lab/gauge/pressure", false, value);
    let refused = lab.refused(&["run", "rf", "volts=3"]);
    assert!(refused.contains("gauge.pressure has no reading"), "{refused}");
    // Until the service has subscribed, messages pass by.
    let run = || {
        wait_until("the interlock holds", || {
            publish("4e-7");
            lab.command(&["run", "rf", "volts=3"]).0
        });
    };
    run();
    publish("3e-6");
    lab.instrument.wait_line("VOLT 0", 1);
    lab.wait_state("rf", "off");
    let off = lab.watcher.wait_for("command/rf/status", |status| status["off_cause"].is_string());
    let cause = off["off_cause"].as_str().unwrap();
    assert!(cause.contains("its interlock opened: gauge.pressure is 3e-6"), "{cause}");
    assert!(cause.ends_with("and gauge.pressure < 1e-6 must hold"), "{cause}");

    // A gauge of which nothing is heard any more is no reason to trust its last word.
    run();
    lab.instrument.wait_line("VOLT 0", 2);
    lab.wait_state("rf", "off");
    let refused = lab.refused(&["run", "rf", "volts=3"]);
    assert!(refused.contains("gauge.pressure is stale: its last reading, 4e-7, is "), "{refused}");
    let audit = lab.audit();
    let opened = audit.iter().filter(|line| *line == "service | command off | rf | ok").count();
    assert_eq!(opened, 2, "{audit:#?}");
    assert_eq!(service.stop(), Some(0), "{}", service.log());
}
