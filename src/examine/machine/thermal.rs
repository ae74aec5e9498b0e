//! Heat: whether the kernel or the board slows the processor down.

use super::Machine;
use crate::examine::Note;
use crate::types::Explanation;

/// Zones and cooling devices (Linux, driver-api/thermal/sysfs-api.rst).
const ZONES: &str = "sys/class/thermal";
/// Where a Raspberry Pi's firmware reports throttling, as a hexadecimal mask (vcgencmd get_throttled).
const FIRMWARE: &str = "sys/devices/platform/soc/soc:firmware/get_throttled";
/// Bits of the mask: the voltage is too low now; the clock is capped, or the firmware throttles, now.
const LOW_VOLTAGE: i64 = 0x1;
const THROTTLED: i64 = 0x2 | 0x4 | 0x8;

/// Whether the processor is slowed down by heat, or by a weak power supply.
pub(in crate::examine) fn thermal(machine: &Machine) -> Vec<Note> {
    let mut notes: Vec<Note> =
        [firmware(machine), cooling(machine)].into_iter().flatten().chain(hot_zones(machine)).collect();
    if notes.is_empty() {
        let hottest = zones(machine).into_iter().map(|zone| zone.milli).max();
        let found = hottest.map_or("no sensor is there".into(), |milli| {
            format!("the hottest sensor shows {} °C, and nothing is slowed down", milli / 1_000)
        });
        notes.push(Note::ok(format!("/{ZONES}"), found));
    }
    notes
}

const COOL: &str =
    "give the box air, a heat sink or a fan; less work helps too: `detect = { every = 2 }`, fewer workers";

fn firmware(machine: &Machine) -> Option<Note> {
    let text = machine.text(FIRMWARE)?;
    let mask = i64::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
    let place = format!("/{FIRMWARE}");
    if mask & LOW_VOLTAGE != 0 {
        let cause =
            format!("the firmware slows the processor down: the supply voltage is too low (mask {mask:#x})");
        return Some(Note::fault(
            place,
            Explanation::new(cause, "use the board's own power supply and a short cable"),
        ));
    }
    (mask & THROTTLED != 0).then(|| {
        let cause = format!("the firmware slows the processor down because of heat (mask {mask:#x})");
        Note::fault(place, Explanation::new(cause, COOL))
    })
}

/// A cooling device that caps the processor's clock.
fn cooling(machine: &Machine) -> Option<Note> {
    machine.names(ZONES, "cooling_device").into_iter().find_map(|device| {
        let kind = machine.text(format!("{ZONES}/{device}/type"))?;
        let is_processor = ["cpufreq", "cpu-freq", "Processor", "cpuidle", "devfreq"];
        let state = machine.number(format!("{ZONES}/{device}/cur_state")).filter(|state| *state > 0)?;
        let most = machine.number(format!("{ZONES}/{device}/max_state")).unwrap_or(state);
        is_processor.iter().any(|word| kind.contains(word)).then(|| {
            let cause = format!(
                "the kernel slows the processor down because of heat: {kind} is at step {state} of {most}"
            );
            Note::fault(format!("/{ZONES}/{device}"), Explanation::new(cause, COOL))
        })
    })
}

/// A sensor with the temperature from which the kernel slows down, in thousandths of a degree.
struct Zone {
    name: String,
    kind: String,
    milli: i64,
    limit: Option<i64>,
}

fn zones(machine: &Machine) -> Vec<Zone> {
    let zone = |name: String| {
        let folder = format!("{ZONES}/{name}");
        let milli = machine.number(format!("{folder}/temp"))?;
        let trips = machine.names(&folder, "trip_point_");
        let trips = trips.iter().filter_map(|trip| trip.strip_suffix("_type"));
        let slowing = trips.filter(|trip| {
            let kind = machine.text(format!("{folder}/{trip}_type"));
            kind.is_some_and(|kind| ["passive", "hot", "critical"].contains(&&*kind))
        });
        let limits = slowing.filter_map(|trip| machine.number(format!("{folder}/{trip}_temp")));
        // Some drivers describe a limit that does not exist as 0 or less.
        let limit = limits.filter(|limit| *limit > 0).min();
        let kind = machine.text(format!("{folder}/type")).unwrap_or_default();
        // A driver's "no reading" is an absurd value.
        (-50_000..=200_000).contains(&milli).then_some(Zone { name, kind, milli, limit })
    };
    machine.names(ZONES, "thermal_zone").into_iter().filter_map(zone).collect()
}

fn hot_zones(machine: &Machine) -> impl Iterator<Item = Note> {
    zones(machine).into_iter().filter_map(|Zone { name, kind, milli, limit }| {
        let limit = limit.filter(|limit| milli >= *limit)?;
        let cause = format!(
            "the sensor {kind} shows {} °C, and from {} °C on the processor is slowed down",
            milli / 1_000,
            limit / 1_000
        );
        Some(Note::fault(format!("/{ZONES}/{name}"), Explanation::new(cause, COOL)))
    })
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use crate::examine::Severity;

    const WARM: [(&str, &str); 4] = [
        ("sys/class/thermal/thermal_zone0/type", "cpu-thermal\n"),
        ("sys/class/thermal/thermal_zone0/temp", "61200\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_temp", "80000\n"),
        ("sys/class/thermal/thermal_zone0/trip_point_0_type", "passive\n"),
    ];

    fn found(more: &[(&str, &str)]) -> Vec<Note> {
        let files: Vec<_> = WARM.iter().chain(more).copied().collect();
        let (_dir, machine) = fixture(&files);
        thermal(&machine)
    }

    #[test]
    fn a_processor_that_is_slowed_down_is_named_with_its_cause() {
        assert_eq!(found(&[])[0].state, Severity::Ok);
        for (files, word) in [
            (vec![("sys/class/thermal/thermal_zone0/temp", "84000\n")], "84 °C"),
            (
                vec![
                    ("sys/class/thermal/cooling_device0/type", "cpufreq-cpu0\n"),
                    ("sys/class/thermal/cooling_device0/cur_state", "3\n"),
                    ("sys/class/thermal/cooling_device0/max_state", "7\n"),
                ],
                "step 3 of 7",
            ),
            (vec![("sys/devices/platform/soc/soc:firmware/get_throttled", "50005\n")], "voltage"),
            (vec![("sys/devices/platform/soc/soc:firmware/get_throttled", "4\n")], "heat"),
        ] {
            let notes = found(&files);
            assert_eq!(notes[0].state, Severity::Fault, "{word}");
            assert!(notes[0].what.cause.contains(word) && !notes[0].what.remedy.is_empty(), "{notes:?}");
        }
        // What happened once is over, and a fan that turns is no throttling.
        let fan = [
            ("sys/class/thermal/cooling_device1/type", "pwm-fan\n"),
            ("sys/class/thermal/cooling_device1/cur_state", "2\n"),
            ("sys/devices/platform/soc/soc:firmware/get_throttled", "50000\n"),
        ];
        assert_eq!(found(&fan)[0].state, Severity::Ok);
    }
}
