//! The simulated instrument: a linear ion trap in a vacuum chamber. It has no clock and no port: time is an argument.

use ocellus_scene::Rng;

/// Largest amplitude of the RF voltage, mV.
pub(super) const MAX_RF_MV: f64 = 1_400.0;
/// Pressure that the pump reaches with the valve closed, and where it settles with the valve open, mbar.
const PUMPED_MBAR: f64 = 4e-7;
const LEAKING_MBAR: f64 = 2e-5;
/// Time constants of the pressure, in seconds.
const RISES_WITHIN_S: f64 = 0.5;
const FALLS_WITHIN_S: f64 = 1.5;

/// What the sensors of the instrument measure at one moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct TrapReadings {
    pub(super) pressure_mbar: f64,
    pub(super) temperature_c: f64,
    pub(super) laser_mhz: f64,
    /// Photons that the photomultiplier counts in a second.
    pub(super) pmt_per_s: f64,
    pub(super) rf_mv: f64,
}

/// The state of the instrument.
#[derive(Debug)]
pub(super) struct Trap {
    rf_mv: f64,
    valve_is_open: bool,
    pressure_mbar: f64,
    /// Time since it was switched on, in seconds.
    age_s: f64,
    rng: Rng,
}

impl Trap {
    /// Switched on: the RF voltage is off, the valve closed, the chamber pumped.
    pub(super) fn new() -> Trap {
        Trap { rf_mv: 0.0, valve_is_open: false, pressure_mbar: PUMPED_MBAR, age_s: 0.0, rng: Rng::new(7, 0) }
    }

    /// Advances the physics of the instrument by `seconds`.
    pub(super) fn step(&mut self, seconds: f64) {
        let (target, within): (f64, f64) = match self.valve_is_open {
            true => (LEAKING_MBAR, RISES_WITHIN_S),
            false => (PUMPED_MBAR, FALLS_WITHIN_S),
        };
        // The logarithm of the pressure approaches that of the target exponentially.
        let left = (-seconds / within).exp();
        self.pressure_mbar = target * (self.pressure_mbar / target).powf(left);
        self.age_s += seconds;
    }

    /// What the sensors measure now.
    pub(super) fn readings(&mut self) -> TrapReadings {
        let slow = (self.age_s / 20.0).sin();
        let mut noise = || f64::from(self.rng.range(-1.0, 1.0));
        TrapReadings {
            pressure_mbar: self.pressure_mbar * (1.0 + 0.02 * noise()),
            temperature_c: 21.5 + 0.4 * slow + 0.02 * noise(),
            laser_mhz: 120.0 + 15.0 * slow + noise(),
            pmt_per_s: (40.0 + 6.0 * self.rf_mv + 30.0 * noise()).max(0.0).round(),
            rf_mv: self.rf_mv,
        }
    }

    /// The answer to one line.
    pub(super) fn answer(&mut self, line: &str) -> String {
        let line = line.trim();
        match line.split_once(' ').unwrap_or((line, "")) {
            ("*IDN?", "") => concat!("Ocellus,Simulated ion trap,0,", env!("CARGO_PKG_VERSION")).to_owned(),
            ("RF?", "") => self.rf_mv.to_string(),
            ("VALVE?", "") => self.valve_word().to_owned(),
            ("PRESSURE?", "") => format!("{:.3e}", self.pressure_mbar),
            ("RF", value) => match value.trim().parse::<f64>() {
                Ok(value) if (0.0..=MAX_RF_MV).contains(&value) => {
                    self.rf_mv = value;
                    format!("OK RF {value}")
                }
                _ => format!("ERROR RF takes 0 to {MAX_RF_MV} mV"),
            },
            ("VALVE", word @ ("open" | "closed")) => {
                self.valve_is_open = word == "open";
                format!("OK VALVE {word}")
            }
            _ => "ERROR known are RF 0 to 1400, VALVE open, VALVE closed, RF?, VALVE?, PRESSURE? and *IDN?"
                .to_owned(),
        }
    }

    fn valve_word(&self) -> &'static str {
        if self.valve_is_open { "open" } else { "closed" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_set_what_they_name_within_its_limits_and_are_answered() {
        let mut trap = Trap::new();
        assert_eq!(trap.answer("RF 700\r"), "OK RF 700");
        assert_eq!((trap.answer("RF?").as_str(), trap.readings().rf_mv), ("700", 700.0));
        for wrong in ["RF 1401", "RF -1", "RF NaN", "RF", "rf 5", "VALVE ajar", "", "RF? 1"] {
            let answer = trap.answer(wrong);
            assert!(answer.starts_with("ERROR "), "{wrong}: {answer}");
        }
        assert_eq!(trap.answer("RF?"), "700", "a refused line changes nothing");
        assert!(trap.answer("*IDN?").starts_with("Ocellus,"));
    }

    #[test]
    fn an_open_valve_raises_the_pressure_and_a_closed_one_lets_it_fall_again() {
        let mut trap = Trap::new();
        let mut after = |command: &str, seconds: u32| {
            trap.answer(command);
            (0..seconds * 10).for_each(|_| trap.step(0.1));
            trap.readings().pressure_mbar
        };
        assert!(after("VALVE closed", 10) < 5e-7);
        assert!(after("VALVE open", 1) > 1e-6);
        assert!(after("VALVE open", 60) > 1.9e-5);
        assert!(after("VALVE closed", 60) < 5e-7);
    }
}
